"""Row shapes of Claude Code's session files, and the growing context behind their usage.

A row is one line. One model call is spread over a row per content block, all with the call's
(message.id, requestId); while an answer streams, the rows before the last carry a smaller
`output_tokens`. `input_tokens` excludes the cache.
"""

from dataclasses import dataclass

from generator.facts import Call
from generator.jsonl import Row
from generator.source import Clock, Source
from generator.texts import Project, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call as this format splits them."""

    prompt: int
    cache_read: int
    write_5m: int
    write_1h: int
    completion: int

    def as_call(self, model: str) -> Call:
        """Return the call that a reader must find."""
        return Call(
            model=model,
            prompt=self.prompt,
            completion=self.completion,
            cache_read=self.cache_read,
            cache_write=self.write_5m + self.write_1h,
        )

    def as_row(self, output_tokens: int) -> Row:
        """Return the `message.usage` object of a snapshot with `output_tokens` written so far."""
        return {
            "input_tokens": self.prompt,
            "cache_creation_input_tokens": self.write_5m + self.write_1h,
            "cache_read_input_tokens": self.cache_read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.write_5m,
                "ephemeral_1h_input_tokens": self.write_1h,
            },
            "output_tokens": output_tokens,
            "service_tier": "standard",
        }


class Context:
    """The cached prompt of one conversation: each call reads it and writes what came since."""

    def __init__(self, source: Source, first_write: tuple[int, int]) -> None:
        self._source = source
        self._cached = 0
        self._pending = source.between(*first_write)

    def expire(self) -> None:
        """Forget the cache, as happens overnight: the next call writes all of it anew."""
        self._pending += self._cached
        self._cached = 0

    def call(self, cache: str, *, closing: bool) -> Usage:
        """Return the usage of the next call; `cache` is `5m`, `1h` or `both`."""
        source = self._source
        completion = source.skewed(180, 900) if closing else source.skewed(60, 2_400)
        short = self._pending if cache == "5m" else 0
        if cache == "both":
            short = self._pending // 3
        usage = Usage(
            prompt=source.skewed(2, 40),
            cache_read=self._cached,
            write_5m=short,
            write_1h=self._pending - short,
            completion=completion,
        )
        self._cached += self._pending
        self._pending = completion + source.skewed(150, 5_200)
        return usage


class ClaudeLog:
    """The rows of one file, chained by `parentUuid`, all with the session's header fields."""

    def __init__(
        self, *, source: Source, clock: Clock, project: Project, session_id: str, version: str
    ) -> None:
        self.source = source
        self.clock = clock
        self.rows: list[Row] = []
        self.parent: str | None = None
        self.agent_id: str | None = None
        self._header: Row = {
            "userType": "external",
            "cwd": project.cwd,
            "sessionId": session_id,
            "version": version,
            "gitBranch": project.branch,
        }

    def add(self, fields: Row) -> str:
        """Append a row of the conversation with `fields`; return its uuid."""
        uuid = self.source.uuid4()
        side: Row = {} if self.agent_id is None else {"agentId": self.agent_id}
        self.rows.append(
            {
                "parentUuid": self.parent,
                "isSidechain": self.agent_id is not None,
                **self._header,
                **side,
                **fields,
                "uuid": uuid,
                "timestamp": self.clock.stamp,
            }
        )
        self.parent = uuid
        return uuid


def user_text(text: str) -> Row:
    """Return the fields of what a person typed."""
    return {"type": "user", "message": {"role": "user", "content": text}}


def tool_result(tool_id: str, text: str, *, failed: bool) -> Row:
    """Return the fields of a tool's answer."""
    block: Row = {"tool_use_id": tool_id, "type": "tool_result", "content": text}
    if failed:
        block["is_error"] = True
    return {"type": "user", "message": {"role": "user", "content": [block]}}


def answer(
    *, model: str, ids: tuple[str, str], block: Row, usage: Row, stop_reason: str | None
) -> Row:
    """Return the fields of one content block of the call with `ids` (message, request)."""
    message_id, request_id = ids
    return {
        "message": {
            "model": model,
            "id": message_id,
            "type": "message",
            "role": "assistant",
            "content": [block],
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": usage,
        },
        "requestId": request_id,
        "type": "assistant",
    }


def tool_use(tool_id: str, step: Step, values: dict[str, str]) -> Row:
    """Return the content block that calls the tool of `step`."""
    return {
        "type": "tool_use",
        "id": tool_id,
        "name": step.tool,
        "input": {step.key: step.value.format(**values)},
    }


def progress(log: ClaudeLog, *, inner: Row, tool_id: str, agent_id: str, prompt: str) -> None:
    """Append a `progress` row: the only place where an older client logs a sub-agent's call."""
    message = {**inner, "timestamp": log.clock.stamp, "uuid": log.source.uuid4()}
    log.add(
        {
            "type": "progress",
            "data": {
                "message": message,
                "normalizedMessages": [],
                "type": "agent_progress",
                "prompt": prompt,
                "agentId": agent_id,
            },
            "toolUseID": f"agent_{agent_id}",
            "parentToolUseID": tool_id,
        }
    )


def api_error(text: str, message_id: str) -> Row:
    """Return the fields of the row that ends a session whose provider gave up: not a call."""
    nothing = Usage(prompt=0, cache_read=0, write_5m=0, write_1h=0, completion=0)
    return {
        "type": "assistant",
        "message": {
            "id": message_id,
            "model": "<synthetic>",
            "role": "assistant",
            "stop_reason": "stop_sequence",
            "stop_sequence": "",
            "type": "message",
            "usage": nothing.as_row(0),
            "content": [{"type": "text", "text": text}],
        },
        "isApiErrorMessage": True,
    }

"""Lines of session logs as agents write them, with defaults for all that a test does not name.

Times are given as minutes (or `HH:MM:SS`) of one day, so that a test reads like a timetable.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

DAY = "2026-10-05"
JSON = dict[str, object]


def at(minute: float, day: str = DAY) -> str:
    """A time of the day, as logs write it."""
    seconds, milliseconds = divmod(round(minute * 60_000), 1_000)
    hour, rest = divmod(seconds, 3_600)
    return f"{day}T{hour:02}:{rest // 60:02}:{rest % 60:02}.{milliseconds:03}Z"


def line(record: object) -> bytes:
    """One line, without its newline."""
    return json.dumps(record, separators=(",", ":")).encode()


def text_of(records: Iterable[object]) -> bytes:
    """Lines with their newlines; bytes are taken as they are."""
    return b"".join(
        (record if isinstance(record, bytes) else line(record)) + b"\n" for record in records
    )


def write(path: Path, *records: object) -> Path:
    """A log file of these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text_of(records))
    return path


def grow(path: Path, *records: object) -> Path:
    """Append lines to a log file."""
    with path.open("ab") as file:
        file.write(text_of(records))
    return path


# Claude Code ------------------------------------------------------------------------------------


def claude(
    type_: str = "assistant", minute: float = 1, *, session: str = "s1", **fields: object
) -> JSON:
    """A line of a Claude Code log."""
    base: JSON = {
        "type": type_,
        "sessionId": session,
        "uuid": f"{type_}-{session}-{minute}",
        "timestamp": at(minute),
        "version": "2.1.0",
        "cwd": "/src",
        "gitBranch": "main",
        "isSidechain": False,
    }
    return {key: value for key, value in (base | fields).items() if value is not None}


def usage(output: int = 10, input_: int = 5, **fields: object) -> JSON:
    """The usage of one message."""
    return {"input_tokens": input_, "output_tokens": output} | fields


def answer(
    message: str | None = "msg_1",
    minute: float = 1,
    *,
    request: str | None = "req_1",
    output: int = 10,
    model: str = "claude-sonnet-4-5",
    tokens: Mapping[str, object] | None = None,
    content: object = (),
    **fields: object,
) -> JSON:
    """An assistant line with usage: one copy of a model call."""
    body: JSON = {
        "role": "assistant",
        "model": model,
        "content": content,
        "usage": usage(output) | dict(tokens or {}),
    }
    if message is not None:
        body["id"] = message
    return claude("assistant", minute, requestId=request, message=body, **fields)


def ask(content: object = "do it", minute: float = 0, **fields: object) -> JSON:
    """A line of the user."""
    return claude("user", minute, message={"role": "user", "content": content}, **fields)


def title(text: str, session: str = "s1") -> JSON:
    """A session that a person named."""
    return {"type": "custom-title", "sessionId": session, "customTitle": text}


def progress(
    message: str = "msg_9",
    minute: float = 2,
    *,
    request: str | None = "req_9",
    output: int = 7,
    session: str = "s1",
    model: str = "claude-haiku-4-5",
) -> JSON:
    """A sub-agent's call, wrapped into a line of its parent."""
    inner = {
        "message": {"id": message, "model": model, "content": [], "usage": usage(output)},
        "requestId": request,
        "timestamp": at(minute),
        "uuid": f"inner-{message}-{minute}",
    }
    data = {"type": "agent_progress", "message": inner}
    return claude("progress", minute, session=session, data=data)


# Codex CLI --------------------------------------------------------------------------------------


def codex(type_: str, payload: Mapping[str, object], minute: float = 0) -> JSON:
    """A line of a Codex log."""
    return {"timestamp": at(minute), "type": type_, "payload": dict(payload)}


def meta(session: str = "c1", minute: float = 0, **fields: object) -> JSON:
    """The line that names the session."""
    payload = {
        "id": session,
        "timestamp": at(minute),
        "cwd": "/src",
        "cli_version": "0.50.0",
        "originator": "codex_cli_rs",
        "model_provider": "openai",
        "git": {"branch": "main", "commit_hash": "abc123"},
    }
    return codex("session_meta", payload | fields, minute)


def turn(model: str = "gpt-5.5", minute: float = 0) -> JSON:
    """The line that names the model of what follows."""
    return codex("turn_context", {"model": model, "effort": "high"}, minute)


def counts(
    input_: int = 100, cached: int = 0, output: int = 10, reasoning: int = 0
) -> dict[str, int]:
    """Token counts as Codex writes them: input includes cached, output includes reasoning."""
    return {
        "input_tokens": input_,
        "cached_input_tokens": cached,
        "output_tokens": output,
        "reasoning_output_tokens": reasoning,
        "total_tokens": input_ + output,
    }


def tokens(
    minute: float, total: Mapping[str, int] | None, last: Mapping[str, int] | None = None
) -> JSON:
    """A token_count event; without counts its info is null."""
    info = None
    if total is not None:
        info = {"total_token_usage": total, "last_token_usage": last or total}
    return codex("event_msg", {"type": "token_count", "info": info}, minute)


def event(type_: str, minute: float, **fields: object) -> JSON:
    """Another event of a Codex log."""
    return codex("event_msg", {"type": type_} | fields, minute)


# Native envelopes -------------------------------------------------------------------------------


def run(session: str = "n1", **fields: object) -> JSON:
    """The required fields of a session, and others."""
    return {
        "sessionId": session,
        "state": "done",
        "agentId": "agent",
        "modelId": "gpt-5.5",
        "startedAt": at(0),
    } | fields


def call(call_id: str = "call-1", minute: float = 1, **fields: object) -> JSON:
    """One call of a v2 envelope."""
    return {
        "callId": call_id,
        "occurredAt": at(minute),
        "modelId": "gpt-5.5",
        "promptTokens": 100,
        "completionTokens": 10,
    } | fields


def happened(event_type: str = "message", minute: float = 1, **fields: object) -> JSON:
    """One event of an envelope."""
    return {"eventType": event_type, "eventTs": at(minute), "payload": {}} | fields


def v1(session: JSON | None = None, *events: JSON, **top: object) -> JSON:
    """A v1 envelope."""
    payload = {"session": session or run(), "events": list(events)}
    return {"envelope_version": "v1", "payload": payload} | top


def v2(
    session: JSON | None = None,
    *,
    calls: Iterable[JSON] = (),
    timeline: Iterable[JSON] = (),
    **top: object,
) -> JSON:
    """A v2 envelope."""
    payload = {"run": session or run(), "timeline": list(timeline), "calls": list(calls)}
    return {"envelope_version": "v2", "payload": payload} | top

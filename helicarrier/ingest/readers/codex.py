"""Codex CLI session logs: `~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl`.

A call has no id. Each `token_count` event carries the cumulative counts of the session and those
of the last call, and is written more than once: the cumulative counts, within the session, are
the key of a call, and the first event with them is the call. A fork replays its parent's history,
so the key is taken within the family: the oldest session whose history the file carries.
`input_tokens` includes cached ones. The model is that of the last `turn_context`.
"""

import msgspec

from helicarrier.ingest.readers.base import (
    UNREADABLE,
    BadLine,
    Head,
    Parser,
    TokenCount,
    text_of,
    unreadable,
    without_nul,
)
from helicarrier.ingest.readers.gathering import Gathered, SessionSoFar, canonical_time
from helicarrier.ledger.enums import UNKNOWN_MODEL, EventType, SessionStatus
from helicarrier.ledger.model import Batch, Call, Winner

NAME = "codex"
_TOOL_CALLS = {"function_call", "custom_tool_call", "web_search_call", "tool_search_call"}


class _Tokens(msgspec.Struct, gc=False):
    input_tokens: TokenCount = 0
    cached_input_tokens: TokenCount = 0
    output_tokens: TokenCount = 0
    reasoning_output_tokens: TokenCount = 0
    total_tokens: TokenCount = 0


class _Info(msgspec.Struct, gc=False):
    total_token_usage: _Tokens | None = None
    last_token_usage: _Tokens | None = None


class _Git(msgspec.Struct, gc=False):
    commit_hash: str | None = None
    branch: str | None = None


class _Payload(msgspec.Struct, gc=False):
    """The fields of all payloads that the ledger reads; each type uses a few of them."""

    type: str | None = None
    id: str | None = None
    timestamp: str | None = None
    cwd: str | None = None
    cli_version: str | None = None
    model_provider: str | None = None
    forked_from_id: str | None = None
    git: _Git | None = None
    model: str | None = None
    info: _Info | None = None
    name: str | None = None
    call_id: str | None = None
    turn_id: str | None = None
    duration_ms: int | None = None
    message: msgspec.Raw = msgspec.Raw()


class _Line(msgspec.Struct, gc=False):
    type: str
    timestamp: str | None = None
    payload: msgspec.Raw = msgspec.Raw()


_line = msgspec.json.Decoder(_Line)
_payload = msgspec.json.Decoder(_Payload)
_READ_TYPES = {"session_meta", "turn_context", "event_msg", "response_item"}


class _State(msgspec.Struct, omit_defaults=True):
    """What a parser remembers from line to line."""

    session_id: str | None = None
    family: str | None = None
    provider: str = "openai"
    model: str = UNKNOWN_MODEL
    counters: dict[str, int] = msgspec.field(default_factory=dict)
    session: SessionSoFar | None = None


class CodexReader:
    """The reader of Codex CLI logs."""

    name = NAME
    whole_document = False

    def recognises(self, head: Head) -> bool:
        """JSON Lines of {timestamp, type, payload} that begin with a `session_meta`."""
        first = head.start.split(b"\n", 1)[0]
        return b'"payload"' in first and b'"session_meta"' in first

    def parser(self, uri: str, state: bytes | None = None) -> Parser:
        """A parser of one log."""
        return _CodexParser(uri, state)


class _CodexParser:
    def __init__(self, uri: str, state: bytes | None) -> None:
        self._rows = Gathered(
            reader=NAME, agent_id="codex", agent_label="Codex CLI", uri=uri, winner=Winner.FIRST
        )
        self._state = msgspec.json.decode(state, type=_State) if state else _State()
        if self._state.session is not None:
            self._rows.sessions[self._state.session.session_id] = self._state.session

    def state(self) -> bytes:
        self._state.session = self._rows.remembered(self._state.session_id or "")
        return msgspec.json.encode(self._state)

    def drain(self) -> Batch:
        return self._rows.drain()

    def feed(self, number: int, line: bytes) -> bool:
        line = without_nul(line)
        try:
            record = _line.decode(line)
            if record.type not in _READ_TYPES:
                return False
            payload = _payload.decode(record.payload)
        except UNREADABLE as error:
            raise unreadable(error) from None
        match record.type:
            case "session_meta":
                return self._meta(number, record, payload)
            case "turn_context":
                self._state.model = payload.model or self._state.model
                return False
            case "event_msg":
                return self._event(number, record, payload)
            case _:
                return self._item(number, record, payload)

    def _meta(self, number: int, record: _Line, payload: _Payload) -> bool:
        """The first one names the file's session; later ones are replayed ancestors."""
        at = canonical_time(payload.timestamp or record.timestamp)
        if payload.id is None:
            raise BadLine("SESSION_MISSING", "session_meta has no id")
        if self._state.session_id is None:
            self._state.session_id = payload.id
            self._state.provider = payload.model_provider or self._state.provider
            so_far = self._rows.session(payload.id, at)
            self._rows.describe(so_far, number)
            so_far.version, so_far.cwd = payload.cli_version, payload.cwd
            if payload.git is not None:
                so_far.git_branch = payload.git.branch
                so_far.git_commit = payload.git.commit_hash
        self._state.family = payload.forked_from_id or payload.id
        return True

    def _session(self, at: str) -> SessionSoFar:
        if self._state.session_id is None:
            raise BadLine("SESSION_MISSING", "the line comes before any session_meta")
        return self._rows.session(self._state.session_id, at)

    def _event(self, number: int, record: _Line, payload: _Payload) -> bool:
        at = canonical_time(record.timestamp)
        text = text_of(payload.message) if payload.type == "user_message" else ""
        _check_tokens(payload.info)
        so_far = self._session(at)
        match payload.type:
            case "token_count":
                return self._token_count(number, payload, so_far, at)
            case "user_message":
                self._rows.describe(so_far, number, text=text)
                return self._numbered(number, so_far, EventType.MESSAGE, at, '{"role":"user"}')
            case "agent_message":
                return self._numbered(number, so_far, EventType.MESSAGE, at, '{"role":"assistant"}')
            case "task_started":
                so_far.status = SessionStatus.RUNNING
                return self._turn(number, so_far, payload, at, "running")
            case "task_complete":
                so_far.status = SessionStatus.SUCCESS
                return self._turn(number, so_far, payload, at, "success")
            case "turn_aborted":
                so_far.status = SessionStatus.CANCELLED
                return self._turn(number, so_far, payload, at, "cancelled")
            case "error":
                so_far.status = SessionStatus.FAILED
                so_far.error_code = "AGENT_ERROR"
                return self._numbered(number, so_far, EventType.ERROR, at, '{"kind":"agent"}')
            case _:
                return False

    def _turn(self, number: int, so_far: SessionSoFar, payload: _Payload, at: str, to: str) -> bool:
        details: dict[str, str | int] = {"to": to}
        if payload.duration_ms is not None:
            details["durationMs"] = payload.duration_ms
        told = msgspec.json.encode(details).decode()
        if payload.turn_id is None:
            return self._numbered(number, so_far, EventType.STATE_TRANSITION, at, told)
        self._rows.event(
            f"turn/{payload.turn_id}/{to}",
            so_far.session_id,
            number,
            EventType.STATE_TRANSITION,
            at,
            told,
        )
        return True

    def _numbered(
        self, number: int, so_far: SessionSoFar, event_type: EventType, at: str, payload_json: str
    ) -> bool:
        """An event without an id is known by its place among its kind: copies share it."""
        count = self._state.counters.get(payload_json, 0) + 1
        self._state.counters[payload_json] = count
        self._rows.event(
            f"{event_type}/{payload_json}/{count}",
            so_far.session_id,
            number,
            event_type,
            at,
            payload_json,
        )
        return True

    def _item(self, number: int, record: _Line, payload: _Payload) -> bool:
        if payload.type not in _TOOL_CALLS:
            return False
        at = canonical_time(record.timestamp)
        so_far = self._session(at)
        name = payload.name or payload.type
        if payload.call_id is None:
            return self._numbered(number, so_far, EventType.TOOL_CALL, at, _json({"name": name}))
        self._rows.event(
            f"tool/{payload.call_id}",
            so_far.session_id,
            number,
            EventType.TOOL_CALL,
            at,
            _json({"name": name, "toolUseId": payload.call_id}),
        )
        return True

    def _token_count(self, number: int, payload: _Payload, so_far: SessionSoFar, at: str) -> bool:
        info = payload.info
        if info is None or info.total_token_usage is None or info.last_token_usage is None:
            return False
        total, last = info.total_token_usage, info.last_token_usage
        if last.input_tokens == 0 and last.output_tokens == 0:
            return False
        cumulative = (
            f"{total.input_tokens}.{total.cached_input_tokens}.{total.output_tokens}"
            f".{total.reasoning_output_tokens}.{total.total_tokens}"
        )
        self._rows.call(
            Call(
                usage_id=f"{NAME}:{self._state.family}:{cumulative}",
                session_id=so_far.session_id,
                line=number,
                seq=number,
                occurred_at=at,
                provider=self._state.provider,
                model_id=self._state.model,
                prompt=last.input_tokens - last.cached_input_tokens,
                cache_read=last.cached_input_tokens,
                completion=last.output_tokens,
                reasoning=min(last.reasoning_output_tokens, last.output_tokens),
            )
        )
        return True


def _check_tokens(info: _Info | None) -> None:
    """Before anything of a line is taken: its token classes can be told apart."""
    last = info.last_token_usage if info else None
    if last is not None and last.cached_input_tokens > last.input_tokens:
        raise BadLine("TOKENS_INVALID", "more cached input than input")


def _json(payload: dict[str, str]) -> str:
    return msgspec.json.encode(payload).decode()

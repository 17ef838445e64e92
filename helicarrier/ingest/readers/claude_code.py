"""Claude Code session logs: `~/.claude/projects/<slug>/<session>.jsonl` and sub-agent files.

One assistant message is streamed over several lines with the same (message.id, requestId) and a
growing token count: the copy with the most tokens is the call. Until early 2026 sub-agents wrote
their calls into lines of type `progress` and nowhere else. `input_tokens` excludes the cache.
Only what the ledger needs is decoded; texts stay untouched, but for a session's first request.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

import msgspec

from helicarrier.ingest.readers.base import (
    UNREADABLE,
    BadLine,
    Head,
    Parser,
    TokenCount,
    has_nul,
    text_of,
    unreadable,
    without_nul,
)
from helicarrier.ingest.readers.gathering import Gathered, SessionSoFar, canonical_time
from helicarrier.ledger.enums import UNKNOWN_MODEL, EventType, SessionStatus
from helicarrier.ledger.model import Batch, Call, Winner

NAME = "claude_code"
_SYNTHETIC = "<synthetic>"  # an error row that the client made up, not a call
_CLIENT_PRICES = "claude_code_client"  # old logs carry what the client itself computed
_INTERRUPTED = "[Request interrupted by user"
_LINE_TYPE = re.compile(
    rb'"type"\s*:\s*"(?:assistant|user|progress|system|summary|queue-operation|custom-title|mode)"'
)


_NOTHING = msgspec.Raw()
_ClientCost = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]


class _CacheCreation(msgspec.Struct, gc=False):
    ephemeral_5m_input_tokens: TokenCount = 0
    ephemeral_1h_input_tokens: TokenCount = 0


class _Usage(msgspec.Struct, gc=False):
    input_tokens: TokenCount = 0
    output_tokens: TokenCount = 0
    cache_creation_input_tokens: TokenCount | None = None
    cache_read_input_tokens: TokenCount | None = None
    cache_creation: _CacheCreation | None = None
    speed: str | None = None
    service_tier: str | None = None


class _Block(msgspec.Struct, gc=False):
    type: str = ""
    id: str | None = None
    name: str | None = None
    tool_use_id: str | None = None
    is_error: bool | None = None
    text: msgspec.Raw = _NOTHING


class _Message(msgspec.Struct, gc=False):
    id: str | None = None
    model: str | None = None
    usage: _Usage | None = None
    content: list[_Block | str] | str | None = None


class _AgentMessage(msgspec.Struct, gc=False):
    message: _Message | None = None
    request_id: str | None = msgspec.field(default=None, name="requestId")
    timestamp: str | None = None
    uuid: str | None = None


class _ProgressData(msgspec.Struct, gc=False):
    type: str | None = None
    message: _AgentMessage | None = None


class _Line(msgspec.Struct, rename="camel", gc=False):
    type: str | None = None
    subtype: str | None = None
    session_id: str | None = None
    uuid: str | None = None
    timestamp: str | None = None
    version: str | None = None
    cwd: str | None = None
    git_branch: str | None = None
    request_id: str | None = None
    is_sidechain: bool | None = None
    is_meta: bool | None = None
    is_api_error_message: bool | None = None
    message: _Message | None = None
    data: _ProgressData | None = None
    summary: str | None = None
    custom_title: str | None = None
    cost_usd: _ClientCost | None = msgspec.field(default=None, name="costUSD")


class _LineType(msgspec.Struct, gc=False):
    type: str | None = None


_line = msgspec.json.Decoder(_Line)
_line_type = msgspec.json.Decoder(_LineType)
_READ_TYPES = {"assistant", "user", "progress", "system", "summary", "custom-title"}


class _State(msgspec.Struct):
    sessions: dict[str, SessionSoFar]


class ClaudeCodeReader:
    """The reader of Claude Code logs."""

    name = NAME
    whole_document = False

    def recognises(self, head: Head) -> bool:
        """JSON Lines whose lines have the types of the format and a camel-case session id."""
        return (
            head.path.suffix == ".jsonl"
            and b'"sessionId"' in head.start
            and _LINE_TYPE.search(head.start) is not None
            and b'"payload"' not in head.start[:200]
        )

    def parser(self, uri: str, state: bytes | None = None) -> Parser:
        """A parser of one log."""
        return _ClaudeCodeParser(uri, state)


class _ClaudeCodeParser:
    def __init__(self, uri: str, state: bytes | None) -> None:
        self._rows = Gathered(
            reader=NAME,
            agent_id="claude-code",
            agent_label="Claude Code",
            uri=uri,
            winner=Winner.MOST_TOKENS,
        )
        if state:
            self._rows.sessions = msgspec.json.decode(state, type=_State).sessions

    def state(self) -> bytes:
        remembered = {key: self._rows.remembered(key) for key in self._rows.sessions}
        return msgspec.json.encode({"sessions": remembered})

    def drain(self) -> Batch:
        return self._rows.drain()

    def feed(self, number: int, line: bytes) -> bool:
        try:
            record = _line.decode(line)
            if _says_nothing(record):
                return False
            if has_nul(line):
                record = _line.decode(without_nul(line))
        except msgspec.ValidationError as error:
            return self._other_layout(line, error)
        except msgspec.DecodeError:
            return self._several(number, without_nul(line))
        except UNREADABLE as error:
            raise unreadable(error) from None
        return self._take(number, record)

    def _other_layout(self, line: bytes, reason: msgspec.ValidationError) -> bool:
        """A line of a type that the ledger does not need may have any layout."""
        try:
            needed = _line_type.decode(line).type in _READ_TYPES
        except UNREADABLE as error:
            raise unreadable(error) from None
        if needed:
            raise unreadable(reason)
        return False

    def _several(self, number: int, line: bytes) -> bool:
        """A lost newline leaves two objects on one line."""
        records = list(_split(line))
        if not records:
            raise BadLine("JSON_INVALID", "the line is not JSON")
        taken = [self._take(number, record) for record in records]
        return any(taken)

    def _take(self, number: int, record: _Line) -> bool:
        match record.type:
            case "assistant":
                return self._assistant(number, record)
            case "user":
                return self._user(number, record)
            case "progress":
                return self._progress(number, record)
            case "system":
                return self._system(number, record)
            case "summary" | "custom-title":
                return self._title(number, record)
            case _:
                return False

    def _session(self, record: _Line, at: str) -> SessionSoFar:
        if record.session_id is None:
            raise BadLine("SESSION_MISSING", "the line has no sessionId")
        so_far = self._rows.session(record.session_id, at)
        if record.version is not None:
            so_far.version = record.version
        if record.cwd is not None and so_far.cwd is None:
            so_far.cwd = record.cwd
        if record.git_branch:
            so_far.git_branch = record.git_branch
        return so_far

    def _assistant(self, number: int, record: _Line) -> bool:
        message = record.message
        at = canonical_time(record.timestamp)
        made_up = record.is_api_error_message or (message and message.model == _SYNTHETIC)
        if message is not None and not made_up:
            _check_call(message)
        so_far = self._session(record, at)
        if message is None:
            return False
        if made_up:
            return self._api_error(number, record, so_far, at)
        so_far.status, so_far.error_code, so_far.error_message = SessionStatus.SUCCESS, None, None
        self._content_events(number, record, message, at)
        if message.usage is not None:
            self._call(number, record, message, message.usage, at)
        return True

    def _api_error(self, number: int, record: _Line, so_far: SessionSoFar, at: str) -> bool:
        if not record.is_api_error_message:
            return False
        so_far.status = SessionStatus.FAILED
        so_far.error_code = "API_ERROR"
        so_far.error_message = "the model's API answered with an error"
        self._rows.event(
            f"{record.uuid}/error",
            so_far.session_id,
            number,
            EventType.ERROR,
            at,
            '{"kind":"api_error"}',
        )
        return True

    def _call(self, number: int, record: _Line, message: _Message, usage: _Usage, at: str) -> None:
        written = usage.cache_creation_input_tokens or 0
        hour = 0
        if usage.cache_creation is not None:
            hour = usage.cache_creation.ephemeral_1h_input_tokens
            five = usage.cache_creation.ephemeral_5m_input_tokens
            written = max(written, hour + five)
        # The ledger finds the copies of a message by this key, up to its second colon.
        key = f"{NAME}:{(message.id or '').replace(':', '%3A')}"
        sidechain = bool(record.is_sidechain)
        usage_id = f"{key}:{record.request_id or ''}"
        self._rows.call(
            Call(
                usage_id=f"{usage_id}:sidechain" if sidechain else usage_id,
                session_id=record.session_id or "",
                line=number,
                seq=number,
                occurred_at=at,
                provider="anthropic",
                model_id=message.model or UNKNOWN_MODEL,
                prompt=usage.input_tokens,
                cache_read=usage.cache_read_input_tokens or 0,
                cache_write_5m=written - hour,
                cache_write_1h=hour,
                completion=usage.output_tokens,
                reported_cost=None if record.cost_usd is None else Decimal(repr(record.cost_usd)),
                reported_by=_CLIENT_PRICES,
                price_context=_price_context(usage),
                message_key=key,
                sidechain=sidechain,
            )
        )

    def _content_events(self, number: int, record: _Line, message: _Message, at: str) -> None:
        if not isinstance(message.content, list):
            return
        session_id = record.session_id or ""
        for position, block in enumerate(message.content):
            if isinstance(block, str):
                continue
            if block.type == "tool_use":
                self._rows.event(
                    f"tool/{block.id}",
                    session_id,
                    number,
                    EventType.TOOL_CALL,
                    at,
                    _json({"name": block.name, "toolUseId": block.id}),
                )
            elif block.type == "text":
                self._rows.event(
                    f"{record.uuid}/{position}",
                    session_id,
                    number,
                    EventType.MESSAGE,
                    at,
                    '{"role":"assistant"}',
                )

    def _user(self, number: int, record: _Line) -> bool:
        message = record.message
        at = canonical_time(record.timestamp)
        if message is None or message.content is None or record.is_meta:
            self._session(record, at)
            return False
        text = _request(message)
        so_far = self._session(record, at)
        failed = self._failed_tools(number, so_far.session_id, message, at)
        if text is None:
            return failed
        if text.startswith(_INTERRUPTED):
            so_far.status = SessionStatus.CANCELLED
        elif not record.is_sidechain:
            self._rows.describe(so_far, number, text=text)
        self._rows.event(
            f"{record.uuid}/user",
            so_far.session_id,
            number,
            EventType.MESSAGE,
            at,
            '{"role":"user"}',
        )
        return True

    def _failed_tools(self, number: int, session_id: str, message: _Message, at: str) -> bool:
        """Tool results come back in lines of the user; only failures are events of their own."""
        if not isinstance(message.content, list):
            return False
        failed = [
            block
            for block in message.content
            if isinstance(block, _Block) and block.is_error and block.type == "tool_result"
        ]
        for block in failed:
            self._rows.event(
                f"tool/{block.tool_use_id}/error",
                session_id,
                number,
                EventType.ERROR,
                at,
                _json({"kind": "tool", "toolUseId": block.tool_use_id}),
            )
        return bool(failed)

    def _progress(self, number: int, record: _Line) -> bool:
        """A sub-agent's message, wrapped in a line of its parent."""
        data = record.data
        if data is None or data.message is None or data.message.message is None:
            return False
        inner, message = data.message, data.message.message
        if message.usage is None or message.model == _SYNTHETIC:
            return False
        at = canonical_time(inner.timestamp or record.timestamp)
        _check_call(message)
        self._session(record, at)
        wrapped = _Line(
            session_id=record.session_id,
            uuid=inner.uuid or record.uuid,
            request_id=inner.request_id,
        )
        self._content_events(number, wrapped, message, at)
        self._call(number, wrapped, message, message.usage, at)
        return True

    def _system(self, number: int, record: _Line) -> bool:
        if record.subtype not in {"compact_boundary", "api_error"} or record.session_id is None:
            return False
        at = canonical_time(record.timestamp)
        so_far = self._session(record, at)
        compacted = record.subtype == "compact_boundary"
        self._rows.event(
            f"{record.uuid}/{record.subtype}",
            so_far.session_id,
            number,
            EventType.STATE_TRANSITION if compacted else EventType.ERROR,
            at,
            '{"to":"compacted"}' if compacted else '{"kind":"api_error"}',
        )
        return True

    def _title(self, number: int, record: _Line) -> bool:
        """A title names its session, or (a summary) belongs to the file's only session so far."""
        session_id = record.session_id
        if session_id is None and len(self._rows.sessions) == 1:
            session_id = next(iter(self._rows.sessions))
        so_far = self._rows.sessions.get(session_id or "")
        if so_far is None:
            return False
        self._rows.describe(so_far, number, title=record.custom_title or record.summary)
        return True


def _says_nothing(record: _Line) -> bool:
    """Most lines, and most bytes: known before anything else of them is looked at."""
    kind = record.type
    if kind == "progress":
        return record.data is None or record.data.message is None
    return kind not in _READ_TYPES


def _check_call(message: _Message) -> None:
    """Before anything of a line is taken: its call can be told from others."""
    if message.usage is not None and message.id is None:
        raise BadLine("CALL_ID_MISSING", "a message with usage has no id")


def _price_context(usage: _Usage) -> str | None:
    """The request options that have prices of their own; None for the list price."""
    if usage.speed == "fast":
        return "speed=fast"
    return "processing=batch" if usage.service_tier == "batch" else None


def _request(message: _Message) -> str | None:
    """What the user wrote: a string or the first text block; None for tool results only."""
    if not isinstance(message.content, list):
        return message.content
    for block in message.content:
        if isinstance(block, str):
            return block
        if block.type == "text":
            return text_of(block.text)
    return None


def _json(payload: dict[str, str | None]) -> str:
    return msgspec.json.encode(payload).decode()


def _split(line: bytes) -> Iterator[_Line]:
    """The objects of a line that lost its newlines; nothing where it is broken otherwise.

    They are written anew: a text that was cut within a character holds half of it, and that half
    is the only thing that gets lost.
    """
    decoder = json.JSONDecoder()
    try:
        text = line.decode()
        found: list[_Line] = []
        position = 0
        while position < len(text):
            value, position = decoder.raw_decode(text, position)
            whole = json.dumps(value, ensure_ascii=False).encode(errors="replace")
            found.append(_line.decode(whole))
            while position < len(text) and text[position].isspace():
                position += 1
    except (ValueError, RecursionError, msgspec.DecodeError):
        return
    yield from found

"""Claude Code logs: which lines are calls, which copy counts, what a session is called."""

import json

import pytest

from helicarrier.ledger.enums import EventType, SessionStatus
from helicarrier.ledger.model import Winner
from tests.ingest import logs, reading

CLAUDE = "claude_code"
TEXT = [{"type": "text", "text": "done"}]


def _events(*records: object) -> list[tuple[EventType, str, dict[str, object]]]:
    batch, _ = reading.read(CLAUDE, *records)
    return [
        (event.event_type, event.event_id, json.loads(event.payload_json)) for event in batch.events
    ]


# Calls ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(1, 4, 9), (9, 4, 1), (4, 9, 1)], ids=str)
def test_of_partial_snapshots_the_largest_is_the_call(order: tuple[int, ...]) -> None:
    """Streaming writes a message several times with a growing count."""
    lines = [logs.answer(minute=n, output=output) for n, output in enumerate(order)]
    call = reading.call(CLAUDE, *lines)
    assert (call.completion, call.line) == (9, order.index(9) + 1)


def test_of_equal_snapshots_the_earliest_is_the_call() -> None:
    """So that a copy of a line further down changes nothing."""
    call = reading.call(CLAUDE, logs.answer(minute=3), logs.answer(minute=4))
    assert (call.line, call.occurred_at) == (1, "2026-10-05T00:03:00.000000Z")


def test_of_equal_snapshots_the_earliest_counts_also_where_the_clock_ran_back() -> None:
    """The order of lines only decides where the times are equal, as it does in the ledger."""
    call = reading.call(CLAUDE, logs.answer(minute=4), logs.answer(minute=3))
    assert (call.line, call.occurred_at) == (2, "2026-10-05T00:03:00.000000Z")


def test_a_call_in_two_sessions_of_a_file_is_told_for_both() -> None:
    """The ledger decides which of them owns it."""
    lines = [logs.answer(output=9), logs.answer(session="s2"), logs.answer(output=4)]
    found = reading.calls(CLAUDE, *lines)
    assert {(call.session_id, call.completion) for call in found} == {("s1", 9), ("s2", 10)}


def test_a_message_of_two_requests_is_two_calls() -> None:
    """The key is (message.id, requestId)."""
    found = reading.calls(CLAUDE, logs.answer(request="req_1"), logs.answer(request="req_2"))
    assert [call.usage_id for call in found] == [
        "claude_code:msg_1:req_1",
        "claude_code:msg_1:req_2",
    ]


def test_without_a_request_id_the_message_id_is_the_key() -> None:
    """Two such lines are copies of one call."""
    call = reading.call(
        CLAUDE, logs.answer(request=None, output=3), logs.answer(request=None, output=8)
    )
    assert (call.usage_id, call.completion) == ("claude_code:msg_1:", 8)


def test_token_classes_are_taken_as_they_are() -> None:
    """Input excludes the cache; what a client leaves out or nulls is zero."""
    full = reading.call(
        CLAUDE,
        logs.answer(
            tokens={
                "input_tokens": 5,
                "cache_read_input_tokens": 700,
                "cache_creation_input_tokens": 60,
                "output_tokens": 8,
            }
        ),
    )
    assert (full.prompt, full.cache_read, full.cache_write_5m, full.completion) == (5, 700, 60, 8)
    assert full.total == 773
    bare = reading.call(
        CLAUDE,
        logs.answer(tokens={"cache_read_input_tokens": None, "cache_creation_input_tokens": None}),
    )
    assert (bare.cache_read, bare.cache_write_5m, bare.cache_write_1h) == (0, 0, 0)


@pytest.mark.parametrize(
    ("written", "split", "expected"),
    [
        (30, {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}, (10, 20)),
        (30, {"ephemeral_1h_input_tokens": 30}, (0, 30)),
        (30, {"ephemeral_5m_input_tokens": 30}, (30, 0)),
        (30, {"ephemeral_1h_input_tokens": 20}, (10, 20)),
        (0, {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}, (10, 20)),
        (30, None, (30, 0)),
        (None, None, (0, 0)),
    ],
    ids=str,
)
def test_cache_writes_are_told_apart_by_their_lifetime(
    written: int | None, split: dict[str, int] | None, expected: tuple[int, int]
) -> None:
    """What is of no known kind counts as five minutes."""
    call = reading.call(
        CLAUDE,
        logs.answer(tokens={"cache_creation_input_tokens": written, "cache_creation": split}),
    )
    assert (call.cache_write_5m, call.cache_write_1h) == expected


@pytest.mark.parametrize(
    ("tokens", "context"),
    [
        ({}, None),
        ({"speed": "standard", "service_tier": "standard"}, None),
        ({"speed": "fast"}, "speed=fast"),
        ({"service_tier": "batch"}, "processing=batch"),
        ({"service_tier": None, "speed": None}, None),
    ],
    ids=str,
)
def test_options_with_a_price_of_their_own_are_kept(
    tokens: dict[str, object], context: str | None
) -> None:
    """Everything else has the list price."""
    assert reading.call(CLAUDE, logs.answer(tokens=tokens)).price_context == context


def test_a_sub_agents_call_in_a_progress_line_counts() -> None:
    """Under the session of the line, at the time of the message inside."""
    call = reading.call(CLAUDE, logs.progress("msg_9", minute=2, output=7))
    assert call.usage_id == "claude_code:msg_9:req_9"
    assert (call.session_id, call.model_id, call.completion) == ("s1", "claude-haiku-4-5", 7)
    assert call.occurred_at == "2026-10-05T00:02:00.000000Z"
    assert not call.sidechain


def test_snapshots_in_progress_lines_are_one_call() -> None:
    """The largest wins there, too, also against a line of the main thread."""
    lines = [logs.progress("msg_1", request="req_1", output=n) for n in (2, 9, 4)]
    assert reading.call(CLAUDE, *lines, logs.answer(output=5)).completion == 9


def test_a_sidechain_call_has_a_key_of_its_own() -> None:
    """The ledger can so tell it from its parent and let it give way."""
    main, side = reading.calls(CLAUDE, logs.answer(), logs.answer(isSidechain=True, output=99))
    assert (main.usage_id, main.sidechain) == ("claude_code:msg_1:req_1", False)
    assert (side.usage_id, side.sidechain) == ("claude_code:msg_1:req_1:sidechain", True)
    assert main.message_key == side.message_key == "claude_code:msg_1"


@pytest.mark.parametrize(
    "record",
    [
        logs.claude("progress", data={"type": "bash_progress", "output": "x"}),
        logs.claude("progress", data={"type": "hook", "message": {"message": {"id": "m"}}}),
        logs.claude("progress"),
        logs.claude("file-history-snapshot", snapshot={"a": 1}),
        logs.claude("queue-operation", content="x", message="not an object"),
        logs.claude("system", subtype="turn_duration", durationMs=5),
        logs.claude("assistant"),
        logs.claude("user", message=None),
        logs.ask(None),
        logs.ask("caveat", isMeta=True),
        logs.answer(model="<synthetic>"),
        logs.ask([{"type": "tool_result", "tool_use_id": "t", "content": "fine"}]),
        {"type": "summary", "summary": "of no session", "leafUuid": "x"},
        {},
    ],
    ids=lambda record: f"{record.get('type')} {record.get('subtype') or ''}{len(str(record))}",
)
def test_a_line_with_nothing_for_the_ledger_is_skipped(record: dict[str, object]) -> None:
    """It is neither bad nor a call nor an event."""
    batch, outcomes = reading.read(CLAUDE, record)
    assert outcomes == [False]
    assert (batch.calls, batch.events) == ([], [])


def test_a_synthetic_message_in_a_progress_line_is_no_call() -> None:
    """The client made it up."""
    batch, outcomes = reading.read(CLAUDE, logs.progress(model="<synthetic>"))
    assert (batch.calls, outcomes) == ([], [False])


# Sessions ---------------------------------------------------------------------------------------


def test_a_session_reaches_from_its_first_to_its_last_sign() -> None:
    """Whatever the order of the lines."""
    session = reading.session(
        CLAUDE, logs.answer(minute=5), logs.ask(minute=2), logs.answer("msg_2", minute=9)
    )
    assert session.started_at == "2026-10-05T00:02:00.000000Z"
    assert session.ended_at == "2026-10-05T00:09:00.000000Z"


def test_a_session_takes_over_what_describes_it() -> None:
    """Version and branch as they were last, the folder as it was first."""
    session = reading.session(
        CLAUDE,
        logs.ask(minute=1, cwd="/a", gitBranch="one", version="1"),
        logs.answer(minute=2, cwd="/b", gitBranch="two", version="2"),
        logs.answer(minute=3, cwd="/c", gitBranch="", version=None),
    )
    assert (session.cwd, session.git_branch, session.source_version) == ("/a", "two", "2")
    assert (session.source, session.agent_id) == ("claude_code", "claude-code")
    assert session.idempotency_key == "log:claude_code:s1"


def test_the_first_request_is_the_text_and_its_first_line_the_title() -> None:
    """Not a meta line, a tool result, a sub-agent's request or a later one."""
    session = reading.session(
        CLAUDE,
        logs.ask("meta", 0, isMeta=True),
        logs.ask([{"type": "tool_result", "tool_use_id": "t", "content": "x"}], 1),
        logs.ask("for the sub-agent", 2, isSidechain=True),
        logs.ask([{"type": "image"}, {"type": "text", "text": "\n  Mend it \nplease"}], 3),
        logs.ask("and this", 4),
    )
    assert session.task_title == "Mend it"
    assert session.task_text == "\n  Mend it \nplease"


def test_texts_are_cut_to_their_length() -> None:
    """120 characters of title, 4,000 of text."""
    session = reading.session(CLAUDE, logs.ask("é" * 5_000))
    assert (session.task_title, session.task_text) == ("é" * 120, "é" * 4_000)


@pytest.mark.parametrize("kind", ["summary", "custom-title"])
def test_a_title_of_its_own_wins_over_the_first_request(kind: str) -> None:
    """The last one counts."""
    key = "summary" if kind == "summary" else "customTitle"
    session = reading.session(
        CLAUDE,
        logs.ask("request"),
        {"type": kind, "sessionId": "s1", key: "one"},
        {"type": kind, "sessionId": "s1", key: " two "},
    )
    assert (session.task_title, session.task_text) == ("two", "request")


def test_a_summary_without_session_belongs_to_the_only_one_so_far() -> None:
    """With two sessions in the file it is nobody's."""
    summary = {"type": "summary", "summary": "whose?", "leafUuid": "x"}
    one, outcomes = reading.read(CLAUDE, logs.ask(), summary)
    assert (one.sessions[0].task_title, outcomes[-1]) == ("whose?", True)
    two, outcomes = reading.read(CLAUDE, logs.ask(), logs.ask(session="s2"), summary)
    assert [session.task_title for session in two.sessions] == ["do it", "do it"]
    assert outcomes[-1] is False


def test_an_api_error_fails_the_session_until_an_answer_comes() -> None:
    """The error row is an event and no call."""
    error = logs.answer(None, 2, model="<synthetic>", isApiErrorMessage=True, request=None)
    failed = reading.session(CLAUDE, logs.ask(), error)
    assert (failed.status, failed.error_code) == (SessionStatus.FAILED, "API_ERROR")
    batch, outcomes = reading.read(CLAUDE, logs.ask(), error, logs.answer(minute=3))
    (session,) = batch.sessions
    assert (session.status, session.error_code) == (SessionStatus.SUCCESS, None)
    assert session.error_message is None
    assert len(batch.calls) == 1
    assert outcomes == [True, True, True]
    errors = [event for event in batch.events if event.event_type is EventType.ERROR]
    assert [event.line for event in errors] == [2]


@pytest.mark.parametrize(
    "content",
    [
        "[Request interrupted by user]",
        [{"type": "text", "text": "[Request interrupted by user for tool use]"}],
    ],
    ids=["text", "block"],
)
def test_an_interruption_cancels_the_session_and_is_no_request(content: object) -> None:
    """Unless the agent goes on."""
    cancelled = reading.session(CLAUDE, logs.ask(content))
    assert (cancelled.status, cancelled.task_text) == (SessionStatus.CANCELLED, None)
    went_on = reading.session(CLAUDE, logs.ask(content), logs.answer(minute=2))
    assert went_on.status is SessionStatus.SUCCESS


# Events -----------------------------------------------------------------------------------------


def test_tools_texts_and_requests_are_events_without_their_content() -> None:
    """Only names and ids are kept of what was said and done."""
    found = _events(
        logs.ask("secret", 0, uuid="u0"),
        logs.answer(
            content=[
                {"type": "thinking", "thinking": "secret"},
                {"type": "text", "text": "secret"},
                {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"a": "secret"}},
            ],
            uuid="u1",
        ),
        logs.ask([{"type": "tool_result", "tool_use_id": "toolu_1", "is_error": True}], 2),
    )
    assert found == [
        (EventType.MESSAGE, "s1/u0/user", {"role": "user"}),
        (EventType.MESSAGE, "s1/u1/1", {"role": "assistant"}),
        (EventType.TOOL_CALL, "s1/tool/toolu_1", {"name": "Bash", "toolUseId": "toolu_1"}),
        (EventType.ERROR, "s1/tool/toolu_1/error", {"kind": "tool", "toolUseId": "toolu_1"}),
    ]


def test_system_lines_tell_of_compaction_and_api_errors() -> None:
    """Other subtypes carry nothing."""
    found = _events(
        logs.claude("system", 1, subtype="compact_boundary", uuid="a"),
        logs.claude("system", 2, subtype="api_error", uuid="b"),
        logs.claude("system", 3, subtype="informational", uuid="c"),
    )
    assert found == [
        (EventType.STATE_TRANSITION, "s1/a/compact_boundary", {"to": "compacted"}),
        (EventType.ERROR, "s1/b/api_error", {"kind": "api_error"}),
    ]


# Lines that are not what the format promises ------------------------------------------------------


@pytest.mark.parametrize("between", [b"", b" ", b"\t\r "], ids=repr)
def test_a_line_that_lost_its_newline_is_split(between: bytes) -> None:
    """Both objects count, whatever they hold."""
    joined = between.join(
        [
            logs.line(logs.ask([{"type": "text", "text": "hello"}], 0)),
            logs.line(logs.answer(minute=1, content=TEXT)),
            logs.line(logs.answer("msg_2", minute=2)),
        ]
    )
    batch, outcomes = reading.read(CLAUDE, joined)
    assert outcomes == [True]
    assert [call.usage_id for call in batch.calls] == [
        "claude_code:msg_1:req_1",
        "claude_code:msg_2:req_1",
    ]
    assert batch.sessions[0].task_text == "hello"
    assert [event.event_type for event in batch.events] == [EventType.MESSAGE] * 2


BAD = {
    "empty": (b"", "JSON_INVALID"),
    "no JSON": (b"oops", "JSON_INVALID"),
    "cut": (logs.line(logs.answer())[:-9], "JSON_INVALID"),
    "object and rubbish": (logs.line(logs.answer()) + b"oops", "JSON_INVALID"),
    "number": (b"5", "LAYOUT_UNKNOWN"),
    "list": (b"[]", "LAYOUT_UNKNOWN"),
    "null": (b"null", "LAYOUT_UNKNOWN"),
    "text": (b'"x"', "LAYOUT_UNKNOWN"),
    "type is a number": (b'{"type":5}', "LAYOUT_UNKNOWN"),
    "other layout, then cut": (b'{"type":"assistant","message":5, oops', "JSON_INVALID"),
    "usage is a list": (logs.answer(tokens={"input_tokens": []}), "LAYOUT_UNKNOWN"),
    "tokens are a text": (logs.answer(tokens={"input_tokens": "5"}), "LAYOUT_UNKNOWN"),
    "tokens are real": (logs.answer(tokens={"input_tokens": 1.5}), "LAYOUT_UNKNOWN"),
    "tokens are negative": (logs.answer(tokens={"output_tokens": -1}), "LAYOUT_UNKNOWN"),
    "cache is negative": (
        logs.answer(tokens={"cache_creation": {"ephemeral_1h_input_tokens": -1}}),
        "LAYOUT_UNKNOWN",
    ),
    "tokens beyond 64 bits": (logs.answer(tokens={"output_tokens": 10**30}), "LAYOUT_UNKNOWN"),
    "tokens beyond belief": (logs.answer(tokens={"output_tokens": 2**53}), "LAYOUT_UNKNOWN"),
    "no message id": (logs.answer(None), "CALL_ID_MISSING"),
    "no session": (logs.answer(session=None), "SESSION_MISSING"),
    "no time": (logs.answer(timestamp=None), "TIMESTAMP_MISSING"),
    "no such time": (logs.answer(timestamp="yesterday"), "TIMESTAMP_INVALID"),
    "time without zone": (logs.answer(timestamp="2026-10-05T00:00:00"), "TIMESTAMP_INVALID"),
    "time outside the calendar": (
        logs.answer(timestamp="0001-01-01T00:00:00+01:00"),
        "TIMESTAMP_INVALID",
    ),
    "empty time": (logs.answer(timestamp=""), "TIMESTAMP_INVALID"),
    "not UTF-8": (b'{"type":"user","cwd":"\xff\xfe"}', "NOT_UTF8"),
    "request not UTF-8": (
        logs.line(logs.ask([{"type": "text", "text": "@"}])).replace(b"@", b"\xff"),
        "NOT_UTF8",
    ),
    "request is a number": (logs.ask([{"type": "text", "text": 5}]), "LAYOUT_UNKNOWN"),
    "too deep": (b'{"type":"user","message":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "TOO_DEEP"),
    "deep and cut": (b'{"type":"user","x":' + b"[" * 100_000, "TOO_DEEP"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_broken_line_is_bad_and_leaves_the_parser_as_it_was(name: str) -> None:
    """Nothing of it is counted, and the lines after it are read as if it were not there."""
    record, code = BAD[name]
    raw = record if isinstance(record, bytes) else logs.line(record)
    parser = reading.reader(CLAUDE).parser(reading.URI)
    reading.feed(parser, 1, logs.ask())
    parser.drain()
    before = parser.state()
    assert reading.feed(parser, 2, raw) == code
    assert parser.state() == before
    nothing = parser.drain()
    assert (nothing.sessions, nothing.calls, nothing.events) == ([], [], [])


def test_a_text_block_without_text_is_no_request() -> None:
    """The line is read for what else it holds."""
    batch, outcomes = reading.read(CLAUDE, logs.ask([{"type": "text"}]), logs.answer())
    assert outcomes == [True, True]
    assert batch.sessions[0].task_text is None


@pytest.mark.parametrize(
    "record",
    [
        logs.ask("cut \ud83d here"),
        logs.ask([{"type": "text", "text": "cut \ud83d here"}]),
        logs.answer(content=[{"type": "text", "text": "\ud83d"}]),
        logs.answer(cwd="/\udc00"),
    ],
    ids=["request", "block", "answer", "folder"],
)
def test_half_a_character_costs_nothing_but_itself(record: object) -> None:
    """Clients cut texts in the middle of a pair; the line still counts and can be stored."""
    parser = reading.reader(CLAUDE).parser(reading.URI)
    assert reading.feed(parser, 1, record) is True
    batch = parser.drain()
    (session,) = batch.sessions
    for text in (session.task_text, session.task_title, session.cwd, parser.state().decode()):
        (text or "").encode()
    assert [call.completion for call in batch.calls] in ([], [10])


def test_a_line_type_that_is_not_read_may_have_any_layout() -> None:
    """A new type of line must not end in quarantine."""
    record = {"type": "agent-thing", "message": 5, "timestamp": 7, "sessionId": []}
    assert reading.read(CLAUDE, record)[1] == [False]


def test_the_outcome_of_a_call_does_not_hang_on_a_text_that_is_not_read() -> None:
    """Unknown members, deep tool input and odd blocks stay untouched."""
    content = [
        {"type": "tool_use", "id": "t", "name": "X", "input": {"a": [[[[{"b": "\\u0000"}]]]]}},
        {"type": "server_tool_use", "id": "x", "input": None},
        "plain",
    ]
    record = logs.answer(content=content, extra={"a": 1})
    assert reading.call(CLAUDE, record).completion == 10


def test_the_winner_is_the_copy_with_most_tokens() -> None:
    """Also over files and imports."""
    assert reading.read(CLAUDE, logs.ask())[0].winner is Winner.MOST_TOKENS

"""Codex logs: the cumulative counts are a call's key, a fork's history belongs to its parent."""

import json

import pytest

from helicarrier.ledger.enums import EventType, SessionStatus
from helicarrier.ledger.model import Winner
from tests.ingest import logs, reading

CODEX = "codex"
START = (logs.meta(), logs.turn())
ONE = logs.counts(100, 40, 10, 4)
TWO = logs.counts(260, 140, 30, 8)
STEP = logs.counts(160, 100, 20, 4)


def test_a_call_is_the_usage_of_its_first_event() -> None:
    """Input includes cached tokens, output includes reasoning."""
    call = reading.call(CODEX, *START, logs.tokens(1, ONE))
    assert (call.prompt, call.cache_read, call.completion, call.reasoning) == (60, 40, 10, 4)
    assert call.total == 110
    assert call.usage_id == "codex:c1:100.40.10.4.110"
    assert (call.provider, call.model_id, call.line) == ("openai", "gpt-5.5", 3)


def test_an_event_with_counts_seen_before_is_the_same_call() -> None:
    """Also when others lie in between: adding them all up counts a fifth too much."""
    lines = [
        logs.tokens(1, ONE),
        logs.tokens(2, ONE),
        logs.tokens(3, TWO, STEP),
        logs.tokens(4, ONE),
        logs.tokens(5, TWO, logs.counts(1, 0, 1)),
    ]
    first, second = reading.calls(CODEX, *START, *lines)
    assert (first.line, second.line) == (3, 5)
    assert (second.prompt, second.cache_read, second.completion) == (60, 100, 20)


@pytest.mark.parametrize(
    "record",
    [
        logs.tokens(1, None),
        logs.event("token_count", 1),
        logs.event("token_count", 1, info={"total_token_usage": ONE}),
        logs.event("token_count", 1, info={"last_token_usage": ONE}),
        logs.tokens(1, ONE, logs.counts(0, 0, 0)),
        logs.event("token_count", 1, info={}),
    ],
    ids=["null", "missing", "total only", "last only", "zero", "empty"],
)
def test_an_event_without_counts_is_no_call(record: object) -> None:
    """The rate limits alone are reported this way."""
    batch, outcomes = reading.read(CODEX, *START, record)
    assert (batch.calls, outcomes[-1]) == ([], False)


def test_the_model_of_a_call_is_the_last_one_named() -> None:
    """Without any it is unknown; a turn without a model keeps the one before."""
    nameless = logs.codex("turn_context", {"effort": "low"})
    found = reading.calls(
        CODEX,
        logs.meta(),
        logs.tokens(1, logs.counts(1)),
        logs.turn("gpt-5.4"),
        logs.tokens(2, logs.counts(2)),
        nameless,
        logs.tokens(3, logs.counts(3)),
        logs.turn("gpt-5.5"),
        logs.tokens(4, logs.counts(4)),
    )
    assert [call.model_id for call in found] == ["unknown", "gpt-5.4", "gpt-5.4", "gpt-5.5"]


def test_the_provider_is_that_of_the_session() -> None:
    """OpenAI where the log names none."""
    other = reading.call(CODEX, logs.meta(model_provider="azure"), logs.tokens(1, ONE))
    none = reading.call(CODEX, logs.meta(model_provider=None), logs.tokens(1, ONE))
    assert (other.provider, none.provider) == ("azure", "openai")


def test_more_reasoning_than_output_is_cut_to_the_output() -> None:
    """Output includes reasoning; some versions count them apart."""
    call = reading.call(CODEX, *START, logs.tokens(1, logs.counts(10, 0, 5, 9)))
    assert (call.completion, call.reasoning, call.total) == (5, 5, 15)


@pytest.mark.parametrize("replayed", [(), ("p1",), ("p1", "g1")], ids=str)
def test_a_fork_has_the_keys_of_its_oldest_ancestor(replayed: tuple[str, ...]) -> None:
    """So its replayed history is the same calls as there."""
    parents = {"c1": "p1", "p1": "g1", "g1": None}
    lines = [logs.meta("c1", 9, forked_from_id="p1")]
    lines += [logs.meta(name, 0, forked_from_id=parents[name]) for name in replayed]
    call = reading.call(CODEX, *lines, logs.tokens(9, ONE))
    family = "g1" if replayed else "p1"
    assert call.usage_id == f"codex:{family}:100.40.10.4.110"
    assert call.session_id == "c1"


def test_only_the_first_line_names_the_session() -> None:
    """Replayed ancestors neither rename nor describe it."""
    session = reading.session(
        CODEX,
        logs.meta("c1", 9, cwd="/mine", forked_from_id="p1"),
        logs.meta("p1", 0, cwd="/theirs"),
        logs.event("user_message", 10, message="go on"),
    )
    assert (session.session_id, session.cwd) == ("c1", "/mine")
    assert (session.git_branch, session.git_commit, session.source_version) == (
        "main",
        "abc123",
        "0.50.0",
    )
    assert session.started_at == "2026-10-05T00:09:00.000000Z"


def test_the_first_message_of_the_user_is_the_text() -> None:
    """A session without one has no title."""
    session = reading.session(
        CODEX,
        *START,
        logs.event("user_message", 1, message="\nFix it\nsoon"),
        logs.event("user_message", 2, message="and that"),
    )
    assert (session.task_title, session.task_text) == ("Fix it", "\nFix it\nsoon")
    assert reading.session(CODEX, *START).task_title is None


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([], SessionStatus.SUCCESS),
        (["task_started"], SessionStatus.RUNNING),
        (["task_started", "task_complete"], SessionStatus.SUCCESS),
        (["task_started", "turn_aborted"], SessionStatus.CANCELLED),
        (["turn_aborted", "task_started", "task_complete"], SessionStatus.SUCCESS),
        (["task_started", "error"], SessionStatus.FAILED),
    ],
    ids=str,
)
def test_the_last_turn_says_how_the_session_stands(
    events: list[str], status: SessionStatus
) -> None:
    """Started, completed, aborted or in error."""
    lines = [logs.event(kind, n, turn_id=f"t{n}") for n, kind in enumerate(events, 1)]
    assert reading.session(CODEX, *START, *lines).status is status


def test_turns_messages_and_tools_are_events_without_their_content() -> None:
    """Only names, ids and durations are kept."""
    call = {"type": "function_call", "name": "shell", "call_id": "k1", "arguments": "secret"}
    batch, outcomes = reading.read(
        CODEX,
        *START,
        logs.event("task_started", 1, turn_id="t1"),
        logs.event("user_message", 1, message="secret"),
        logs.event("agent_message", 2, message="secret"),
        logs.codex("response_item", call, 3),
        logs.codex("response_item", {"type": "web_search_call"}, 3),
        logs.event("task_complete", 4, turn_id="t1", duration_ms=1_500),
        logs.event("error", 5, message="secret"),
    )
    found = [(e.event_type, e.event_id, json.loads(e.payload_json)) for e in batch.events]
    assert found == [
        (EventType.STATE_TRANSITION, "c1/turn/t1/running", {"to": "running"}),
        (EventType.MESSAGE, 'c1/message/{"role":"user"}/1', {"role": "user"}),
        (EventType.MESSAGE, 'c1/message/{"role":"assistant"}/1', {"role": "assistant"}),
        (EventType.TOOL_CALL, "c1/tool/k1", {"name": "shell", "toolUseId": "k1"}),
        (
            EventType.TOOL_CALL,
            'c1/tool_call/{"name":"web_search_call"}/1',
            {"name": "web_search_call"},
        ),
        (
            EventType.STATE_TRANSITION,
            "c1/turn/t1/success",
            {"to": "success", "durationMs": 1_500},
        ),
        (EventType.ERROR, 'c1/error/{"kind":"agent"}/1', {"kind": "agent"}),
    ]
    assert outcomes == [True, False, *[True] * 7]


def test_turns_without_an_id_are_events_of_their_own() -> None:
    """Older versions number no turns."""
    turns = [logs.event(kind, n) for n, kind in enumerate(["task_started", "task_complete"] * 2)]
    batch, _ = reading.read(CODEX, *START, *turns)
    assert len({event.event_id for event in batch.events}) == 4


@pytest.mark.parametrize(
    "record",
    [
        logs.codex("compacted", {"message": "x"}),
        logs.codex("event_msg", {"type": "agent_reasoning", "text": "x"}, 1),
        logs.codex("response_item", {"type": "message", "role": "user"}, 1),
        logs.codex("response_item", {"type": "function_call_output", "call_id": "k"}, 1),
        logs.turn(),
        {"type": "future", "payload": [1]},
    ],
    ids=lambda record: str(record["payload"])[:30],
)
def test_a_line_with_nothing_for_the_ledger_is_skipped(record: object) -> None:
    """It is neither bad nor an event."""
    batch, outcomes = reading.read(CODEX, *START, record)
    assert (batch.events, outcomes[-1]) == ([], False)


BAD = {
    "empty": (b"", "JSON_INVALID"),
    "cut": (logs.line(logs.tokens(1, ONE))[:-5], "JSON_INVALID"),
    "number": (b"5", "LAYOUT_UNKNOWN"),
    "no type": (b"{}", "LAYOUT_UNKNOWN"),
    "no payload": (b'{"type":"event_msg"}', "JSON_INVALID"),
    "payload is a list": (logs.line({"type": "event_msg", "payload": []}), "LAYOUT_UNKNOWN"),
    "more cached than input": (logs.tokens(1, logs.counts(10, 11, 1)), "TOKENS_INVALID"),
    "tokens are negative": (logs.tokens(1, logs.counts(-1, -1, 1)), "LAYOUT_UNKNOWN"),
    "tokens beyond belief": (logs.tokens(1, logs.counts(2**60, 0, 1)), "LAYOUT_UNKNOWN"),
    "tokens are real": (logs.tokens(1, {"input_tokens": 1.5}), "LAYOUT_UNKNOWN"),
    "no time": (logs.tokens(1, ONE) | {"timestamp": None}, "TIMESTAMP_MISSING"),
    "no such time": (logs.tokens(1, ONE) | {"timestamp": "2026-10-32"}, "TIMESTAMP_INVALID"),
    "message is a number": (logs.event("user_message", 1, message=5), "LAYOUT_UNKNOWN"),
    "message not UTF-8": (
        logs.line(logs.event("user_message", 1, message="@")).replace(b"@", b"\xff"),
        "NOT_UTF8",
    ),
    "model not UTF-8": (logs.line(logs.turn("@")).replace(b"@", b"\xff"), "NOT_UTF8"),
    "half a character": (logs.event("user_message", 1, message="cut \ud83d"), "JSON_INVALID"),
    "too deep": (
        b'{"type":"event_msg","payload":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "TOO_DEEP",
    ),
    "meta without id": (logs.codex("session_meta", {}, 1), "SESSION_MISSING"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_broken_line_is_bad_and_leaves_the_parser_as_it_was(name: str) -> None:
    """Nothing of it is counted, and the lines after it are read as if it were not there."""
    record, code = BAD[name]
    raw = record if isinstance(record, bytes) else logs.line(record)
    parser = reading.reader(CODEX).parser(reading.URI)
    for number, before in enumerate(START, 1):
        reading.feed(parser, number, before)
    parser.drain()
    state = parser.state()
    assert reading.feed(parser, 3, raw) == code
    assert parser.state() == state
    nothing = parser.drain()
    assert (nothing.sessions, nothing.calls, nothing.events) == ([], [], [])


def test_a_line_before_any_session_is_bad() -> None:
    """It belongs to nobody."""
    assert reading.read(CODEX, logs.tokens(1, ONE))[1] == ["SESSION_MISSING"]


def test_a_message_without_text_is_an_event_and_no_request() -> None:
    """An image alone, for example."""
    batch, outcomes = reading.read(CODEX, *START, logs.event("user_message", 1))
    assert (outcomes[-1], batch.sessions[0].task_text, len(batch.events)) == (True, None, 1)


def test_the_winner_is_the_first_event() -> None:
    """Later ones with the same counts are repeats, whatever they say of the last call."""
    assert reading.read(CODEX, *START)[0].winner is Winner.FIRST

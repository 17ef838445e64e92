"""The envelope contract: what is accepted, what is refused, and what a fingerprint covers."""

import copy
import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helicarrier.canonical import MAX_DEPTH
from helicarrier.errors import ContractError, ErrorCode
from helicarrier.governance.enums import Confidence, ValueSource
from helicarrier.ingest import envelope as contract
from helicarrier.ingest import envelope_models as models
from helicarrier.ingest.envelope import accept
from helicarrier.ingest.envelope_models import STATES
from helicarrier.ledger.enums import EventType, SessionStatus
from helicarrier.ledger.model import Call, Envelope
from tests.ingest import logs

FULL_RUN = logs.run(
    agentLabel="Agent",
    title="Title",
    task="First\nSecond",
    taskCategory="docs",
    endedAt=logs.at(9),
    terminalAt=logs.at(9),
    promptTokens=1,
    completionTokens=2,
    totalTokens=3,
    cacheReadTokens=4,
    cacheWriteTokens=5,
    reasoningTokens=1,
    billedCostUsd=0.25,
    provider="openai",
    runId="r",
    artifactCount=1,
    errorCode="E",
    errorMessage="message",
    sourceVersion="1.0",
)
FULL_CALL = logs.call(
    provider="openai",
    cacheReadTokens=3,
    cacheWriteTokens=20,
    cacheWrite1hTokens=5,
    reasoningTokens=4,
    runtimeMs=900,
    costUsd=0.125,
    status="ok",
)
FULL_EVENT = logs.happened("tool_call", eventId="e", seq=7, payload={"a": [1, 0.5, None]})
FULL = logs.v2(
    FULL_RUN,
    calls=[FULL_CALL],
    timeline=[FULL_EVENT],
    idempotency_key="key",
    revision=2,
    source="hook",
)


def _accept(document: object) -> Envelope:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return accept(body, uri="file", line=7)


def _refusal(document: object) -> ContractError:
    """The refusal, which is the same on every repeat."""
    answers = []
    for _ in range(3):
        with pytest.raises(ContractError) as refused:
            _accept(document)
        answers.append(refused.value)
    said = {(e.code, e.http_status, e.message, e.violations) for e in answers}
    assert len(said) == 1
    assert list(answers[0].violations) == sorted(answers[0].violations)
    return answers[0]


def _violations(document: object) -> list[tuple[str, str]]:
    refusal = _refusal(document)
    assert (refusal.code, refusal.http_status) == (ErrorCode.VALIDATION_ERROR, 400)
    return [(violation.pointer, violation.code) for violation in refusal.violations]


def _with(document: dict[str, object], path: str, value: object) -> dict[str, object]:
    """A copy with another value at a JSON pointer; `...` takes the member away."""
    changed = copy.deepcopy(document)
    *way, last = (int(part) if part.isdigit() else part for part in path.split("/")[1:])
    place: object = changed
    for part in way:
        place = place[part]  # type: ignore[index]
    if value is ...:
        del place[last]  # type: ignore[attr-defined]
    else:
        place[last] = value  # type: ignore[index]
    return changed


# Accepted ---------------------------------------------------------------------------------------


def test_the_least_envelope_of_each_version_is_accepted() -> None:
    """Five fields of a session are enough; lists may be left out."""
    least = {"session": logs.run()}
    one = _accept({"envelope_version": "v1", "payload": least})
    two = _accept({"envelope_version": "v2", "payload": {"run": logs.run()}})
    for found, source in ((one, "envelope_v1"), (two, "envelope_v2")):
        assert (found.calls, found.events, found.line) == ([], [], 7)
        assert found.session.source == source
        assert found.session.idempotency_key == found.session.session_id == "n1"
        assert found.session.task_category == "uncategorized"
        assert (found.session.ended_at, found.session.task_title) == (None, None)
        assert found.session.payload_sha256 == found.fingerprint


def test_every_field_arrives_in_the_canonical_session() -> None:
    """Nothing of an envelope is lost on the way to the ledger."""
    found = _accept(FULL)
    session, (call,), (event,) = found.session, found.calls, found.events
    assert {
        name: getattr(session, name)
        for name in session.__struct_fields__
        if name not in {"payload_sha256", "cwd", "git_branch", "git_commit"}
    } == {
        "session_id": "n1",
        "client_run_id": "r",
        "agent_id": "agent",
        "agent_label": "Agent",
        "started_at": "2026-10-05T00:00:00.000000Z",
        "ended_at": "2026-10-05T00:09:00.000000Z",
        "source": "hook",
        "source_uri": "file",
        "source_version": "1.0",
        "idempotency_key": "key",
        "model_id": "gpt-5.5",
        "task_title": "Title",
        "task_text": "First\nSecond",
        "task_category": "docs",
        "status": SessionStatus.SUCCESS,
        "artifact_count": 1,
        "error_code": "E",
        "error_message": "message",
        "revision": 2,
    }
    assert call == Call(
        usage_id="native:n1:call-1",
        session_id="n1",
        line=7,
        seq=0,
        occurred_at="2026-10-05T00:01:00.000000Z",
        provider="openai",
        model_id="gpt-5.5",
        prompt=100,
        cache_read=3,
        cache_write_5m=15,
        cache_write_1h=5,
        completion=10,
        reasoning=4,
        runtime_ms=900,
        reported_cost=call.reported_cost,
    )
    assert call.reported_cost == Decimal("0.125")
    assert (event.event_id, event.seq, event.event_type) == ("n1/e", 7, EventType.TOOL_CALL)
    assert json.loads(event.payload_json) == {"a": [1, 0.5, None]}


def test_both_versions_of_a_session_are_the_same_session() -> None:
    """The version only says how the envelope is laid out."""
    events = [logs.happened(), logs.happened("error", 2)]
    one, two = _accept(logs.v1(FULL_RUN, *events)), _accept(logs.v2(FULL_RUN, timeline=events))
    assert one.fingerprint == two.fingerprint
    assert (one.calls, one.events) == (two.calls, two.events)


def test_a_null_is_the_same_as_a_missing_member() -> None:
    """Optional fields only."""
    empty = dict.fromkeys(set(FULL_RUN) - set(logs.run()), None)
    assert _accept(logs.v1(logs.run() | empty)).fingerprint == _accept(logs.v1()).fingerprint


@pytest.mark.parametrize(
    ("written", "hour", "expected"),
    [(0, 0, (0, 0)), (20, 0, (20, 0)), (20, 5, (15, 5)), (20, 20, (0, 20)), (0, 5, (0, 5))],
    ids=str,
)
def test_cache_writes_are_told_apart_by_their_lifetime(
    written: int, hour: int, expected: tuple[int, int]
) -> None:
    """The one-hour tokens are part of all written ones."""
    call = logs.call(cacheWriteTokens=written, cacheWrite1hTokens=hour)
    (found,) = _accept(logs.v2(calls=[call])).calls
    assert (found.cache_write_5m, found.cache_write_1h) == expected


@pytest.mark.parametrize(
    ("facts", "call", "provider"),
    [
        ({"provider": "azure"}, {"provider": "aws"}, "aws"),
        ({"provider": "azure"}, {}, "azure"),
        ({}, {}, "openai"),
        ({}, {"modelId": "claude-sonnet-4-5"}, "anthropic"),
    ],
    ids=str,
)
def test_the_provider_is_told_by_the_call_the_session_or_the_model(
    facts: dict[str, str], call: dict[str, str], provider: str
) -> None:
    """In this order."""
    (found,) = _accept(logs.v2(logs.run(**facts), calls=[logs.call(**call)])).calls
    assert found.provider == provider


def test_a_title_is_taken_from_the_task_where_there_is_none() -> None:
    """Its first line that says something, cut to a title's length; texts are cut, too."""
    found = _accept(logs.v1(logs.run(task="\n  \n " + "é" * 200 + "\nx" * 9_000))).session
    assert found.task_title == "é" * 120
    assert len(found.task_text or "") == 4_000


def test_events_without_an_id_or_number_are_numbered_by_their_place() -> None:
    """So that each has an id of its own, and a given one is never taken."""
    events = [logs.happened(eventId="1"), logs.happened(), logs.happened(eventId="0", seq=9)]
    found = _accept(logs.v1(None, *events)).events
    assert len({event.event_id for event in found}) == 3
    assert [event.seq for event in found] == [0, 1, 9]


# A session that knows its totals only -------------------------------------------------------------

HIGH = (ValueSource.PROVIDER_REPORTED, Confidence.HIGH)
LOW = (ValueSource.DERIVED, Confidence.LOW)


@pytest.mark.parametrize(
    ("facts", "classes", "provenance"),
    [
        ({"promptTokens": 5, "completionTokens": 3}, (5, 0, 0, 3), HIGH),
        ({"promptTokens": 5, "completionTokens": 3, "totalTokens": 8}, (5, 0, 0, 3), HIGH),
        (
            {
                "promptTokens": 5,
                "completionTokens": 3,
                "cacheReadTokens": 2,
                "cacheWriteTokens": 1,
                "totalTokens": 11,
            },
            (5, 2, 1, 3),
            HIGH,
        ),
        (
            {"promptTokens": 5, "completionTokens": 3, "totalTokens": 9},
            (5, 0, 0, 3),
            (ValueSource.PROVIDER_REPORTED, Confidence.LOW),
        ),
        ({"promptTokens": 5}, (5, 0, 0, 0), LOW),
        ({"completionTokens": 3}, (0, 0, 0, 3), LOW),
        ({"cacheReadTokens": 3}, (0, 3, 0, 0), LOW),
        ({"totalTokens": 9}, (9, 0, 0, 0), LOW),
        ({"billedCostUsd": 1}, (0, 0, 0, 0), (ValueSource.MISSING, Confidence.UNKNOWN)),
        ({"promptTokens": 0, "completionTokens": 0}, (0, 0, 0, 0), HIGH),
    ],
    ids=str,
)
def test_totals_become_one_row_marked_by_what_is_missing(
    facts: dict[str, object],
    classes: tuple[int, int, int, int],
    provenance: tuple[ValueSource, Confidence],
) -> None:
    """In both versions, where there are no calls."""
    for document in (logs.v1(logs.run(**facts)), logs.v2(logs.run(**facts))):
        (call,) = _accept(document).calls
        assert (call.prompt, call.cache_read, call.cache_write_5m, call.completion) == classes
        assert (call.token_source, call.token_confidence) == provenance
        assert call.usage_id == "native:n1:session"


@pytest.mark.parametrize(
    ("facts", "minute"),
    [({}, 0), ({"terminalAt": logs.at(8)}, 8), ({"endedAt": logs.at(9)}, 9)],
    ids=str,
)
def test_totals_fall_on_the_end_of_the_session(facts: dict[str, object], minute: int) -> None:
    """Or on its start while it has none."""
    (call,) = _accept(logs.v1(logs.run(promptTokens=1, **facts))).calls
    assert call.occurred_at == f"2026-10-05T00:0{minute}:00.000000Z"


def test_calls_leave_the_totals_of_the_session_aside() -> None:
    """Nothing is counted twice."""
    found = _accept(logs.v2(FULL_RUN, calls=[logs.call("a"), logs.call("b")]))
    assert [call.usage_id for call in found.calls] == ["native:n1:a", "native:n1:b"]


# States -----------------------------------------------------------------------------------------


def test_every_state_of_the_contract_has_its_status() -> None:
    """The map is complete and has nothing else."""
    words = {
        SessionStatus.SUCCESS: "success done completed finished",
        SessionStatus.FAILED: "failed error crashed",
        SessionStatus.KILLED: "killed terminated",
        SessionStatus.CANCELLED: "cancelled canceled",
        SessionStatus.RUNNING: "running in_progress active",
        SessionStatus.QUEUED: "queued pending",
    }
    expected = {word: status for status, listed in words.items() for word in listed.split()}
    assert expected == STATES
    for word, status in expected.items():
        assert _accept(logs.v1(logs.run(state=word))).session.status is status


@pytest.mark.parametrize("state", ["", "Done", "SUCCESS", "ok", "done ", "unknown", "in-progress"])
def test_any_other_state_is_refused(state: str) -> None:
    """Also one that differs in case alone."""
    found = _violations(logs.v1(logs.run(state=state)))
    assert found == [("/payload/session/state", "INVALID_VALUE")]


# Versions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v0", "v3", "V1", "1", ""])
def test_an_unknown_version_is_unsupported(version: str) -> None:
    """422, whatever else is wrong with the envelope."""
    refusal = _refusal({"envelope_version": version, "payload": 5, "x": 1})
    assert refusal.code is ErrorCode.UNSUPPORTED_CONTRACT_VERSION
    assert refusal.http_status == 422
    assert [(v.pointer, v.code) for v in refusal.violations] == [
        ("/envelope_version", "UNSUPPORTED")
    ]


@pytest.mark.parametrize("version", [..., None, 1, ["v1"]], ids=str)
def test_without_a_version_an_envelope_is_invalid(version: object) -> None:
    """400: it is asked for, not guessed from the payload."""
    assert _violations(_with(FULL, "/envelope_version", version)) == [
        ("/envelope_version", "REQUIRED")
    ]


@pytest.mark.parametrize("document", [[], None, 5, "v1", True], ids=repr)
def test_an_envelope_is_an_object(document: object) -> None:
    """Nothing else has a version."""
    assert _violations(document) == [("", "INVALID_TYPE")]


def test_a_payload_of_the_other_version_is_refused() -> None:
    """With a violation for what is missing and for each member that is too much."""
    found = _violations(FULL | {"envelope_version": "v1"})
    assert found == [
        ("/payload/calls", "UNKNOWN_FIELD"),
        ("/payload/run", "UNKNOWN_FIELD"),
        ("/payload/session", "REQUIRED"),
        ("/payload/timeline", "UNKNOWN_FIELD"),
    ]


# Each field -------------------------------------------------------------------------------------

TEXT = [(5, "INVALID_TYPE"), (["x"], "INVALID_TYPE"), (True, "INVALID_TYPE")]
ID = [*TEXT, ("", "TOO_SHORT"), ("x" * 257, "TOO_LONG")]
SHORT = [*TEXT, ("x" * 2_001, "TOO_LONG")]
LONG = [*TEXT, ("x" * 1_000_001, "TOO_LONG")]
TIME = [
    *TEXT,
    ("", "INVALID_TIME"),
    ("now", "INVALID_TIME"),
    ("2026-10-05", "INVALID_TIME"),
    ("2026-10-05T00:00:00", "INVALID_TIME"),
    ("2026-02-29T00:00:00Z", "INVALID_TIME"),
    ("0001-01-01T00:00:00+01:00", "INVALID_TIME"),
    ("9999-12-31T23:59:59-01:00", "INVALID_TIME"),
]
COUNT = [
    ("5", "INVALID_TYPE"),
    (1.5, "INVALID_TYPE"),
    (1.0, "INVALID_TYPE"),
    (True, "INVALID_TYPE"),
    (-1, "OUT_OF_RANGE"),
]
TOKENS = [*COUNT, (2**53 - 1, "OUT_OF_RANGE")]
MONEY = [
    ("five", "INVALID_TYPE"),
    ("NaN", "INVALID_TYPE"),
    ("sNaN", "INVALID_TYPE"),
    ("Infinity", "INVALID_TYPE"),
    ("-Infinity", "INVALID_TYPE"),
    ("", "INVALID_TYPE"),
    (True, "INVALID_TYPE"),
    ([], "INVALID_TYPE"),
    (-0.01, "OUT_OF_RANGE"),
    (1_000_000_001, "OUT_OF_RANGE"),
]
SESSION_FIELDS = {
    "sessionId": ID,
    "state": [*TEXT, ("dreaming", "INVALID_VALUE")],
    "agentId": ID,
    "modelId": ID,
    "startedAt": TIME,
    "agentLabel": SHORT,
    "title": SHORT,
    "task": LONG,
    "taskCategory": ID,
    "endedAt": TIME,
    "terminalAt": TIME,
    "promptTokens": TOKENS,
    "completionTokens": TOKENS,
    "totalTokens": TOKENS,
    "cacheReadTokens": TOKENS,
    "cacheWriteTokens": TOKENS,
    "reasoningTokens": TOKENS,
    "billedCostUsd": MONEY,
    "provider": ID,
    "runId": ID,
    "artifactCount": COUNT,
    "errorCode": SHORT,
    "errorMessage": SHORT,
    "sourceVersion": SHORT,
}
EVENT_FIELDS = {
    "eventId": ID,
    "seq": COUNT,
    "eventType": [*((value, "INVALID_VALUE") for value, _ in TEXT), ("party", "INVALID_VALUE")],
    "eventTs": TIME,
    "payload": [("x", "INVALID_TYPE"), ([], "INVALID_TYPE"), (None, "INVALID_TYPE")],
}
CALL_FIELDS = {
    "callId": ID,
    "occurredAt": TIME,
    "modelId": ID,
    "provider": ID,
    "promptTokens": TOKENS,
    "completionTokens": TOKENS,
    "cacheReadTokens": TOKENS,
    "cacheWriteTokens": TOKENS,
    "cacheWrite1hTokens": TOKENS,
    "reasoningTokens": TOKENS,
    "runtimeMs": COUNT,
    "costUsd": MONEY,
    "status": SHORT,
}
TOP_FIELDS = {"idempotency_key": ID, "revision": COUNT, "source": SHORT}
PLACES = {
    "/payload/run": (SESSION_FIELDS, models.SessionModel),
    "/payload/timeline/0": (EVENT_FIELDS, models.EventModel),
    "/payload/calls/0": (CALL_FIELDS, models.CallModel),
    "": (TOP_FIELDS, models.EnvelopeV2),
}
REFUSALS = [
    pytest.param(
        f"{place}/{name}",
        value,
        code,
        id=f"{place}/{name}={str(value)[:30]} {len(str(value))} {type(value).__name__}",
    )
    for place, (fields, _) in PLACES.items()
    for name, values in fields.items()
    for value, code in values
]


@pytest.mark.parametrize("place", PLACES)
def test_the_refusals_cover_every_field(place: str) -> None:
    """A new field comes with what it refuses."""
    fields, model = PLACES[place]
    known = {field.alias or name for name, field in model.model_fields.items()}
    assert set(fields) == known - ({"envelope_version", "payload"} if not place else set())


@pytest.mark.parametrize(("path", "value", "code"), REFUSALS)
def test_a_wrong_value_is_refused_at_its_place(path: str, value: object, code: str) -> None:
    """With one violation, the same on every repeat."""
    assert _violations(_with(FULL, path, value)) == [(path, code)]


@pytest.mark.parametrize(
    "path",
    [
        *(f"/payload/run/{name}" for name in logs.run()),
        *(f"/payload/timeline/0/{name}" for name in ("eventType", "eventTs")),
        *(f"/payload/calls/0/{name}" for name in logs.call()),
        "/payload",
        "/payload/run",
    ],
)
def test_a_required_member_is_missed(path: str) -> None:
    """And a null in its place is no value."""
    assert _violations(_with(FULL, path, ...)) == [(path, "REQUIRED")]
    found = _violations(_with(FULL, path, None))
    assert [at for at, _ in found] == [path]


@pytest.mark.parametrize("place", ["", "/payload", *(p for p in PLACES if p)])
def test_an_unknown_member_is_refused_wherever_it_stands(place: str) -> None:
    """Also beside valid ones."""
    found = _violations(_with(FULL, f"{place}/surprise", 1))
    assert found == [(f"{place}/surprise", "UNKNOWN_FIELD")]


@pytest.mark.parametrize("name", ["with space", "a/b", "é", "x" * 65, "<script>", ""])
def test_an_unusual_name_of_a_member_is_not_repeated(name: str) -> None:
    """The answer is safe to show and to log."""
    document = copy.deepcopy(FULL)
    document["payload"]["run"][name] = 1  # type: ignore[index]
    assert _violations(document) == [("/payload/run/?", "UNKNOWN_FIELD")]


@pytest.mark.parametrize("kind", ["timeline", "calls"])
@pytest.mark.parametrize("value", [5, {}, "x", None, [5]], ids=str)
def test_lists_hold_objects(kind: str, value: object) -> None:
    """Nothing else."""
    path = f"/payload/{kind}" + ("/0" if value == [5] else "")
    assert _violations(_with(FULL, f"/payload/{kind}", value)) == [(path, "INVALID_TYPE")]


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"endedAt": logs.at(-1 + 1440)}, None),
        ({"startedAt": logs.at(10)}, "/payload/run"),
        ({"startedAt": "2026-10-05T00:09:00.000001Z"}, "/payload/run"),
        ({"startedAt": "2026-10-05T02:09:00+02:00"}, None),
        ({"reasoningTokens": 3}, "/payload/run"),
    ],
    ids=str,
)
def test_fields_that_contradict_each_other_are_refused(
    changes: dict[str, object], violation: str | None
) -> None:
    """A session ends after its start, reasoning is part of the completion."""
    document = logs.v2(FULL_RUN | changes)
    if violation is None:
        assert _accept(document).session.started_at
    else:
        assert _violations(document) == [(violation, "INVALID_ORDER")]


def test_more_reasoning_than_completion_in_a_call_is_refused() -> None:
    """Completion includes reasoning."""
    document = logs.v2(calls=[logs.call(), logs.call("b", reasoningTokens=11)])
    assert _violations(document) == [("/payload/calls/1", "INVALID_ORDER")]


def test_two_calls_with_one_id_are_refused() -> None:
    """The second would be the first one's copy, and it is not."""
    document = logs.v2(calls=[logs.call("a"), logs.call("b"), logs.call("a", 2)])
    assert _violations(document) == [("/payload/calls", "NOT_UNIQUE")]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_two_events_with_one_id_are_refused(version: str) -> None:
    """An id tells the events of a session apart, also from one that is told by its place."""
    taken = [logs.happened(eventId="#1"), logs.happened()]
    assert _violations(logs.v1(None, *taken)) == [("/payload/events", "NOT_UNIQUE")]
    events = [logs.happened(eventId="a"), logs.happened(), logs.happened("error", eventId="a")]
    document = logs.v1(None, *events) if version == "v1" else logs.v2(timeline=events)
    where = "events" if version == "v1" else "timeline"
    assert _violations(document) == [(f"/payload/{where}", "NOT_UNIQUE")]


def test_all_violations_are_named_at_once_and_sorted() -> None:
    """Whatever the order in which the members were written."""
    wrong = _with(_with(_with(FULL, "/payload/run/title", 5), "/payload/run/agentId", ...), "/z", 1)
    wrong = _with(wrong, "/payload/calls/0/promptTokens", -1)
    found = _violations(wrong)
    assert found == [
        ("/payload/calls/0/promptTokens", "OUT_OF_RANGE"),
        ("/payload/run/agentId", "REQUIRED"),
        ("/payload/run/title", "INVALID_TYPE"),
        ("/z", "UNKNOWN_FIELD"),
    ]
    assert _violations(_shuffled(wrong, random.Random(1))) == found


_BODY = json.dumps(FULL)
HOSTILE = {
    "nothing": b"",
    "byte order mark": b"\xef\xbb\xbf" + _BODY.encode(),
    "UTF-16": _BODY.encode("utf-16"),
    "surrogate": _BODY.replace('"Title"', '"\\ud800"').encode(),
    "NUL": _BODY.replace('"Title"', '"\\u0000"').encode(),
    "NaN": _BODY.replace('"Title"', "NaN").encode(),
    "infinite": _BODY.replace("0.25", "1e400").encode(),
    "5,000 digits": _BODY.replace("0.25", "7" * 5_000).encode(),
    "duplicate key": _BODY.replace('"title"', '"title": "x", "title"').encode(),
    "two documents": _BODY.encode() + b"{}",
    "100,000 deep": _BODY.replace("[1,", "[" * 100_000).encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_body_with_more_than_one_meaning_is_refused_first(name: str) -> None:
    """Before any field is looked at."""
    assert [pointer for pointer, _ in _violations(HOSTILE[name])] == [""]


def test_a_payload_nested_too_deeply_says_so() -> None:
    """The whole body is refused before its fields are looked at."""
    deep: object = 1
    for _ in range(MAX_DEPTH):
        deep = [deep]
    body = _with(FULL, "/payload/timeline/0/payload", {"a": deep})
    assert _violations(body) == [("", "TOO_DEEP")]


def test_an_integer_that_has_no_canonical_form_is_refused() -> None:
    """And nothing but a refusal leaves the contract."""
    document = _with(FULL, "/payload/timeline/0/payload", {"a": 2**53, "b": 0.5})
    assert _violations(document) == [("", "NUMBER_RANGE")]


def test_a_cost_written_with_a_giant_exponent_costs_no_memory() -> None:
    """The text of 1e-90000000 is 90 MB long."""
    tracemalloc.start()
    try:
        (call,) = _accept(_with(FULL, "/payload/calls/0/costUsd", "1e-90000000")).calls
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert call.reported_cost == 0
    assert peak < 5_000_000


# What is refused is never repeated ----------------------------------------------------------------

MARKER = "Zx9marker"


def _paths(value: object, at: str = "") -> Iterator[str]:
    if at:
        yield at
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value if isinstance(value, list) else ())
    )
    for key, item in items:
        yield from _paths(item, f"{at}/{key}")


_MARKED = st.sampled_from(
    [
        MARKER,
        [MARKER],
        {"a": MARKER},
        {"sessionId": MARKER, "state": MARKER},
        MARKER * 300,
        f"{MARKER}\ud800",
        f"\0{MARKER}",
        -987_654_321,
        987_654_321.25,
    ]
)


@given(st.lists(st.tuples(st.sampled_from(sorted(_paths(FULL))), _MARKED), min_size=1, max_size=3))
def test_no_refusal_ever_shows_a_value(changes: list[tuple[str, object]]) -> None:
    """Whatever stands wherever: it is accepted, or refused in our words."""
    document = FULL
    for path, value in changes:
        try:
            document = _with(document, path, value)
        except (KeyError, TypeError, IndexError):
            continue  # an earlier change took the place away
    try:
        _accept(document)
    except ContractError as refused:
        shown = f"{refused} {refused.message} {refused.hint} {refused.violations}"
        assert MARKER not in shown
        assert "987" not in shown


# Fingerprints -------------------------------------------------------------------------------------


def _shuffled(value: object, rng: random.Random) -> object:
    if isinstance(value, dict):
        items = [(key, _shuffled(item, rng)) for key, item in value.items()]
        rng.shuffle(items)
        return dict(items)
    return [_shuffled(item, rng) for item in value] if isinstance(value, list) else value


@given(st.randoms(use_true_random=False), st.sampled_from([None, 0, 3]), st.booleans())
def test_a_fingerprint_does_not_hang_on_how_the_json_is_written(
    rng: random.Random, indent: int | None, escaped: bool
) -> None:
    """Order of members, white space and escapes are no content."""
    document = _with(FULL, "/payload/run/title", "é\u2028\U0001f600/")
    body = json.dumps(_shuffled(document, rng), indent=indent, ensure_ascii=escaped)
    assert _accept(body.encode()).fingerprint == _accept(document).fingerprint


@pytest.mark.parametrize(
    ("path", "one", "other"),
    [
        ("/payload/run/state", "done", "success"),
        ("/payload/run/startedAt", "2026-10-05T00:00:00Z", "2026-10-05T02:00:00.000+02:00"),
        ("/payload/timeline/0/eventTs", "2026-10-05T00:00:00Z", "2026-10-05T00:00:00.000000Z"),
        ("/payload/calls/0/costUsd", 0.1, "0.10"),
        ("/payload/calls/0/costUsd", 1, "1.000"),
        ("/payload/calls/0/costUsd", 0, "-0"),
        ("/payload/run/billedCostUsd", 1, 1.0),
        ("/payload/timeline/0/payload", {"a": 1.0, "b": 0.5}, {"b": 5e-1, "a": 1}),
        ("/revision", 0, 5),
        ("/idempotency_key", "a", "b"),
        ("/source", "a", "b"),
    ],
)
def test_a_fingerprint_does_not_hang_on_how_a_value_is_spelled(
    path: str, one: object, other: object
) -> None:
    """The same state, instant or amount; what surrounds the session is no content either."""
    found = {_accept(_with(FULL, path, value)).fingerprint for value in (one, other)}
    assert len(found) == 1


def _other_values() -> Iterator[tuple[str, object]]:
    yield from (
        ("/payload/run/state", "failed"),
        ("/payload/run/startedAt", "2026-10-05T00:00:00.001Z"),
        ("/payload/run/endedAt", logs.at(10)),
        ("/payload/run/terminalAt", logs.at(10)),
        ("/payload/run/billedCostUsd", 0.25000001),
        ("/payload/timeline/0/eventType", "message"),
        ("/payload/timeline/0/eventTs", logs.at(2)),
        ("/payload/timeline/0/payload", {"a": [1, 0.5]}),
        ("/payload/calls/0/occurredAt", logs.at(2)),
        ("/payload/calls/0/costUsd", "0.125000001"),
    )
    done = {"state", "startedAt", "endedAt", "terminalAt", "eventType", "eventTs", "occurredAt"}
    done |= {"billedCostUsd", "costUsd", "payload"}
    for place, (fields, _) in PLACES.items():
        for name, values in fields.items() if place else ():
            if name not in done:
                number = 1 if name == "reasoningTokens" else 9
                yield f"{place}/{name}", "other" if values in (ID, SHORT, LONG) else number


@pytest.mark.parametrize(("path", "value"), list(_other_values()), ids=str)
def test_a_fingerprint_covers_every_field_of_the_session(path: str, value: object) -> None:
    """Another value is other content."""
    before = _with(FULL, path, value - 1) if isinstance(value, int) else FULL
    assert _accept(_with(before, path, value)).fingerprint != _accept(before).fingerprint


def test_the_order_of_events_and_calls_is_content() -> None:
    """A list says more than a set."""
    calls = [logs.call("a"), logs.call("b")]
    assert (
        _accept(logs.v2(calls=calls)).fingerprint != _accept(logs.v2(calls=calls[::-1])).fingerprint
    )


@pytest.mark.parametrize(
    ("document", "fingerprint"),
    [
        (logs.v1(), "7aadd73a5b0e1135a8496ace517b0eeba0fa54ec11c973a3966357c3483fe1e9"),
        (
            logs.v2(logs.run(title="é\U0001f600"), calls=[FULL_CALL], timeline=[FULL_EVENT]),
            "20d996749e1d4b77cb3ef9c630e5ed1cfe865131604e9cf69e2bc37891a7fc9e",
        ),
    ],
    ids=["least", "reals and astral text"],
)
def test_a_fingerprint_never_changes(document: object, fingerprint: str) -> None:
    """It is stored: a new version must recognise what an old one has accepted."""
    assert _accept(document).fingerprint == fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a:b", "c"), ("a", "b:c")),
        (("a/b", "c"), ("a", "b/c")),
        (("a%3Ab", "c"), ("a:b", "c")),
    ],
    ids=str,
)
def test_keys_of_different_sessions_are_never_equal(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    """Whatever ids the producers choose."""

    def keys(session: str, item: str) -> set[str]:
        found = _accept(
            logs.v2(
                logs.run(session), calls=[logs.call(item)], timeline=[logs.happened(eventId=item)]
            )
        )
        return {found.calls[0].usage_id, found.events[0].event_id}

    assert not keys(*one) & keys(*other)


def test_a_version_is_one_entry() -> None:
    """Each entry is a model and an adapter; both are used by name."""
    assert sorted(contract.VERSIONS) == ["v1", "v2"]
    adapter: Callable[..., object]
    for model, adapter in contract.VERSIONS.values():
        assert callable(adapter)
        assert "payload" in model.model_fields

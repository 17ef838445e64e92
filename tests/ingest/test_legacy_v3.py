"""The legacy V3 store: each ledger row is an envelope, what belongs to none is refused."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from helicarrier.governance.enums import Confidence
from helicarrier.ingest.readers.base import BadLine
from helicarrier.ledger.enums import EventType, SessionStatus
from helicarrier.ledger.model import Batch
from helicarrier.ledger.tables import session_events, session_ledger, session_usage
from tests.ingest import logs, reading
from tests.ledger.stores import Ledger

LEGACY = "legacy_v3"
ROW = {
    "sessionId": "old-1",
    "status": "failed",
    "agentId": "writer",
    "agentLabel": "Writer",
    "modelId": "gpt-5.5",
    "taskTitle": "Title",
    "taskText": "Text",
    "taskCategory": "docs",
    "startedAt": logs.at(0),
    "endedAt": logs.at(5),
    "runId": "r-1",
    "artifactCount": 2,
    "errorCode": "E",
    "errorMessage": "message",
    "runtimeMs": 300_000,
}
USAGE = {
    "usageId": "u-1",
    "sessionId": "old-1",
    "provider": "openai",
    "modelId": "gpt-5.5",
    "promptTokens": 10,
    "completionTokens": 5,
    "cacheReadTokens": 3,
    "costUsd": 0.5,
    "costSource": "provider_reported",
}
EVENT = {
    "eventId": "e-1",
    "sessionId": "old-1",
    "eventType": "tool_call",
    "eventTs": logs.at(1),
    "payload": {"a": 1},
}


def _store(**arrays: object) -> bytes:
    return json.dumps({"ledger": [], "events": [], "usage": []} | arrays).encode()


def _read(document: bytes) -> tuple[Batch, list[bool | str]]:
    reader = reading.reader(LEGACY, whole_document=True)
    parser = reader.parser("/v3-intelligence.json")
    outcomes = [reading.feed(parser, n, raw) for n, raw in enumerate(reader.records(document), 1)]
    return parser.drain(), outcomes


def test_a_row_takes_its_events_and_calls_with_it() -> None:
    """All fields of the old store that the ledger knows."""
    batch, outcomes = _read(_store(ledger=[ROW], events=[EVENT], usage=[USAGE]))
    assert outcomes == [True]
    (envelope,) = batch.envelopes
    session, (call,), (event,) = envelope.session, envelope.calls, envelope.events
    assert (session.session_id, session.status) == ("old-1", SessionStatus.FAILED)
    assert (session.task_title, session.task_text, session.task_category) == (
        "Title",
        "Text",
        "docs",
    )
    assert (session.client_run_id, session.artifact_count) == ("r-1", 2)
    assert (session.error_code, session.error_message) == ("E", "message")
    assert session.source == LEGACY
    assert (call.prompt, call.completion, call.cache_read) == (10, 5, 3)
    assert call.reported_cost == Decimal("0.5")
    assert (event.event_type, json.loads(event.payload_json)) == (EventType.TOOL_CALL, {"a": 1})


@pytest.mark.parametrize("source", ["derived", "missing", None])
def test_a_cost_that_the_provider_did_not_report_is_left_behind(source: str | None) -> None:
    """It is derived anew, so that it has a price version."""
    batch, _ = _read(_store(ledger=[ROW], usage=[USAGE | {"costSource": source}]))
    assert batch.envelopes[0].calls[0].reported_cost is None


def test_a_usage_row_without_time_or_id_gets_those_of_its_session() -> None:
    """Its end, or its start while it has none."""
    bare = {"sessionId": "old-1", "promptTokens": 1, "completionTokens": 1}
    batch, _ = _read(_store(ledger=[ROW], usage=[bare, bare]))
    first, second = batch.envelopes[0].calls
    assert (first.usage_id, second.usage_id) == ("native:old-1:usage-0", "native:old-1:usage-1")
    assert first.occurred_at == "2026-10-05T00:05:00.000000Z"
    running, _ = _read(_store(ledger=[ROW | {"endedAt": None}], usage=[bare]))
    assert running.envelopes[0].calls[0].occurred_at == "2026-10-05T00:00:00.000000Z"


def test_what_belongs_to_no_session_is_refused_row_by_row() -> None:
    """Rules and states of alerts carry nothing for the ledger."""
    _, outcomes = _read(
        _store(
            ledger=[ROW],
            events=[EVENT | {"sessionId": "gone"}],
            usage=[USAGE | {"sessionId": "gone"}, USAGE | {"sessionId": None}],
            alertRules=[{"ruleId": "r"}],
            alertStates=[{"ruleId": "r"}, {"ruleId": "s"}],
        )
    )
    assert outcomes == [True, *["SESSION_MISSING"] * 3, False, False, False]


def test_a_row_that_breaks_the_contract_is_refused_alone() -> None:
    """The other sessions of the store come through."""
    batch, outcomes = _read(
        _store(ledger=[ROW | {"status": "dreaming"}, ROW | {"sessionId": "old-2"}, {}])
    )
    assert outcomes == ["VALIDATION_ERROR", True, "VALIDATION_ERROR"]
    assert [e.session.session_id for e in batch.envelopes] == ["old-2"]


TOTALS = {"sessionId": "old-1", "totalTokens": 90, "costUsd": 0.5}


@pytest.mark.parametrize(
    ("usage", "tokens", "cost"),
    [
        ([TOTALS | {"costSource": "provider_reported"}], 90, Decimal("0.5")),
        ([TOTALS | {"costSource": "provider_reported"}] * 2, 180, Decimal(1)),
        ([TOTALS], 90, None),
        ([TOTALS, TOTALS | {"costSource": "provider_reported"}], 180, None),
    ],
    ids=["one", "two", "not reported", "one of two reported"],
)
def test_rows_without_token_classes_are_the_totals_of_the_session(
    usage: list[dict[str, object]], tokens: int, cost: Decimal | None
) -> None:
    """One row for all of them, which says that it is not exact."""
    batch, outcomes = _read(_store(ledger=[ROW], usage=usage))
    assert outcomes == [True]
    (call,) = batch.envelopes[0].calls
    assert (call.total, call.reported_cost) == (tokens, cost)
    assert call.token_confidence is Confidence.LOW


@pytest.mark.parametrize("cost", [None, "much", "NaN", [], {}, True, -1, 1e300], ids=repr)
def test_an_odd_cost_of_a_row_without_token_classes_stops_nothing(cost: object) -> None:
    """The session is read without it, or refused alone."""
    usage = [TOTALS | {"costSource": "provider_reported", "costUsd": cost}]
    batch, outcomes = _read(_store(ledger=[ROW, ROW | {"sessionId": "old-2"}], usage=usage))
    assert outcomes in ([True, True], ["VALIDATION_ERROR", True])
    assert batch.envelopes[-1].session.session_id == "old-2"


def test_a_row_that_stands_there_twice_is_one_session() -> None:
    """Both are the same envelope, with all events and calls."""
    batch, outcomes = _read(_store(ledger=[ROW, ROW], events=[EVENT], usage=[USAGE]))
    assert outcomes == [True, True]
    first, second = batch.envelopes
    assert first.fingerprint == second.fingerprint
    assert len(second.calls) == len(second.events) == 1


def test_a_store_that_was_rewritten_replaces_what_it_gave_before(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Its rows have no revision: other content is newer content, and no conflict."""
    path = tmp_path / "v3-intelligence.json"
    path.write_bytes(_store(ledger=[ROW], events=[EVENT], usage=[USAGE]))
    assert ledger.read(path).rows.sessions_new == 1
    more = USAGE | {"usageId": "u-2"}
    path.write_bytes(_store(ledger=[ROW | {"status": "done"}], usage=[USAGE, more]))
    progress = ledger.read(path)
    assert (progress.records.written, progress.records.quarantined) == (1, 0)
    session = ledger.row(session_ledger)
    assert (session["status"], len(ledger.rows(session_usage))) == ("success", 2)
    assert ledger.rows(session_events) == []
    ledger.forget_files()
    assert ledger.read(path).rows.total == 0


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b'{"ledger":5}',
        b'{"ledger":[5]}',
        b'{"events":[]}',
        b'{"ledger":[{"a":"\xff"}]}',
        b'{"ledger":[{"a":"\\ud800"}]}',
        b'{"ledger":[{"a":1e400}]}',
        b'{"ledger":[{"a":' + b"9" * 5_000 + b"}]}",
        b'{"ledger":[{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
    ],
    ids=lambda document: document[:24].decode(errors="replace"),
)
def test_a_document_that_is_no_store_is_bad_as_a_whole(document: bytes) -> None:
    """Nothing of it can be told apart."""
    with pytest.raises(BadLine) as bad:
        _read(document)
    assert bad.value.code == "LAYOUT_UNKNOWN"

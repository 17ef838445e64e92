"""Rules and sessions for the tests of alerts."""

from datetime import UTC, datetime, timedelta

import msgspec

from helicarrier import times
from helicarrier.alerts.enums import AlertMetric, AlertScope, AlertWindow
from helicarrier.alerts.model import AlertRule
from helicarrier.ingest.envelope import accept
from helicarrier.ledger.model import Batch, Winner
from tests.ingest import logs
from tests.ledger.stores import Ledger

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)
_URI = "test"


def alert_rule(rule_id: str = "cost", **values: object) -> AlertRule:
    """A rule: a dollar a day is worth a warning, two are critical."""
    known: dict[str, object] = {
        "metric": AlertMetric.DAILY_COST_USD,
        "scope": AlertScope.GLOBAL,
        "warn_threshold": 1.0,
        "critical_threshold": 2.0,
        "time_window": AlertWindow.DAY,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return AlertRule(rule_id=rule_id, **known | values)  # type: ignore[arg-type]


def ago(**span: float) -> datetime:
    """A time before now, as `timedelta` takes it."""
    return NOW - timedelta(**span)


def session(
    session_id: str,
    *calls: dict[str, object],
    began: datetime | None = None,
    ended: datetime | None = None,
    **fields: object,
) -> dict[str, object]:
    """An envelope of a session that began an hour ago and ended now, unless told otherwise."""
    times_of = {"startedAt": times.utc_text(began or ago(hours=1))}
    if ended is not None:
        times_of["endedAt"] = times.utc_text(ended)
    return logs.v2(logs.run(session_id, **times_of | fields), calls=calls)


def paid(
    call_id: str, cost: float | None, at: datetime | None = None, **fields: object
) -> dict[str, object]:
    """A call with a reported cost; None: of a model that nobody has a price for."""
    known: dict[str, object] = {"occurredAt": times.utc_text(at or ago(minutes=1))}
    known |= {"modelId": "nobodys-model"} if cost is None else {"costUsd": str(cost)}
    return logs.call(call_id, **known | fields)


def store(ledger: Ledger, *envelopes: dict[str, object]) -> None:
    """Write sessions as the service does."""
    accepted = [accept(msgspec.json.encode(one), uri=_URI) for one in envelopes]
    ledger.write(Batch(source_uri=_URI, winner=Winner.MOST_TOKENS, envelopes=accepted))

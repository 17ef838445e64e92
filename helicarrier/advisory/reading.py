"""Reading: how the area stands, and which signals of a pair hold now.

Only signals that are active and have not expired are ever shown, and none while the switch is off:
what cannot be computed is not repeated either.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Row, bindparam, or_, select
from sqlalchemy.exc import DBAPIError

from helicarrier import times
from helicarrier.advisory.enums import SignalType
from helicarrier.advisory.model import Signal
from helicarrier.advisory.session import tables_are_gone
from helicarrier.advisory.switch import FeatureState, current, read
from helicarrier.advisory.tables import p3_advisory_signal
from helicarrier.canonical import JSONValue
from helicarrier.store.operational import OperationalStore
from helicarrier.store.query import open_query

_SIGNALS = """
    SELECT
      COALESCE(SUM(CASE WHEN is_active = 1 AND (expires_at IS NULL OR expires_at > :now)
                        THEN 1 ELSE 0 END), 0) AS active,
      COALESCE(SUM(CASE WHEN is_active = 1 AND expires_at <= :now THEN 1 ELSE 0 END), 0)
        AS expired,
      COALESCE(SUM(CASE WHEN is_active = 0 THEN 1 ELSE 0 END), 0) AS inactive
    FROM p3_advisory_signal
"""
_BUDGETS = """
    SELECT COUNT(*) AS resumes, COALESCE(SUM(used_advisories), 0) AS used
    FROM p3_advisory_budget WHERE budget_day = :day
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The switch and the counts; `state` is None where the tables are not there."""

    state: FeatureState | None
    active: int = 0
    expired: int = 0
    inactive: int = 0
    resumes_today: int = 0
    used_today: int = 0

    def as_json(self) -> dict[str, JSONValue]:
        """The overview as `helicarrier advisory status --json` prints it."""
        state = self.state
        return {
            "installed": state is not None,
            "enabled": state is not None and state.enabled,
            "rollout_percent": 0 if state is None else state.rollout_percent,
            "updated_at": None if state is None else times.utc_text(state.updated_at),
            "signals": {
                "active": self.active,
                "expired": self.expired,
                "inactive": self.inactive,
            },
            "budget_today": {"resumes": self.resumes_today, "used": self.used_today},
        }


def overview(url: str, *, now: datetime) -> Overview:
    """How the area stands in the store at `url`.

    Raises:
        NotReady: there is no store.
        StorageUnavailable: it cannot be read.
    """
    state = current(url)
    if state is None:
        return Overview(state=None)
    with open_query(url) as query:
        (signals,) = query.rows(_SIGNALS, {"now": times.utc_text(now)})
        today = now.astimezone(UTC).date().isoformat()
        (budgets,) = query.rows(_BUDGETS, {"day": today})
    return Overview(
        state=state,
        active=int(str(signals["active"])),
        expired=int(str(signals["expired"])),
        inactive=int(str(signals["inactive"])),
        resumes_today=int(str(budgets["resumes"])),
        used_today=int(str(budgets["used"])),
    )


def signals_of(
    store: OperationalStore, resume_id: str, job_posting_id: str, *, now: datetime
) -> list[Signal]:
    """The signals of a pair that hold now, newest first; none while the switch is off.

    Raises:
        StorageUnavailable: the store cannot be read.
    """
    try:
        with store.read() as connection:
            state = read(connection)
            if state is None or not state.on:
                return []
            rows = connection.execute(
                _OF_PAIR, {"resume": resume_id, "posting": job_posting_id, "at": now}
            ).all()
    except DBAPIError as error:
        if tables_are_gone(error):
            return []
        raise
    return [_signal(row) for row in rows]


_C = p3_advisory_signal.c
_AT = bindparam("at", type_=_C.expires_at.type)
_OF_PAIR = (
    select(p3_advisory_signal)
    .where(
        _C.resume_id == bindparam("resume"),
        _C.job_posting_id == bindparam("posting"),
        _C.is_active == 1,
        or_(_C.expires_at.is_(None), _C.expires_at > _AT),
    )
    .order_by(_C.computed_at.desc(), _C.id.desc())
)


def _signal(row: Row[tuple[object, ...]]) -> Signal:
    payload = json.loads(row.signal_payload)
    return Signal(
        kind=SignalType(row.signal_type),
        confidence=row.confidence_score,
        summary=payload["summary"],
        details=payload["details"],
        model_version=row.model_version,
        computed_at=row.computed_at,
    )

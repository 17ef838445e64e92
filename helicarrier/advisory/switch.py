"""The kill switch: one row that each decision reads before anything else.

No row, no table, off and 0% all mean the same: nothing is computed and nothing is written. Turning
it is an operator's act, so the audit log has it in the same transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Row, insert, select, update

from helicarrier.advisory.tables import FEATURE, p3_feature_state
from helicarrier.canonical import JSONValue
from helicarrier.errors import UsageError
from helicarrier.ledger import audit
from helicarrier.store import migrate
from helicarrier.store.operational import OperationalStore
from helicarrier.store.query import open_query
from helicarrier.store.versions import P3

_STATE = select(p3_feature_state).where(p3_feature_state.c.feature_name == FEATURE)
WHOLE = 100
"""Percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureState:
    """How the switch stands."""

    enabled: bool
    rollout_percent: int
    updated_at: datetime

    @property
    def on(self) -> bool:
        """Whether anybody is advised at all."""
        return self.enabled and self.rollout_percent > 0


def read(connection: Connection) -> FeatureState | None:
    """The switch in the snapshot of `connection`; None where there is no row."""
    row = connection.execute(_STATE).one_or_none()
    return None if row is None else _state(row)


def installed(url: str) -> bool:
    """Whether all tables of the area are there.

    Raises:
        NotReady: there is no store.
        StorageUnavailable: it cannot be reached.
    """
    with open_query(url) as query:
        return query.current_revision(P3) is not None


def current(url: str) -> FeatureState | None:
    """The switch of the store at `url`; None where the tables or the row are not there."""
    if not installed(url):
        return None
    store = OperationalStore(url)
    try:
        with store.read() as connection:
            return read(connection)
    finally:
        store.close()


def enable(
    url: str, backups: Path, *, percent: int | None, actor: str, now: datetime
) -> FeatureState:
    """Turn it on; the tables are made where they are not there.

    Args: url; backups, a folder for the case that the tables are of an older version; percent of
    the resumes, None keeps what is set; actor; now.

    Raises:
        UsageError: the percentage is not 0 to 100.
        NotReady: the store is not at the schema of this version.
        StorageUnavailable: it cannot be written.
    """
    if percent is not None and not 0 <= percent <= WHOLE:
        raise UsageError("the rollout is a whole percentage from 0 to 100")
    migrate.upgrade(url, backups, environment=P3)
    values: dict[str, int] = {"enabled": 1}
    if percent is not None:
        values["rollout_percent"] = percent
    return _turn(url, values, actor=actor, now=now)


def disable(url: str, *, actor: str, now: datetime) -> FeatureState | None:
    """Turn it off; the percentage stays. None where there are no tables: it is off.

    Raises:
        NotReady: there is no store.
        StorageUnavailable: it cannot be written.
    """
    if not installed(url):
        return None
    return _turn(url, {"enabled": 0}, actor=actor, now=now)


def _turn(url: str, values: Mapping[str, int], *, actor: str, now: datetime) -> FeatureState:
    store = OperationalStore(url)
    details: dict[str, JSONValue] = dict(values)
    changed = {**values, "updated_at": now}
    mine = p3_feature_state.c.feature_name == FEATURE
    try:
        with store.write() as connection:
            done = connection.execute(update(p3_feature_state).where(mine).values(changed))
            if not done.rowcount:
                row = {"feature_name": FEATURE, **changed}
                connection.execute(insert(p3_feature_state).values(row))
            action = "advisory.enabled" if values["enabled"] else "advisory.disabled"
            audit.record(
                connection, actor=actor, action=action, subject=FEATURE, now=now, details=details
            )
            return _state(connection.execute(_STATE).one())
    finally:
        store.close()


def _state(row: Row[tuple[object, ...]]) -> FeatureState:
    return FeatureState(
        enabled=bool(row.enabled),
        rollout_percent=row.rollout_percent,
        updated_at=row.updated_at,
    )

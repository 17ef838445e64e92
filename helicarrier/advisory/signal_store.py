"""Signals and their cache: what was computed once is not computed again while it holds.

A key names what a signal depends on. The row of a key points at its newest signal; a signal that is
gone, inactive or expired is none, and the next one takes its place in the row. Two workers may
compute the same key at once: the row goes to one of them, the other one's signal is never stored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from helicarrier.advisory.enums import SignalType
from helicarrier.advisory.model import Advice
from helicarrier.advisory.tables import p3_advisory_cache, p3_advisory_signal
from helicarrier.canonical import JSONValue, canonical_bytes, sha256
from helicarrier.matches.model import MatchResult

_S, _CACHE = p3_advisory_signal.c, p3_advisory_cache.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Cached:
    """What the cache holds under a key: a signal that holds, or one that did."""

    signal_id: str
    holds: bool


def cache_key(result_id: str, kind: SignalType, model_version: str) -> str:
    """The hash (SHA-256, hex) of the canonical JSON (RFC 8785) of what a signal depends on."""
    return sha256(
        canonical_bytes(
            {
                "analysis_result_id": result_id,
                "signal_type": kind.value,
                "model_version": model_version,
            }
        )
    )


def look_up(connection: Connection, key: str, now: datetime) -> Cached | None:
    """What is cached under a key at a time."""
    row = connection.execute(_LOOK_UP, {"of_key": key, "at": now}).one_or_none()
    return None if row is None else Cached(signal_id=row.signal_id, holds=row.held is not None)


def keep(
    connection: Connection,
    result: MatchResult,
    kind: SignalType,
    advice: Advice,
    *,
    model_version: str,
    before: Cached | None,
    now: datetime,
    new_id: Callable[[], object],
) -> str | None:
    """Store a signal and its cache row in the open transaction.

    Args: connection; what it is of, its kind and what it says; model_version; before, what was
    cached when it was looked up; now; new_id.

    Returns: the id of the signal; None when another worker's came first, and nothing is stored.
    """
    signal_id = str(new_id())
    values = {
        "new_id": str(new_id()),
        "new_cache_key": cache_key(result.result_id, kind, model_version),
        "new_signal_id": signal_id,
        "new_created_at": now,
        "replaced": None if before is None else before.signal_id,
    }
    if connection.execute(_TAKE[connection.dialect.name], values).first() is None:
        return None
    payload: JSONValue = {"summary": advice.summary, "details": dict(advice.details)}
    connection.execute(
        insert(p3_advisory_signal).values(
            id=signal_id,
            resume_id=result.resume_id,
            job_posting_id=result.job_posting_id,
            signal_type=kind.value,
            signal_payload=canonical_bytes(payload).decode(),
            confidence_score=advice.confidence,
            model_version=model_version,
            computed_at=now,
            expires_at=advice.expires_at,
            is_active=1,
            created_at=now,
        )
    )
    return signal_id


def expire(connection: Connection, *, now: datetime, limit: int) -> int:
    """Mark at most `limit` signals whose time is over, and take them out of the cache."""
    over = (
        select(_S.id)
        .where(_S.is_active == 1, _S.expires_at <= now)
        .order_by(_S.expires_at, _S.id)
        .limit(limit)
    )
    ids = list(connection.execute(over).scalars())
    if ids:
        connection.execute(update(p3_advisory_signal).where(_S.id.in_(ids)).values(is_active=0))
        connection.execute(delete(p3_advisory_cache).where(_CACHE.signal_id.in_(ids)))
    return len(ids)


_AT = bindparam("at", type_=_S.expires_at.type)
_LOOK_UP = (
    select(_CACHE.signal_id, _S.id.label("held"))
    .select_from(
        p3_advisory_cache.outerjoin(
            p3_advisory_signal,
            (_S.id == _CACHE.signal_id)
            & (_S.is_active == 1)
            & or_(_S.expires_at.is_(None), _S.expires_at > _AT),
        )
    )
    .where(_CACHE.cache_key == bindparam("of_key"))
)


def _take(dialect: Literal["sqlite", "postgresql"]) -> ReturningInsert[tuple[str]]:
    """The row of a key, new or from the signal that was seen there and no longer holds."""
    insert_into = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = insert_into(p3_advisory_cache).values(
        id=bindparam("new_id"),
        cache_key=bindparam("new_cache_key"),
        signal_id=bindparam("new_signal_id"),
        created_at=bindparam("new_created_at"),
    )
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[_CACHE.cache_key],
        set_={"signal_id": new.signal_id, "created_at": new.created_at},
        where=_CACHE.signal_id == bindparam("replaced", type_=_CACHE.signal_id.type),
    ).returning(_CACHE.id)


_TAKE = {"sqlite": _take("sqlite"), "postgresql": _take("postgresql")}

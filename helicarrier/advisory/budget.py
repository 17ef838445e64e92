"""The budget: how many signals a resume may get on a day, kept by one statement.

Granting is one upsert that either counts up or does nothing, so no two workers can share a unit.
Whoever was granted one and has no signal to show gives it back. A worker that dies in between
leaves its unit used: the budget may be kept too strictly, never too loosely.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import Connection, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from helicarrier.advisory.tables import p3_advisory_budget

_C = p3_advisory_budget.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A resume's budget on a day."""

    resume_id: str
    day: date
    limit: int


def grant(
    connection: Connection, account: Account, *, now: datetime, new_id: Callable[[], object]
) -> bool:
    """Take one unit; False when there is none left. The newest limit counts."""
    if account.limit < 1:
        return False
    values = {
        "id": str(new_id()),
        "resume_id": account.resume_id,
        "budget_day": account.day,
        "max_advisories": account.limit,
        "used_advisories": 1,
        "created_at": now,
    }
    return connection.execute(_GRANTS[connection.dialect.name], values).first() is not None


def refund(connection: Connection, account: Account) -> None:
    """Give a unit back."""
    connection.execute(_REFUND, {"of_resume": account.resume_id, "on_day": account.day})


_REFUND = (
    update(p3_advisory_budget)
    .where(
        _C.resume_id == bindparam("of_resume"),
        _C.budget_day == bindparam("on_day"),
        _C.used_advisories > 0,
    )
    .values(used_advisories=_C.used_advisories - 1)
)


def _grant(dialect: Literal["sqlite", "postgresql"]) -> ReturningInsert[tuple[int]]:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = insert(p3_advisory_budget)
    limit = statement.excluded.max_advisories
    return statement.on_conflict_do_update(
        index_elements=[_C.resume_id, _C.budget_day],
        set_={"used_advisories": _C.used_advisories + 1, "max_advisories": limit},
        where=_C.used_advisories < limit,
    ).returning(_C.used_advisories)


_GRANTS = {"sqlite": _grant("sqlite"), "postgresql": _grant("postgresql")}

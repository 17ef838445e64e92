"""Finding the sessions of a page: how many match, and the ids of those to show, in order.

A word that few sessions hold finds them by itself. One that many hold would make the database put
thousands of rows in order to show fifty, so there the page is a walk along the index of the order
that looks each session up in the search. The answers are the same either way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, TextClause, and_, func, select, text

from helicarrier.ledger.tables import session_ledger
from helicarrier.store.fulltext import SearchCondition

MANY = 2_000
"""Sessions that hold the words, from which on the words no longer find the rows."""

MOST_LOOKUPS = 5_000
"""Looking so many sessions up costs what collecting all that hold a common word costs."""

_ID = select(session_ledger.c.session_id)
_COUNT = select(func.count()).select_from(session_ledger)
# The planner takes the search for cheap and would read and cut every text rather than use the
# index of a common word.
_USE_INDEXES = text("SET LOCAL enable_seqscan = off")
_ABOUT_ALL_SESSIONS = text("SELECT reltuples FROM pg_class WHERE oid = 'session_ledger'::regclass")
_WALK_FACTOR = 4_000  # fifty rows of a page, times eighty collected rows for one text that is cut

Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to find: `filters` and `search` all hold, `order` is total.

    `ordered_by_index`: with these filters, an index gives the rows in this order. `many` and
    `most_lookups` decide which way is taken and nothing else.
    """

    filters: Sequence[Condition]
    search: SearchCondition | None
    order: Sequence[ColumnElement[Any]]
    ordered_by_index: bool
    limit: int
    offset: int
    many: int = MANY
    most_lookups: int = MOST_LOOKUPS

    def ids(self, connection: Connection, *conditions: Condition | TextClause) -> list[str]:
        """The ids of the page under these conditions."""
        page = _ID.where(*conditions).order_by(*self.order)
        found = connection.execute(page.limit(self.limit).offset(self.offset))
        return list(found.scalars())


def find(connection: Connection, wanted: Wanted) -> tuple[int, list[str]]:
    """How many sessions match, and the ids of the page in order."""
    if wanted.search is None:
        total = _count(connection, *wanted.filters)
        return total, wanted.ids(connection, *wanted.filters)
    if connection.dialect.name == "sqlite":
        return _searched_on_sqlite(connection, wanted, wanted.search)
    return _searched_on_postgres(connection, wanted, wanted.search)


def _searched_on_sqlite(
    connection: Connection, wanted: Wanted, search: SearchCondition
) -> tuple[int, list[str]]:
    def bound(sql: str) -> TextClause:
        return text(sql).bindparams(**search.params)

    filters = wanted.filters
    few = search.count_to is None or (
        connection.execute(bound(search.count_to).bindparams(most=wanted.many)).scalar_one()
        < wanted.many
    )
    if few:
        total = _count(connection, *filters, bound(search.sql))
        return total, wanted.ids(connection, *filters, bound(search.sql))
    sessions = _count(connection, *filters)
    if filters:
        by_lookup = sessions <= wanted.most_lookups
        total = _count(
            connection, *filters, bound(search.one_by_one if by_lookup else search.beside)
        )
    else:
        total = connection.execute(bound(search.count)).scalar_one()
    lookups = sessions
    if wanted.ordered_by_index:
        lookups = min(sessions, (wanted.offset + wanted.limit) * sessions // max(total, 1))
    condition = search.one_by_one if lookups <= wanted.most_lookups else search.beside
    return total, wanted.ids(connection, *filters, bound(condition))


def _searched_on_postgres(
    connection: Connection, wanted: Wanted, search: SearchCondition
) -> tuple[int, list[str]]:
    connection.execute(_USE_INDEXES)
    condition = text(search.sql).bindparams(**search.params)
    if wanted.filters:
        # First what the words find, then the filters: each other row would be read and cut.
        holds = and_(*wanted.filters).label("holds")
        found = select(holds).where(condition).cte("found").prefix_with("MATERIALIZED")
        query = select(func.count()).select_from(found).where(found.c.holds)
        total = connection.execute(query).scalar_one()
    else:
        total = _count(connection, condition)
    if wanted.ordered_by_index and _is_common(connection, total):
        return total, wanted.ids(connection, *wanted.filters, condition)
    collected = _ID.where(condition).cte("collected").prefix_with("MATERIALIZED")
    one_of_them = session_ledger.c.session_id.in_(select(collected.c.session_id))
    return total, wanted.ids(connection, *wanted.filters, one_of_them)


def _is_common(connection: Connection, total: int) -> bool:
    """Whether a page is found sooner by walking along its order than by collecting all that match.

    The walk reads and cuts one text in sessions / total for each row of the page, which takes a
    hundred times as long as collecting a row. The planner knows neither, so it is not asked. Where
    nobody has counted the sessions yet, collecting is never slow.
    """
    sessions: float = connection.execute(_ABOUT_ALL_SESSIONS).scalar_one()
    return sessions > 0 and total * total > _WALK_FACTOR * sessions


def _count(connection: Connection, *conditions: Condition | TextClause) -> int:
    total: int = connection.execute(_COUNT.where(*conditions)).scalar_one()
    return total

"""The area's own session: a store that writes to tables with the area's prefix and to no other.

The guard looks at each statement before the driver gets it. It knows the few forms that the area
needs and refuses everything else, so a form that it does not know is no hole. Reading is free:
match results are read, never altered. On Postgres a connection is not tried before it is used, so
that a decision which finds the switch off is one statement; after a restart of the server one
decision fails for it, which no caller sees.
"""

import re
import sqlite3
from typing import Any

from sqlalchemy import Connection, event

from helicarrier.advisory.tables import PREFIX
from helicarrier.errors import ErrorCode, HelicarrierError
from helicarrier.store.addresses import PostgresDatabase, parse_address
from helicarrier.store.operational import WAIT_SECONDS, OperationalStore, postgres_engine

_OPAQUE = re.compile(r"'(?:[^']|'')*' | --[^\n]* | /\*.*?\*/", re.VERBOSE | re.DOTALL)
_FORM = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
_TARGET = re.compile(
    r"""\b(?: INTO | (?<!FOR\s)(?<!DO\s)UPDATE | DELETE \s+ FROM ) \b
        \s* (?: "?\w+"? \s* \. \s* )? "? (?P<table> \w* ) "? (?P<more> \s* \. )?""",
    re.VERBOSE | re.IGNORECASE,
)
_FORBIDDEN = re.compile(
    r";\s*\S | \$\w*\$ | \bFOR\s+(?:NO\s+KEY\s+)?UPDATE\b | \bFOR\s+(?:KEY\s+)?SHARE\b",
    re.VERBOSE | re.IGNORECASE,
)


_PRIMARY = 0xFF  # the lower byte of SQLite's extended code is the primary one
_GONE = {"42P01", "XX000"}  # undefined table; could not open relation


class AdvisoryStore(OperationalStore):
    """The operational store as the advisory area may use it."""

    def __init__(self, url: str, *, wait_seconds: float = WAIT_SECONDS) -> None:
        """See `OperationalStore`. Writing raises HelicarrierError (GOVERNANCE_BREACH) elsewhere."""
        super().__init__(url, wait_seconds=wait_seconds)
        address = parse_address(url)
        if isinstance(address, PostgresDatabase):
            self._use(postgres_engine(address, ping=False))

        @event.listens_for(self._writer, "before_cursor_execute")
        def guard(
            _connection: Connection,
            _cursor: object,
            statement: str,
            _parameters: Any,  # noqa: ANN401 - the event's own signature
            _context: object,
            _many: bool,  # noqa: FBT001 - the event's own signature
        ) -> None:
            require_own(statement)


def require_own(statement: str) -> None:
    """Passes a statement that reads, or writes to tables of the area alone.

    Raises:
        HelicarrierError: GOVERNANCE_BREACH, nothing was executed.
    """
    plain = _OPAQUE.sub(" '' ", statement)
    form = _FORM.match(plain)
    targets = list(_TARGET.finditer(plain))
    own = all(t["table"].lower().startswith(PREFIX) and not t["more"] for t in targets)
    if form is None or _FORBIDDEN.search(plain) or not own:
        raise _refused()
    if form[1].upper() != "SELECT" and not targets:
        raise _refused()


def _refused() -> HelicarrierError:
    return HelicarrierError(
        f"the advisory area tried to write outside of its {PREFIX} tables; nothing was written",
        code=ErrorCode.GOVERNANCE_BREACH,
        hint="Write through the area whose table it is.",
    )


def tables_are_gone(error: Exception) -> bool:
    """Whether an error says that a table is not there, as during and after a rollback.

    SQLite has no code of its own for it: a plain error of a statement that has always worked.
    Postgres says so by name, or that the table went away while it was being opened.
    """
    cause = getattr(error, "orig", None)
    if isinstance(cause, sqlite3.OperationalError):
        return cause.sqlite_errorcode & _PRIMARY == sqlite3.SQLITE_ERROR
    return getattr(cause, "sqlstate", None) in _GONE

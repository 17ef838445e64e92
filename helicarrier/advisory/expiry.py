"""Expiry: signals whose time is over are marked, and their cache rows go.

Nobody sees an expired signal before that either; marking keeps the index of active ones small and
lets the next decision compute anew. While the switch is off nothing is written.
"""

from datetime import datetime

from sqlalchemy.exc import DBAPIError

from helicarrier.advisory import switch
from helicarrier.advisory.session import AdvisoryStore, tables_are_gone
from helicarrier.advisory.signal_store import expire

AT_ONCE = 500
"""Signals of one transaction: others get their turn in between."""


def expire_signals(store: AdvisoryStore, *, now: datetime, limit: int) -> int | None:
    """Mark at most about `limit` signals that have expired.

    Returns: how many were marked; None while the switch is off or the tables are gone.

    Raises:
        NotReady: there is no store.
        StorageUnavailable: it cannot be written.
    """
    marked = 0
    try:
        with store.read() as connection:
            state = switch.read(connection)
        if state is None or not state.on:
            return None
        while marked < limit:
            with store.write() as connection:
                done = expire(connection, now=now, limit=min(AT_ONCE, limit - marked))
            marked += done
            if done < AT_ONCE:
                break
    except DBAPIError as error:
        if not tables_are_gone(error):
            raise
        return None
    return marked

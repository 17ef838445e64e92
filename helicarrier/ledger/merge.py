"""Which of several copies of a session or a call the ledger keeps: pure rules, no storage.

The rules are orders, so that the outcome does not depend on the order in which files are
imported, and importing the same file twice changes nothing.
"""

from collections.abc import Iterable, Sequence

import msgspec

from helicarrier.ledger.model import Call, Session, Winner


class StoredCall(msgspec.Struct, frozen=True, gc=False):
    """What is needed of a call in the ledger; `owner_started_at` is its session's start."""

    usage_id: str
    session_id: str
    source_uri: str
    source_line: int | None
    occurred_at: str
    total_tokens: int
    owner_started_at: str
    cost_nanos: int | None


def grown(before: Session, seen: Session) -> Session:
    """Two tellings of one session by the same file: stretched over both, the later one counts.

    Of equal ones that seen now is the later, since a file only grows. What it does not say (a
    parser that was woken does not repeat titles and texts) is kept from the other.
    """
    later, other = (seen, before) if _last_sign(seen) >= _last_sign(before) else (before, seen)
    return _described(
        later, by_end=(other, later), by_start=sorted((before, seen), key=_first_sign)
    )


def told(tellings: Iterable[Session]) -> Session:
    """What all files that tell of a session say together.

    It is stretched over all of them. The one that knows it longest says how it ended; of title,
    version and branch the latest counts, of request, folder and commit the earliest, each of those
    that say something. On a tie the source decides, so that the set of files makes the outcome.
    """
    by_source = sorted(tellings, key=lambda told: told.source_uri)
    by_end = sorted(by_source, key=_last_sign)
    return _described(by_end[-1], by_end=by_end, by_start=sorted(by_source, key=_first_sign))


def _described(
    later: Session, *, by_end: Sequence[Session], by_start: Sequence[Session]
) -> Session:
    latest = by_end[::-1]
    return msgspec.structs.replace(
        later,
        started_at=by_start[0].started_at,
        ended_at=_said(told.ended_at for told in latest),
        task_title=_said(told.task_title for told in latest),
        source_version=_said(told.source_version for told in latest),
        git_branch=_said(told.git_branch for told in latest),
        task_text=_said(told.task_text for told in by_start),
        cwd=_said(told.cwd for told in by_start),
        git_commit=_said(told.git_commit for told in by_start),
    )


def _said(values: Iterable[str | None]) -> str | None:
    return next(filter(None, values), None)


def _first_sign(told: Session) -> str:
    return told.started_at


def _last_sign(told: Session) -> str:
    return told.ended_at or told.started_at


def rank(
    winner: Winner, total_tokens: int, occurred_at: str, source_uri: str, line: int | None
) -> tuple[int, str, str, int]:
    """Sort key of a copy of a call: the smallest is kept."""
    tokens = -total_tokens if winner is Winner.MOST_TOKENS else 0
    return tokens, occurred_at, source_uri, line or 0


def beats_stored(winner: Winner, call: Call, source_uri: str, stored: StoredCall) -> bool:
    """Whether a call that was just read replaces the stored copy."""
    return rank(winner, call.total, call.occurred_at, source_uri, call.line) < rank(
        winner, stored.total_tokens, stored.occurred_at, stored.source_uri, stored.source_line
    )

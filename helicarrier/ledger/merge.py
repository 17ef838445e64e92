"""Which of several copies of a session or a call the ledger keeps: pure rules, no storage.

The rules are orders, so that the outcome does not depend on the order in which files are
imported, and importing the same file twice changes nothing.
"""

import msgspec

from helicarrier.ledger.enums import UNKNOWN_MODEL
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


def merge_sessions(stored: Session, seen: Session) -> Session:
    """Two tellings of one session: stretched over both, described by the later one.

    An envelope vouches for its session as a whole, so a log of the same session only adds calls
    and events. The later telling is the one that knows the session longer; on a tie the one from
    the greater source, and of the same source the one seen now, which has grown. Titles and texts
    that tellings of one time and source disagree on may depend on the order of import; numbers
    never do.
    """
    if stored.payload_sha256 is not None:
        return stored
    stored_rank = (stored.ended_at or stored.started_at, stored.source_uri)
    seen_rank = (seen.ended_at or seen.started_at, seen.source_uri)
    later, other = (seen, stored) if seen_rank >= stored_rank else (stored, seen)
    first, second = sorted((stored, seen), key=lambda s: (s.started_at, s.source_uri))
    return msgspec.structs.replace(
        later,
        idempotency_key=stored.idempotency_key,
        started_at=first.started_at,
        ended_at=later.ended_at or other.ended_at,
        task_title=later.task_title or other.task_title,
        task_text=first.task_text or second.task_text,
        source_version=later.source_version or other.source_version,
        cwd=first.cwd or second.cwd,
        git_branch=later.git_branch or other.git_branch,
        git_commit=first.git_commit or second.git_commit,
        model_id=other.model_id if later.model_id == UNKNOWN_MODEL else later.model_id,
    )


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

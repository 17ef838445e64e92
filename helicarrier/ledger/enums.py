"""The closed vocabularies of the ledger; database CHECKs and the envelope contract read them."""

from enum import StrEnum


class SessionStatus(StrEnum):
    """How a session stands or ended."""

    SUCCESS = "success"
    FAILED = "failed"
    KILLED = "killed"
    CANCELLED = "cancelled"
    RUNNING = "running"
    QUEUED = "queued"


class EventType(StrEnum):
    """What kind of thing happened in a session."""

    TOOL_CALL = "tool_call"
    MESSAGE = "message"
    STATE_TRANSITION = "state_transition"
    ARTIFACT = "artifact"
    ERROR = "error"
    METRIC = "metric"


class FileState(StrEnum):
    """Where the import of a file stands."""

    PARTIAL = "partial"  # rows up to `byte_offset` are committed, more bytes are known to follow
    COMPLETE = "complete"


class ImportOutcome(StrEnum):
    """How an import stands or ended."""

    RUNNING = "running"
    COMPLETED = "completed"
    REJECTED = "rejected"  # it ended, and files were refused as a whole
    FAILED = "failed"  # it broke off; what it had committed is kept and counted


class Dataset(StrEnum):
    """What is derived from the ledger day by day, in the order in which it is refreshed."""

    USAGE_FACTS = "usage_facts"
    SESSION_FACTS = "session_facts"
    DAILY_USAGE_AGG = "daily_usage_agg"
    MODEL_PERF_AGG = "model_perf_agg"


UNKNOWN_MODEL = "unknown"
"""The model of a session that names none and made no call."""

UNCATEGORIZED = "uncategorized"
"""The task category of a session whose source knows none."""

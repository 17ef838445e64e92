"""The one error tree: every failure a user can meet has a code, an exit code and a remedy.

    HelicarrierError
    ├── UsageError            64  the call itself is wrong: an option, a setting
    ├── NotReady               3  the store is not at the schema this version needs
    ├── InputRejected          4  data was refused; nothing of it was written
    │   └── ContractError         one envelope was refused, with a list of violations
    ├── RequestRefused         4  an HTTP request was refused before anything was looked up
    ├── Conflict               5  the same key with other content
    ├── StorageUnavailable     6  the database or a file cannot be reached or written
    └── VerificationFailed     7  stored data does not agree with itself

A message says what happened, to what, what was expected; `hint` says what to do. Messages never
echo the offending input: they are deterministic and safe to log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """Stable codes: clients, runbooks and tests refer to them, so they never change meaning."""

    INTERNAL = "INTERNAL"
    USAGE = "USAGE"
    SETTING_INVALID = "SETTING_INVALID"
    MIGRATION_PENDING = "MIGRATION_PENDING"
    MIGRATION_FAILED = "MIGRATION_FAILED"
    SCHEMA_TOO_NEW = "SCHEMA_TOO_NEW"
    DB_PATH_INVALID = "DB_PATH_INVALID"
    STORAGE_UNAVAILABLE = "STORAGE_UNAVAILABLE"
    STORAGE_BUSY = "STORAGE_BUSY"
    UNSUPPORTED_CONTRACT_VERSION = "UNSUPPORTED_CONTRACT_VERSION"
    VALIDATION_ERROR = "VALIDATION_ERROR"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    STILL_REFERENCED = "STILL_REFERENCED"
    TOO_MANY_BAD_LINES = "TOO_MANY_BAD_LINES"
    UNKNOWN_FORMAT = "UNKNOWN_FORMAT"
    NOT_FOUND = "NOT_FOUND"
    GOVERNANCE_BREACH = "GOVERNANCE_BREACH"
    VERIFICATION_FAILED = "VERIFICATION_FAILED"
    BACKUP_INVALID = "BACKUP_INVALID"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    CONTROL_DISABLED = "CONTROL_DISABLED"
    START_FAILED = "START_FAILED"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    RATE_LIMITED = "RATE_LIMITED"


class HelicarrierError(Exception):
    """Root of the tree; `http_status` and `exit_code` are the defaults of each branch."""

    http_status = 500
    exit_code = 1
    default_code = ErrorCode.INTERNAL

    def __init__(self, message: str, *, code: ErrorCode | None = None, hint: str = "") -> None:
        """Args: message (what happened, to what), code (defaults to the branch's), hint."""
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint


class UsageError(HelicarrierError):
    """The call itself is wrong: an unknown option, a setting that cannot be read."""

    http_status = 400
    exit_code = 64
    default_code = ErrorCode.USAGE


class NotReady(HelicarrierError):
    """The store is not at the schema this version needs; `code` is one of the readiness codes."""

    http_status = 503
    exit_code = 3
    default_code = ErrorCode.MIGRATION_PENDING


class InputRejected(HelicarrierError):
    """Data was refused and nothing of it was written."""

    http_status = 400
    exit_code = 4
    default_code = ErrorCode.VALIDATION_ERROR


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Violation:
    """One reason why an envelope was refused: a JSON pointer (RFC 6901), a code, a sentence."""

    pointer: str
    code: str
    message: str


class ContractError(InputRejected):
    """An envelope broke the contract; `violations` are sorted, so the answer is reproducible."""

    def __init__(self, code: ErrorCode, message: str, violations: Sequence[Violation] = ()) -> None:
        """Args: code, message, violations in any order (kept sorted and without repeats)."""
        super().__init__(message, code=code)
        self.http_status = 422 if code is ErrorCode.UNSUPPORTED_CONTRACT_VERSION else 400
        self.violations = tuple(sorted(set(violations)))


class RequestRefused(HelicarrierError):
    """An HTTP request was refused before anything was looked up or written."""

    exit_code = 4

    def __init__(self, http_status: int, code: ErrorCode, message: str) -> None:
        """Args: http_status (4xx), code, message."""
        super().__init__(message, code=code)
        self.http_status = http_status


class Conflict(HelicarrierError):
    """The same key came with other content; the stored row stays as it was."""

    http_status = 409
    exit_code = 5
    default_code = ErrorCode.IDEMPOTENCY_CONFLICT


class StorageUnavailable(HelicarrierError):
    """The database or a file cannot be reached, locked or written; trying again may help."""

    http_status = 503
    exit_code = 6
    default_code = ErrorCode.STORAGE_UNAVAILABLE


class VerificationFailed(HelicarrierError):
    """Stored data does not agree with itself or with the contract."""

    http_status = 500
    exit_code = 7
    default_code = ErrorCode.VERIFICATION_FAILED

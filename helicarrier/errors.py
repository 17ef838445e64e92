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
    """A defect (HTTP 500). The log names its type; report it with what was asked."""
    USAGE = "USAGE"
    """The call itself is wrong. `--help` shows how it goes."""
    SETTING_INVALID = "SETTING_INVALID"
    """A variable cannot be read; the message names it. See the configuration page."""
    MIGRATION_PENDING = "MIGRATION_PENDING"
    """The store is older than this version (503 at `/readyz`). `helicarrier migrate up`."""
    MIGRATION_FAILED = "MIGRATION_FAILED"
    """A migration broke off and was rolled back (503 at `/readyz`). Read the log, then
    try again; the backup is in `backups/`."""
    SCHEMA_TOO_NEW = "SCHEMA_TOO_NEW"
    """A newer version wrote the store (503 at `/readyz`). Run that version, or restore."""
    DB_PATH_INVALID = "DB_PATH_INVALID"
    """There is no database at the address, and none can be made (503 at `/readyz`)."""
    STORAGE_UNAVAILABLE = "STORAGE_UNAVAILABLE"
    """The store cannot be used now (HTTP 503): full, locked, gone. Nothing was
    written; send it again after `Retry-After`. It recovers without a restart."""
    STORAGE_BUSY = "STORAGE_BUSY"
    """Somebody else holds the store, or too much waits for it (HTTP 503). Try again."""
    UNSUPPORTED_CONTRACT_VERSION = "UNSUPPORTED_CONTRACT_VERSION"
    """An envelope version that this service does not know (HTTP 422)."""
    VALIDATION_ERROR = "VALIDATION_ERROR"
    """What was sent breaks its contract (HTTP 400). `errors` has each place and rule;
    sending it again changes nothing."""
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    """The key is taken by other content (HTTP 409). Raise `revision` to replace it."""
    STILL_REFERENCED = "STILL_REFERENCED"
    """Something else still points at it; that has to go first."""
    TOO_MANY_BAD_LINES = "TOO_MANY_BAD_LINES"
    """So many lines are broken that the file was refused whole. Look at the
    quarantine."""
    UNKNOWN_FORMAT = "UNKNOWN_FORMAT"
    """No reader knows the file."""
    NOT_FOUND = "NOT_FOUND"
    """There is nothing of that name (HTTP 404)."""
    GOVERNANCE_BREACH = "GOVERNANCE_BREACH"
    """A cost was about to be written without its provenance; it was not. A defect."""
    VERIFICATION_FAILED = "VERIFICATION_FAILED"
    """Stored data does not agree with itself. Compare with a backup before going on."""
    BACKUP_INVALID = "BACKUP_INVALID"
    """The backup is damaged or of another kind of store; nothing was replaced."""
    UNAUTHENTICATED = "UNAUTHENTICATED"
    """No token, or one that is unknown, expired or revoked (HTTP 401)."""
    FORBIDDEN = "FORBIDDEN"
    """The token does not reach, or a page of another site asked (HTTP 403)."""
    CONTROL_DISABLED = "CONTROL_DISABLED"
    """No agent is configured (HTTP 403). Set `HELICARRIER_CONTROL_AGENTS`."""
    DATABASE_DISABLED = "DATABASE_DISABLED"
    """The service works on the legacy store, which has no such thing (HTTP 409)."""
    START_FAILED = "START_FAILED"
    """The command of an agent could not be started (HTTP 500). Is the program there?"""
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    """The address does not take this method (HTTP 405)."""
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    """The body is over the limit (HTTP 413). Send it in parts."""
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    """The body is of another type or compressed (HTTP 415)."""
    RATE_LIMITED = "RATE_LIMITED"
    """Too many requests, or as many agents run as may (HTTP 429). Wait for `Retry-After`."""


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

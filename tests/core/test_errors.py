"""One tree of errors, whose codes and exits scripts and clients rely on."""

import pytest

from helicarrier.errors import (
    Conflict,
    ContractError,
    ErrorCode,
    HelicarrierError,
    InputRejected,
    NotReady,
    StorageUnavailable,
    UsageError,
    VerificationFailed,
    Violation,
)


@pytest.mark.parametrize(
    ("error", "exit_code", "http_status"),
    [
        (HelicarrierError("x"), 1, 500),
        (UsageError("x"), 64, 400),
        (NotReady("x"), 3, 503),
        (InputRejected("x"), 4, 400),
        (ContractError(ErrorCode.VALIDATION_ERROR, "x"), 4, 400),
        (ContractError(ErrorCode.UNSUPPORTED_CONTRACT_VERSION, "x"), 4, 422),
        (Conflict("x"), 5, 409),
        (StorageUnavailable("x"), 6, 503),
        (VerificationFailed("x"), 7, 500),
    ],
    ids=lambda value: f"{type(value).__name__} {value.code}" if hasattr(value, "code") else None,
)
def test_each_branch_has_its_exit_code_and_status(
    error: HelicarrierError, exit_code: int, http_status: int
) -> None:
    """These numbers are public and never change."""
    assert (error.exit_code, error.http_status) == (exit_code, http_status)


def test_violations_are_sorted_and_never_repeated() -> None:
    """The answer does not depend on the order in which the rules were checked."""
    first = Violation(pointer="/a", code="REQUIRED", message="m")
    second = Violation(pointer="/a", code="UNKNOWN_FIELD", message="a")
    third = Violation(pointer="/b", code="A", message="a")
    error = ContractError(ErrorCode.VALIDATION_ERROR, "x", [third, second, first, third])
    assert error.violations == (first, second, third)


def test_an_error_has_the_code_of_its_branch_unless_told() -> None:
    """The code, the message and the hint are what a person sees."""
    error = NotReady("not yet", code=ErrorCode.SCHEMA_TOO_NEW, hint="wait")
    assert (error.message, error.code, error.hint) == ("not yet", "SCHEMA_TOO_NEW", "wait")
    assert NotReady("x").code is ErrorCode.MIGRATION_PENDING


def test_codes_are_their_own_names() -> None:
    """A client may compare texts."""
    assert all(code.value == code.name for code in ErrorCode)

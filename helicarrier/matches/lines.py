"""Match results as JSON Lines: one object a line, exactly the fields of the contract.

A file is taken whole or not at all. Every line is read, everything that is wrong is gathered with
its line, and nothing of the input is repeated in a message. The same line twice is one result; an
id with two contents is a mistake.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from helicarrier import times
from helicarrier.canonical import strict_parse
from helicarrier.errors import ContractError, InputRejected, StorageUnavailable, Violation
from helicarrier.ingest.envelope_models import Count, Id, Time
from helicarrier.ingest.violations import violations_of
from helicarrier.matches.model import MatchResult
from helicarrier.matches.tables import MAX_SCORE

MAX_BYTES = 64 * 1024
"""Of one line."""

_SHOWN = 10
_UUID_LENGTH = 36


def _uuid(text: str) -> str:
    try:
        found = UUID(text)
    except ValueError:
        found = None
    if found is None or len(text) != _UUID_LENGTH:
        raise PydanticCustomError("uuid_invalid", "expected a UUID")
    return str(found)


Uuid = Annotated[str, AfterValidator(_uuid)]


class MatchLine(BaseModel):
    """One line of a file of match results."""

    model_config: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid", frozen=True)

    id: Id
    resume_id: Uuid
    job_posting_id: Uuid
    match_score: Annotated[float, Field(ge=0, le=MAX_SCORE)]
    qualifications_met: Count
    qualifications_missing: Count
    provider: Id
    model: Id
    created_at: Time
    application_deadline: Time | None = None


def read_file(path: Path) -> list[MatchResult]:
    """Every result of a file in its order, each once.

    Raises:
        InputRejected: anything in it is wrong; the message names the first ten lines.
        StorageUnavailable: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            found, problems = _read(file)
    except OSError as error:
        raise StorageUnavailable(
            f"{path} cannot be read", hint="Give this user the right to read it."
        ) from error
    if problems:
        raise _rejection(path, problems)
    return list(found.values())


def read_line(body: bytes) -> MatchResult:
    """One line, without its end, as a result.

    Raises:
        ContractError: VALIDATION_ERROR with every violation.
    """
    try:
        line = MatchLine.model_validate(strict_parse(body).value)
    except ValidationError as error:
        raise _refused(violations_of(error)) from None
    deadline = line.application_deadline
    return MatchResult(
        result_id=line.id,
        resume_id=line.resume_id,
        job_posting_id=line.job_posting_id,
        match_score=line.match_score,
        qualifications_met=line.qualifications_met,
        qualifications_missing=line.qualifications_missing,
        provider=line.provider,
        model=line.model,
        created_at=times.parse(line.created_at),
        application_deadline=None if deadline is None else times.parse(deadline),
    )


def _read(lines: Iterable[bytes]) -> tuple[dict[str, MatchResult], list[str]]:
    found: dict[str, MatchResult] = {}
    problems: list[str] = []
    for number, raw in enumerate(lines, start=1):
        body = raw.rstrip(b"\r\n")
        try:
            if len(body) > MAX_BYTES:
                raise _refused([_violation("TOO_LONG", f"it has more than {MAX_BYTES} bytes")])
            result = read_line(body)
            if found.setdefault(result.result_id, result) != result:
                raise _refused([_violation("NOT_UNIQUE", "its id is that of another line")])
        except ContractError as error:
            told = "; ".join(f"{v.pointer} {v.message}".strip() for v in error.violations)
            problems.append(f"line {number}: {told}")
    return found, problems


def _violation(code: str, message: str) -> Violation:
    return Violation(pointer="", code=code, message=message)


def _refused(violations: list[Violation]) -> ContractError:
    return ContractError(
        InputRejected.default_code, "the line does not satisfy its contract", violations
    )


def _rejection(path: Path, problems: list[str]) -> InputRejected:
    listed = problems[:_SHOWN]
    if len(problems) > _SHOWN:
        listed.append(f"and {len(problems) - _SHOWN:,} more")
    count = "1 line" if len(problems) == 1 else f"{len(problems):,} lines"
    return InputRejected(
        f"{path} is refused for {count}: " + "; ".join(listed),
        hint="Mend the file or the program that wrote it; nothing of it was used.",
    )

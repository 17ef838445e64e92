"""What a reader of eval results is, and how it says what is wrong.

A file is taken whole or not at all: every problem is gathered with the place where it is, sorted,
and the file is refused. Nothing is guessed: a score that is neither yes nor no, and an outcome that
no score gives, are problems. Messages name places and fields and never repeat values.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.evals.catalog import OUTCOMES
from helicarrier.evals.model import EvalRecord

_SHOWN = 20
_LONGEST_NAME = 64
SAME_NAMES: Mapping[str, str] = {name: name for name in OUTCOMES}
"""Each outcome is given by the score of its own name."""


class Reader(Protocol):
    """One format."""

    @property
    def name(self) -> str:
        """What `--format` calls it."""
        ...

    def recognises(self, start: bytes) -> bool:
        """Whether a file with this beginning is of the format."""
        ...

    def read(self, body: bytes, outcomes: Mapping[str, str]) -> list[EvalRecord]:
        """All records of a file.

        Args:
            body: the file.
            outcomes: for each outcome of a record the score that gives it.

        Raises:
            Refused: with everything that is wrong with the file.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """What is wrong at a place; places sort by `number`, which is 0 for the file as a whole."""

    number: int
    place: str
    message: str


class Refused(Exception):
    """A file that cannot be taken, with its problems in order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Args: at least one problem, in any order."""
        self.problems = tuple(sorted(set(problems)))
        super().__init__(f"{len(self.problems)} problems")


@dataclass(slots=True)
class Gathering:
    """Records and problems of a file while it is read."""

    records: list[EvalRecord] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    _seen: dict[str, str] = field(default_factory=dict)

    def add(self, record: EvalRecord, number: int, place: str) -> None:
        """Take a record; one whose id was there before is a problem."""
        first = self._seen.setdefault(record.record_id, place)
        if first != place:
            self.wrong(number, place, f"the record_id is that of {first}")
            return
        self.records.append(record)

    def wrong(self, number: int, place: str, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(number=number, place=place, message=message))

    def done(self) -> list[EvalRecord]:
        """The records.

        Raises:
            Refused: there was any problem.
        """
        if self.problems:
            raise Refused(self.problems)
        return self.records


def recorded(
    outcomes: Mapping[str, str],
    outcome: Callable[[str], bool],
    *,
    record_id: str,
    item_id: str,
    model_id: str | None = None,
    latency_ms: int | None = None,
    slices: Mapping[str, str] | None = None,
) -> EvalRecord:
    """A record whose outcomes are asked for by the scores that give them.

    Raises:
        Unclear: from `outcome`, for the first one that is not clear.
    """
    return EvalRecord(
        record_id=record_id,
        item_id=item_id,
        model_id=model_id,
        latency_ms=latency_ms,
        slices=slices or {},
        schema_valid=outcome(outcomes["schema_valid"]),
        patch_apply_success=outcome(outcomes["patch_apply_success"]),
        edited_after_generate=outcome(outcomes["edited_after_generate"]),
        published_within_7d=outcome(outcomes["published_within_7d"]),
        safety_html_tailwind_compliant=outcome(outcomes["safety_html_tailwind_compliant"]),
    )


class Unclear(ValueError):
    """A score that does not say yes or no, or is not there."""


def truth(value: object, what: str) -> bool:
    """True, false, 1 or 0 as a bool.

    Raises:
        Unclear: anything else, `what` names it.
    """
    match value:
        case bool():
            return value
        case int() | float() if value in (0, 1):
            return bool(value)
        case None:
            raise Unclear(f"{what} is missing")
        case _:
            raise Unclear(f"{what} is neither true nor false, neither 1 nor 0")


def document(body: bytes) -> object:
    """One JSON document in which no object has a key twice.

    NaN and Infinity pass: some tools write them into statistics that nobody reads here.

    Raises:
        Refused: it is not JSON, or not UTF-8.
    """
    try:
        return json.loads(body.decode(), object_pairs_hook=_object)
    except UnicodeDecodeError:
        reason = "the file is not UTF-8"
    except RecursionError:
        reason = "the file is nested too deeply"
    except json.JSONDecodeError as error:
        reason = f"line {error.lineno} is not JSON"
    except Unclear as error:
        reason = str(error)
    raise Refused([whole(reason)])


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unclear("an object has a key twice")
    return found


def whole(message: str) -> Problem:
    """A problem of the file as a whole."""
    return Problem(number=0, place="", message=message)


def shown(name: str) -> str:
    """A field's name for a message, where it looks like one."""
    plain = name.replace("-", "_").isidentifier() and len(name) <= _LONGEST_NAME
    return name if plain else "of an odd name"


def rejection(file: str, problems: Sequence[Problem]) -> InputRejected:
    """The error that a person sees: the file, how much is wrong, and where."""
    listed = [
        f"{problem.place}: {problem.message}" if problem.place else problem.message
        for problem in problems[:_SHOWN]
    ]
    more = len(problems) - len(listed)
    if more:
        listed.append(f"and {more} more")
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return InputRejected(
        f"{file} is refused, {count}: " + "; ".join(listed),
        code=ErrorCode.VALIDATION_ERROR,
        hint="Mend the file or the program that wrote it; nothing of it was used.",
    )

"""Query parameters: each has one form, and a request that says anything else is refused.

A mistyped or repeated parameter would quietly answer another question than the one that was asked,
so both are refused like a wrong value, with a pointer to it and no echo.
"""

import re
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from fastapi.dependencies.models import Dependant
from pydantic import BeforeValidator

from helicarrier.errors import ContractError, ErrorCode, Violation
from helicarrier.times import FIRST_YEAR, LAST_YEAR

LONGEST = 200
"""Characters of a text."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _text(value: object) -> object:
    if isinstance(value, str) and any(ord(char) < ord(" ") for char in value):
        message = "control characters"
        raise ValueError(message)
    return value


def _day(value: object) -> object:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        message = "not a day"
        raise ValueError(message)
    day = date.fromisoformat(value)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        message = "out of range"
        raise ValueError(message)
    return day


_PRINTS = {"pattern": r"^[^\u0000-\u001f]*$"}
"""What `_text` lets through, as JSON Schema says it."""

Name = Annotated[str, BeforeValidator(_text), Path(min_length=1, json_schema_extra=_PRINTS)]
"""A name in a path."""

Text = Annotated[
    str | None,
    BeforeValidator(_text),
    Query(min_length=1, max_length=LONGEST, json_schema_extra=_PRINTS),
]
"""A name or words to search for."""

From = Annotated[date | None, BeforeValidator(_day), Query(alias="from")]
"""The first day, UTC, as YYYY-MM-DD."""

To = Annotated[date | None, BeforeValidator(_day), Query(alias="to")]
"""The last day, UTC, as YYYY-MM-DD; it is included."""


def require_order(first: date | None, last: date | None) -> None:
    """Passes unless `first` lies after `last`.

    Raises:
        ContractError: VALIDATION_ERROR.
    """
    if first is not None and last is not None and first > last:
        found = Violation(pointer="/query/from", code="RANGE_EMPTY", message="lies after `to`")
        raise ContractError(ErrorCode.VALIDATION_ERROR, "the request is not valid", [found])


def midnight(day: date) -> datetime:
    """The instant at which a UTC day begins."""
    return datetime.combine(day, time(), UTC)


def day_after(day: date) -> date:
    """The next day."""
    return day + timedelta(days=1)


def _only_known(request: Request) -> None:
    """Refuses parameters that the route does not have, and repeated ones.

    Raises:
        ContractError: VALIDATION_ERROR.
    """
    known = _names(request.scope["route"].dependant)
    given = Counter(name for name, _ in request.query_params.multi_items())
    found = [
        Violation(pointer=f"/query/{name}", code="REPEATED", message="is given more than once")
        for name, times in given.items()
        if name in known and times > 1
    ]
    if given.keys() - known:
        found.append(
            Violation(
                pointer="/query",
                code="UNKNOWN_PARAMETER",
                message=f"the route takes {', '.join(sorted(known)) or 'no parameters'}",
            )
        )
    if found:
        raise ContractError(ErrorCode.VALIDATION_ERROR, "the request is not valid", found)


def _names(dependant: Dependant) -> set[str]:
    own = {parameter.alias for parameter in dependant.query_params}
    return own.union(*(_names(below) for below in dependant.dependencies))


ONLY_KNOWN = Depends(_only_known)
"""The dependency of a route that refuses what it does not know."""

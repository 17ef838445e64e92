"""Rater labels: JSON Lines of items with what each rater said, read strictly.

A file is taken whole or refused with every bad line named. A rating that is missing stays missing:
it is counted, and never taken for an opinion.
"""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from helicarrier.canonical import strict_parse
from helicarrier.errors import ContractError, ErrorCode, InputRejected, Violation


class Label(StrEnum):
    """What a rater says of a pair."""

    EQUIVALENT = "equivalent"
    NOT_EQUIVALENT = "not_equivalent"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledItem:
    """An item and its ratings by rater."""

    item_id: str
    ratings: dict[str, Label]


class _Rating(msgspec.Struct):
    rater_id: Annotated[str, msgspec.Meta(min_length=1)]
    label: Label
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None


class _Item(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(min_length=1)]
    labels: list[_Rating]


def read_labels(path: Path) -> list[LabelledItem]:
    """The items of a file, in its order.

    Raises:
        InputRejected: NOT_FOUND, there is no such file.
        ContractError: VALIDATION_ERROR, with a violation for each bad line.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        raise InputRejected(
            f"the file {path} cannot be read",
            code=ErrorCode.NOT_FOUND,
            hint="Name a file of JSON Lines with labels.",
        ) from None
    items: list[LabelledItem] = []
    bad: list[Violation] = []
    seen: Counter[str] = Counter()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            item = _item(line)
        except (ContractError, msgspec.ValidationError, _Twice) as error:
            bad.append(_violation(number, error))
            continue
        seen[item.item_id] += 1
        if seen[item.item_id] > 1:
            bad.append(Violation(pointer=f"/{number}/id", code="NOT_UNIQUE", message="used twice"))
        items.append(item)
    if bad:
        raise ContractError(ErrorCode.VALIDATION_ERROR, "the labels cannot be read", bad)
    return items


class _Twice(ValueError):
    """A rater rated an item twice."""


def _item(line: bytes) -> LabelledItem:
    found = msgspec.convert(strict_parse(line).value, _Item)
    ratings = {rating.rater_id: rating.label for rating in found.labels}
    if len(ratings) != len(found.labels):
        raise _Twice
    return LabelledItem(item_id=found.id, ratings=ratings)


def _violation(number: int, error: Exception) -> Violation:
    match error:
        case ContractError():
            return Violation(
                pointer=f"/{number}",
                code=error.violations[0].code,
                message=error.violations[0].message,
            )
        case _Twice():
            return Violation(
                pointer=f"/{number}/labels", code="NOT_UNIQUE", message="a rater rated it twice"
            )
        case _:
            return Violation(
                pointer=f"/{number}", code="INVALID_VALUE", message="the item breaks the contract"
            )

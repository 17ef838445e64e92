"""What pydantic refuses, in our words: stable over its versions, and without the input.

Every strict contract of files and requests answers with these, so a producer meets one vocabulary.
"""

import re

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from helicarrier.canonical import pointer
from helicarrier.errors import Violation

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_CODES = {
    "missing": ("REQUIRED", "a required field is missing"),
    "extra_forbidden": ("UNKNOWN_FIELD", "the contract has no such field"),
    "literal_error": ("INVALID_VALUE", "the value is not one of the contract's"),
    "enum": ("INVALID_VALUE", "the value is not one of the contract's"),
    "string_too_short": ("TOO_SHORT", "the text is empty"),
    "string_too_long": ("TOO_LONG", "the text is too long"),
    "string_pattern_mismatch": ("INVALID_FORMAT", "the text has another form"),
    "too_long": ("TOO_LONG", "the list is too long"),
    "greater_than_equal": ("OUT_OF_RANGE", "the number is negative"),
    "less_than_equal": ("OUT_OF_RANGE", "the number is too large"),
    "state_unknown": ("INVALID_VALUE", "the state is not one of the contract's"),
    "time_invalid": ("INVALID_TIME", "expected ISO 8601 with a zone"),
    "time_order": ("INVALID_ORDER", "the session ends before it starts"),
    "window_order": ("INVALID_ORDER", "the window ends before it starts"),
    "token_order": ("INVALID_ORDER", "more reasoning than completion tokens"),
    "threshold_order": ("INVALID_ORDER", "the critical threshold is below the warning"),
    "scope_mismatch": ("INVALID_VALUE", "the scope does not look at what the rule names"),
    "one_of": ("INVALID_VALUE", "exactly one of until, minutes and end is wanted"),
    "not_unique": ("NOT_UNIQUE", "an id is used twice"),
    "uuid_invalid": ("INVALID_FORMAT", "expected a UUID"),
}


def violations_of(error: ValidationError) -> list[Violation]:
    """Each thing that pydantic found wrong, with the place of it as a JSON pointer."""
    return [_violation(detail) for detail in error.errors(include_url=False, include_input=False)]


def _violation(detail: ErrorDetails) -> Violation:
    code, message = _CODES.get(detail["type"], ("INVALID_TYPE", "the value has another type"))
    path = [
        part if isinstance(part, int) or _PLAIN_NAME.fullmatch(part) else "?"
        for part in detail["loc"]
    ]
    return Violation(pointer=pointer(path), code=code, message=message)

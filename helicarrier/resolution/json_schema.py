"""Documents held against the JSON Schemas of the project (2020-12), each place that breaks named.

Values are never repeated: a violation says where, which rule, and what the rule expects.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from helicarrier.canonical import JSONValue, pointer
from helicarrier.errors import Violation

PROJECT_FILES = Path(__file__).resolve().parents[2] / "benchmark"
"""Where packs and the schemas of files are, in a checkout and in an installed package."""


def violations_of(value: JSONValue, schema: Path) -> Iterator[Violation]:
    """Where a document breaks the schema in a file."""
    for error in _validator(schema).iter_errors(value):
        rule = pointer([*error.absolute_schema_path])
        yield Violation(
            pointer=pointer([*error.absolute_path]),
            code="SCHEMA",
            message=f"breaks the schema's {rule}: {_reason(error)}",
        )


@cache
def _validator(schema: Path) -> Any:  # noqa: ANN401  the library carries no types
    from jsonschema import Draft202012Validator

    return Draft202012Validator(
        json.loads(schema.read_bytes()), format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def _reason(error: Any) -> str:  # noqa: ANN401  the library carries no types
    match error.validator:
        case "additionalProperties":
            known = error.schema.get("properties", {})
            extra = sorted(name for name in error.instance if name not in known)
            return f"unknown members: {', '.join(extra)}"
        case "required":
            missing = sorted(set(error.validator_value) - set(error.instance))
            return f"missing members: {', '.join(missing)}"
        case "enum" | "const" | "type" | "pattern" | "format" | "minimum" | "maximum" as keyword:
            return f"expected {keyword} {json.dumps(error.validator_value)}"
        case keyword:
            return f"expected {keyword}"

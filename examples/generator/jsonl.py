"""Rows to bytes: compact JSON in insertion order, as the agents themselves write it."""

import json
from collections.abc import Iterable

Row = dict[str, object]


def line(row: Row) -> str:
    """Return `row` as one line without its newline."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def pretty(row: Row) -> bytes:
    """Return `row` indented, with a final newline: the form of a file that holds one object."""
    return (json.dumps(row, ensure_ascii=False, indent=2) + "\n").encode()


def join(lines: Iterable[str]) -> bytes:
    """Return `lines`, each ended by a newline."""
    return "".join(f"{text}\n" for text in lines).encode()

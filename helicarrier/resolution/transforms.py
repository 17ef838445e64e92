"""What the actions do to the bytes of an artefact, each held against the analyzer of its type.

A transform gives other bytes only where they are proven equivalent to the ones before, and where
transforming them again changes nothing; else it is refused. So a rewrite can lose nothing that the
proof sees. Actions that need more than the artefact itself are not among them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from helicarrier.canonical import JSONValue, Lexeme
from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.resolution.analyzers import (
    json_ordering,
    json_tree,
    markdown_formatting,
    whitespace,
)
from helicarrier.resolution.analyzers.base import Analyzer, Unreadable
from helicarrier.resolution.enums import Action
from helicarrier.resolution.model import Artifact

Transform = Callable[[Artifact], bytes]


def transform(action: Action, before: Artifact) -> bytes:
    """The bytes of the artefact after the action.

    Raises:
        InputRejected: the action has no transform, cannot read the artefact, or what it wrote is
            not proven equivalent and stable.
    """
    if action not in TRANSFORMS:
        raise _refused(f"{action} does not follow from the artefact alone")
    rewrite, analyze = TRANSFORMS[action]
    try:
        after = replace(before, content=rewrite(before))
        again = rewrite(after)
    except Unreadable as unreadable:
        raise _refused(f"{action} cannot be done: {unreadable.message}") from None
    if not analyze(before, after).proven:
        raise _refused(f"{action} would change more than it may")
    if again != after.content:
        raise _refused(f"{action} does not come to rest")
    return after.content


def _canonicalize(one: Artifact) -> bytes:
    return json_tree.canonical(json_tree.read(one))


def _reserialize(one: Artifact) -> bytes:
    """Sorted keys, two blanks a level, numbers as they were written."""
    return "".join(_written(json_tree.read(one).value, "\n")).encode() + b"\n"


def _written(tree: JSONValue, newline: str) -> list[str]:
    deeper = newline + "  "
    match tree:
        case Lexeme():
            return [str(tree)]
        case dict() if tree:
            parts: list[str] = ["{"]
            for key in sorted(tree):
                parts += [deeper, json.dumps(key, ensure_ascii=False), ": "]
                parts += [*_written(tree[key], deeper), ","]
            return [*parts[:-1], newline, "}"]
        case list() if tree:
            parts = ["["]
            for item in tree:
                parts += [deeper, *_written(item, deeper), ","]
            return [*parts[:-1], newline, "]"]
        case _:
            return [json.dumps(tree, ensure_ascii=False)]


def _rewrite_markdown(one: Artifact) -> bytes:
    import mdformat

    markdown_formatting.canonical(one)  # refuses what is no Markdown or would take long
    text = one.content.decode()
    try:
        return mdformat.text(text).encode()
    except (RecursionError, ValueError):
        raise Unreadable("NOT_REWRITTEN", "the Markdown cannot be written anew") from None


TRANSFORMS: Mapping[Action, tuple[Transform, Analyzer]] = MappingProxyType(
    {
        Action.CANONICALIZE_JSON: (_canonicalize, json_ordering.analyze),
        Action.RESERIALIZE: (_reserialize, json_ordering.analyze),
        Action.NORMALIZE_WHITESPACE: (whitespace.canonical, whitespace.analyze),
        Action.REWRITE_FORMATTING: (_rewrite_markdown, markdown_formatting.analyze),
    }
)
"""Action -> what it does, and the analyzer that has to prove it harmless."""


def _refused(message: str) -> InputRejected:
    return InputRejected(
        message,
        code=ErrorCode.VALIDATION_ERROR,
        hint="Leave the artefact as it is, or change it by hand.",
    )

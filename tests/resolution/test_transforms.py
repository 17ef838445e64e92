"""Transforms: what the actions write is proven equivalent, stays as it is, or is refused."""

import pytest

from helicarrier.errors import InputRejected
from helicarrier.resolution.enums import Action, Syntax
from helicarrier.resolution.model import artifact
from helicarrier.resolution.transforms import transform

REORDERED = '{"b": [1.50, {}], "a": "\\u00e9", "c": {"y": [], "x": null}}'


@pytest.mark.parametrize(
    ("action", "syntax", "before", "after"),
    [
        (Action.CANONICALIZE_JSON, Syntax.JSON, '{"b": 1, "a": [2]}', '{"a":[2],"b":1}'),
        (
            Action.RESERIALIZE,
            Syntax.JSON,
            REORDERED,
            (
                '{\n  "a": "é",\n  "b": [\n    1.50,\n    {}\n  ],\n'
                '  "c": {\n    "x": null,\n    "y": []\n  }\n}\n'
            ),
        ),
        (Action.NORMALIZE_WHITESPACE, Syntax.PLAIN, "a \r\nb", "a\nb\n"),
        (
            Action.REWRITE_FORMATTING,
            Syntax.MARKDOWN,
            "Title\n===\n* a\n* b",
            "# Title\n\n- a\n- b\n",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, Action) else "",
)
def test_an_action_writes_one_form(action: Action, syntax: Syntax, before: str, after: str) -> None:
    """The same form from every equivalent artefact."""
    assert transform(action, artifact("a", before.encode(), syntax)).decode() == after


@pytest.mark.parametrize(
    ("action", "syntax", "before", "why"),
    [
        (Action.CANONICALIZE_JSON, Syntax.JSON, "[1.0]", "change more than it may"),
        (Action.RESERIALIZE, Syntax.JSON, "[1", "cannot be done"),
        (Action.NORMALIZE_WHITESPACE, Syntax.MARKDOWN, "a  \nb", "cannot be done"),
        (Action.REWRITE_FORMATTING, Syntax.MARKDOWN, "---\na:\n  b: 1\n---\nx", "change more"),
        (Action.REPLACE_ARTIFACT, Syntax.JSON, "[]", "does not follow"),
        (Action.IGNORE_MISMATCH, Syntax.JSON, "[]", "does not follow"),
    ],
    ids=lambda value: str(value) if isinstance(value, Action) else "",
)
def test_what_is_not_proven_is_refused(
    action: Action, syntax: Syntax, before: str, why: str
) -> None:
    """A real that would lose its form, hard breaks, front matter, actions with other inputs."""
    with pytest.raises(InputRejected, match=why):
        transform(action, artifact("a", before.encode(), syntax))

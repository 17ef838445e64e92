"""Markdown that is written otherwise and reads the same: equal CommonMark HTML.

HTML alone would hide some differences that readers with more than CommonMark see, so the canonical
form has more in it: front matter as it stands, the words after a fence's language, definitions
that no link uses, marks of task lists, and the HTML with tables and strikethrough where these could
occur. What a parser would drop (too deep a nesting, NUL) is undecidable. Input is bounded in bytes
and brackets, the one thing that the parser takes quadratic time for.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from helicarrier.canonical import plain_bytes
from helicarrier.resolution.analyzers.base import (
    MEGABYTE,
    Question,
    Unreadable,
    text_of,
)
from helicarrier.resolution.enums import EquivalenceMethod, MismatchType, Syntax
from helicarrier.resolution.model import Analysis, Artifact, Finding

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MOST_BYTES = MEGABYTE // 4
MOST_BRACKETS = 10_000
_DEEPEST = 60
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TASK = re.compile(r"\[[ xX]\](?=\s)")
_QUESTION = Question(
    mismatch_type=MismatchType.MARKDOWN_FORMATTING, method=EquivalenceMethod.MARKDOWN_HTML
)


def analyze(golden: Artifact, candidate: Artifact) -> Analysis:
    """Equivalent where both sides render to the same."""
    return _QUESTION.decide(golden, candidate, canonical, _analysis)


def _analysis(golden: dict[str, object], candidate: dict[str, object]) -> Analysis:
    differing = [
        Finding(code="RENDERED", where=name, message=f"the {name} is another one")
        for name in golden
        if golden[name] != candidate[name]
    ]
    return _QUESTION.compared(plain_bytes(golden), plain_bytes(candidate), findings=differing)


def canonical(one: Artifact) -> dict[str, object]:
    """What is compared, by name: the HTML, and what HTML leaves out.

    Raises:
        Unreadable: no Markdown, too large, too many brackets, or nested too deeply.
    """
    text = text_of(one, {Syntax.MARKDOWN}, MOST_BYTES).replace("\r\n", "\n")
    if text.count("[") > MOST_BRACKETS:
        raise Unreadable("TOO_MANY_BRACKETS", f"there are more than {MOST_BRACKETS} brackets")
    head = _FRONT_MATTER.match(text)
    front = head.group() if head else ""
    plain = _parser(extended=False)
    environment: dict[str, object] = {}
    tokens = _parsed(plain, text[len(front) :], environment)
    every = list(_all(tokens))
    html = plain.renderer.render(tokens, plain.options, environment)
    wide = _extended_html(text[len(front) :]) if "~~" in text or "|" in text else html
    return {
        "front matter": front,
        "HTML": html,
        "HTML with tables": wide if wide != html else "",
        "info of a fence": [
            token.info.split()[1:] for token in every if token.type in {"fence", "code_block"}
        ],
        "task list": list(_tasks(every)),
        "unused definition": _unused(every, environment),
    }


def _extended_html(text: str) -> str:
    parser = _parser(extended=True)
    environment: dict[str, object] = {}
    tokens = _parsed(parser, text, environment)
    return str(parser.renderer.render(tokens, parser.options, environment))


def _parsed(parser: "MarkdownIt", text: str, environment: dict[str, object]) -> "list[Token]":
    try:
        tokens = parser.parse(text, environment)
    except RecursionError:
        raise _too_deep() from None
    # The parser leaves out what lies deeper than it goes, so that nothing may come near that.
    if any(token.level >= _DEEPEST - 1 for token in _all(tokens)):
        raise _too_deep()
    return tokens


def _too_deep() -> Unreadable:
    return Unreadable("TOO_DEEP", "the Markdown is nested too deeply")


@cache
def _parser(*, extended: bool) -> "MarkdownIt":
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST, "store_labels": True})
    return parser.enable(["table", "strikethrough"]) if extended else parser


def _all(tokens: "Iterable[Token]") -> "Iterator[Token]":
    for token in tokens:
        yield token
        if token.children:
            yield from _all(token.children)


def _tasks(tokens: "list[Token]") -> Iterator[str]:
    """Marks of list items as written: an escaped one is no task to those who know tasks."""
    in_item = False
    for token in tokens:
        if token.type == "inline" and in_item:
            mark = _TASK.match(token.content)
            if mark:
                yield mark.group().lower()
        in_item = token.type == "list_item_open" or (in_item and token.type == "paragraph_open")


def _unused(tokens: "list[Token]", environment: dict[str, object]) -> list[list[str]]:
    """Definitions that render nothing, for no link names them or an earlier one was first."""
    used = {token.meta.get("label") for token in tokens if token.type in {"link_open", "image"}}
    defined, shadowed = environment.get("references"), environment.get("duplicate_refs")
    found: list[dict[str, object]] = []
    if isinstance(defined, dict):
        found += [{**one, "label": label} for label, one in defined.items() if label not in used]
    if isinstance(shadowed, list):
        found += shadowed
    return sorted([str(one.get(name)) for name in ("label", "href", "title")] for one in found)

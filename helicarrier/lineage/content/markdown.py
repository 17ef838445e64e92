"""Markdown files with front matter -> documents.

The front matter is YAML of which nothing is guessed: every scalar is the text that stands there
(`no` is a word, `2026` too), and what could mean two things is refused: keys that stand twice,
anchors, aliases, tags. A file without front matter is no document and is left out.

A document is known by what its kind is known by, not by where its file lies, so that a folder can
be moved: a post by its slug, a profile by whom it is of, a journal by its window, a medium by its
file name, a note by its slug or the name of the file. `key` in the front matter overrides that.
"""

from collections.abc import Iterator
from datetime import datetime

import yaml
from frontmatter.default_handlers import YAMLHandler

from helicarrier.canonical import JSONValue, sha256
from helicarrier.errors import ContractError, Violation
from helicarrier.lineage.content import wire
from helicarrier.lineage.content.enums import DocType
from helicarrier.lineage.content.model import DocumentDraft
from helicarrier.lineage.content.wire import FrontMatter, instant

MAX_BYTES = 4 * 1024 * 1024
"""A larger file is no text that somebody wrote."""
MAX_FRONT_MATTER = 64 * 1024
_MAX_DEPTH = 20
_PLAIN_TAGS = {
    "tag:yaml.org,2002:str",
    "tag:yaml.org,2002:seq",
    "tag:yaml.org,2002:map",
}


def read_document(body: bytes, *, stem: str, now: datetime) -> DocumentDraft | None:
    """The bytes of a Markdown file -> a draft; None where it has no front matter.

    Args: body; stem, the file's name without its suffix; now, for documents without `created_at`.

    Raises:
        ContractError: VALIDATION_ERROR with every violation.
    """
    text = _text(body)
    handler = YAMLHandler()
    if not handler.detect(text):
        return None
    try:
        head, content = handler.split(text)
    except ValueError:
        raise _one("NOT_CLOSED", "the front matter has no end") from None
    found = wire.front_matter(_parsed(head))
    said = {
        name: getattr(found, name)
        for name in (
            *("title", "slug", "summary", "status", "subject_uuid", "filename", "mime_type"),
            "media_type",
        )
    }
    return DocumentDraft(
        doc_key=found.key or f"{found.type.value}/{_name(found, stem)}",
        doc_type=found.type,
        source_checksum=sha256(body),
        created_at=instant(found.created_at) or now,
        content=content.strip() or None,
        window_start=instant(found.window_start),
        window_end=instant(found.window_end),
        authors=tuple(found.authors),
        tags=tuple(found.tags),
        extensions=found.extensions,
        **said,
    )


def _name(found: FrontMatter, stem: str) -> str:
    """What the kind of document is known by; the contract has seen to it that it is there."""
    match found.type:
        case DocType.POST:
            return str(found.slug)
        case DocType.PROFILE:
            return str(found.subject_uuid)
        case DocType.JOURNAL:
            return f"{str(found.window_start)[:10]}..{str(found.window_end)[:10]}"
        case DocType.MEDIA:
            return str(found.filename)
        case DocType.NOTE:
            return found.slug or stem


def _text(body: bytes) -> str:
    if len(body) > MAX_BYTES:
        raise _one("TOO_LONG", f"the file has more than {MAX_BYTES} bytes")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise _one("NOT_UTF8", "the file is not UTF-8") from None
    if "\x00" in text:
        raise _one("NUL", "the file contains NUL")
    return text.removeprefix("\ufeff")


def _parsed(head: str) -> JSONValue:
    if len(head) > MAX_FRONT_MATTER:
        raise _one("TOO_LONG", f"the front matter has more than {MAX_FRONT_MATTER} characters")
    try:
        # Only the tree of nodes is taken: BaseLoader itself makes nothing of them.
        tree = yaml.compose(head, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        raise _one("NOT_YAML", "the front matter is not YAML") from None
    except RecursionError:
        raise _too_deep() from None
    return {} if tree is None else _value(tree, set(), _MAX_DEPTH)


def _value(node: yaml.Node, seen: set[int], depth: int) -> JSONValue:
    if depth == 0:
        raise _too_deep()
    if id(node) in seen:
        raise _one("ALIAS", "the front matter has an alias")
    seen.add(id(node))
    if node.tag not in _PLAIN_TAGS:
        raise _one("TAG", "the front matter has a tag")
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, seen, depth - 1) for item in node.value]
    if not isinstance(node, yaml.MappingNode):
        raise _one("TAG", "the front matter has a node of no known kind")
    pairs = list(_pairs(node, seen, depth))
    if len(dict(pairs)) != len(pairs):
        raise _one("DUPLICATE_KEY", "the front matter has a key twice")
    return dict(pairs)


def _pairs(node: yaml.MappingNode, seen: set[int], depth: int) -> Iterator[tuple[str, JSONValue]]:
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _one("INVALID_TYPE", "a key of the front matter is no text")
        yield str(key.value), _value(value, seen, depth - 1)


def _too_deep() -> ContractError:
    return _one("TOO_DEEP", "the front matter is nested too deeply")


def _one(code: str, message: str) -> ContractError:
    return wire.refused("document", [Violation(pointer="", code=code, message=message)])

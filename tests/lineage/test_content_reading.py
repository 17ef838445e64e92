"""Markdown and lines: what they say is read exactly, and everything doubtful is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helicarrier.canonical import sha256
from helicarrier.errors import ContractError
from helicarrier.lineage.content.enums import DocType, MediaType
from helicarrier.lineage.content.lines import MAX_BYTES, read_line
from helicarrier.lineage.content.markdown import MAX_FRONT_MATTER, read_document
from helicarrier.lineage.content.model import AnnotationDraft, Message
from tests.lineage.conftest import NOW

HEAD = {
    "post": "title: A\nslug: a-b\nstatus: draft",
    "profile": "title: A\nsubject_uuid: 7D6B1F52-4c55-4b8c-9a06-0d8f3f6f1c21",
    "journal": "title: A\nwindow_start: 2026-10-05T00:00:00Z\nwindow_end: 2026-10-12T00:00:00Z",
    "media": "filename: A b.png\nmedia_type: image",
    "note": "tags: [x]",
}
KEYS = {
    "post": "post/a-b",
    "profile": "profile/7d6b1f52-4c55-4b8c-9a06-0d8f3f6f1c21",
    "journal": "journal/2026-10-05..2026-10-12",
    "media": "media/A b.png",
    "note": "note/some-file",
}
LINE = {
    "event_id": "e1",
    "tenant_id": "acme",
    "source": "chat",
    "thread_id": "t",
    "msg_id": "1",
    "ts": "2026-10-05T14:00:00+02:00",
    "author_raw": "Ada",
}


def markdown(head: str, body: str = "Text.") -> bytes:
    """A file with front matter."""
    return f"---\n{head}\n---\n\n{body}\n".encode()


def said(head: str) -> list[tuple[str, str]]:
    """Why a front matter is refused: places and codes."""
    with pytest.raises(ContractError) as caught:
        read_document(markdown(head), stem="f", now=NOW)
    return [(violation.pointer, violation.code) for violation in caught.value.violations]


def codes(line: object) -> list[tuple[str, str]]:
    """Why a line is refused: places and codes."""
    body = line if isinstance(line, bytes) else json.dumps(line).encode()
    with pytest.raises(ContractError) as caught:
        read_line(body, now=NOW)
    return [(violation.pointer, violation.code) for violation in caught.value.violations]


@pytest.mark.parametrize("doc_type", DocType)
def test_each_type_is_known_by_its_own_key(doc_type: DocType) -> None:
    """Which does not depend on where the file lies; `key` overrides it."""
    head = f"type: {doc_type.value}\n{HEAD[doc_type.value]}"
    found = read_document(markdown(head), stem="some-file", now=NOW)
    assert found is not None
    assert (found.doc_type, found.doc_key) == (doc_type, KEYS[doc_type.value])
    named = read_document(markdown(f"{head}\nkey: team/one"), stem="x", now=NOW)
    assert named is not None
    assert named.doc_key == "team/one"


def test_scalars_are_the_text_that_stands_there() -> None:
    """No word becomes a truth value, a number or a date by looking like one."""
    body = markdown(
        "type: post\ntitle: no\nslug: '2026'\nstatus: draft\ntags: [yes, 1.10, 2026-10-05, null]\n"
        "extensions: {a: 0x10, b: [~, {c: off}]}"
    )
    found = read_document(body, stem="f", now=NOW)
    assert found is not None
    assert (found.title, found.slug) == ("no", "2026")
    assert found.tags == ("yes", "1.10", "2026-10-05", "null")
    assert found.extensions == {"a": "0x10", "b": ["~", {"c": "off"}]}


def test_the_text_the_time_and_the_checksum_are_those_of_the_file() -> None:
    """The checksum is that of the bytes, as `sha256sum` gives it; without a time it is now."""
    body = markdown(
        f"type: note\n{HEAD['note']}\ncreated_at: 2026-10-05T02:00:00+02:00", "# A\n\n---\nB"
    )
    found = read_document(body, stem="f", now=NOW)
    assert found is not None
    assert found.content == "# A\n\n---\nB"
    assert found.source_checksum == sha256(body)
    assert found.created_at.isoformat() == "2026-10-05T00:00:00+00:00"
    without = read_document(markdown("type: note", ""), stem="f", now=NOW)
    assert without is not None
    assert (without.created_at, without.content) == (NOW, None)


@pytest.mark.parametrize("body", [b"", b"# Title\n\ntext", b"text\n---\ntype: post\n---\n"])
def test_a_file_without_front_matter_is_no_document(body: bytes) -> None:
    """It is left out, not refused."""
    assert read_document(body, stem="f", now=NOW) is None


@pytest.mark.parametrize(
    ("head", "reasons"),
    [
        ("title: A", [("/type", "REQUIRED")]),
        ("type: book", [("/type", "INVALID_VALUE")]),
        ("type: post", [(f"/{n}", "REQUIRED") for n in ("slug", "status", "title")]),
        ("type: profile\ntitle: A", [("/subject_uuid", "REQUIRED")]),
        ("type: journal", [(f"/{n}", "REQUIRED") for n in ("title", "window_end", "window_start")]),
        ("type: media", [(f"/{n}", "REQUIRED") for n in ("filename", "media_type")]),
        (
            HEAD["journal"].replace("title", "type: journal\ntitle").replace("10-12", "10-04"),
            [("", "INVALID_ORDER")],
        ),
        ("type: note\nstatus: live", [("/status", "INVALID_VALUE")]),
        ("type: note\nslug: A b", [("/slug", "INVALID_FORMAT")]),
        ("type: note\nkey: a@1", [("/key", "INVALID_FORMAT")]),
        ("type: note\ncreated_at: 2026-10-05", [("/created_at", "INVALID_TIME")]),
        ("type: note\nsubject_uuid: me", [("/subject_uuid", "INVALID_FORMAT")]),
        ("type: note\ntitle:", [("/title", "TOO_SHORT")]),
        ("type: note\ntags: x", [("/tags", "INVALID_TYPE")]),
        (
            "type: note\ncolour: red\nsize: 1",
            [("/colour", "UNKNOWN_FIELD"), ("/size", "UNKNOWN_FIELD")],
        ),
        ("- a", [("", "INVALID_TYPE")]),
        ("type: note\ntype: post", [("", "DUPLICATE_KEY")]),
        ("a: &x [1]\nb: *x", [("", "ALIAS")]),
        ("a: !!python/object:os.system {}", [("", "TAG")]),
        ("? [a]\n: b", [("", "INVALID_TYPE")]),
        ("a: [", [("", "NOT_YAML")]),
        ("a: " + "[" * 30 + "]" * 30, [("", "TOO_DEEP")]),
        ("a: " + "[" * 5000, [("", "TOO_DEEP")]),
        ("a: " + "x" * MAX_FRONT_MATTER, [("", "TOO_LONG")]),
    ],
)
def test_a_doubtful_front_matter_is_refused(head: str, reasons: list[tuple[str, str]]) -> None:
    """With every reason, sorted; the type's own demands come from the rules of the table."""
    assert said(head) == reasons


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"---\ntype: note\n", "NOT_CLOSED"),
        (b"\xff\xfe", "NOT_UTF8"),
        (b"---\ntype: note\n---\n\x00", "NUL"),
    ],
)
def test_a_doubtful_file_is_refused(body: bytes, code: str) -> None:
    """Before anything is made of it."""
    with pytest.raises(ContractError) as caught:
        read_document(body, stem="f", now=NOW)
    assert [violation.code for violation in caught.value.violations] == [code]


def test_a_message_line_says_all_it_says() -> None:
    """Times are UTC; what is not said is empty."""
    found = read_line(
        json.dumps({**LINE, "text": "Hi", "media_type": "video", "attrs": {"a": 1.5}}).encode(),
        now=NOW,
    )
    assert isinstance(found, Message)
    assert (found.ts, found.text, found.media_type) == (NOW, "Hi", MediaType.VIDEO)
    assert (found.attrs, found.pii_flags, found.author_uuid) == ({"a": 1.5}, (), None)


def test_a_line_with_a_parent_is_an_annotation() -> None:
    """Its time is now unless it has one."""
    line = {"parent": "post/a", "author_id": "ada", "content": "Yes."}
    found = read_line(json.dumps(line).encode(), now=NOW)
    assert found == AnnotationDraft(
        parent="post/a", author_id="ada", content="Yes.", created_at=NOW
    )
    assert read_line(b" \t", now=NOW) is None


@pytest.mark.parametrize(
    ("line", "reasons"),
    [
        (b"{", [("", "NOT_JSON")]),
        (b"[]", [("", "INVALID_TYPE")]),
        (b'{"event_id":"a","event_id":"b"}', [("", "DUPLICATE_KEY")]),
        ({**LINE, "ts": "2026-10-05T14:00:00"}, [("/ts", "INVALID_TIME")]),
        ({**LINE, "tenant_id": ""}, [("/tenant_id", "TOO_SHORT")]),
        ({**LINE, "msg_id": 1}, [("/msg_id", "INVALID_TYPE")]),
        ({**LINE, "media_type": "gif"}, [("/media_type", "INVALID_VALUE")]),
        ({**LINE, "author_uuid": "x"}, [("/author_uuid", "INVALID_FORMAT")]),
        ({**LINE, "pii_flags": [1]}, [("/pii_flags/0", "INVALID_TYPE")]),
        ({**LINE, "mood": "good"}, [("/mood", "UNKNOWN_FIELD")]),
        ({"parent": "a"}, [("/author_id", "REQUIRED"), ("/content", "REQUIRED")]),
        (b'"' + b"x" * MAX_BYTES + b'"', [("", "TOO_LONG")]),
    ],
    ids=range(12),
)
def test_a_doubtful_line_is_refused(line: object, reasons: list[tuple[str, str]]) -> None:
    """With every reason, sorted, and nothing of the line."""
    assert codes(line) == reasons


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_nothing_or_a_refusal(body: bytes) -> None:
    """Never another error, with and without front matter around them."""
    for tried in (body, b"---\n" + body + b"\n---\n"):
        try:
            found = read_document(tried, stem="f", now=NOW)
        except ContractError:
            continue
        assert found is None or found.source_checksum == sha256(tried)

"""Pairs on disk: each file with its counterpart, or nothing is read."""

import json
from pathlib import Path

import pytest

from helicarrier.errors import ContractError, InputRejected
from helicarrier.resolution.enums import ArtifactType, Syntax
from helicarrier.resolution.pair_folder import read_place
from helicarrier.resolution.syntax import syntax_of_name


def folder(tmp_path: Path, **files: str) -> Path:
    """Files by name; two underscores are a slash, one is a dot."""
    for name, text in files.items():
        file = tmp_path / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_folders_are_read_side_by_side(tmp_path: Path) -> None:
    """Below each other too, and JSON Lines beside them."""
    line = {
        "golden": {"artifact_id": "g", "content": "a"},
        "candidate": {"artifact_id": "c", "content": "b"},
    }
    place = folder(
        tmp_path,
        golden__a_json="{}",
        candidate__a_json="[]",
        golden__x__b_txt="1",
        candidate__x__b_txt="2",
        more_jsonl=json.dumps(line),
    )
    pairs = read_place(place)
    assert [pair.candidate.artifact_id for pair in pairs] == [
        *("c", "candidate/a.json", "candidate/x/b.txt"),
    ]


def test_what_has_no_counterpart_refuses_everything(tmp_path: Path) -> None:
    """A pair that was not compared must not look like one that passed."""
    place = folder(tmp_path, golden__a_txt="", golden__b_txt="", candidate__a_txt="")
    with pytest.raises(ContractError) as refused:
        read_place(place)
    assert [(v.pointer, v.code) for v in refused.value.violations] == [("b.txt", "NO_COUNTERPART")]


def test_nothing_to_compare_is_an_error(tmp_path: Path) -> None:
    """In an empty folder and where there is none."""
    for place in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(InputRejected):
            read_place(place)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.json", b"{", Syntax.JSON),
        ("a.md", b"a", Syntax.MARKDOWN),
        ("a.py", b"a", Syntax.PYTHON),
        ("a.txt", b"# a", Syntax.PLAIN),
        ("a.yaml", b"a: 1", Syntax.OTHER),
        ("a.go", b"package a", Syntax.OTHER),
        ("a.json", b"\xff", None),
        ("a.png", b"\x89PNG\x00", None),
        ("a", b'{"a": 1}', Syntax.JSON),
        ("a", b"{a}", Syntax.MARKDOWN),
        ("a", b"One sentence. Another one.\n", Syntax.PLAIN),
        ("a", b"one  \ntwo\n", Syntax.MARKDOWN),
        ("a", b"key: value\n", Syntax.MARKDOWN),
        ("a", b"one \ntwo\n", Syntax.PLAIN),
        ("a", b"    indented\n", Syntax.OTHER),
        ("a", b"key:\n  inner: 1\n", Syntax.OTHER),
        ("a", b"keys:\n- one\n", Syntax.OTHER),
        ("a", b"def f():\n    return 1\n", Syntax.OTHER),
        ("a", b"- one\n  - two\n", Syntax.MARKDOWN),
        ("a", b"Text\n\n```yaml\nkey:\n  inner: 1\n```\n", Syntax.MARKDOWN),
        ("a", b"- item\n", Syntax.MARKDOWN),
    ],
    ids=str,
)
def test_text_is_plain_only_where_nothing_else_could_be_meant(
    name: str, content: bytes, expected: Syntax | None
) -> None:
    """The suffix decides, then the content, with caution: blanks may mean something."""
    kind, syntax = syntax_of_name(name, content)
    assert syntax is expected
    assert (kind is ArtifactType.BINARY) is (expected is None)

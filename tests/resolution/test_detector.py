"""The detector: types in a fixed order, and nothing proven by reading a text in the wrong way."""

import pytest

from helicarrier.resolution.detector import classify
from helicarrier.resolution.enums import ArtifactType, MismatchType, Syntax, Verdict
from helicarrier.resolution.model import artifact
from helicarrier.resolution.syntax import syntax_of_content
from tests.resolution.pairs import pair

T = MismatchType
U1, U2 = "7d444840-9dc0-11d1-b245-5ffdce74fad2", "c56a4180-65aa-42ec-a945-5fd21dec0538"


@pytest.mark.parametrize(
    ("syntax", "golden", "candidate", "kind", "verdict"),
    [
        (Syntax.JSON, '{"a":1,"b":2}', '{"b":2,"a":1}', T.JSON_ORDERING, "equivalent"),
        (Syntax.JSON, "[1]", "[1.0]", T.NUMERIC_EPSILON, "equivalent"),
        (Syntax.JSON, "[1]", "[2]", T.NUMERIC_EPSILON, "not_equivalent"),
        (Syntax.JSON, '["a"]', '["b"]', T.JSON_ORDERING, "not_equivalent"),
        (Syntax.JSON, "[1", "[1]", T.JSON_ORDERING, "undecidable"),
        (Syntax.JSON, f'["{U1}"]', f'["{U2}"]', T.NONDETERMINISM, "equivalent"),
        (Syntax.PLAIN, "a \n", "a\n", T.WHITESPACE, "equivalent"),
        (Syntax.PLAIN, f"a {U1}", f"a {U2}", T.NONDETERMINISM, "equivalent"),
        (Syntax.PLAIN, "a\n", "b\n", T.SEMANTICS_TEXT, "undecidable"),
        (Syntax.MARKDOWN, "*a*", "_a_", T.MARKDOWN_FORMATTING, "equivalent"),
        (Syntax.MARKDOWN, "a  \nb", "a\nb", T.SEMANTICS_TEXT, "undecidable"),
        (Syntax.OTHER, "a: 1 \n", "a: 1\n", T.SEMANTICS_TEXT, "undecidable"),
        (Syntax.PYTHON, "a=1", "a = 1", T.SEMANTICS_CODE, "equivalent"),
        (Syntax.PYTHON, f"a='{U1}'", f"a='{U2}'", T.SEMANTICS_CODE, "not_equivalent"),
        (None, "a", "b", T.NONDETERMINISM, "undecidable"),
    ],
    ids=str,
)
def test_each_pair_has_one_type(
    syntax: Syntax | None, golden: str, candidate: str, kind: MismatchType, verdict: str
) -> None:
    """That of the first analyzer that calls it equivalent, else of what differs."""
    found = classify(*pair(golden, candidate, syntax))
    assert found is not None
    assert (found.mismatch_type, found.deciding.verdict) == (kind, verdict)
    assert found.deciding in found.asked


@pytest.mark.parametrize("syntax", [*Syntax, None], ids=str)
def test_equal_bytes_are_no_mismatch(syntax: Syntax | None) -> None:
    """Whatever they are."""
    assert classify(*pair("{", "{", syntax)) is None


def test_surroundings_are_asked_last() -> None:
    """They explain a mismatch that nothing else settles, and no other."""
    before = {"git_sha": "a", "python_version": "3.11", "platform": "l"}
    after = before | {"python_version": "3.12"}
    for candidate, kind in (("b", T.INFRA_ENV_DRIFT), ("a \n", T.WHITESPACE)):
        found = classify(*pair("a\n", candidate, Syntax.PLAIN), environments=(before, after))
        assert found is not None
        assert found.mismatch_type is kind
    unchanged = classify(*pair("a", "b", Syntax.PLAIN), environments=(before, before))
    assert unchanged is not None
    assert unchanged.mismatch_type is T.SEMANTICS_TEXT


@pytest.mark.parametrize(
    ("golden", "candidate"),
    [
        ("a:\n  b: 1\n", "a:\nb: 1\n"),
        ("a:\n  b: 1\n  c: 2\n", "a:\n  b: 1\nc: 2\n"),
        ("items:\n- a\n", "items:\n* a\n"),
        ("if a:\n    b()\n    c()\n", "if a:\n    b()\nc()\n"),
        ("all:\n\tmake\n", "all:\nmake\n"),
        ("one  \ntwo\n", "one\ntwo\n"),
    ],
    ids=["nesting", "level", "marker", "block", "tab", "hard break"],
)
def test_what_has_no_name_is_read_with_caution(golden: str, candidate: str) -> None:
    """Markdown would drop the indentation of YAML and code, plain text two blanks."""
    sides = [
        artifact(text, text.encode(), syntax_of_content(ArtifactType.TEXT, text.encode()))
        for text in (golden, candidate)
    ]
    found = classify(*sides)
    assert found is not None
    assert found.deciding.verdict is not Verdict.EQUIVALENT


def test_text_without_a_mark_is_read_like_the_markdown_beside_it() -> None:
    """But not where it has marks that its name declares to be none."""
    bare = artifact("a", b"one\n\ntwo\n", Syntax.PLAIN)
    marked = artifact("b", b"one\n\n\n two\n", Syntax.MARKDOWN)
    found = classify(bare, marked)
    assert found is not None
    assert found.mismatch_type is T.MARKDOWN_FORMATTING
    starred = artifact("a", b"*one*\n", Syntax.PLAIN)
    other = classify(starred, artifact("b", b"_one_\n", Syntax.MARKDOWN))
    assert other is not None
    assert other.deciding.verdict is not Verdict.EQUIVALENT

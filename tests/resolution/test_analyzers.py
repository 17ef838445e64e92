"""Analyzers: the bounds of what each proves, and hostile input that no side gets through."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helicarrier.resolution.analyzers import (
    infra_env_drift,
    json_ordering,
    markdown_formatting,
    nondeterminism,
    numeric_epsilon,
    semantics_code,
    whitespace,
)
from helicarrier.resolution.analyzers.base import Analyzer
from helicarrier.resolution.analyzers.registry import ANALYZERS
from helicarrier.resolution.enums import MismatchType, Syntax, Verdict
from helicarrier.resolution.model import Analysis
from tests.resolution.pairs import pair

YES, NO, OPEN = Verdict


def codes(analysis: Analysis) -> set[str]:
    """The codes of the findings."""
    return {finding.code for finding in analysis.findings}


def test_every_type_has_an_analyzer() -> None:
    """And each analyzer answers as its own type."""
    assert set(ANALYZERS) == set(MismatchType)
    for kind, analyze in ANALYZERS.items():
        assert analyze(*pair("a", "b", Syntax.PLAIN)).mismatch_type is kind


@pytest.mark.parametrize("kind", MismatchType, ids=str)
@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"{", b"x" * 100], ids=repr)
def test_equal_bytes_are_equal_in_every_respect(kind: MismatchType, content: bytes) -> None:
    """Also where nothing can be read of them."""
    assert ANALYZERS[kind](*pair(content, content, None)).proven


@pytest.mark.parametrize("kind", MismatchType, ids=str)
@pytest.mark.parametrize("syntax", [*Syntax, None], ids=str)
@settings(max_examples=15)
@given(golden=st.binary(max_size=40), candidate=st.binary(max_size=40))
def test_no_input_breaks_an_analyzer(
    kind: MismatchType, syntax: Syntax | None, golden: bytes, candidate: bytes
) -> None:
    """The answer is the same both times, and the same the other way round but for its sides."""
    one, other = pair(golden, candidate, syntax)
    answer = ANALYZERS[kind](one, other)
    assert answer == ANALYZERS[kind](one, other)
    if kind is not MismatchType.POLICY_VIOLATION:
        assert answer.verdict is ANALYZERS[kind](other, one).verdict


HOSTILE = {
    "minus signs": ("-" * 100_000 + "1", Syntax.PYTHON),
    "a long sum": ("1+" * 100_000 + "1", Syntax.PYTHON),
    "a long chain": ("a." * 50_000 + "b", Syntax.PYTHON),
    "brackets in Python": ("(" * 10_000, Syntax.PYTHON),
    "lambdas": ("lambda:" * 50_000 + "1", Syntax.PYTHON),
    "elifs": ("if a: pass\n" + "elif b: pass\n" * 20_000, Syntax.PYTHON),
    "digits in Python": ("7" * 5_000, Syntax.PYTHON),
    "another encoding": ("# coding: latin-1\nx = 'é'", Syntax.PYTHON),
    "too large Python": ("a = 1\n" * 300_000, Syntax.PYTHON),
    "quotes in quotes": (">" * 3_000 + "a", Syntax.MARKDOWN),
    "lists in lists": ("- " * 3_000 + "a", Syntax.MARKDOWN),
    "brackets in Markdown": ("[" * 50_000, Syntax.MARKDOWN),
    "too large Markdown": ("a\n\n" * 100_000, Syntax.MARKDOWN),
    "NUL in Markdown": ("a\x00", Syntax.MARKDOWN),
    "deep JSON": ("[" * 5_000 + "]" * 5_000, Syntax.JSON),
    "a key twice": ('{"a":1,"a":1}', Syntax.JSON),
    "NaN": ("[NaN]", Syntax.JSON),
    "an integer beyond 2^53 - 1": ("[9007199254740993]", Syntax.JSON),
}
READERS = {
    Syntax.PYTHON: semantics_code.analyze,
    Syntax.MARKDOWN: markdown_formatting.analyze,
    Syntax.JSON: json_ordering.analyze,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_read_safely_is_undecidable(name: str) -> None:
    """Beside a sound side and beside itself with one more blank."""
    text, syntax = HOSTILE[name]
    sound = "1" if syntax is Syntax.JSON else "a"
    for golden, candidate in ((sound, text), (text, sound), (text, text + " ")):
        answer = READERS[syntax](*pair(golden, candidate, syntax))
        assert (answer.verdict, bool(answer.findings)) == (OPEN, True)


@pytest.mark.parametrize(
    ("golden", "candidate", "verdict"),
    [
        ("1", "1.0", OPEN),
        ("[-0]", "[0]", OPEN),
        ("[1E2]", "[100.0]", OPEN),
        ('["\\u0041"]', '[ "A" ]', YES),
        ("[1E30]", " [1E30]", YES),
        ("[1]", "[true]", NO),
        ('["1"]', "[1]", NO),
        ("[1,2]", "[2,1]", NO),
        ('{"a":null}', "{}", NO),
    ],
    ids=repr,
)
def test_order_is_told_from_the_form_of_numbers(
    golden: str, candidate: str, verdict: Verdict
) -> None:
    """`1` and `1.0` have the same canonical bytes and are yet no question of order."""
    assert json_ordering.analyze(*pair(golden, candidate, Syntax.JSON)).verdict is verdict


@pytest.mark.parametrize(
    ("golden", "candidate", "verdict"),
    [
        ("1", "1.0", YES),
        ("-0.0", "0", YES),
        ("0.3", "0.30000000000000004", YES),
        ("1.0", "1.00000000009", YES),
        ("1.0", "1.00000000011", NO),
        ("1e300", "1.00000000009e300", YES),
        ("0", "1e-300", NO),
        ("1e-300", "-1e-300", NO),
        ("10000000000.0", "10000000001.0", YES),
        ("100000000000", "100000000001", NO),
        ('{"a":1.0,"b":2}', '{"b":2,"a":1.00000000001}', YES),
        ('{"a":1.0}', '{"a":"1.0"}', NO),
        ("[1.0]", "[1.0,1.0]", NO),
        ("1." + "0" * 500, "1.0", OPEN),
        ("1." + "0" * 300 + "1", "1.0", YES),
    ],
    ids=str,
)
def test_numbers_are_close_or_not(golden: str, candidate: str, verdict: Verdict) -> None:
    """Within 1e-10 of the larger one; integers are counts and keys, and never nearly equal."""
    answer = numeric_epsilon.analyze(*pair(golden, candidate, Syntax.JSON))
    assert (answer.verdict, answer.proven) == (verdict, False)


@pytest.mark.parametrize(
    ("golden", "candidate", "verdict"),
    [
        ("a\r\nb", "a\nb", YES),
        ("a \t\nb", "a\nb", YES),
        ("a", "a\n", YES),
        ("a\n", "a\n\n", NO),
        ("a  b", "a b", NO),
        (" a", "a", NO),
        ("a\u00a0", "a", NO),
        ("50%\r100%", "50%\n100%", OPEN),
        ("a\r\r\n", "a\n", OPEN),
    ],
    ids=repr,
)
def test_blanks_are_content_but_at_the_end(golden: str, candidate: str, verdict: Verdict) -> None:
    """Line ends, trailing blanks and one final newline, in plain text."""
    assert whitespace.analyze(*pair(golden, candidate, Syntax.PLAIN)).verdict is verdict


@pytest.mark.parametrize(
    "syntax", [Syntax.MARKDOWN, Syntax.PYTHON, Syntax.OTHER, Syntax.JSON], ids=str
)
def test_blanks_of_other_syntaxes_are_not_judged(syntax: Syntax) -> None:
    """Two of them are a hard break in Markdown."""
    assert codes(whitespace.analyze(*pair("a  \n", "a\n", syntax))) == {"NOT_APPLICABLE"}


@given(st.text(alphabet="ab \t\r\n", max_size=20))
def test_normalized_text_stays_as_it_is(text: str) -> None:
    """Doing it again changes nothing, so a resolution can be applied twice."""
    one, other = pair(text, text.rstrip(" "), Syntax.PLAIN)
    if whitespace.analyze(one, other).verdict is not OPEN and "\r" not in text:
        form = whitespace.canonical(one)
        assert whitespace.canonical(replace(one, content=form)) == form


TMP = "/" + "tmp/"
U1, U2 = "7d444840-9dc0-11d1-b245-5ffdce74fad2", "c56a4180-65aa-42ec-a945-5fd21dec0538"


@pytest.mark.parametrize(
    ("golden", "candidate", "verdict"),
    [
        (f"id {U1}", f"id {U2}", YES),
        (f"{U1} {U1}", f"{U2} {U2}", YES),
        (f"{U1} {U1}", f"{U2} {U1}", NO),
        (f"owner {U1}, user {U2}", f"owner {U2}, user {U1}", NO),
        ("at 2026-01-02T03:04:05Z", "at 2026-01-02T03:04:06.123Z", YES),
        ("at 2026-01-02T03:04:05Z", "at 2026-01-02T03:04:05+02:00", NO),
        ("on 2026-01-02", "on 2026-01-03", NO),
        ("sha " + "a1" * 20, "sha " + "b2" * 20, YES),
        ("account " + "12" * 20, "account " + "13" * 20, NO),
        ("sha " + "a1" * 20, "sha " + "b2" * 32, NO),
        (f"{TMP}tmpab12cd34/out.txt", f"{TMP}tmpzz99yy88/out.txt", YES),
        (f"{TMP}tmpab12cd34/out.txt", f"{TMP}tmpab12cd34/in.txt", NO),
        (f"{TMP}report.txt", f"{TMP}secret.txt", NO),
        ("http://127.0.0.1:40001/", "http://127.0.0.1:51234/", YES),
        ("http://127.0.0.1:5432/", "http://127.0.0.1:3306/", NO),
        ("http://db.internal:40001/", "http://db.internal:51234/", NO),
        (f"id {U1}", "id \x00uuid:0\x00", OPEN),
    ],
    ids=str,
)
def test_chance_is_masked_and_the_rest_is_exact(
    golden: str, candidate: str, verdict: Verdict
) -> None:
    """And what was masked is reported, so that it proves nothing by itself."""
    answer = nondeterminism.analyze(*pair(golden, candidate, Syntax.PLAIN))
    assert (answer.verdict, answer.proven) == (verdict, False)
    assert verdict is not YES or answer.masked


@pytest.mark.parametrize(
    ("golden", "candidate", "verdict", "code"),
    [
        ("x = 1  # one", "x=1", YES, ""),
        ("x = 1_000", "x = 1000", YES, ""),
        ("u'a'", "'a'\n", YES, ""),
        ("x = 1", "x = 1.0", NO, "CONSTANT"),
        ("def f(a): return a", "def f(b): return b", NO, "PARAMETERS"),
        ("a = 1\nb = 2", "b = 2\na = 1", NO, "ORDER"),
        ("x = -1", "x = 1", NO, "TREE"),
        ("if a:\n  b()\nc()", "if a:\n  b()\n  c()", NO, "TREE"),
        ("def f():\n  'a'\nprint(f.__doc__)", "def f():\n  'b'\nprint(f.__doc__)", NO, "CONSTANT"),
    ],
)
def test_code_is_its_tree(golden: str, candidate: str, verdict: Verdict, code: str) -> None:
    """Comments and layout are not in it, names, constants and order are."""
    answer = semantics_code.analyze(*pair(golden, candidate, Syntax.PYTHON))
    assert answer.verdict is verdict
    assert (code in codes(answer)) is bool(code)


def test_another_docstring_is_masked() -> None:
    """Equivalent, but not without a person: a docstring is text at run time."""
    answer = semantics_code.analyze(
        *pair('def f():\n  "a"\n  return 1', "def f():\n  'b'\n  return 1", Syntax.PYTHON)
    )
    assert (answer.verdict, answer.proven, answer.masked[0].kind) == (YES, False, "docstring")


@pytest.mark.parametrize(
    ("golden", "candidate"),
    [
        ("---\na:\n  b: 1\n---\nx *y*", "---\na:\nb: 1\n---\nx _y_"),
        ("```python title=a\nx\n```", "```python title=b\nx\n```"),
        ("a\n\n[//]: # (one)", "a\n\n[//]: # (two)"),
        ("\\~~a~~", "~~a~~"),
        ("- [ ] a", "- \\[ ] a"),
        ("a\ufffd", "a \ufffd"),
    ],
    ids=["front matter", "info", "unused definition", "strikethrough", "task", "blank"],
)
def test_what_html_hides_is_compared_too(golden: str, candidate: str) -> None:
    """Readers with more than CommonMark would see it."""
    answer = markdown_formatting.analyze(*pair(golden, candidate, Syntax.MARKDOWN))
    assert answer.verdict is NO


def test_nothing_is_dropped_by_nesting() -> None:
    """The parser stops at a depth; texts that differ below it are never called equal."""
    for depth in (10, 18, 19, 20, 21, 40, 57, 58, 59, 60, 61, 100):
        for mark in ("> ", "- "):
            answer = markdown_formatting.analyze(
                *pair(mark * depth + "a", mark * depth + "b", Syntax.MARKDOWN)
            )
            assert answer.verdict is not YES
        nested = markdown_formatting.analyze(
            *pair("*" * depth + "a" + "*" * depth, "*" * depth + "b" + "*" * depth, Syntax.MARKDOWN)
        )
        assert nested.verdict is not YES


ENVIRONMENT = '{"git_sha":"a","python_version":"3.11","platform":"Linux","hostname":"h","user":"u"}'


@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [
        (ENVIRONMENT.replace('"3.11"', '"3.12"'), NO),
        (ENVIRONMENT.replace('"h"', '"other"'), YES),
        ('{"environment":' + ENVIRONMENT + "}", YES),
        ("{}", OPEN),
        ("[1]", OPEN),
    ],
    ids=["python", "host", "inside a manifest", "no manifest", "a list"],
)
def test_surroundings_drift(candidate: str, verdict: Verdict) -> None:
    """Versions count, the name of the machine does not."""
    analyze: Analyzer = infra_env_drift.analyze
    assert analyze(*pair(ENVIRONMENT, candidate, Syntax.JSON)).verdict is verdict

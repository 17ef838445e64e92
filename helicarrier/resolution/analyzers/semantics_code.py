"""Python that is formatted or commented otherwise: equal syntax trees.

Docstrings that differ are left out of the comparison, which the analysis says: they are text at run
time (`help()`, command lines), so a person has to agree. A module that reads `__doc__` keeps them.
Whatever else differs is not equivalent: a renamed parameter changes what callers may write.
"""

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from helicarrier.resolution.analyzers.base import (
    MEGABYTE,
    Question,
    Unreadable,
    text_of,
)
from helicarrier.resolution.enums import EquivalenceMethod, MismatchType, Syntax
from helicarrier.resolution.model import Analysis, Artifact, Finding, Masked

MOST_BYTES = MEGABYTE
_DEEPEST = 150
_COOKIE = re.compile(r"\A(?:[^\n]*\n)?[ \t\f]*#[^\n]*?coding[:=][ \t]*([-\w.]+)")
_UTF8 = {"utf-8", "utf8", "utf_8"}
_QUESTION = Question(
    mismatch_type=MismatchType.SEMANTICS_CODE, method=EquivalenceMethod.AST_NORMALIZED
)
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True, kw_only=True)
class _Module:
    tree: ast.Module
    docstrings: tuple[str, ...]
    reads_docstrings: bool


def analyze(golden: Artifact, candidate: Artifact) -> Analysis:
    """Equivalent where the trees are equal, with or without docstrings."""
    return _QUESTION.decide(golden, candidate, _read, _analysis)


def _analysis(golden: _Module, candidate: _Module) -> Analysis:
    masked: tuple[Masked, ...] = ()
    reads = golden.reads_docstrings or candidate.reads_docstrings
    if golden.docstrings != candidate.docstrings and not reads:
        counts = len(golden.docstrings), len(candidate.docstrings)
        masked = (Masked(kind="docstring", golden=counts[0], candidate=counts[1]),)
        _drop_docstrings(golden.tree)
        _drop_docstrings(candidate.tree)
    try:
        one, other = ast.dump(golden.tree), ast.dump(candidate.tree)
    except RecursionError:
        reason = _too_deep()
        return _QUESTION.undecidable(Finding(code=reason.code, where="", message=reason.message))
    found = [] if one == other else list(_reasons(golden.tree, candidate.tree))
    return _QUESTION.compared(one.encode(), other.encode(), findings=found, masked=masked)


def _read(one: Artifact) -> _Module:
    text = text_of(one, {Syntax.PYTHON}, MOST_BYTES)
    cookie = _COOKIE.match(text)
    if cookie and cookie.group(1).lower() not in _UTF8:
        raise Unreadable("ENCODING", "the source declares another encoding than UTF-8")
    if _nested(text) > _DEEPEST:
        raise _too_deep()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the code that is read, not of ours
            tree = ast.parse(text)
    except (RecursionError, MemoryError):
        raise _too_deep() from None
    except (SyntaxError, ValueError):
        raise Unreadable("NOT_PYTHON", "the source is not Python") from None
    nodes = list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Constant):
            node.kind = None  # the prefix of u"" says nothing
    return _Module(
        tree=tree,
        docstrings=tuple(
            ast.get_docstring(node, clean=False) or ""
            for node in nodes
            if isinstance(node, _Documented) and ast.get_docstring(node, clean=False) is not None
        ),
        reads_docstrings=any(map(_reads_docstrings, nodes)),
    )


def _too_deep() -> Unreadable:
    return Unreadable("TOO_DEEP", "the source is nested too deeply")


def _nested(text: str) -> int:
    """The most brackets that are open at once: an upper bound, taken before any parser runs."""
    deepest = depth = 0
    for bracket in re.findall(r"[()\[\]{}]", text):
        depth = depth + 1 if bracket in "([{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest


def _reads_docstrings(node: ast.AST) -> bool:
    match node:
        case ast.Name(id="__doc__") | ast.Attribute(attr="__doc__"):
            return True
        case ast.Constant(value="__doc__"):
            return True
        case ast.Import(names=names):
            return any(name.name in {"doctest", "docopt"} for name in names)
        case ast.ImportFrom(module=module):
            return module in {"doctest", "docopt"}
        case _:
            return False


def _drop_docstrings(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, _Documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]


def _reasons(golden: ast.Module, candidate: ast.Module) -> Iterator[Finding]:
    """What can be named of a difference; at least that the trees differ."""
    yield Finding(code="TREE", where="", message="the syntax trees differ")
    if _constants(golden) != _constants(candidate):
        yield Finding(code="CONSTANT", where="", message="other constants stand in the code")
    before, after = _parameters(golden), _parameters(candidate)
    if before != after:
        yield Finding(
            code="PARAMETERS", where="", message="parameters changed: callers by keyword break"
        )
    one, other = _statements(golden), _statements(candidate)
    if one != other and Counter(one) == Counter(other):
        yield Finding(code="ORDER", where="", message="the same statements in another order")


def _constants(tree: ast.Module) -> Counter[str]:
    return Counter(repr(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant))


def _parameters(tree: ast.Module) -> list[str]:
    return [ast.dump(node.args) for node in ast.walk(tree) if isinstance(node, _Function)]


def _statements(tree: ast.Module) -> list[str]:
    """Statements without others in them, in their order."""
    return [
        ast.dump(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and not hasattr(node, "body")
    ]

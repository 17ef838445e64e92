"""Packs: every case comes out as it should, there are enough of each, and a bad pack is refused."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from helicarrier.errors import ContractError, InputRejected
from helicarrier.resolution.enums import MismatchType, Syntax, Verdict
from helicarrier.resolution.packs import ADVERSARIAL, GOLDENS, Case, read_packs, run

ROOT = Path(__file__).resolve().parents[2]
GOLDEN_CASES = read_packs(GOLDENS)
ADVERSARIAL_CASES = read_packs(ADVERSARIAL)


@pytest.mark.parametrize("kind", MismatchType, ids=str)
@pytest.mark.parametrize("cases", [GOLDEN_CASES, ADVERSARIAL_CASES], ids=["goldens", "tricks"])
def test_every_case_comes_out(cases: list[Case], kind: MismatchType) -> None:
    """Verdict and assertions, without any model."""
    outcomes = run([case for case in cases if case.mismatch_type is kind])
    assert {
        outcome.case.test_id: outcome.failures for outcome in outcomes if outcome.failures
    } == {}
    assert not any(outcome.false_equivalent for outcome in outcomes)


def count(kind: MismatchType, *verdicts: Verdict) -> int:
    """How many goldens there are of a type."""
    return sum(case.mismatch_type is kind and case.expected in verdicts for case in GOLDEN_CASES)


@pytest.mark.parametrize("kind", MismatchType, ids=str)
def test_every_type_has_enough_cases(kind: MismatchType) -> None:
    """At least fifteen, and not all with the same answer."""
    of_kind = [case for case in GOLDEN_CASES if case.mismatch_type is kind]
    assert len(of_kind) >= 15
    assert len({case.expected for case in of_kind}) >= 2


def test_markdown_has_its_sixty_and_its_hundred_and_twenty() -> None:
    """Pairs that read the same, and pairs that only look like it."""
    assert count(MismatchType.MARKDOWN_FORMATTING, Verdict.EQUIVALENT) >= 60
    assert count(MismatchType.MARKDOWN_FORMATTING, Verdict.NOT_EQUIVALENT) >= 120


def test_tricks_are_of_text_and_of_code() -> None:
    """At least thirty of each, none of which is ever equivalent."""
    by_code = Counter(case.golden.syntax is Syntax.PYTHON for case in ADVERSARIAL_CASES)
    assert min(by_code[True], by_code[False]) >= 30
    assert all(case.adversarial_type for case in ADVERSARIAL_CASES)
    assert not any(case.expected is Verdict.EQUIVALENT for case in ADVERSARIAL_CASES)


def test_hashes_are_current() -> None:
    """What `scripts/pack_hashes.py` writes is what is committed."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "pack_hashes.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.stdout, done.returncode) == ("", 0)


def pack(tmp_path: Path, **changed: object) -> Path:
    """A folder with a pack of one case, changed."""
    case = json.loads((GOLDENS / "whitespace" / "equivalent.json").read_text())["cases"][0]
    document = {"schema_version": "1", "description": "d", "cases": [case | changed]}
    (tmp_path / "pack.json").write_text(json.dumps(document))
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"golden": {"content": "a", "hash": "sha256:" + "0" * 64}}, "HASH"),
        ({"golden": {"content": "a"}}, "SCHEMA"),
        ({"expected_resolution": "maybe"}, "SCHEMA"),
        ({"unknown": 1}, "SCHEMA"),
        ({"test_assertions": ["hopefully"]}, "SCHEMA"),
    ],
    ids=["hash", "no hash", "verdict", "field", "assertion"],
)
def test_a_bad_pack_is_refused(tmp_path: Path, changed: dict[str, object], code: str) -> None:
    """With the place and the rule."""
    with pytest.raises(ContractError) as refused:
        read_packs(pack(tmp_path, **changed))
    assert {violation.code for violation in refused.value.violations} == {code}


def test_two_cases_never_share_an_id(tmp_path: Path) -> None:
    """Else one of them could be edited unseen."""
    folder = pack(tmp_path)
    (folder / "again.json").write_text((folder / "pack.json").read_text())
    with pytest.raises(ContractError, match="cannot be read"):
        read_packs(folder)


def test_no_packs_is_no_pass(tmp_path: Path) -> None:
    """A wrong folder is an error."""
    with pytest.raises(InputRejected):
        read_packs(tmp_path)


def test_a_case_that_fails_says_how(tmp_path: Path) -> None:
    """Verdict and assertion by name."""
    changed = {"expected_resolution": "not_equivalent", "test_assertions": ["proven=false"]}
    (outcome,) = run(read_packs(pack(tmp_path, **changed)))
    assert outcome.false_equivalent
    assert set(outcome.failures) == {
        *("expected not_equivalent, got equivalent", "proven=false"),
        "classified as whitespace and proven",
    }

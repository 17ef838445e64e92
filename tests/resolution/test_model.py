"""Vocabularies, the table of transitions, and analyses that cannot contradict their proof."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helicarrier.resolution.enums import (
    TRANSITIONS,
    Action,
    ArtifactType,
    EquivalenceMethod,
    MismatchStatus,
    MismatchType,
    ResolutionStatus,
    SafetyLevel,
    Syntax,
    Verdict,
)
from helicarrier.resolution.model import (
    Analysis,
    Artifact,
    Masked,
    Proof,
    artifact,
    is_mismatch_id,
    is_plan_id,
    mismatch_id,
    plan_id,
)


def test_the_vocabularies_are_closed() -> None:
    """Stored values and policies lean on these words: none is lost, none is added unseen."""
    assert {kind.value for kind in MismatchType} == {
        *("whitespace", "markdown_formatting", "json_ordering", "semantics_text"),
        *("semantics_code", "nondeterminism", "policy_violation", "infra_env_drift"),
        "numeric_epsilon",
    }
    assert [status.value for status in ResolutionStatus] == [
        *("proposed", "approved", "applied", "rolled_back", "rejected", "error"),
    ]
    assert {action for action in Action if action.destructive} == {
        *(Action.APPLY_TRANSFORM, Action.REPLACE_ARTIFACT, Action.REWRITE_FORMATTING),
    }


@pytest.mark.parametrize(
    ("level", "one_key"),
    [(SafetyLevel.AUTOMATIC, 0), (SafetyLevel.ADVISORY, 1), (SafetyLevel.EXPERIMENTAL, 1)],
    ids=str,
)
def test_a_level_says_how_many_approve(level: SafetyLevel, one_key: int) -> None:
    """Dual key asks for two people at every level."""
    assert (level.approvals(), level.approvals(dual_key=True)) == (one_key, 2)


def reached_from(start: MismatchStatus) -> set[MismatchStatus]:
    """Every status that some path of transitions leads to."""
    found: set[MismatchStatus] = set()
    waiting = [start]
    while waiting:
        for after in TRANSITIONS[waiting.pop()] - found:
            found.add(after)
            waiting.append(after)
    return found


def test_every_status_is_in_the_table_and_reached() -> None:
    """From `detected`, which is where each mismatch begins."""
    assert set(TRANSITIONS) == set(MismatchStatus)
    assert reached_from(MismatchStatus.DETECTED) == set(MismatchStatus) - {MismatchStatus.DETECTED}


def test_every_open_status_can_still_end() -> None:
    """No mismatch is caught in a circle."""
    final = {status for status in MismatchStatus if status.terminal}
    assert final == {MismatchStatus.RESOLVED, MismatchStatus.SKIPPED, MismatchStatus.FAILED}
    assert all(reached_from(status) & final for status in set(MismatchStatus) - final)


@given(st.lists(st.sampled_from(MismatchStatus), max_size=12))
def test_a_walk_never_leaves_a_final_status(wishes: list[MismatchStatus]) -> None:
    """Whatever is asked for, the table decides."""
    status = MismatchStatus.DETECTED
    for wish in wishes:
        was_final = status.terminal
        if status.may_become(wish):
            assert not was_final
            status = wish
    assert status in MismatchStatus


def test_staying_is_no_step() -> None:
    """A second worker that moves a mismatch to where it is has lost the race."""
    assert not any(status.may_become(status) for status in MismatchStatus)


EQUAL = ("a" * 64, "a" * 64)
UNEQUAL = ("a" * 64, "b" * 64)


@pytest.mark.parametrize("method", EquivalenceMethod, ids=str)
@pytest.mark.parametrize("hashes", [None, EQUAL, UNEQUAL], ids=["none", "equal", "unequal"])
def test_only_equal_canonical_forms_are_a_proof(
    method: EquivalenceMethod, hashes: tuple[str, str] | None
) -> None:
    """Scores, tests and tolerances never prove; a proving method needs equal hashes."""
    proof = hashes and Proof(method=method, golden_hash=hashes[0], candidate_hash=hashes[1])

    def made() -> Analysis:
        return Analysis(
            mismatch_type=MismatchType.SEMANTICS_TEXT,
            verdict=Verdict.EQUIVALENT,
            method=method,
            proof=proof or None,
        )

    if method.proves and hashes != EQUAL:
        with pytest.raises(ValueError, match="without a proof"):
            made()
    else:
        assert made().proven is method.proves


def test_the_proof_is_by_the_method_that_is_named() -> None:
    """Equal HTML is no equality of syntax trees."""
    with pytest.raises(ValueError, match="without a proof"):
        Analysis(
            mismatch_type=MismatchType.SEMANTICS_CODE,
            verdict=Verdict.EQUIVALENT,
            method=EquivalenceMethod.AST_NORMALIZED,
            proof=Proof(
                method=EquivalenceMethod.MARKDOWN_HTML, golden_hash="a", candidate_hash="a"
            ),
        )


def test_what_was_masked_is_not_proven() -> None:
    """It was not compared."""
    exact = EquivalenceMethod.EXACT
    analysis = Analysis(
        mismatch_type=MismatchType.NONDETERMINISM,
        verdict=Verdict.EQUIVALENT,
        method=exact,
        proof=Proof(method=exact, golden_hash="a", candidate_hash="a"),
        masked=(Masked(kind="uuid", golden=1, candidate=1),),
    )
    assert not analysis.proven


@pytest.mark.parametrize("verdict", [Verdict.NOT_EQUIVALENT, Verdict.UNDECIDABLE], ids=str)
def test_other_verdicts_are_never_proven(verdict: Verdict) -> None:
    """Undecidable is not a pass."""
    found = Analysis(
        mismatch_type=MismatchType.WHITESPACE, verdict=verdict, method=EquivalenceMethod.EXACT
    )
    assert not found.proven


def test_an_artefact_has_the_syntax_of_its_type() -> None:
    """JSON is not read as Markdown, and bytes without a grammar are binary."""
    assert artifact("a", b"{}", Syntax.JSON).artifact_type is ArtifactType.JSON
    assert artifact("a", b"\x00", None).artifact_type is ArtifactType.BINARY
    for kind, syntax in [
        (ArtifactType.JSON, Syntax.MARKDOWN),
        (ArtifactType.BINARY, Syntax.PLAIN),
        (ArtifactType.TEXT, None),
    ]:
        with pytest.raises(ValueError, match="has no syntax"):
            Artifact(artifact_id="a", artifact_type=kind, content=b"", syntax=syntax)


def test_ids_follow_from_what_they_are_made_of() -> None:
    """The same parts give the same id, other parts or other cuts another one."""
    one = mismatch_id("run", "ab", "c")
    assert one == mismatch_id("run", "ab", "c") != mismatch_id("run", "a", "bc")
    assert (is_mismatch_id(one), is_plan_id(plan_id("x"))) == (True, True)


@pytest.mark.parametrize(
    ("text", "own", "imported"),
    [
        ("mis_0123456789abcdef", True, True),
        ("mis_01234567", False, True),
        ("mis_0123456", False, False),
        ("mis_0123456789ABCDEF", False, False),
        ("mis_0123456789abcdef\n", False, False),
        ("plan_0123456789abcdef", False, False),
    ],
    ids=repr,
)
def test_short_ids_come_from_imports_only(text: str, own: bool, imported: bool) -> None:
    """Eight digits were enough in earlier records."""
    assert (is_mismatch_id(text), is_mismatch_id(text, imported=True)) == (own, imported)

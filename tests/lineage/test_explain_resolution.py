"""Explanations of resolution: a plan leads to its proof, its decisions and the run that made it."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from helicarrier.ledger.runs import run_store
from helicarrier.lineage.explain import explain
from helicarrier.resolution.decision_enums import ReviewVerdict
from helicarrier.resolution.records import Review
from helicarrier.store.operational import OperationalStore
from tests.lineage.test_explain import walk
from tests.resolution.deciding import NOW
from tests.resolution.test_applying import DEV, ORDERING, Desk


@pytest.fixture
def desk(migrated_sqlite: Path, tmp_path: Path) -> Desk:
    """Resolution over a data folder of its own."""
    shutil.copyfile(migrated_sqlite, tmp_path / "helicarrier.sqlite")
    return Desk(OperationalStore(f"sqlite:///{tmp_path / 'helicarrier.sqlite'}"), tmp_path)


def test_plan_and_mismatch_explain_themselves(desk: Desk) -> None:
    """The proof, the newest decisions, the reviews, the run; the log explains its lines."""
    settings = desk.settings
    with closing(desk.store), run_store(settings).run("resolution_plans") as run:
        search = desk.resolution.search(desk.pairs(ORDERING), DEV, run_id=run.run_id)
        desk.resolution.keep(search)
        (proposal,) = desk.resolution.propose(search, DEV, run_id=run.run_id)
        made = proposal.plan
        assert made is not None
        desk.resolution.plans.save([made])
        desk.apply(made)
        desk.resolution.learn(
            Review(
                plan_id=made.plan_id,
                verdict=ReviewVerdict.CORRECT,
                reviewer="ada",
                reviewed_at=NOW,
            )
        )
        (decided,) = desk.resolution.reviews.decisions(made.plan_id)
    told = explain(settings, "resolution_plan", [made.plan_id])
    text = "\n".join(f"{node.title} {dict(node.facts)}" for node in walk(told))
    assert "json_ordering between ordering-golden, ordering-candidate" in text
    assert "'method': 'canonical_json'" in text
    assert "would_apply: auto_resolve.enabled is false" in text
    assert "'correct'" in text
    assert run.run_id in text
    mismatch = explain(settings, "mismatch", [made.mismatch_id])
    found = "\n".join(f"{node.title} {dict(node.facts)}" for node in walk(mismatch))
    assert "policy.phase2.default v1" in found
    line = explain(settings, "ai_decision_log", [decided.decision_id])
    assert any(node.facts.get("outcome") == "would_apply" for node in walk(line))

"""`helicarrier resolution plan|approve|apply|...`: from a file of pairs to an outcome and back."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command

SHIPPED = Path(__file__).parents[2] / "config" / "phase2_runtime.yaml"
PAIRS = [
    {
        "golden": {"artifact_id": "g1", "content": '{"a": 1, "b": 2}', "session_id": "nobody"},
        "candidate": {"artifact_id": "c1", "content": '{"b": 2, "a": 1}'},
    },
    {
        "golden": {"artifact_id": "g2", "content": "# T\n\n*w*\n", "syntax": "markdown"},
        "candidate": {"artifact_id": "c2", "content": "T\n=\n\n_w_\n", "syntax": "markdown"},
    },
    {
        "golden": {"artifact_id": "g3", "content": "99.9% uptime", "syntax": "plain"},
        "candidate": {"artifact_id": "c3", "content": "99.5% uptime", "syntax": "plain"},
    },
]


@pytest.fixture
def pairs(tmp_path: Path, ready_store: Path) -> Path:
    """A file of pairs: one automatic, one advisory, one that is not equivalent."""
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, PAIRS)), encoding="utf-8")
    return path


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration that lets dev through."""
    text = SHIPPED.read_text(encoding="utf-8")
    path = tmp_path / "runtime.yaml"
    path.write_text(
        text.replace("enabled: false", "enabled: true").replace("dev: shadow", "dev: true"),
        encoding="utf-8",
    )
    monkeypatch.setenv("HELICARRIER_RESOLUTION_CONFIG", str(path))


def planned(helicarrier: Command, pairs: Path) -> dict[str, str]:
    """The ids of the plans by artefact."""
    told = helicarrier("resolution", "plan", pairs, "--json")
    assert told.code == 0
    plans = [one["plan"] for one in json.loads(told.out)["mismatches"] if one["plan"]]
    return {one["actions"][0]["artifact_id"]: one["id"] for one in plans}


def test_as_shipped_apply_ends_with_two_and_says_why(helicarrier: Command, pairs: Path) -> None:
    """The automatic plan would be applied; nothing is."""
    ids = planned(helicarrier, pairs)
    assert set(ids) == {"c1", "c2"}
    done = helicarrier("resolution", "apply", ids["c1"], "--json")
    assert done.code == 2
    told = json.loads(done.out)
    assert told["outcome"] == "would_apply"
    assert "auto_resolve.enabled is false" in told["reasons"]
    assert '+{"a":1,"b":2}' in told["diffs"][0]


def test_plan_of_the_same_file_is_the_same_plan(helicarrier: Command, pairs: Path) -> None:
    """And a dry run stores nothing."""
    dry = helicarrier("resolution", "plan", pairs, "--dry-run")
    assert "no plan: the two are not_equivalent" in dry.out
    assert "the ledger has no session nobody" in dry.err
    assert helicarrier("resolution", "plans").out == ""
    assert planned(helicarrier, pairs) == planned(helicarrier, pairs)
    assert len(json.loads(helicarrier("resolution", "plans", "--json").out)["plans"]) == 2


@pytest.mark.usefixtures("opened")
def test_approve_apply_and_roll_back(helicarrier: Command, pairs: Path) -> None:
    """With dev let through: waiting, approved, applied, back."""
    plan = planned(helicarrier, pairs)["c2"]
    assert helicarrier("resolution", "apply", plan).out.startswith("waiting")
    shown = helicarrier("resolution", "preview", plan)
    assert "+# T" in shown.out
    assert "destructive" in shown.out
    dry = helicarrier("resolution", "approve", plan, "--user", "ada", "--dry-run")
    assert "approved" in dry.out
    assert "proposed" in helicarrier("resolution", "plans", "--status", "proposed").out
    assert "1/1 approvals" in helicarrier("resolution", "approve", plan, "--user", "ada").out
    assert helicarrier("resolution", "apply", plan, "--dry-run").code == 2
    applied = helicarrier("resolution", "apply", plan)
    assert (applied.code, applied.out.startswith("applied")) == (0, True)
    back = helicarrier("resolution", "rollback", plan, "--reason", "drill", "--json")
    assert json.loads(back.out)["plan"]["status"] == "rolled_back"
    assert helicarrier("resolution", "approve", plan, "--user", "ada", "--reject").code == 5


@pytest.mark.usefixtures("opened")
def test_kill_switch_stops_the_command(
    helicarrier: Command, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One variable."""
    plan = planned(helicarrier, pairs)["c1"]
    monkeypatch.setenv("PHASE2_DISABLE_AUTORESOLVE", "1")
    stopped = helicarrier("resolution", "apply", plan)
    assert (stopped.code, "PHASE2_DISABLE_AUTORESOLVE is set" in stopped.out) == (2, True)
    monkeypatch.delenv("PHASE2_DISABLE_AUTORESOLVE")
    assert helicarrier("resolution", "apply", plan).code == 0


def test_reviews_reach_breakers_and_the_weekly_report(helicarrier: Command, pairs: Path) -> None:
    """A false positive trips, and the command says so by its exit code."""
    plan = planned(helicarrier, pairs)["c1"]
    review = ("resolution", "review", plan, "--verdict", "false_positive", "--reviewer", "ada")
    assert helicarrier(*review, "--dry-run").out.startswith("would review")
    assert helicarrier("resolution", "breakers", "evaluate", "--dry-run").code == 0
    assert helicarrier("resolution", "breakers", "list").out == ""
    assert helicarrier(*review, "--satisfaction", "2").out.startswith("reviewed plan_")
    assert helicarrier(*review).out.startswith("reviewed before")
    assert "of its kind 0 of 1 held" in helicarrier("resolution", "preview", plan).out
    judged = helicarrier("resolution", "breakers", "evaluate", "--json")
    assert judged.code == 2
    states = {one["breaker"]: one["state"] for one in json.loads(judged.out)["breakers"]}
    assert (states["fp_rate_7d"], states["complaints"]) == ("open", "closed")
    assert "shadow mode until" in helicarrier("resolution", "breakers", "list").out
    weeks = helicarrier("resolution", "false-positives", "--weeks", "1", "--json")
    assert json.loads(weeks.out)["weeks"][0]["rate"] == 1.0
    assert "100.0% wrong" in helicarrier("resolution", "false-positives").out
    assert helicarrier("resolution", "review", "plan_0000000000000000", *review[3:]).code == 64


def test_policies_are_checked_stored_and_shown(
    helicarrier: Command, tmp_path: Path, ready_store: Path
) -> None:
    """A broken one ends with 4 and its place; a stored one is in force once it is activated."""
    checked = helicarrier("resolution", "policy", "check")
    assert (checked.code, "policy.phase2.default v1: ok" in checked.out) == (0, True)
    shown = helicarrier("resolution", "policy", "show", "--json")
    rules = json.loads(shown.out)["rules"]
    snake = [
        {
            "mismatch_type": rule["mismatchType"],
            "environments": rule["environments"],
            "allowed_actions": rule["allowedActions"],
            "safety_level": rule["safetyLevel"],
            "required_evidence": rule["requiredEvidence"],
            "minimum_confidence": rule["minimumConfidence"],
            "dual_key": rule["dualKey"],
        }
        for rule in rules
    ]
    body = {"schema_version": "1", "policy_id": "policy.phase2.default", "version": 2}
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({**body, "rules": snake[1:]}), encoding="utf-8")
    broken = helicarrier("resolution", "policy", "check", file, "--json")
    assert broken.code == 4
    assert "no rule names json_ordering" in broken.out
    file.write_text(json.dumps({**body, "rules": snake}), encoding="utf-8")
    assert helicarrier("resolution", "policy", "check", file).code == 0
    assert "would store" in helicarrier("resolution", "policy", "add", file, "--dry-run").out
    assert helicarrier("resolution", "policy", "add", file, "--activate").code == 0
    assert helicarrier("resolution", "policy", "show").out.startswith("policy.phase2.default v2")
    assert "CREATE TABLE IF NOT EXISTS mismatch" in helicarrier("resolution", "schema-sql").out

"""The code location: what it holds, that it loads, and that it loads quickly."""

import ast
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

import definitions
from definitions import build_defs
from helicarrier.alerts.tables import ALERT_RULES, ALERT_STATE, ALERT_TRANSITIONS
from helicarrier.evals.enums import Gate
from helicarrier.evals.tables import (
    AI_EVAL_GATE_RESULTS,
    AI_EVAL_RUNS,
    AI_EVAL_SAMPLES,
    AI_PROVIDER_CONFIGS,
    AI_TRAINING_EXAMPLES,
    CANARY_WINDOWS,
)
from helicarrier.governance.contract import TableContract
from helicarrier.ledger.tables import (
    IMPORT_REPORTS,
    SESSION_EVENTS,
    SESSION_LEDGER,
    SESSION_USAGE,
    USAGE_COST_HISTORY,
)
from helicarrier.lineage.content.tables import ANNOTATIONS, DOCUMENTS, MESSAGES
from helicarrier.lineage.git.tables import GIT_CHANGES, GIT_COMMITS, GIT_REFS, SESSION_COMMITS
from helicarrier.matches.tables import ANALYSIS_RESULTS
from helicarrier.notify.tables import NOTIFICATIONS
from helicarrier.resolution.tables import AI_DECISION_LOG, MISMATCH, RESOLUTION_PLAN
from helicarrier.usage.tables import (
    DAILY_PROVENANCE_AGG,
    DAILY_SUBTOTALS_AGG,
    DAILY_USAGE_AGG,
    MODEL_PERF_AGG,
    RETENTION_MARKS,
    SESSION_FACTS,
    USAGE_FACTS,
)
from resources import LakeResource

ROOT = Path(__file__).parents[2]
FOLDERS = ("assets", "checks", "resources", "schedules", "sensors")
LEDGER = {"session_import", "session_ledger", "session_events", "session_usage"}
UPKEEP = {"usage_repricing", "retention"}
DAILY_AGGREGATES = {"daily_usage_agg", "daily_provenance_agg", "daily_subtotals_agg"}
DAILY = {"usage_facts", "session_facts", *DAILY_AGGREGATES}
CONTRACTS = {
    "session_import": IMPORT_REPORTS,
    "session_ledger": SESSION_LEDGER,
    "session_events": SESSION_EVENTS,
    "session_usage": SESSION_USAGE,
    "usage_facts": USAGE_FACTS,
    "session_facts": SESSION_FACTS,
    "daily_usage_agg": DAILY_USAGE_AGG,
    "daily_provenance_agg": DAILY_PROVENANCE_AGG,
    "daily_subtotals_agg": DAILY_SUBTOTALS_AGG,
    "model_perf_agg": MODEL_PERF_AGG,
    "usage_repricing": USAGE_COST_HISTORY,
    "retention": RETENTION_MARKS,
    "documents": DOCUMENTS,
    "messages": MESSAGES,
    "annotations": ANNOTATIONS,
    "git_commits": GIT_COMMITS,
    "git_changes": GIT_CHANGES,
    "git_refs": GIT_REFS,
    "session_commits": SESSION_COMMITS,
    "ai_eval_samples": AI_EVAL_SAMPLES,
    "ai_eval_runs": AI_EVAL_RUNS,
    "ai_eval_gate_results": AI_EVAL_GATE_RESULTS,
    "ai_provider_configs": AI_PROVIDER_CONFIGS,
    "ai_training_examples": AI_TRAINING_EXAMPLES,
    "canary_windows": CANARY_WINDOWS,
    "alert_rules": ALERT_RULES,
    "alert_state": ALERT_STATE,
    "alert_transitions": ALERT_TRANSITIONS,
    "notifications": NOTIFICATIONS,
    "mismatches": MISMATCH,
    "resolution_plans": RESOLUTION_PLAN,
    "resolution_outcomes": AI_DECISION_LOG,
    "analysis_results": ANALYSIS_RESULTS,
}
RESOLVED = {"mismatches", "resolution_plans", "resolution_outcomes"}
RESOLUTION_JUDGED = {
    ("resolution_plans", "policy_conformance"),
    ("mismatches", "golden_packs"),
    ("rater_agreement", "agreement_gate"),
    ("resolution_outcomes", "false_positive_rate"),
}
ADVICE = "p3_advisory_signal"
PROMISES = {
    f"{ADVICE}:{name}" for name in ("isolation", "budget", "confidence_range", "kill_switch")
}
ALERTS = {"alert_rules", "alert_state", "alert_transitions", "notifications"}
EVALS = {"ai_eval_samples", "ai_eval_runs", "ai_eval_gate_results"}
OBSERVED = {"ai_provider_configs", "ai_training_examples", "canary_windows"}
GATED = EVALS | {"ai_eval_run_summary", "release_decision", "eval_remote_ingest"}
GIT = {"git_commits", "git_changes", "git_refs", "session_commits"}
CONTENT = {"documents", "messages", "annotations"}
HEAVY = ("pandas", "pandera", "pyarrow", "altair", "alembic", "genai_prices")


def repository() -> dg.RepositoryDefinition:
    """The code location as Dagster sees it."""
    return definitions.defs.get_repository_def()


def test_definitions_are_loadable() -> None:
    """Every asset, check, job, schedule and sensor resolves, with the resources it asks for."""
    dg.Definitions.validate_loadable(definitions.defs)


def test_asset_keys() -> None:
    """What the project keeps up to date, by subject area."""
    graph = repository().asset_graph
    by_group: dict[str, set[str]] = {}
    for key in graph.get_all_asset_keys():
        by_group.setdefault(graph.get(key).group_name or "", set()).add(key.to_user_string())
    assert by_group == {
        "ledger": LEDGER,
        "usage": DAILY | {"model_perf_agg"} | UPKEEP,
        "lineage": CONTENT | GIT | {"run_store"},
        "evals": GATED | OBSERVED,
        "alerts": ALERTS,
        "resolution": RESOLVED | {"output_pairs", "rater_agreement", "false_positive_report"},
        "advisory": {"analysis_results", ADVICE},
    }


def test_asset_checks() -> None:
    """Each asset has its governance check; what else must hold of it stands beside."""
    found = {
        (key.asset_key.to_user_string(), key.name)
        for key in repository().asset_graph.asset_check_keys
    }
    assert found == {(asset, "governance") for asset in CONTRACTS} | {
        ("session_ledger", "import_totals"),
        ("daily_usage_agg", "parity"),
        ("run_store", "chain"),
        *((asset, name) for asset in CONTENT for name in ("orphans", "constraints")),
        *((asset, "orphans") for asset in GIT),
        *(("ai_eval_run_summary", gate.value) for gate in Gate),
        ("alert_state", "history"),
        ("notifications", "delivered"),
        *RESOLUTION_JUDGED,
        *((ADVICE, promise.partition(":")[2]) for promise in PROMISES),
    }


def test_jobs_and_what_they_select() -> None:
    """A job's assets and the checks that run with them."""
    checks_of_ledger = {
        "session_ledger:governance",
        "session_ledger:import_totals",
        "session_usage:governance",
    }
    checks_of_days = {f"{asset}:governance" for asset in DAILY} | {"daily_usage_agg:parity"}
    performance = {"model_perf_agg", "model_perf_agg:governance"}
    checks_of_content = {
        f"{asset}:{check}"
        for asset in CONTENT
        for check in ("governance", "orphans", "constraints")
    }
    checks_of_git = {f"{asset}:{check}" for asset in GIT for check in ("governance", "orphans")}
    checks_of_evals = {f"{asset}:governance" for asset in EVALS}
    checks_of_resolution = {f"{asset}:governance" for asset in RESOLVED}
    checks_of_states = {"alert_state:governance", "alert_state:history"}
    gated = GATED | checks_of_evals | {f"ai_eval_run_summary:{gate}" for gate in Gate}
    found = {
        job.name: {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
        | {
            f"{key.asset_key.to_user_string()}:{key.name}"
            for key in job.asset_layer.asset_graph.asset_check_keys
        }
        for job in repository().get_all_jobs()
        if not job.name.startswith("__")
    }
    everything = checks_of_ledger | checks_of_days
    assert found == {
        "import_sessions": LEDGER,
        "import_content": CONTENT | checks_of_content,
        "sync_git": GIT | checks_of_git,
        "refresh_usage": DAILY | everything,
        "refresh_performance": performance,
        "nightly_usage": DAILY | everything | performance,
        "reprice_usage": {"usage_repricing"},
        "drop_old_rows": {"retention"},
        "eval_gate": gated,
        "release_gate": gated,
        "evaluate_alerts": {"alert_state", "alert_transitions"} | checks_of_states,
        "resolve_pairs": RESOLVED
        | {"output_pairs"}
        | checks_of_resolution
        | {f"{asset}:{check}" for asset, check in RESOLUTION_JUDGED if check != "agreement_gate"},
        "measure_agreement": {"rater_agreement", "rater_agreement:agreement_gate"},
        "report_false_positives": {"false_positive_report"},
        "import_matches": {"analysis_results", "analysis_results:governance"},
        "advise": {ADVICE} | PROMISES,
        "audit": everything
        | checks_of_resolution
        | checks_of_states
        | {f"{asset}:governance" for asset in ALERTS}
        | {"notifications:delivered"}
        | PROMISES
        | {"analysis_results:governance"}
        | checks_of_evals
        | {f"{asset}:governance" for asset in OBSERVED}
        | checks_of_content
        | checks_of_git
        | {f"{asset}:governance" for asset in ("model_perf_agg", "session_events", *UPKEEP)}
        | {"session_import:governance", "run_store:chain"},
    }


def test_schedules_their_times_and_whether_they_run() -> None:
    """The nightly refresh runs without anybody's doing: windows end with every day.

    What changes costs of the past or drops rows waits for a person.
    """
    found = [
        (schedule.name, schedule.job_name, schedule.cron_schedule, schedule.default_status)
        for schedule in repository().schedule_defs
    ]
    assert sorted(found, key=lambda schedule: schedule[1] != "nightly_usage") == [
        (
            "nightly_usage_refresh",
            "nightly_usage",
            "15 0 * * *",
            dg.DefaultScheduleStatus.RUNNING,
        ),
        (
            "eval_gate_daily",
            "eval_gate",
            "0 5 * * *",
            dg.DefaultScheduleStatus.STOPPED,
        ),
        (
            "false_positives_weekly",
            "report_false_positives",
            "0 6 * * 1",
            dg.DefaultScheduleStatus.STOPPED,
        ),
        (
            "git_sync_hourly",
            "sync_git",
            "20 * * * *",
            dg.DefaultScheduleStatus.STOPPED,
        ),
        (
            "nightly_retention",
            "drop_old_rows",
            "45 2 * * *",
            dg.DefaultScheduleStatus.STOPPED,
        ),
        (
            "repricing_after_price_update",
            "reprice_usage",
            "30 3 * * *",
            dg.DefaultScheduleStatus.STOPPED,
        ),
    ]


def test_sensors_what_they_start_and_whether_they_run() -> None:
    """Those that only refresh run by themselves; what changes routing waits for a person."""
    found = {
        sensor.name: ({target.job_name for target in sensor.targets}, sensor.default_status)
        for sensor in repository().sensor_defs
    }
    assert found == {
        "session_files": ({"import_sessions"}, dg.DefaultSensorStatus.RUNNING),
        "dirty_days": ({"refresh_usage", "refresh_performance"}, dg.DefaultSensorStatus.RUNNING),
        "failed_runs": (set(), dg.DefaultSensorStatus.RUNNING),
        "alerts": ({"evaluate_alerts"}, dg.DefaultSensorStatus.RUNNING),
        "outbox": (set(), dg.DefaultSensorStatus.RUNNING),
        "canary": (set(), dg.DefaultSensorStatus.STOPPED),
        "breakers": (set(), dg.DefaultSensorStatus.RUNNING),
        "advisory_expiry": (set(), dg.DefaultSensorStatus.STOPPED),
        "cancelled_runs": (set(), dg.DefaultSensorStatus.RUNNING),
    }


@pytest.mark.parametrize("asset", CONTRACTS)
def test_asset_declares_the_columns_of_its_contract(asset: str) -> None:
    """The catalogue shows the contract before anything has run: columns, types, meanings."""
    contract: TableContract = CONTRACTS[asset]
    node = repository().asset_graph.get(dg.AssetKey(asset))
    schema = node.metadata["dagster/column_schema"]
    assert [(column.name, column.type) for column in schema.columns] == [
        (column.name, column.kind.value) for column in contract.columns
    ]
    assert all(column.description for column in schema.columns)
    assert any("PRIMARY KEY" in rule for rule in schema.constraints.other)


@pytest.mark.parametrize("asset", CONTRACTS)
def test_asset_says_its_grain_and_who_answers_for_it(asset: str) -> None:
    """Description, owner, kinds, tags and code version are there for each asset."""
    node = repository().asset_graph.get(dg.AssetKey(asset))
    assert (node.description or "").startswith("One row per ")
    assert list(node.owners) == ["team:agent-platform"]
    assert node.kinds
    assert node.tags["area"] == node.group_name
    assert node.code_version


def test_steps_that_write_the_warehouse_file_share_a_pool() -> None:
    """Each materialization records its run in the DuckDB file, which has one writer."""
    pools = {
        asset.op.pool
        for asset in definitions.defs.resolve_asset_graph().assets_defs
        if asset.is_executable and asset.keys
    }
    assert pools == {"duckdb"}


def test_outputs_of_the_daily_step_name_the_same_inputs() -> None:
    """Where they differ, the pages of Dagster refuse to launch a backfill of both facts."""
    graph = repository().asset_graph
    parents = {frozenset(graph.get(dg.AssetKey(asset)).parent_keys) for asset in DAILY_AGGREGATES}
    assert len(parents) == 1


def test_override_takes_the_place_of_a_resource() -> None:
    """A caller decides where the stores are; what it does not name stays."""
    other = LakeResource(root="/elsewhere")
    changed = build_defs(lake=other).resources or {}
    assert changed["lake"] is other
    assert set(changed) == set(definitions.defs.resources or {})


def test_loading_leaves_the_heavy_libraries_alone() -> None:
    """What costs seconds to import is imported where it is used."""
    program = (
        "import sys, definitions;"
        f"print(','.join(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    "path", sorted(p for f in FOLDERS for p in (ROOT / f).glob("*.py")), ids=str
)
def test_annotations_are_left_for_dagster_to_read(path: Path) -> None:
    """Postponed annotations and imports for type checkers alone break definition loading."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    futures = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    assert not futures
    assert path.name == "audit.py" or "TYPE_CHECKING" not in path.read_text(encoding="utf-8")


def test_reference_page_names_everything() -> None:
    """Assets, checks, jobs, schedules with their time, sensors and resources are in the page."""
    page = (ROOT / "docs" / "reference" / "assets.md").read_text(encoding="utf-8")
    known = repository()
    schedules = known.schedule_defs
    names = {
        *(key.to_user_string() for key in known.asset_graph.get_all_asset_keys()),
        *(key.name for key in known.asset_graph.asset_check_keys),
        *(job.name for job in known.get_all_jobs() if not job.name.startswith("__")),
        *(schedule.name for schedule in schedules),
        *(str(schedule.cron_schedule) for schedule in schedules),
        *(sensor.name for sensor in known.sensor_defs),
        *(definitions.defs.resources or {}),
    }
    assert {name for name in names if f"`{name}`" not in page} == set()

"""Eval assets: the samples of a run, the run with its verdicts, its summary, and the decision.

A run is stored whole, so samples, run and verdicts are the outputs of one step. The gates are
checks of the summary and stand between it and the decision: where one blocks, the asset of the
decision is not made, and what was decided stands in the audit log, where it is written as soon as a
run is judged. The tables that other programs fill (providers, generations, canary windows) are
declared, so that their rows are checked; nothing materializes them. How a gate is judged belongs
into the package.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from pydantic import Field

from assets.declarations import OWNERS, TRANSIENT, WAREHOUSE_POOL, table_spec
from assets.runs import explain_command, recorded
from helicarrier import times
from helicarrier.errors import NotReady
from helicarrier.evals.model import EvalRun
from helicarrier.evals.repository import EvalRepository
from helicarrier.evals.tables import (
    AI_EVAL_GATE_RESULTS,
    AI_EVAL_RUNS,
    AI_EVAL_SAMPLES,
    AI_PROVIDER_CONFIGS,
    AI_TRAINING_EXAMPLES,
    CANARY_WINDOWS,
)
from resources import OperationalResource, SettingsResource, WarehouseResource

GROUP = "evals"
SUMMARY = "ai_eval_run_summary"
DECISION = "release_decision"
REMOTE = "eval_remote_ingest"
RECORDS = Path("evals") / "records.jsonl"
"""Where the records are looked for below the data folder when HELICARRIER_EVAL_PATHS is not set."""

_NAMESPACE = uuid.UUID("0c5a8a4e-0a6b-5b7e-8d6e-3e0b4f0f9b52")

SPECS = [
    table_spec(
        AI_EVAL_SAMPLES,
        description="What each evaluated generation showed, as its record has it.",
        group=GROUP,
        kinds={"python", "table"},
    ),
    table_spec(
        AI_EVAL_RUNS,
        description="Evaluations with the thresholds and the decision they were judged by.",
        group=GROUP,
        kinds={"python", "table"},
        deps=[AI_EVAL_SAMPLES.name],
    ),
    table_spec(
        AI_EVAL_GATE_RESULTS,
        description="Verdicts with their intervals, as the run was judged.",
        group=GROUP,
        kinds={"python", "table"},
        deps=[AI_EVAL_SAMPLES.name],
    ),
]
OBSERVED = [
    table_spec(
        AI_PROVIDER_CONFIGS,
        description="Who answers: `helicarrier routing` and the canary write it.",
        group=GROUP,
        kinds={"table"},
    ),
    table_spec(
        AI_TRAINING_EXAMPLES,
        description="What was generated, by whom and how fast: the router writes it.",
        group=GROUP,
        kinds={"table"},
        deps=[AI_PROVIDER_CONFIGS.name],
    ),
    table_spec(
        CANARY_WINDOWS,
        description="What the rules said of a window, and what was done: the sensor writes it.",
        group=GROUP,
        kinds={"table"},
        deps=[AI_TRAINING_EXAMPLES.name, AI_EVAL_SAMPLES.name],
    ),
]


class EvalConfig(dg.Config):
    """What to judge, and how it is sliced."""

    path: str = Field(
        default="",
        description="File of eval results; none: the newest of HELICARRIER_EVAL_PATHS.",
    )
    slices: list[str] = Field(default=[], description="Keys that samples are sliced by.")


@dg.multi_asset(name="judge_eval_records", specs=SPECS, pool=WAREHOUSE_POOL)
def judge_eval_records(
    context: dg.AssetExecutionContext,
    config: EvalConfig,
    settings: SettingsResource,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> Iterator[dg.MaterializeResult]:
    """One row per record and one run, with its verdicts. A missing or broken file is an error."""
    from helicarrier.evals import evaluation, recording
    from helicarrier.evals.readers.registry import newest_file, read_file
    from helicarrier.store.code_ref import code_ref

    current = settings.load()
    started_at = times.now()
    with (
        recorded(context, warehouse, AI_EVAL_RUNS.name, []) as run,
        operational.store() as store,
    ):
        places = current.eval_places or (current.data_dir / RECORDS,)
        path = Path(config.path) if config.path else newest_file(places)
        found = evaluation.judge(
            read_file(path),
            evaluation.Rules(slices=tuple(config.slices)),
            evaluation.Origin(
                run_id=eval_run_id(context.run.run_id),
                started_at=started_at,
                finished_at=times.now(),
                code_version=code_ref(),
                triggered_by="dagster",
                commit_sha=code_ref(),
                dataset_ref=path.name,
            ),
        )
        recording.record(store, found, run, source=str(path), now=times.now())
    told = {
        "eval_run_id": found.run.run_id,
        "run_store_id": run.run_id,
        "explain": explain_command(run.run_id),
    }
    rows = {
        AI_EVAL_SAMPLES.name: len(found.samples),
        AI_EVAL_RUNS.name: 1,
        AI_EVAL_GATE_RESULTS.name: len(found.verdicts),
    }
    for name, count in rows.items():
        yield dg.MaterializeResult(
            asset_key=name, metadata={**told, "dagster/table_name": name, "rows_new": count}
        )


@dg.asset(
    name=SUMMARY,
    deps=[AI_EVAL_RUNS.name, AI_EVAL_SAMPLES.name, AI_EVAL_GATE_RESULTS.name],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"sql", "view"},
    tags={"area": GROUP},
    code_version="1",
    pool=WAREHOUSE_POOL,
)
def ai_eval_run_summary(
    context: dg.AssetExecutionContext,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> dg.MaterializeResult:
    """One row per eval run: rates and the 95th percentile of the latency, by the view."""
    with recorded(context, warehouse, SUMMARY, []) as run:
        found = judged_run(context.run.run_id, operational)
        with operational.query() as query:
            rows = query.rows(
                "SELECT * FROM ai_eval_run_summary_v1 WHERE run_id = :run_id",
                {"run_id": found.run_id},
            )
        run.rows_in = run.rows_out = len(rows)
    lines = [f"| {name} | {value} |" for name, value in rows[0].items()]
    return dg.MaterializeResult(
        metadata={
            "eval_run_id": found.run_id,
            "status": found.status.value,
            "run_store_id": run.run_id,
            "summary": dg.MetadataValue.md("\n".join(["| metric | value |", "|---|---|", *lines])),
        }
    )


@dg.asset(
    name=DECISION,
    deps=[SUMMARY],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "json"},
    tags={"area": GROUP},
    code_version="1",
    pool=WAREHOUSE_POOL,
)
def release_decision(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> dg.MaterializeResult:
    """One row per judged run, as a file: go or no-go, and why.

    Go takes a pass of every gate in every slice; what is inconclusive is a no-go, too. What was
    decided when the run was judged stands in the audit log and is what the file says.
    """
    from helicarrier.evals import evaluation, release
    from helicarrier.evals.report import report
    from helicarrier.evals.report_file import write_report
    from helicarrier.evals.sql_repository import SqlEvalRepository

    with (
        recorded(context, warehouse, DECISION, []) as run,
        operational.store() as store,
    ):
        judged = judged_run(context.run.run_id, operational)
        found = evaluation.load(SqlEvalRepository(store), judged)
        with store.read() as connection:
            outcome = release.decided(connection, judged.run_id)
        folder = settings.load().data_dir / "release_decisions"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{judged.run_id}.json"
        write_report(
            path,
            {"go": outcome is release.Outcome.GO, **report(found, generated_at=times.now())},
        )
        run.rows_out = 1
    return dg.MaterializeResult(
        metadata={
            "decision": outcome.value,
            "why": release.reasons(found) or [release.WHY[outcome]],
            "eval_run_id": judged.run_id,
            "run_store_id": run.run_id,
            "dagster/uri": path.as_uri(),
        }
    )


@dg.asset(
    name=REMOTE,
    deps=[AI_EVAL_RUNS.name, AI_EVAL_SAMPLES.name, AI_EVAL_GATE_RESULTS.name],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres"},
    tags={"area": GROUP},
    code_version="1",
    retry_policy=TRANSIENT,
    pool=WAREHOUSE_POOL,
)
def eval_remote_ingest(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> dg.MaterializeResult:
    """One row per judged run, in the database of HELICARRIER_EVAL_REMOTE_URL, where that is set.

    It waits for no gate: a run that fails is loaded, too.
    """
    from helicarrier.evals import evaluation, remote
    from helicarrier.evals.sql_repository import SqlEvalRepository

    url = settings.load().eval_remote_url
    if url is None:
        return dg.MaterializeResult(metadata={"remote": "none is configured", "rows_new": 0})
    with recorded(context, warehouse, REMOTE, []) as run:
        judged = judged_run(context.run.run_id, operational)
        with operational.store() as store:
            found = evaluation.load(SqlEvalRepository(store), judged)
        done = remote.ingest(url, found)
        run.rows_in, run.rows_out = len(found.samples) + len(found.verdicts) + 1, done.rows
        run.note(evalRun=judged.run_id)
    return dg.MaterializeResult(
        metadata={
            "remote": "loaded",
            "eval_run_id": judged.run_id,
            "rows_new": done.rows,
            "run_store_id": run.run_id,
        }
    )


ASSETS = [
    judge_eval_records,
    ai_eval_run_summary,
    release_decision,
    eval_remote_ingest,
    *OBSERVED,
]


def eval_run_id(dagster_run_id: str) -> str:
    """The eval run that a Dagster run judges: always the same one."""
    return str(uuid.uuid5(_NAMESPACE, dagster_run_id))


def judged_run(dagster_run_id: str, operational: OperationalResource) -> EvalRun:
    """The eval run of a Dagster run; where it judged none, the newest one.

    Raises:
        NotReady: no run is stored.
    """
    from helicarrier.evals.sql_repository import SqlEvalRepository

    with operational.store() as store:
        repository: EvalRepository = SqlEvalRepository(store)
        own = repository.run(eval_run_id(dagster_run_id))
        newest = [] if own is not None else repository.runs(limit=1)
    if own is not None:
        return own
    if not newest:
        raise NotReady(
            "no eval run is stored", hint="Materialize ai_eval_runs or run `helicarrier evals run`."
        )
    return newest[0]

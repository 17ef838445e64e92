"""Checks of evals: the rows keep their contracts, and one blocking check for each release gate.

A gate that fails is an error and keeps the decision from being made. What is inconclusive is a
warning until a release is asked for; then it blocks, too, since no data is never a pass.
"""

import base64

import dagster as dg
from pydantic import Field

from assets.evals import SUMMARY, judged_run
from assets.runs import as_dagster_failures
from checks.factory import governance_check
from helicarrier.evals.enums import Gate, Verdict
from helicarrier.evals.model import GateResult
from helicarrier.evals.tables import (
    AI_EVAL_GATE_RESULTS,
    AI_EVAL_RUNS,
    AI_EVAL_SAMPLES,
    AI_PROVIDER_CONFIGS,
    AI_TRAINING_EXAMPLES,
    CANARY_WINDOWS,
)
from resources import OperationalResource


class GateConfig(dg.Config):
    """How strict the gate is."""

    release: bool = Field(default=False, description="What is inconclusive blocks, too.")


def gate_check(gate: Gate) -> dg.AssetChecksDefinition:
    """A blocking check of one gate over all samples and all slices of the run."""

    @dg.asset_check(
        asset=SUMMARY,
        name=gate.value,
        blocking=True,
        description=f"The run meets the gate {gate} in every slice, by its interval.",
    )
    def check(
        context: dg.AssetCheckExecutionContext,
        config: GateConfig,
        operational: OperationalResource,
    ) -> dg.AssetCheckResult:
        from helicarrier.evals.sql_repository import SqlEvalRepository

        with as_dagster_failures():
            run = judged_run(context.run.run_id, operational)
            with operational.store() as store:
                rows = SqlEvalRepository(store).verdicts(run.run_id)
        return _result([row for row in rows if row.gate is gate], release=config.release)

    return check


GATES = [gate_check(gate) for gate in Gate]
CHECKS = [
    governance_check(AI_EVAL_SAMPLES.name, AI_EVAL_SAMPLES, day="created_at"),
    governance_check(AI_EVAL_RUNS.name, AI_EVAL_RUNS, day="started_at"),
    governance_check(AI_EVAL_GATE_RESULTS.name, AI_EVAL_GATE_RESULTS, day=None),
    governance_check(AI_PROVIDER_CONFIGS.name, AI_PROVIDER_CONFIGS, day="updated_at"),
    governance_check(AI_TRAINING_EXAMPLES.name, AI_TRAINING_EXAMPLES, day="created_at"),
    governance_check(CANARY_WINDOWS.name, CANARY_WINDOWS, day="window_start"),
    *GATES,
]


def _result(rows: list[GateResult], *, release: bool) -> dg.AssetCheckResult:
    from helicarrier.evals.charts import gate_png

    passed = bool(rows) and all(row.verdict is Verdict.PASS for row in rows)
    failed = any(row.verdict is Verdict.FAIL for row in rows)
    blocks = failed or release
    lines = [
        f"| {row.slice_key} {row.slice_value} | {row.verdict} | {row.value} | {row.ci_low} "
        f"| {row.ci_high} | {row.threshold} | {row.n} | {row.samples_needed} |"
        for row in rows
    ]
    head = "| slice | verdict | value | low | high | threshold | samples | needed |"
    picture = base64.b64encode(gate_png(rows)).decode()
    open_rows = [row for row in rows if row.verdict is not Verdict.PASS]
    return dg.AssetCheckResult(
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        description="; ".join(row.reason for row in open_rows) if rows else "no verdict is stored",
        metadata={
            "verdicts": dg.MetadataValue.md("\n".join([head, "|---" * 8 + "|", *lines])),
            "interval": dg.MetadataValue.md(f"![interval](data:image/png;base64,{picture})"),
        },
    )

"""The registry: table -> how its rows are explained. A further area adds its lines here."""

from helicarrier.alerts import tables as alerts
from helicarrier.evals import tables as evals
from helicarrier.governance.contract import TableContract
from helicarrier.ledger import tables as ledger
from helicarrier.lineage.content import tables as content
from helicarrier.lineage.explain import (
    alert_rows,
    content_rows,
    eval_rows,
    git_rows,
    ledger_rows,
    resolution_rows,
    usage_rows,
)
from helicarrier.lineage.explain.sources import Below, Explainer, Place
from helicarrier.lineage.git import tables as git
from helicarrier.resolution import tables as resolution
from helicarrier.usage import tables as usage

RUNS = "runs"
"""The run store's own rows, which no contract of the operational store declares."""


def _warehouse(contract: TableContract, below: Below, *hidden: str) -> Explainer:
    return Explainer(
        contract=contract, below=below, place=Place.WAREHOUSE, hidden=frozenset(hidden)
    )


_EXPLAINERS = (
    Explainer(
        contract=ledger.SESSION_LEDGER,
        below=ledger_rows.of_session,
        hidden=frozenset({"task_text"}),
    ),
    Explainer(contract=ledger.SESSION_USAGE, below=ledger_rows.of_call),
    Explainer(contract=ledger.SESSION_EVENTS, below=ledger_rows.of_event),
    Explainer(contract=usage.DAILY_USAGE_AGG, below=usage_rows.of_daily_usage),
    Explainer(contract=usage.DAILY_PROVENANCE_AGG, below=usage_rows.of_daily_provenance),
    Explainer(contract=usage.DAILY_SUBTOTALS_AGG, below=usage_rows.of_daily_subtotals),
    Explainer(contract=usage.MODEL_PERF_AGG, below=usage_rows.of_performance),
    _warehouse(content.DOCUMENTS, content_rows.of_document, "content", "extensions"),
    _warehouse(content.MESSAGES, content_rows.of_message, "text", "attrs"),
    _warehouse(content.ANNOTATIONS, content_rows.of_annotation, "content"),
    _warehouse(git.GIT_COMMITS, git_rows.of_commit),
    _warehouse(git.GIT_CHANGES, git_rows.of_row_at_commit),
    _warehouse(git.GIT_REFS, git_rows.of_row_at_commit),
    _warehouse(git.SESSION_COMMITS, git_rows.of_session_commit),
    Explainer(
        contract=evals.AI_EVAL_RUNS,
        below=eval_rows.of_run,
        hidden=frozenset({"thresholds", "metadata"}),
    ),
    Explainer(contract=evals.AI_EVAL_SAMPLES, below=eval_rows.of_part),
    Explainer(contract=evals.AI_EVAL_GATE_RESULTS, below=eval_rows.of_part),
    Explainer(contract=evals.CANARY_WINDOWS, below=eval_rows.of_window),
    Explainer(contract=alerts.ALERT_STATE, below=alert_rows.of_state),
    Explainer(contract=alerts.ALERT_TRANSITIONS, below=alert_rows.of_transition),
    Explainer(contract=alerts.ALERT_RULES, below=alert_rows.of_rule),
    Explainer(
        contract=resolution.MISMATCH,
        below=resolution_rows.of_mismatch,
        hidden=frozenset({"evidence"}),
    ),
    Explainer(contract=resolution.RESOLUTION_PLAN, below=resolution_rows.of_plan),
    Explainer(
        contract=resolution.AI_DECISION_LOG,
        below=resolution_rows.of_decision,
        hidden=frozenset({"decision_data"}),
    ),
)
EXPLAINERS = {explainer.contract.name: explainer for explainer in _EXPLAINERS}

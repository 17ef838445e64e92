"""The registry: table -> how its rows are explained. A further area adds its lines here."""

from helicarrier.ledger import tables as ledger
from helicarrier.lineage.explain import ledger_rows, usage_rows
from helicarrier.lineage.explain.sources import Explainer
from helicarrier.usage import tables as usage

RUNS = "runs"
"""The run store's own rows, which no contract of the operational store declares."""

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
    Explainer(contract=usage.MODEL_PERF_AGG, below=usage_rows.of_performance),
)
EXPLAINERS = {explainer.contract.name: explainer for explainer in _EXPLAINERS}

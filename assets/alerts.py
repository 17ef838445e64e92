"""Alert assets: the rules judged, every transition, and what is queued to be told.

What belongs here: judging all rules as one step. What does not: how a value is measured and what
follows from it, which is the package's part, and delivery, which the sensor `outbox`, the service
and the command line do.
"""

from collections.abc import Iterator

import dagster as dg

from assets.declarations import TRANSIENT, WAREHOUSE_POOL, table_spec
from assets.runs import as_dagster_failures, explain_command
from helicarrier import times
from helicarrier.alerts.tables import (
    ALERT_RULES,
    ALERT_STATE,
    ALERT_TRANSITIONS,
    alert_state,
    alert_transitions,
)
from helicarrier.notify.tables import NOTIFICATIONS
from resources import OperationalResource, SettingsResource, WarehouseResource

GROUP = "alerts"
_ROWS_SHOWN = 50

SPECS = [
    table_spec(
        ALERT_STATE,
        description="How each rule stands for each scope that it looks at.",
        group=GROUP,
        kinds={"python", "table"},
        deps=[ALERT_RULES.name, "session_ledger", "session_usage"],
    ),
    table_spec(
        ALERT_TRANSITIONS,
        description="Why and when each state changed; rows are only added.",
        group=GROUP,
        kinds={"python", "table"},
        deps=[ALERT_RULES.name, "session_ledger", "session_usage"],
    ),
]
OBSERVED = [
    table_spec(
        ALERT_RULES,
        description="What is watched: operators write it.",
        group=GROUP,
        kinds={"table"},
    ),
    table_spec(
        NOTIFICATIONS,
        description="The outbox of alerts, canaries and failed runs, and how delivery stands.",
        group=GROUP,
        kinds={"table"},
        deps=[ALERT_TRANSITIONS.name],
    ),
]


@dg.multi_asset(name="judge_alert_rules", specs=SPECS, pool=WAREHOUSE_POOL, retry_policy=TRANSIENT)
def judge_alert_rules(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> Iterator[dg.MaterializeResult]:
    """Judge every rule in force by the sessions and calls of its window."""
    from helicarrier.alerts.evaluation import evaluate
    from helicarrier.notify.dispatcher import channels_of

    with as_dagster_failures(), operational.store() as store:
        done = evaluate(
            store,
            runs=warehouse.runs(),
            channels=channels_of(settings.load()),
            now=times.now(),
            dagster_run_id=context.run.run_id,
        )
    run_id = done.run_id or ""
    told = {"run_store_id": run_id, "explain": explain_command(run_id)}
    counts = operational.row_counts([alert_state, alert_transitions])
    yield dg.MaterializeResult(
        asset_key=ALERT_STATE.name,
        metadata={
            **told,
            "dagster/table_name": ALERT_STATE.name,
            "dagster/row_count": counts[alert_state.name],
            "firing": done.firing,
            "worst": done.worst.value,
            "too_little_data": done.without_data,
            "messages_queued": done.queued,
            "preview": dg.MetadataValue.md(_preview(done.lines())),
        },
    )
    yield dg.MaterializeResult(
        asset_key=ALERT_TRANSITIONS.name,
        metadata={
            **told,
            "dagster/table_name": ALERT_TRANSITIONS.name,
            "dagster/row_count": counts[alert_transitions.name],
            "rows_new": done.transitions,
        },
    )


ASSETS = [judge_alert_rules, *OBSERVED]


def _preview(lines: list[tuple[str, ...]]) -> str:
    if not lines:
        return "no rule is in force"
    head = ["| rule | scope | status | value | data |", "|---|---|---|---|---|"]
    shown = [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |"
        for line in lines[:_ROWS_SHOWN]
    ]
    return "\n".join([*head, *shown])

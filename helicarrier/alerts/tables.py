"""The alert tables: rules, one state per rule and scope, append-only transitions."""

from sqlalchemy import ForeignKeyConstraint, Index

from helicarrier.alerts.enums import (
    AlertComparison,
    AlertLifecycle,
    AlertMetric,
    AlertScope,
    AlertStatus,
    AlertWindow,
    DataState,
)
from helicarrier.governance import columns as c
from helicarrier.governance.contract import (
    Column,
    ColumnKind,
    NotBefore,
    TableContract,
    values_of,
)
from helicarrier.store.schema import table_of


def _number(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name=name, kind=ColumnKind.REAL, meaning=meaning, nullable=nullable)


ALERT_RULES = TableContract(
    name="alert_rules",
    grain="rule",
    primary_key=("rule_id",),
    columns=(
        c.text("rule_id", "Id of the rule."),
        c.choice("metric", values_of(AlertMetric), "What the rule watches."),
        c.choice("scope", values_of(AlertScope), "What it looks at."),
        c.text("agent_id", "The agent; NULL in a scope of agents: each of them.", nullable=True),
        c.text("model_id", "The model; NULL in a scope of models: each of them.", nullable=True),
        _number("warn_threshold", "From here on a warning."),
        _number("critical_threshold", "From here on critical; no lower than the warning."),
        c.choice("time_window", values_of(AlertWindow), "How far back it looks."),
        c.choice("comparison", values_of(AlertComparison), "When a value breaches."),
        Column(
            name="dedup_cooldown_sec",
            kind=ColumnKind.INTEGER,
            meaning="Repeats inside this time are not notified.",
            unit="s",
            at_least=0,
            default=300,
        ),
        c.flag("enabled", "1 while in force.", default=1),
        c.instant("created_at", "When it was made."),
        c.instant("updated_at", "When it was last changed."),
        c.instant(
            "suppressed_until",
            "End of an operator's suppression of the whole rule.",
            nullable=True,
        ),
    ),
    rules=(
        NotBefore(
            name="critical_above_warn",
            earlier="warn_threshold",
            later="critical_threshold",
            remedy="Give a critical threshold that is no lower than the warning.",
        ),
    ),
)

ALERT_STATE = TableContract(
    name="alert_state",
    grain="rule and scope",
    primary_key=("rule_id", "scope_key"),
    columns=(
        c.text("rule_id", "The rule."),
        c.text("scope_key", "What was judged: `global`, an agent, a model or `agent|model`."),
        c.choice("status", values_of(AlertStatus), "How bad the last judged value was."),
        c.choice("lifecycle", values_of(AlertLifecycle), "Where the alert stands."),
        c.choice("data_state", values_of(DataState), "Whether there was anything to judge."),
        _number("last_value", "The last judged value.", nullable=True),
        c.instant("evaluated_at", "When it was last judged.", nullable=True),
        c.instant("transition_at", "When it last changed.", nullable=True),
        c.instant("notified_at", "When somebody was last told.", nullable=True),
        c.instant("suppressed_until", "End of an operator's suppression.", nullable=True),
        c.text(
            "fingerprint",
            "Rule, scope and severity that receivers were last told; NULL: nothing is wrong.",
            nullable=True,
        ),
        c.run_id(),
        c.instant(
            "triggered_at", "Since when it fires; NULL while the status is ok.", nullable=True
        ),
        c.instant(
            "warning_notified_at", "When somebody was last told of a warning.", nullable=True
        ),
        c.instant(
            "critical_notified_at",
            "When somebody was last told of a critical value.",
            nullable=True,
        ),
    ),
)

ALERT_TRANSITIONS = TableContract(
    name="alert_transitions",
    grain="change of an alert's state",
    primary_key=("transition_id",),
    columns=(
        c.text("transition_id", "Id of the transition."),
        c.text("rule_id", "The rule."),
        c.text("scope_key", "What was judged."),
        c.instant("occurred_at", "When."),
        c.choice("from_status", values_of(AlertStatus), "Status before."),
        c.choice("to_status", values_of(AlertStatus), "Status after."),
        c.choice("from_lifecycle", values_of(AlertLifecycle), "Lifecycle before."),
        c.choice("to_lifecycle", values_of(AlertLifecycle), "Lifecycle after."),
        _number("value", "The value that was judged.", nullable=True),
        c.text("reason", "Why it changed."),
        c.run_id(),
    ),
)


def _rule_key() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["rule_id"], ["alert_rules.rule_id"])


alert_rules = table_of(ALERT_RULES)
alert_state = table_of(ALERT_STATE, _rule_key(), Index(None, "lifecycle"), rowid=False)
alert_transitions = table_of(ALERT_TRANSITIONS, _rule_key(), Index(None, "rule_id", "occurred_at"))

CONTRACTS = (ALERT_RULES, ALERT_STATE, ALERT_TRANSITIONS)

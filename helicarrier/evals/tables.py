"""The eval tables: providers and their weights, generations, runs, samples, verdicts, canaries.

Providers are rows, not an enum: another one is an insert. What a release was judged on is kept
whole: the samples, every verdict with its interval, and the snapshot of the thresholds.
"""

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, text

from helicarrier.evals.enums import (
    CanaryVerdict,
    DataState,
    Direction,
    EvalEnvironment,
    ExampleSource,
    Gate,
    Method,
    RouteStrategy,
    RunStatus,
    RunType,
    Verdict,
)
from helicarrier.governance import columns as c
from helicarrier.governance.contract import (
    Column,
    ColumnKind,
    NullExactlyWhen,
    RequiredFor,
    TableContract,
    values_of,
)
from helicarrier.ledger.tables import session_ledger
from helicarrier.store.schema import table_of

LATENCY_LIMIT_MS = 300_000


def _number(name: str, meaning: str, unit: str = "") -> Column:
    return Column(name=name, kind=ColumnKind.REAL, meaning=meaning, unit=unit, nullable=True)


def _between(
    name: str,
    meaning: str,
    low: int,
    high: int,
    *,
    unit: str = "",
    default: int | None = None,
    nullable: bool = False,
) -> Column:
    return Column(
        name=name,
        kind=ColumnKind.INTEGER,
        meaning=meaning,
        unit=unit,
        at_least=low,
        at_most=high,
        default=default,
        nullable=nullable,
    )


def _latency(meaning: str) -> Column:
    return _between("latency_ms", meaning, 0, LATENCY_LIMIT_MS, unit="ms", nullable=True)


def _metadata() -> Column:
    return Column(
        name="metadata", kind=ColumnKind.JSON, meaning="Details as one JSON object.", default="{}"
    )


def _version() -> Column:
    return Column(
        name="prompt_template_version",
        kind=ColumnKind.TEXT,
        meaning="Version of the prompt template.",
        filled=True,
        default="v1",
    )


AI_PROVIDER_CONFIGS = TableContract(
    name="ai_provider_configs",
    grain="provider and environment",
    primary_key=("id",),
    columns=(
        c.text("id", "Id of the row."),
        c.text("provider", "Name of the provider."),
        Column(
            name="environment",
            kind=ColumnKind.TEXT,
            meaning="Where it holds.",
            values=values_of(EvalEnvironment),
            default=EvalEnvironment.PROD.value,
        ),
        c.flag("enabled", "1 while requests may go there.", default=1),
        c.flag("is_default", "1 for the provider that is taken without a choice.", default=0),
        Column(
            name="weight",
            kind=ColumnKind.INTEGER,
            meaning="Share of the requests beside the other weights.",
            at_least=0,
            default=100,
        ),
        _between("timeout_ms", "How long to wait.", 1_000, 180_000, unit="ms", default=45_000),
        _between("max_retries", "Tries after the first.", 0, 3, default=1),
        c.text("model", "Model to ask for.", nullable=True),
        _version(),
        _metadata(),
        c.instant("created_at", "When it was made."),
        c.instant("updated_at", "When it was last changed."),
    ),
)

AI_TRAINING_EXAMPLES = TableContract(
    name="ai_training_examples",
    grain="generation or what became of it",
    primary_key=("id",),
    columns=(
        c.text("id", "Id of the row."),
        c.choice("source", values_of(ExampleSource), "What happened."),
        c.text("prompt", "What was asked."),
        c.text("provider", "Provider whose answer it is."),
        c.text("request_id", "Id of the request (UUID).", nullable=True),
        c.text("requested_provider", "Provider that was asked for.", nullable=True),
        c.text("selected_provider", "Provider that was chosen.", nullable=True),
        Column(
            name="route_strategy",
            kind=ColumnKind.TEXT,
            meaning="How it was chosen.",
            values=values_of(RouteStrategy),
            default=RouteStrategy.SINGLE_PROVIDER.value,
        ),
        c.text("fallback_provider", "Provider that stood in.", nullable=True),
        c.flag("fallback_used", "1 when another one stood in.", default=0),
        _latency("How long it took; NULL: not measured."),
        _version(),
        c.text("session_id", "Session of the ledger that asked.", nullable=True),
        _metadata(),
        c.instant("created_at", "When."),
    ),
    rules=(
        RequiredFor(
            name="generation_has_provider",
            flag="source",
            value=ExampleSource.GENERATION.value,
            others=("selected_provider",),
            remedy="Record which provider was chosen with every generation.",
        ),
        NullExactlyWhen(
            name="fallback_is_named",
            column="fallback_provider",
            flag="fallback_used",
            value=0,
            remedy="Name the provider that stood in, exactly when one did.",
        ),
    ),
)

AI_EVAL_RUNS = TableContract(
    name="ai_eval_runs",
    grain="eval run",
    primary_key=("run_id",),
    columns=(
        c.text("run_id", "Id of the run (UUID)."),
        c.choice("run_type", values_of(RunType), "Where its samples come from."),
        c.text("triggered_by", "Who or what started it."),
        c.text("commit_sha", "Commit of what was evaluated."),
        c.text("dataset_ref", "What was evaluated on."),
        Column(
            name="thresholds",
            kind=ColumnKind.JSON,
            meaning="Snapshot of the thresholds it was judged by.",
        ),
        c.choice("status", values_of(RunStatus), "How it stands or ended."),
        c.instant("started_at", "When it began."),
        c.instant("finished_at", "When it ended.", nullable=True),
        _metadata(),
    ),
    rules=(
        NullExactlyWhen(
            name="ended_has_end",
            column="finished_at",
            flag="status",
            value=RunStatus.RUNNING.value,
            remedy="Give the end of a run together with its terminal status.",
        ),
    ),
)

AI_EVAL_SAMPLES = TableContract(
    name="ai_eval_samples",
    grain="evaluated generation of a run",
    primary_key=("id",),
    columns=(
        c.text("id", "Id of the sample; follows from run and record."),
        c.text("run_id", "The eval run."),
        c.text("training_example_id", "The generation, where it is known.", nullable=True),
        c.text("record_id", "Id of the record in its file."),
        c.text("request_id", "Id of the request (UUID).", nullable=True),
        c.text("requested_provider", "Provider that was asked for.", nullable=True),
        c.text("selected_provider", "Provider that was chosen.", nullable=True),
        c.choice("route_strategy", values_of(RouteStrategy), "How it was chosen.", nullable=True),
        _between("fallback_used", "1 when another one stood in.", 0, 1, nullable=True),
        c.count("latency_ms", "How long it took; NULL: not measured.", "ms", nullable=True),
        c.flag("schema_valid", "1 when the answer had the right form."),
        c.flag("patch_apply_success", "1 when the patch could be applied."),
        c.flag("edited_after_generate", "1 when somebody edited the result."),
        c.flag("published_within_7d", "1 when it was published within seven days."),
        c.flag("safety_html_tailwind_compliant", "1 when it kept the rules of safe markup."),
        c.instant("created_at", "When it was stored."),
        _metadata(),
    ),
)

AI_EVAL_GATE_RESULTS = TableContract(
    name="ai_eval_gate_results",
    grain="run, gate and slice",
    primary_key=("run_id", "gate", "slice_key", "slice_value"),
    columns=(
        c.text("run_id", "The eval run."),
        c.choice("gate", values_of(Gate), "What was asked."),
        c.text("slice_key", "What the samples were sliced by; `all`: not at all."),
        c.text("slice_value", "Which slice."),
        c.choice("direction", values_of(Direction), "Which side of the threshold is good."),
        Column(name="threshold", kind=ColumnKind.REAL, meaning="What had to be met."),
        _number("value", "What was found."),
        c.count("n", "Samples with a value."),
        _number("ci_low", "Lower end of the interval."),
        _number("ci_high", "Upper end of the interval."),
        c.choice("method", values_of(Method), "Where the interval comes from."),
        c.choice("verdict", values_of(Verdict), "What is known."),
        c.text("reason", "Why, in a sentence."),
        c.count("samples_needed", "Further samples that would settle it.", nullable=True),
        c.text("baseline_run_id", "Run it was compared with.", nullable=True),
        _number("delta", "Value minus the baseline's."),
        _number("delta_ci_low", "Lower end of its interval."),
        _number("delta_ci_high", "Upper end of its interval."),
    ),
)

CANARY_WINDOWS = TableContract(
    name="canary_windows",
    grain="environment and judged window of a canary",
    primary_key=("environment", "window_start"),
    columns=(
        c.choice("environment", values_of(EvalEnvironment), "Where."),
        c.instant("window_start", "Begin, included."),
        c.instant("window_end", "End, not included."),
        c.count("requests", "Generations in the window."),
        c.count("samples", "Evaluated ones among them."),
        c.choice("data_state", values_of(DataState), "Whether there was anything to judge."),
        _number("schema_valid_rate", "Share with the right form."),
        _number("patch_apply_success", "Share whose patch could be applied."),
        _number("safety_html_tailwind_compliance", "Share that kept the rules."),
        _number("fallback_rate", "Share where another provider stood in."),
        _number("p95_latency_ms", "95th percentile of the latency.", "ms"),
        Column(
            name="breaches",
            kind=ColumnKind.JSON,
            meaning="Guardrails that the window breached, as a list of names.",
        ),
        c.count("consecutive_breaches", "Breached windows in a row, without those of no data."),
        _number("e_value", "Evidence of the sequential test against the canary."),
        c.choice("windows_verdict", values_of(CanaryVerdict), "What the window rule says."),
        c.choice("eprocess_verdict", values_of(CanaryVerdict), "What the sequential test says."),
        c.choice("immediate_verdict", values_of(CanaryVerdict), "What the immediate rules say."),
        c.choice("acted", values_of(CanaryVerdict), "What was done."),
        c.instant("evaluated_at", "When it was judged."),
        c.run_id(),
    ),
)


def _of_run() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["run_id"], ["ai_eval_runs.run_id"], ondelete="CASCADE")


ai_provider_configs = table_of(
    AI_PROVIDER_CONFIGS,
    UniqueConstraint("provider", "environment"),
    Index(
        "ix_ai_provider_configs_one_default",
        "environment",
        unique=True,
        sqlite_where=text("is_default = 1"),
        postgresql_where=text("is_default = 1"),
    ),
    Index("ix_ai_provider_configs_choice", "environment", "enabled", text("weight DESC")),
)
ai_training_examples = table_of(
    AI_TRAINING_EXAMPLES,
    ForeignKeyConstraint(["session_id"], [session_ledger.c.session_id], ondelete="SET NULL"),
    Index("ix_ai_training_examples_provider", "selected_provider", text("created_at DESC")),
    Index("ix_ai_training_examples_strategy", "route_strategy", text("created_at DESC")),
    # Ordered by latency within a provider: a percentile is one place in the index.
    Index("ix_ai_training_examples_latency", "selected_provider", "latency_ms"),
    Index("ix_ai_training_examples_created_at", "created_at"),
    Index(
        "ix_ai_training_examples_request_id",
        "request_id",
        sqlite_where=text("request_id IS NOT NULL"),
        postgresql_where=text("request_id IS NOT NULL"),
    ),
    Index("ix_ai_training_examples_session_id", "session_id"),
)
ai_eval_runs = table_of(AI_EVAL_RUNS, Index(None, "started_at"))
ai_eval_samples = table_of(
    AI_EVAL_SAMPLES,
    _of_run(),
    ForeignKeyConstraint(["training_example_id"], ["ai_training_examples.id"], ondelete="SET NULL"),
    UniqueConstraint("run_id", "record_id"),
    Index(None, "run_id", "selected_provider"),
    Index(None, "training_example_id"),
)
ai_eval_gate_results = table_of(AI_EVAL_GATE_RESULTS, _of_run())
canary_windows = table_of(CANARY_WINDOWS)

CONTRACTS = (
    AI_PROVIDER_CONFIGS,
    AI_TRAINING_EXAMPLES,
    AI_EVAL_RUNS,
    AI_EVAL_SAMPLES,
    AI_EVAL_GATE_RESULTS,
    CANARY_WINDOWS,
)

"""The closed vocabularies of evals; database CHECKs, readers and options all read them.

A gate is named after its threshold. The member order of `Gate` is the order of every report.
"""

from enum import StrEnum


class RunType(StrEnum):
    """Where the samples of a run come from."""

    OFFLINE = "offline"
    SHADOW = "shadow"
    CANARY = "canary"


class RunStatus(StrEnum):
    """How an eval run stands or ended; `aborted` is a run without samples."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    ABORTED = "aborted"


class RouteStrategy(StrEnum):
    """How the provider of a generation was chosen."""

    SINGLE_PROVIDER = "single_provider"
    WEIGHTED = "weighted"
    FALLBACK = "fallback"


class EvalEnvironment(StrEnum):
    """Where a provider's configuration holds."""

    PROD = "prod"
    STAGING = "staging"
    DEV = "dev"


class ExampleSource(StrEnum):
    """What a row of telemetry tells of."""

    GENERATION = "generation"
    GENERATION_CACHED = "generation_cached"
    PATCH = "patch"
    SAVE = "save"
    PUBLISH = "publish"


class DataState(StrEnum):
    """Whether there was anything to judge."""

    OK = "ok"
    NO_DATA = "no_data"


class CanaryVerdict(StrEnum):
    """What a canary rule asks for, from nothing to everything."""

    CONTINUE = "continue"
    WARN = "warn"
    REDUCE_WEIGHT = "reduce_weight"
    DISABLE_PROVIDER = "disable_provider"
    ROLLBACK = "rollback"


class Gate(StrEnum):
    """What a release has to meet, named after the threshold."""

    SCHEMA_VALID_RATE = "schema_valid_rate"
    PATCH_APPLY_SUCCESS = "patch_apply_success"
    EDIT_AFTER_GENERATE_RATE = "edit_after_generate_rate"
    PUBLISH_CONVERSION_PROXY = "publish_conversion_proxy"
    SAFETY_HTML_TAILWIND_COMPLIANCE = "safety_html_tailwind_compliance"
    FALLBACK_RATE_MAX = "fallback_rate_max"
    P95_LATENCY_MS_MAX = "p95_latency_ms_max"


class Direction(StrEnum):
    """Which side of the threshold is good."""

    MIN = "min"
    MAX = "max"


class Verdict(StrEnum):
    """What is known about a gate: only `pass` lets a release through."""

    PASS = "pass"  # noqa: S105  a verdict, no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Policy(StrEnum):
    """What is held against the threshold: the interval's ends, or the bare value."""

    INTERVAL = "interval"
    POINT = "point"


class RateInterval(StrEnum):
    """The interval of a rate.

    `wilson` is two-sided; each end of `exact` (Clopper-Pearson) holds at the confidence by itself,
    since a gate asks about one side only.
    """

    WILSON = "wilson"
    EXACT = "exact"


class Method(StrEnum):
    """Where the ends of a stored interval come from; `none` where there is no interval."""

    WILSON = "wilson"
    EXACT = "exact"
    ORDER_STATISTIC = "order_statistic"
    NONE = "none"


class SliceKey(StrEnum):
    """What samples are sliced by, besides labels of their own."""

    SELECTED_PROVIDER = "selected_provider"
    MODEL_ID = "model_id"
    TENANT_ID = "tenant_id"
    ROUTE_STRATEGY = "route_strategy"


ALL = "all"
"""Slice key and value of the verdict over all samples of a run."""

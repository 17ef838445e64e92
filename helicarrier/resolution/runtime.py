"""The runtime configuration of resolution: one YAML file, strict, with overrides by environment.

A file means something as a whole or not at all: an unknown key, a key that stands twice, a value of
another kind is refused, and the key is named. As shipped, and wherever there is no file, nothing is
applied anywhere. What may be applied cannot be overridden by environment, so that one line rules.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from helicarrier.canonical import sha256
from helicarrier.errors import ErrorCode, UsageError
from helicarrier.resolution.decision_enums import Breaker
from helicarrier.resolution.enums import Environment, MismatchType

KILL_SWITCH = "PHASE2_DISABLE_AUTORESOLVE"
"""Set to anything but 0, false, no or off it stops every application; read at every decision."""

_OFF = frozenset({"", "0", "false", "no", "off"})
_OVERRIDES = "overrides"
_OVERRIDABLE = frozenset({"budgets", "circuit_breakers", "approvals", "rollback"})


class Mode(StrEnum):
    """What an environment does with a plan that may be applied."""

    SHADOW = "shadow"
    APPLY = "apply"


def killed(environ: Mapping[str, str]) -> bool:
    """Whether the kill switch is set: what cannot be understood stops, too."""
    return environ.get(KILL_SWITCH, "").strip().casefold() not in _OFF


def _decimal(value: object) -> object:
    """An exact amount from a number of the file, by its shortest text."""
    return Decimal(str(value)) if isinstance(value, int | float) and value is not True else value


_Money = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0)]
_Some = Annotated[int, Field(ge=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Modes(_Part):
    """Where plans may be applied at all: in dev where it says true, elsewhere never."""

    dev: Literal["shadow", True] = "shadow"
    stage: Literal["shadow"] = "shadow"
    prod: Literal["shadow"] = "shadow"

    def of(self, environment: Environment) -> Mode:
        """The mode of an environment."""
        match environment:
            case Environment.DEV:
                return Mode.APPLY if self.dev is True else Mode.SHADOW
            case Environment.STAGE | Environment.PROD:
                return Mode.SHADOW


_Types = list[Annotated[MismatchType, Field(strict=False)]]


class Tiers(_Part):
    """In which order types are let through; a type that no tier names is not."""

    tier1: _Types = [MismatchType.WHITESPACE, MismatchType.JSON_ORDERING]
    tier2: _Types = [MismatchType.MARKDOWN_FORMATTING]
    tier3: _Types = [MismatchType.SEMANTICS_TEXT, MismatchType.SEMANTICS_CODE]
    tier4: _Types = [
        MismatchType.NONDETERMINISM,
        MismatchType.POLICY_VIOLATION,
        MismatchType.INFRA_ENV_DRIFT,
        MismatchType.NUMERIC_EPSILON,
    ]

    def of(self, kind: MismatchType) -> int | None:
        """The tier of a type."""
        tiers = (self.tier1, self.tier2, self.tier3, self.tier4)
        return next((number for number, kinds in enumerate(tiers, 1) if kind in kinds), None)


class AutoResolve(_Part):
    """Whether anything is applied."""

    enabled: bool = False
    environments: Modes = Modes()
    tiers: Tiers = Tiers()


class AnalyzeBudget(_Part):
    """What one analysis may take."""

    milliseconds: _Some = 5000
    usd_per_100_kb: _Money = Decimal("0.10")


class TokenBudget(_Part):
    """What a thousand tokens may cost."""

    usd_per_1k_tokens: _Money


class ResolveBudget(_Part):
    """What one resolution may take."""

    milliseconds: _Some = 2000
    usd: _Money = Decimal("0.05")


class DailyBudget(_Part):
    """What a UTC day may take, in each environment."""

    usd: _Money = Decimal(100)
    llm_calls: _Count = 10_000
    resolutions: _Count = 1_000


class Budgets(_Part):
    """All budgets; `alert_at` is the share of a daily one from which people are told."""

    analyze: AnalyzeBudget = AnalyzeBudget()
    judge: TokenBudget = TokenBudget(usd_per_1k_tokens=Decimal("0.02"))
    embeddings: TokenBudget = TokenBudget(usd_per_1k_tokens=Decimal("0.001"))
    resolve: ResolveBudget = ResolveBudget()
    daily: DailyBudget = DailyBudget()
    alert_at: _Share = 0.8


class CircuitBreakers(_Part):
    """Where each breaker trips, and for how long."""

    fp_rate_7d: _Share = 0.02
    fp_rate_24h: _Share = 0.05
    consecutive_failures: _Some = 5
    kappa_overall: _Share = 0.8
    kappa_ci_lower: _Share = 0.75
    confidence_drop: _Share = 0.1
    cost_spike_1h: _Amount = 50.0
    cost_spike_1d: _Amount = 100.0
    budget: _Share = 1.0
    complaints: _Some = 3
    satisfaction: Annotated[float, Field(ge=1, le=5)] = 3.0
    shadow_days: _Some = 14
    reevaluate_after_hours: _Some = 24

    def thresholds(self) -> dict[Breaker, float]:
        """Breaker -> where it trips."""
        return {breaker: float(getattr(self, breaker.value)) for breaker in Breaker}


class Approvals(_Part):
    """How long a plan waits for people."""

    timeout_hours: _Some = 24


class Rollback(_Part):
    """How long the bytes are kept, and how long putting them back may take."""

    keep_days: _Some = 30
    within_minutes: _Some = 5


class Apply(_Part):
    """What has to be there before anything is applied: it cannot be switched off."""

    preview: Literal[True] = True
    diff: Literal[True] = True
    impact_analysis: Literal[True] = True


class Runtime(_Part):
    """The configuration of one environment."""

    version: Literal[1] = 1
    auto_resolve: AutoResolve = AutoResolve()
    budgets: Budgets = Budgets()
    circuit_breakers: CircuitBreakers = CircuitBreakers()
    approvals: Approvals = Approvals()
    rollback: Rollback = Rollback()
    apply: Apply = Apply()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeConfig:
    """A whole file: what holds in each environment, and the hash of its bytes."""

    environments: Mapping[Environment, Runtime]
    content_hash: str

    def of(self, environment: Environment) -> Runtime:
        """What holds in an environment."""
        return self.environments[environment]


def shipped() -> RuntimeConfig:
    """What holds where there is no file: nothing is applied."""
    return RuntimeConfig(
        environments=dict.fromkeys(Environment, Runtime()), content_hash=sha256(b"")
    )


def read(path: Path) -> RuntimeConfig:
    """The configuration in a file.

    Raises:
        UsageError: SETTING_INVALID, with every key that is wrong.
    """
    try:
        body = path.read_bytes()
    except OSError:
        raise _refused(["the file cannot be read"]) from None
    return parse(body)


def parse(body: bytes) -> RuntimeConfig:
    """The configuration that a text means.

    Raises:
        UsageError: SETTING_INVALID, with every key that is wrong.
    """
    raw = _mapping(body)
    if raw.get("version") != 1:
        raise _refused(["version: expected 1"])
    overrides = _overrides(raw.pop(_OVERRIDES, None) or {})
    base = _model(raw, "")
    found = dict.fromkeys(Environment, base)
    for environment, override in overrides.items():
        found[environment] = _model(_merged(raw, override), f"{_OVERRIDES}.{environment}.")
    twice = _tiered_wrongly(base)
    if twice:
        raise _refused(twice)
    return RuntimeConfig(environments=found, content_hash=sha256(body))


class _Loader(yaml.SafeLoader):
    """YAML without a key that stands twice: the reader would silently take the last one."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002  PyYAML's signature
    ) -> dict[Hashable, object]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise _refused([f"{key}: stands twice (line {node.start_mark.line + 1})"])
        return super().construct_mapping(node, deep=deep)


def _mapping(body: bytes) -> dict[str, object]:
    try:
        found = yaml.load(body, Loader=_Loader)  # noqa: S506  a subclass of the safe loader
    except yaml.YAMLError:
        raise _refused(["the file is not YAML"]) from None
    if not isinstance(found, dict):
        raise _refused(["the file is not a mapping of keys"])
    return found


def _overrides(overrides: object) -> dict[Environment, dict[str, object]]:
    if not isinstance(overrides, dict):
        raise _refused([f"{_OVERRIDES}: expected environments"])
    wrong = [
        f"{_OVERRIDES}.{name}: unknown key" for name in overrides if name not in set(Environment)
    ]
    for name, override in overrides.items():
        if not isinstance(override, dict | None):
            wrong.append(f"{_OVERRIDES}.{name}: expected keys")
            continue
        wrong += [
            f"{_OVERRIDES}.{name}.{key}: cannot differ by environment"
            for key in override or {}
            if key not in _OVERRIDABLE
        ]
    if wrong:
        raise _refused(wrong)
    return {Environment(name): override or {} for name, override in overrides.items()}


def _merged(base: object, override: object) -> dict[str, object]:
    """The override's leaves in the place of the base's."""
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in override.items() if isinstance(override, dict) else ():
        merged[key] = _merged(merged.get(key), value) if isinstance(value, dict) else value
    return merged


def _model(raw: Mapping[str, object], place: str) -> Runtime:
    try:
        return Runtime.model_validate(dict(raw))
    except ValidationError as error:
        raise _refused(
            [
                f"{place}{'.'.join(str(part) for part in one['loc'])}: {_why(one['type'])}"
                for one in error.errors(include_input=False, include_url=False)
            ]
        ) from None


def _why(kind: str) -> str:
    return "unknown key" if kind == "extra_forbidden" else f"not acceptable ({kind})"


def _tiered_wrongly(runtime: Runtime) -> list[str]:
    tiers = runtime.auto_resolve.tiers
    named = [*tiers.tier1, *tiers.tier2, *tiers.tier3, *tiers.tier4]
    return [
        f"auto_resolve.tiers: {kind} stands in {named.count(kind)} tiers instead of one"
        for kind in MismatchType
        if named.count(kind) != 1
    ]


def _refused(wrong: list[str]) -> UsageError:
    return UsageError(
        f"the runtime configuration of resolution is refused: {'; '.join(sorted(wrong))}",
        code=ErrorCode.SETTING_INVALID,
        hint="docs/how-to/resolve-mismatches.md lists every key.",
    )

"""The runtime configuration: strict, by environment, and harmless as shipped."""

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from helicarrier.errors import ErrorCode, UsageError
from helicarrier.resolution import runtime
from helicarrier.resolution.decision_enums import Breaker
from helicarrier.resolution.enums import Environment, MismatchType
from helicarrier.resolution.runtime import Mode

SHIPPED = Path(__file__).parents[2] / "config" / "phase2_runtime.yaml"


def edited(old: str, new: str) -> bytes:
    """The shipped file with one edit."""
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new, 1).encode()


def test_shipped_file_says_what_the_code_says() -> None:
    """Without a file the same holds as with the one that is shipped."""
    found = runtime.read(SHIPPED)
    assert found.environments == runtime.shipped().environments
    for environment in Environment:
        auto = found.of(environment).auto_resolve
        assert not auto.enabled
        assert auto.environments.of(environment) is Mode.SHADOW
    daily = found.of(Environment.PROD).budgets.daily
    assert (daily.usd, daily.llm_calls, daily.resolutions) == (Decimal(100), 10_000, 1_000)


def test_every_type_has_its_tier_and_every_breaker_its_threshold() -> None:
    """Nothing of the vocabulary is forgotten."""
    found = runtime.shipped().of(Environment.DEV)
    assert {kind: found.auto_resolve.tiers.of(kind) for kind in MismatchType} == {
        MismatchType.WHITESPACE: 1,
        MismatchType.JSON_ORDERING: 1,
        MismatchType.MARKDOWN_FORMATTING: 2,
        MismatchType.SEMANTICS_TEXT: 3,
        MismatchType.SEMANTICS_CODE: 3,
        MismatchType.NONDETERMINISM: 4,
        MismatchType.POLICY_VIOLATION: 4,
        MismatchType.INFRA_ENV_DRIFT: 4,
        MismatchType.NUMERIC_EPSILON: 4,
    }
    assert set(found.circuit_breakers.thresholds()) == set(Breaker)


BROKEN = [
    (edited("fp_rate_7d", "fp_rate_7days"), "circuit_breakers.fp_rate_7days: unknown key"),
    (edited("enabled: false", "enabled: 0"), "auto_resolve.enabled"),
    (edited("enabled: false", 'enabled: "false"'), "auto_resolve.enabled"),
    (edited("stage: shadow", "stage: true"), "auto_resolve.environments.stage"),
    (edited("prod: shadow", "prod: true"), "auto_resolve.environments.prod"),
    (edited("dev: shadow", "dev: on_fire"), "auto_resolve.environments.dev"),
    (edited("preview: true", "preview: false"), "apply.preview"),
    (edited("usd: 100", "usd: -1"), "budgets.daily.usd"),
    (edited("usd: 100", "usd: .inf"), "budgets.daily.usd"),
    (edited("version: 1", "version: 2"), "version: expected 1"),
    (edited("version: 1", "Version: 1"), "version: expected 1"),
    (edited("alert_at: 0.8", "alert_at: 0.8\n  alert_at: 0.9"), "alert_at: stands twice"),
    (edited("[markdown_formatting]", "[markdown]"), "auto_resolve.tiers.tier2.0"),
    (edited("[markdown_formatting]", "[]"), "markdown_formatting stands in 0 tiers"),
    (edited("[markdown_formatting]", "[whitespace]"), "whitespace stands in 2 tiers"),
    (edited("dev: {}", "test: {}"), "overrides.test: unknown key"),
    (
        edited("dev: {}", "dev: {auto_resolve: {enabled: true}}"),
        "overrides.dev.auto_resolve: cannot differ by environment",
    ),
    (
        edited("dev: {}", "dev: {budgets: {dayly: {usd: 1}}}"),
        "overrides.dev.budgets.dayly: unknown key",
    ),
    (edited("dev: {}", "dev: 5"), "overrides.dev: expected keys"),
    (b"- 1", "not a mapping"),
    (b"a: [", "not YAML"),
    (b"\xff\xfe\x00", "not YAML"),
    (b"", "not a mapping"),
]


@pytest.mark.parametrize(("body", "named"), BROKEN, ids=range(len(BROKEN)))
def test_typo_is_an_error_that_names_the_key(body: bytes, named: str) -> None:
    """Whatever is wrong, the file is refused as a whole."""
    with pytest.raises(UsageError) as error:
        runtime.parse(body)
    assert named in error.value.message
    assert error.value.code is ErrorCode.SETTING_INVALID


def test_environment_overrides_its_own_leaves() -> None:
    """What it does not name stays as it is for all."""
    body = edited("prod: {}", "prod: {budgets: {daily: {usd: 5.5}}, approvals: {timeout_hours: 2}}")
    found = runtime.parse(body)
    prod, dev = found.of(Environment.PROD), found.of(Environment.DEV)
    assert (prod.budgets.daily.usd, prod.budgets.daily.llm_calls) == (Decimal("5.5"), 10_000)
    assert (prod.approvals.timeout_hours, dev.approvals.timeout_hours) == (2, 24)
    assert dev.budgets.daily.usd == 100


def test_dev_alone_can_be_let_through() -> None:
    """Two lines have to say so."""
    opened = edited("enabled: false", "enabled: true").replace(b"dev: shadow", b"dev: true")
    auto = runtime.parse(opened).of(Environment.DEV).auto_resolve
    assert auto.enabled
    modes = [auto.environments.of(environment) for environment in Environment]
    assert modes == [Mode.APPLY, Mode.SHADOW, Mode.SHADOW]


@pytest.mark.parametrize("value", ["1", "true", "yes", "disable", " TRUE ", "2"])
def test_kill_switch_is_set_by_anything_that_is_not_a_no(value: str) -> None:
    """A switch that somebody flips in a hurry must work."""
    assert runtime.killed({runtime.KILL_SWITCH: value})


@pytest.mark.parametrize("value", ["", "0", "false", "no", "off", "OFF "])
def test_kill_switch_can_be_taken_back(value: str) -> None:
    """The words for no."""
    assert not runtime.killed({runtime.KILL_SWITCH: value})
    assert not runtime.killed({})


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """A path that was given and is not there is a mistake."""
    with pytest.raises(UsageError):
        runtime.read(tmp_path / "nothing.yaml")


def test_keys_of_the_shipped_file_are_all_keys() -> None:
    """Whoever edits the file sees every key there is."""

    def leaves(found: object, place: str = "") -> set[str]:
        if not isinstance(found, dict):
            return {place}
        return {leaf for key, value in found.items() for leaf in leaves(value, f"{place}.{key}")}

    written = yaml.safe_load(SHIPPED.read_bytes())
    written.pop("overrides")
    assert leaves(written) == leaves(runtime.Runtime().model_dump(mode="json"))

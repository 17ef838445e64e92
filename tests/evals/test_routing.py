"""Routing: who is asked follows from configuration and a seed; every generation is recorded."""

import random
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import psycopg
import pytest
from sqlalchemy import create_engine, insert, select, text

from helicarrier.errors import UsageError
from helicarrier.evals.enums import EvalEnvironment, RouteStrategy
from helicarrier.evals.routing.additive import contract_script
from helicarrier.evals.routing.choice import ProviderConfig, choose
from helicarrier.evals.routing.latency import latency_by_provider
from helicarrier.evals.routing.repository import (
    ProviderChange,
    SqlRoutingRepository,
    rollback_sql,
)
from helicarrier.evals.routing.router import Ask, ProviderFailed, Router
from helicarrier.evals.tables import ai_provider_configs, ai_training_examples
from helicarrier.ledger.tables import audit_log
from helicarrier.store.operational import OperationalStore

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SIZES = {"a": 1, "b": 2, "c": 137}
PROD, STAGING = EvalEnvironment.PROD, EvalEnvironment.STAGING
SINGLE, WEIGHTED, FALLBACK = RouteStrategy


def config(provider: str, weight: int = 0, **more: object) -> ProviderConfig:
    """An enabled provider."""
    plain: dict[str, object] = {
        "id": provider,
        "provider": provider,
        "environment": PROD,
        "enabled": True,
        "is_default": False,
        "weight": weight,
        "timeout_ms": 1_000,
        "max_retries": 0,
    }
    return ProviderConfig(**(plain | more))  # type: ignore[arg-type]


@pytest.fixture
def routing(store: OperationalStore) -> SqlRoutingRepository:
    """The providers of a new installation."""
    return SqlRoutingRepository(store)


def router(routing: SqlRoutingRepository, strategy: RouteStrategy, seed: int = 1) -> Router:
    """A router of production."""
    return Router(lambda: routing.configs(PROD), routing, strategy=strategy, seed=seed)


def answering(*broken: str) -> Ask:
    """Providers that answer with their name, but for the broken ones."""

    def ask(asked: ProviderConfig, prompt: str) -> str:
        if asked.provider in broken:
            raise ProviderFailed("no answer")
        return asked.provider

    return ask


@pytest.mark.parametrize(
    ("requested", "expected"), [(None, "a"), ("b", "b"), ("off", "a"), ("nobody", "a")]
)
def test_one_provider_is_the_wanted_or_the_default(requested: str | None, expected: str) -> None:
    """What is off or unknown is not chosen, whoever asks for it."""
    configs = [config("b", 5), config("a", is_default=True), config("off", enabled=False)]
    route = choose(configs, strategy=SINGLE, draw=0.5, requested=requested)
    assert (route.selected.provider, route.stand_ins) == (expected, ())


def test_weights_are_shares() -> None:
    """Each place between 0 and 1 belongs to one provider; a weight of 0 has none."""
    configs = [config("a", 1), config("b", 3), config("none", 0, is_default=True)]
    drawn = [choose(configs, strategy=WEIGHTED, draw=i / 400).selected.provider for i in range(400)]
    assert Counter(drawn) == {"a": 100, "b": 300}


def test_stand_ins_come_after_the_first_by_weight() -> None:
    """The order is that of the configuration, not of the rows."""
    configs = [config("c", 1), config("b", 3), config("a", is_default=True)]
    route = choose(configs, strategy=FALLBACK, draw=0, requested="c")
    assert [route.selected.provider, *(s.provider for s in route.stand_ins)] == ["c", "a", "b"]


@pytest.mark.parametrize("configs", [[], [config("a", 1, enabled=False)], [config("a", 0)]])
def test_nobody_to_ask_is_an_error(configs: list[ProviderConfig]) -> None:
    """And never a silent default."""
    with pytest.raises(UsageError):
        choose(configs, strategy=WEIGHTED, draw=0)


def test_a_seed_repeats_the_choices(routing: SqlRoutingRepository) -> None:
    """The same seed, the same providers; both get a share."""

    def answers(seed: int) -> list[str]:
        made = router(routing, WEIGHTED, seed)
        return [made.generate("p", answering()) for _ in range(40)]

    assert answers(7) == answers(7) != answers(8)
    assert set(answers(7)) == {"openai", "custom"}


def recorded(store: OperationalStore) -> list[tuple[object, ...]]:
    """What telemetry holds of each generation."""
    table = ai_training_examples.c
    query = select(
        table.provider,
        table.selected_provider,
        table.fallback_provider,
        table.fallback_used,
        table.route_strategy,
        table.metadata,
        table.latency_ms.is_(None),
    )
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


@pytest.mark.parametrize(
    ("broken", "row"),
    [
        ((), ("openai", "openai", None, 0, "fallback", "{}", False)),
        (
            ("openai",),
            ("custom", "openai", "custom", 1, "fallback", '{"failed":["openai"]}', False),
        ),
        (
            ("openai", "custom"),
            ("custom", "openai", None, 0, "fallback", '{"failed":["openai","custom"]}', True),
        ),
    ],
)
def test_every_generation_is_recorded(
    routing: SqlRoutingRepository,
    store: OperationalStore,
    broken: tuple[str, ...],
    row: tuple[object, ...],
) -> None:
    """Who was chosen, who answered, and also that nobody did: then it has no latency."""
    made = router(routing, FALLBACK)
    if len(broken) == 2:
        with pytest.raises(ProviderFailed):
            made.generate("p", answering(*broken))
    else:
        assert made.generate("p", answering(*broken)) == row[0]
    assert [(*r[:6], bool(r[6])) for r in recorded(store)] == [row]


def test_a_provider_is_asked_as_often_as_configured(routing: SqlRoutingRepository) -> None:
    """Once, and once more for each retry."""
    asked: list[str] = []

    def ask(config: ProviderConfig, prompt: str) -> str:
        asked.append(config.provider)
        raise ProviderFailed("no answer")

    with pytest.raises(ProviderFailed):
        router(routing, FALLBACK).generate("p", ask)
    assert asked == ["openai", "openai", "custom"]


def audited(store: OperationalStore) -> list[tuple[str, str]]:
    """Actions and subjects of the audit log."""
    query = select(audit_log.c.action, audit_log.c.subject).order_by(audit_log.c.occurred_at)
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(query)]  # type: ignore[misc]


def test_a_new_installation_has_two_providers(routing: SqlRoutingRepository) -> None:
    """The same ones everywhere."""
    found = [
        (c.provider, c.enabled, c.is_default, c.weight, c.timeout_ms, c.max_retries)
        for c in routing.configs(PROD)
    ]
    assert found == [
        ("openai", True, True, 100, 45_000, 1),
        ("custom", True, False, 10, 60_000, 0),
    ]
    assert routing.configs(STAGING) == []


def test_a_provider_is_added_and_changed(
    routing: SqlRoutingRepository, store: OperationalStore
) -> None:
    """Another provider is an insert; what is not named stays."""
    routing.set("anthropic", PROD, ProviderChange(weight=5), actor="me", now=NOW)
    changed = routing.set("anthropic", PROD, ProviderChange(max_retries=2), actor="me", now=NOW)
    assert (changed.weight, changed.max_retries, changed.enabled) == (5, 2, True)
    assert audited(store) == [("routing.set", "prod/anthropic")] * 2


def test_the_default_cannot_be_switched_off(routing: SqlRoutingRepository) -> None:
    """Another one has to be the default first."""
    off = ProviderChange(enabled=False)
    with pytest.raises(UsageError):
        routing.set("openai", PROD, off, actor="me", now=NOW)
    routing.make_default("custom", PROD, actor="me", now=NOW)
    assert not routing.set("openai", PROD, off, actor="me", now=NOW).enabled
    with pytest.raises(UsageError):
        routing.make_default("openai", PROD, actor="me", now=NOW)


def test_a_rollback_gives_everything_to_the_default(
    routing: SqlRoutingRepository, store: OperationalStore
) -> None:
    """Other environments stay as they are; it is audited with what was before."""
    routing.set("anthropic", PROD, ProviderChange(weight=50), actor="me", now=NOW)
    routing.set("anthropic", STAGING, ProviderChange(weight=50), actor="me", now=NOW)
    assert routing.roll_back(PROD, actor="me", reason="drill", now=NOW) == "openai"
    assert [(c.provider, c.enabled, c.weight) for c in routing.configs(PROD)] == [
        ("openai", True, 100),
        ("anthropic", False, 0),
        ("custom", False, 0),
    ]
    assert routing.configs(STAGING)[0].weight == 50
    assert audited(store)[-1] == ("routing.rollback", "prod")
    with pytest.raises(UsageError):
        routing.roll_back(STAGING, actor="me", reason="drill", now=NOW)


def state(store: OperationalStore) -> list[tuple[object, ...]]:
    """The providers without their times."""
    table = ai_provider_configs.c
    query = select(table.provider, table.environment, table.enabled, table.is_default, table.weight)
    with store.read() as connection:
        return sorted(tuple(row) for row in connection.execute(query))


def test_the_script_of_a_rollback_does_the_same(
    routing: SqlRoutingRepository, store: OperationalStore
) -> None:
    """What the dry run prints can be run by hand."""
    routing.set("anthropic", PROD, ProviderChange(weight=50), actor="me", now=NOW)
    before = state(store)
    begin, *statements, commit, end = rollback_sql("openai", PROD, now=NOW).split(";")
    assert (begin, commit.strip(), end) == ("BEGIN", "COMMIT", "")
    with store.write() as connection:
        for statement in statements:
            connection.execute(text(statement))
    by_hand = state(store)
    assert by_hand != before
    routing.set("anthropic", PROD, ProviderChange(weight=50, enabled=True), actor="me", now=NOW)
    routing.roll_back(PROD, actor="me", reason="drill", now=NOW)
    assert state(store) == by_hand


def test_latency_is_that_of_numpy(store: OperationalStore) -> None:
    """Interpolated, by provider, unmeasured ones left out."""
    made = random.Random(5)
    latencies = {name: [made.randrange(1_000) for _ in range(size)] for name, size in SIZES.items()}
    rows = [
        {
            "id": f"{name}-{number}",
            "source": "generation",
            "prompt": "p",
            "provider": name,
            "selected_provider": name,
            "latency_ms": latency,
            "created_at": NOW,
        }
        for name, values in latencies.items()
        for number, latency in enumerate([*values, None])
    ]
    with store.write() as connection:
        connection.execute(insert(ai_training_examples), rows)
    with store.read() as connection:
        found = latency_by_provider(connection)
    assert [(one.provider, one.measured) for one in found] == [("a", 1), ("b", 2), ("c", 137)]
    for one in found:
        assert one.p50_ms == pytest.approx(np.percentile(latencies[one.provider], 50))
        assert one.p95_ms == pytest.approx(np.percentile(latencies[one.provider], 95))


EARLIER = """
CREATE TABLE ai_training_examples (
  id TEXT PRIMARY KEY, source TEXT NOT NULL, prompt TEXT NOT NULL, provider TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
)
"""


@pytest.mark.parametrize("old_row_breaks_a_rule", [False, True])
def test_the_additive_script_brings_an_earlier_table_up_to_the_contract(
    postgres_url: str, old_row_breaks_a_rule: bool
) -> None:
    """Twice changes nothing; a row of before that breaks a rule is not hidden."""
    source = "generation" if old_row_breaks_a_rule else "save"
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE session_ledger (session_id TEXT PRIMARY KEY)"))
        connection.execute(text(EARLIER))
        connection.execute(
            text(
                "INSERT INTO ai_training_examples (id, source, prompt, provider)"
                " VALUES ('1', :source, 'p', 'a')"
            ),
            {"source": source},
        )

    def run() -> None:
        with engine.begin() as connection:
            cursor = connection.connection.cursor()
            cursor.execute(contract_script().replace("BEGIN;\n", "").replace("COMMIT;\n", ""))

    if old_row_breaks_a_rule:
        with pytest.raises(psycopg.errors.CheckViolation):
            run()
    else:
        run()
        run()
        with engine.connect() as connection:
            row = connection.execute(text("SELECT * FROM ai_training_examples")).mappings().one()
        assert (row["route_strategy"], row["fallback_used"], row["latency_ms"]) == (
            "single_provider",
            0,
            None,
        )
    engine.dispose()

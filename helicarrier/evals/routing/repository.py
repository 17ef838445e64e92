"""Providers and telemetry in the operational store, and the way back to the default.

Every change of a provider is one transaction with its line in the audit log. A rollback touches
nothing but the providers of one environment: the default one takes everything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, Row, bindparam, insert, select, text, update

from helicarrier import times
from helicarrier.canonical import JSONValue, canonical_bytes
from helicarrier.errors import ErrorCode, UsageError
from helicarrier.evals.enums import EvalEnvironment
from helicarrier.evals.routing.choice import ProviderConfig
from helicarrier.evals.routing.router import Generation
from helicarrier.evals.tables import ai_provider_configs, ai_training_examples
from helicarrier.ledger import audit
from helicarrier.store.operational import OperationalStore

ROLLBACK = (
    """
UPDATE ai_provider_configs
SET enabled = 0, is_default = 0, weight = 0, updated_at = :now
WHERE environment = :environment AND provider <> :provider
""",
    """
UPDATE ai_provider_configs
SET enabled = 1, is_default = 1, weight = 100, updated_at = :now
WHERE environment = :environment AND provider = :provider
""",
)
"""The statements of a rollback, in one transaction and in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderChange:
    """What to change of a provider; None leaves it as it is."""

    enabled: bool | None = None
    weight: int | None = None
    timeout_ms: int | None = None
    max_retries: int | None = None
    model: str | None = None

    def values(self) -> dict[str, JSONValue]:
        """Column -> new value."""
        found: dict[str, JSONValue] = {
            "enabled": None if self.enabled is None else int(self.enabled),
            "weight": self.weight,
            "timeout_ms": self.timeout_ms,
            "max_retries": self.max_retries,
            "model": self.model,
        }
        return {name: value for name, value in found.items() if value is not None}


class RoutingRepository(Protocol):
    """Providers by environment, and what they were asked."""

    def configs(self, environment: EvalEnvironment) -> list[ProviderConfig]:
        """The providers of an environment: the default first, then by weight and name."""
        ...

    def set(
        self,
        provider: str,
        environment: EvalEnvironment,
        change: ProviderChange,
        *,
        actor: str,
        now: datetime,
    ) -> ProviderConfig:
        """Change a provider, or add it.

        Raises:
            UsageError: the default provider would be switched off.
        """
        ...

    def make_default(
        self,
        provider: str,
        environment: EvalEnvironment,
        *,
        actor: str,
        now: datetime,
        model: str | None = None,
    ) -> None:
        """Make an enabled provider the default one, with another model if one is given.

        Raises:
            UsageError: NOT_FOUND, there is no such provider, or it is not enabled.
        """
        ...

    def roll_back(
        self, environment: EvalEnvironment, *, actor: str, reason: str, now: datetime
    ) -> str:
        """Give everything to the default provider; returns its name.

        Raises:
            UsageError: NOT_FOUND, the environment has no default provider.
        """
        ...

    def record(self, generation: Generation) -> None:
        """See `Telemetry.record`."""
        ...


class SqlRoutingRepository:
    """`RoutingRepository` on SQLite and Postgres."""

    def __init__(self, store: OperationalStore) -> None:
        """Args: a store at the newest schema."""
        self._store = store

    def configs(self, environment: EvalEnvironment) -> list[ProviderConfig]:
        """See `RoutingRepository.configs`."""
        with self._store.read() as connection:
            return _configs(connection, environment)

    def set(
        self,
        provider: str,
        environment: EvalEnvironment,
        change: ProviderChange,
        *,
        actor: str,
        now: datetime,
    ) -> ProviderConfig:
        """See `RoutingRepository.set`."""
        columns = ai_provider_configs.c
        key = (columns.provider == provider) & (columns.environment == environment.value)
        with self._store.write() as connection:
            there = connection.execute(select(ai_provider_configs).where(key)).one_or_none()
            if there is None:
                connection.execute(
                    insert(ai_provider_configs).values(
                        id=f"{environment.value}-{provider}",
                        provider=provider,
                        environment=environment.value,
                        created_at=now,
                        updated_at=now,
                        **change.values(),
                    )
                )
            else:
                if there.is_default and change.enabled is False:
                    raise UsageError(
                        f"{provider} is the default of {environment.value}",
                        hint="Make another one the default first.",
                    )
                values = change.values() | {"updated_at": now}
                connection.execute(update(ai_provider_configs).where(key).values(values))
            audit.record(
                connection,
                actor=actor,
                action="routing.set",
                subject=f"{environment.value}/{provider}",
                now=now,
                details=change.values(),
            )
            return _config(connection.execute(select(ai_provider_configs).where(key)).one())

    def make_default(
        self,
        provider: str,
        environment: EvalEnvironment,
        *,
        actor: str,
        now: datetime,
        model: str | None = None,
    ) -> None:
        """See `RoutingRepository.make_default`."""
        columns = ai_provider_configs.c
        mine = columns.environment == environment.value
        with self._store.write() as connection:
            found = {config.provider: config for config in _configs(connection, environment)}
            change = ProviderChange(model=model).values()
            if provider not in found or not found[provider].enabled:
                raise UsageError(
                    f"{provider} is no enabled provider of {environment.value}",
                    code=ErrorCode.NOT_FOUND,
                    hint="`helicarrier routing list` shows them.",
                )
            # One default at most at any moment: the old one goes before the new one comes.
            connection.execute(
                update(ai_provider_configs)
                .where(mine, columns.is_default == 1)
                .values(is_default=0, updated_at=now)
            )
            connection.execute(
                update(ai_provider_configs)
                .where(mine, columns.provider == provider)
                .values(is_default=1, updated_at=now, **change)
            )
            audit.record(
                connection,
                actor=actor,
                action="routing.default",
                subject=f"{environment.value}/{provider}",
                now=now,
                details=change,
            )

    def roll_back(
        self, environment: EvalEnvironment, *, actor: str, reason: str, now: datetime
    ) -> str:
        """See `RoutingRepository.roll_back`."""
        with self._store.write() as connection:
            before = _configs(connection, environment)
            provider = default_of(before, environment)
            when = bindparam("now", now, type_=ai_provider_configs.c.updated_at.type)
            for statement in ROLLBACK:
                bound = text(statement).bindparams(when)
                connection.execute(bound, {"environment": environment.value, "provider": provider})
            audit.record(
                connection,
                actor=actor,
                action="routing.rollback",
                subject=environment.value,
                now=now,
                details={"provider": provider, "reason": reason, "before": _shown(before)},
            )
        return provider

    def record(self, generation: Generation) -> None:
        """See `RoutingRepository.record`."""
        self.record_all([generation])

    def record_all(self, generations: Sequence[Generation]) -> None:
        """Keep generations in one transaction."""
        with self._store.write() as connection:
            connection.execute(insert(ai_training_examples), list(map(_row, generations)))


def default_of(configs: Sequence[ProviderConfig], environment: EvalEnvironment) -> str:
    """The provider that a rollback goes back to.

    Raises:
        UsageError: NOT_FOUND, there is none.
    """
    for config in configs:
        if config.is_default:
            return config.provider
    raise UsageError(
        f"{environment.value} has no default provider to go back to",
        code=ErrorCode.NOT_FOUND,
        hint="Make one with `helicarrier routing default PROVIDER`.",
    )


def rollback_sql(provider: str, environment: EvalEnvironment, *, now: datetime) -> str:
    """The rollback as a script that a person can read, and run on either database."""
    statements = []
    for statement in ROLLBACK:
        told = statement.strip()
        for name, value in {
            ":now": _quoted(times.utc_text(now)),
            ":environment": _quoted(environment.value),
            ":provider": _quoted(provider),
        }.items():
            told = told.replace(name, value)
        statements.append(f"{told};")
    return "\n".join(["BEGIN;", *statements, "COMMIT;"])


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _configs(connection: Connection, environment: EvalEnvironment) -> list[ProviderConfig]:
    columns = ai_provider_configs.c
    query = select(ai_provider_configs).where(columns.environment == environment.value)
    found = map(_config, connection.execute(query))
    return sorted(found, key=lambda one: (not one.is_default, -one.weight, one.provider))


def _config(row: Row[tuple[object, ...]]) -> ProviderConfig:
    return ProviderConfig(
        id=row.id,
        provider=row.provider,
        environment=EvalEnvironment(row.environment),
        enabled=bool(row.enabled),
        is_default=bool(row.is_default),
        weight=row.weight,
        timeout_ms=row.timeout_ms,
        max_retries=row.max_retries,
        model=row.model,
        prompt_template_version=row.prompt_template_version,
    )


def _shown(configs: Sequence[ProviderConfig]) -> list[JSONValue]:
    return [
        {"provider": one.provider, "enabled": one.enabled, "weight": one.weight} for one in configs
    ]


def _row(generation: Generation) -> Mapping[str, object]:
    return {
        "id": generation.id,
        "source": generation.source.value,
        "prompt": generation.prompt,
        "provider": generation.provider,
        "request_id": generation.request_id,
        "requested_provider": generation.requested_provider,
        "selected_provider": generation.selected_provider,
        "route_strategy": generation.route_strategy.value,
        "fallback_provider": generation.fallback_provider,
        "fallback_used": int(generation.fallback_provider is not None),
        "latency_ms": generation.latency_ms,
        "prompt_template_version": generation.prompt_template_version,
        "session_id": generation.session_id,
        "metadata": canonical_bytes(dict(generation.metadata)).decode(),
        "created_at": generation.created_at,
    }

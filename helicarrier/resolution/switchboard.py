"""The switchboard: everything that may stop an application, read anew at every decision.

One object binds the store, the configuration file and the environment of the process, so that the
command line, Dagster and workers decide by the same switches.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from helicarrier.resolution.breakers import Limits, Standing
from helicarrier.resolution.budgets import Alarm, Amounts, Budgets
from helicarrier.resolution.enums import Environment
from helicarrier.resolution.gate import Switches
from helicarrier.resolution.measuring import latest_agreement, measure
from helicarrier.resolution.runtime import Runtime, killed
from helicarrier.resolution.runtime_watch import RuntimeWatch, SqlReadings
from helicarrier.resolution.sql_breakers import SqlBreakers
from helicarrier.store.operational import OperationalStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What the outside gives: variables as they are at any moment, the clock, new ids."""

    environ: Mapping[str, str]
    clock: Callable[[], datetime]
    new_id: Callable[[], object]


class Switchboard:
    """The switches of all environments."""

    def __init__(
        self, store: OperationalStore, config_file: Path, edge: Edge, *, alarm: Alarm
    ) -> None:
        """Args: a store at the newest schema; the configuration's file; edge; alarm of budgets."""
        self.edge = edge
        self._store = store
        readings = SqlReadings(store, new_id=edge.new_id)
        self._watch = RuntimeWatch(config_file, readings, clock=edge.clock)
        self._breakers = SqlBreakers(store)
        self.budgets = Budgets(
            store,
            lambda environment: daily_limits(self.runtime(environment)),
            alert_at=lambda environment: self.runtime(environment).budgets.alert_at,
            alarm=alarm,
        )

    def runtime(self, environment: Environment) -> Runtime:
        """The configuration that holds there now."""
        return self._watch.current().of(environment)

    def switches(self, environment: Environment) -> Switches:
        """How everything stands at this moment."""
        agreement = latest_agreement(self._store)
        return Switches(
            killed=killed(self.edge.environ),
            runtime=self.runtime(environment),
            tripped=self._breakers.tripped(environment),
            agreement_open=agreement is not None and agreement.gate_open,
        )

    def standings(self, environment: Environment) -> list[Standing]:
        """How each breaker stood when it was last judged."""
        return self._breakers.standings(environment)

    def judge_breakers(
        self, environment: Environment, *, run_id: str, dry_run: bool = False
    ) -> list[tuple[Standing | None, Standing]]:
        """Measure, and judge every breaker: how each stood, and how it stands."""
        now, runtime = self.edge.clock(), self.runtime(environment)
        values = measure(
            self._store,
            environment,
            budgets=self.budgets,
            limits=daily_limits(runtime),
            now=now,
        )
        return self._breakers.judge(
            environment,
            values,
            breaker_limits(runtime),
            now=now,
            run_id=run_id,
            new_id=self.edge.new_id,
            dry_run=dry_run,
        )


def daily_limits(runtime: Runtime) -> Amounts:
    """What a day may take."""
    daily = runtime.budgets.daily
    return Amounts(usd=daily.usd, llm_calls=daily.llm_calls, resolutions=daily.resolutions)


def breaker_limits(runtime: Runtime) -> Limits:
    """Where breakers trip, and for how long."""
    breakers = runtime.circuit_breakers
    return Limits(
        thresholds=breakers.thresholds(),
        hold=timedelta(days=breakers.shadow_days),
        reevaluate_after=timedelta(hours=breakers.reevaluate_after_hours),
    )

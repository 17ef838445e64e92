"""Sensor of resolution: judges the circuit breakers of every environment.

It can only stop things, so it runs from the start; without any plan there is nothing to watch. A
tick requests no run, since a breaker must not wait behind other runs.
"""

import dagster as dg

from assets.runs import as_dagster_failures
from helicarrier.errors import NotReady
from helicarrier.resolution.enums import Environment
from resources import OperationalResource, SettingsResource, WarehouseResource

_EVERY_SECONDS = 900


@dg.sensor(
    name="breakers",
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Judges the circuit breakers; a tripped one holds shadow mode for two weeks.",
)
def breakers(
    context: dg.SensorEvaluationContext,
    settings: SettingsResource,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> dg.SkipReason:
    """Says which breakers hold; `helicarrier resolution breakers list` shows all of them."""
    from helicarrier.resolution.service import Resolution, edge

    try:
        with operational.query() as query:
            query.ready()
    except NotReady as error:
        return dg.SkipReason(error.message)
    with as_dagster_failures(), operational.store() as store:
        area = Resolution(settings.load(), store, edge())
        watched = [one for one in Environment if area.plans.find(environment=one, limit=1)]
        if not watched:
            return dg.SkipReason("There is no plan yet: nothing could go wrong.")
        holding, tripped = [], []
        with warehouse.runs().run("resolution_breakers") as run:
            for environment in watched:
                for old, new in area.board.judge_breakers(environment, run_id=run.run_id):
                    run.rows_out += 1
                    if new.holds:
                        holding.append(f"{environment} {new.breaker}")
                    if new.holds and (old is None or not old.holds):
                        tripped.append(f"{environment}: {new.reason}")
    for line in tripped:
        context.log.warning("breaker tripped: %s", line)
    if holding:
        return dg.SkipReason(f"Shadow mode is held by {', '.join(holding)}.")
    return dg.SkipReason(f"No breaker holds in {', '.join(watched)}.")


SENSORS = [breakers]

"""Sensor of evals: judges the windows of a canary that are over, and acts on the newest.

It changes who answers, so it is off until somebody starts it. A tick judges each window once; it
requests no run, since a rollback must not wait behind other runs.
"""

import dagster as dg

from assets.runs import as_dagster_failures
from helicarrier import times
from helicarrier.errors import NotReady
from helicarrier.evals.enums import EvalEnvironment
from resources import OperationalResource, WarehouseResource

_EVERY_SECONDS = 300


@dg.sensor(
    name="canary",
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Judges the windows of the canary in prod; rolls back where the rules ask for it.",
)
def canary(
    context: dg.SensorEvaluationContext,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> dg.SkipReason:
    """Says what the newest window asked for; `helicarrier canary status` shows all of them."""
    from helicarrier.evals.canary.watch import watch
    from helicarrier.evals.routing.repository import SqlRoutingRepository

    try:
        with operational.query() as query:
            query.ready()
    except NotReady as error:
        return dg.SkipReason(error.message)
    with as_dagster_failures(), operational.store() as store:
        found = watch(
            store,
            SqlRoutingRepository(store),
            EvalEnvironment.PROD,
            runs=warehouse.runs(),
            now=times.now(),
        )
    if not found:
        return dg.SkipReason("No window is over that was not judged.")
    newest = found[-1]
    message = f"{len(found)} windows judged; the newest: {newest.acted}. {newest.reason}"
    context.log.info(message)
    return dg.SkipReason(message)


SENSORS = [canary]

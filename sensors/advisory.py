"""Sensor of advice: signals whose time is over are marked.

It requests no run, since there is nothing to compute, and does nothing while advice is off. Nobody
sees an expired signal meanwhile, so a tick that is missed costs nothing.
"""

import dagster as dg

from assets.runs import as_dagster_failures
from helicarrier import times
from helicarrier.advisory.expiry import expire_signals
from helicarrier.advisory.session import AdvisoryStore
from helicarrier.errors import NotReady
from resources import SettingsResource

_EVERY_SECONDS = 300
_SIGNALS_PER_TICK = 5_000


@dg.sensor(
    name="advisory_expiry",
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Marks advisory signals that have expired, while advice is on.",
)
def advisory_expiry(
    context: dg.SensorEvaluationContext, settings: SettingsResource
) -> dg.SkipReason:
    """Says how many it marked."""
    store = AdvisoryStore(settings.load().url)
    try:
        with as_dagster_failures():
            try:
                marked = expire_signals(store, now=times.now(), limit=_SIGNALS_PER_TICK)
            except NotReady as error:
                return dg.SkipReason(error.message)
    finally:
        store.close()
    if marked is None:
        return dg.SkipReason("Advice is off.")
    if marked:
        context.log.info("advisory_expiry: %s signals have expired", marked)
    return dg.SkipReason(f"{marked} signals have expired.")


SENSORS = [advisory_expiry]

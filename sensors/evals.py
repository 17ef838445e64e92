"""Sensor of evals: judges the windows of a canary that are over, and acts on the newest.

It changes who answers, so it is off until somebody starts it. A tick judges each window once; it
requests no run, since a rollback must not wait behind other runs. The cursor holds what was last
done, so that the log warns of a change once; losing it costs one line that was told before.
"""

import dagster as dg
import msgspec

from assets.runs import as_dagster_failures
from helicarrier import times
from helicarrier.errors import NotReady
from helicarrier.evals.enums import CanaryVerdict, EvalEnvironment
from resources import OperationalResource, SettingsResource, WarehouseResource

_EVERY_SECONDS = 300


class Cursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="version", tag=1):
    """What was last done; another version of it, or anything else, starts anew."""

    acted: CanaryVerdict = CanaryVerdict.CONTINUE


@dg.sensor(
    name="canary",
    minimum_interval_seconds=_EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Judges the windows of the canary in prod; rolls back where the rules ask for it.",
)
def canary(
    context: dg.SensorEvaluationContext,
    settings: SettingsResource,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> dg.SensorResult | dg.SkipReason:
    """Says what the newest window asked for; `helicarrier canary status` shows all of them."""
    from helicarrier.evals.canary.model import ActingRule
    from helicarrier.evals.canary.watch import watch
    from helicarrier.evals.routing.repository import SqlRoutingRepository
    from helicarrier.notify.dispatcher import channels_of

    try:
        with operational.query() as query:
            query.ready()
    except NotReady as error:
        return dg.SkipReason(error.message)
    chosen = settings.load()
    with as_dagster_failures(), operational.store() as store:
        found = watch(
            store,
            SqlRoutingRepository(store),
            EvalEnvironment.PROD,
            runs=warehouse.runs(),
            now=times.now(),
            acting=ActingRule(chosen.canary_acting),
            baseline_schema_rate=chosen.canary_baseline_rate,
            channels=channels_of(chosen),
        )
    if not found:
        return dg.SkipReason("No window is over that was not judged.")
    newest = found[-1]
    message = f"{len(found)} windows judged; the newest: {newest.acted}. {newest.reason}"
    before = _remembered(context.cursor)
    if newest.acted is not before:
        context.log.warning("canary: %s after %s: %s", newest.acted, before, newest.reason)
    return dg.SensorResult(
        skip_reason=message, cursor=msgspec.json.encode(Cursor(acted=newest.acted)).decode()
    )


SENSORS = [canary]


def _remembered(cursor: str | None) -> CanaryVerdict:
    try:
        return msgspec.json.decode(cursor or b"", type=Cursor).acted
    except msgspec.DecodeError:
        return CanaryVerdict.CONTINUE

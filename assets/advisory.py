"""Assets of advice: match results as they come, and the signals that are derived from them.

What belongs here: reading results from files, and one pass of decisions over a day's results. What
does not: how a decision is made, which is the package's part. While advice is off its asset does
nothing at all, not even a line in the run store, and says so.
"""

from collections import Counter
from datetime import date
from pathlib import Path

import dagster as dg
from pydantic import Field

from assets.declarations import OWNERS, TRANSIENT, WAREHOUSE_POOL, definition_metadata
from assets.partitions import DAILY, requested_days
from assets.runs import as_dagster_failures, explain_command, recorded
from helicarrier import times
from helicarrier.advisory import switch
from helicarrier.advisory.alarm import alarm
from helicarrier.advisory.decisions import Advisor
from helicarrier.advisory.passing import Pass, advise
from helicarrier.advisory.session import AdvisoryStore
from helicarrier.advisory.signals import MODELS
from helicarrier.advisory.tables import P3_ADVISORY_SIGNAL
from helicarrier.matches.importing import import_matches
from helicarrier.matches.repository import of_day
from helicarrier.matches.tables import ANALYSIS_RESULTS
from helicarrier.notify.dispatcher import channels_of
from helicarrier.store.run_model import Edge
from resources import OperationalResource, SettingsResource, WarehouseResource

GROUP = "advisory"


class MatchConfig(dg.Config):
    """What to import."""

    paths: list[str] = Field(
        default=[], description="Files and folders; none: those of HELICARRIER_MATCH_PATHS."
    )


@dg.asset(
    name=ANALYSIS_RESULTS.name,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "table"},
    tags={"area": GROUP},
    code_version="1",
    metadata=definition_metadata(ANALYSIS_RESULTS),
    retry_policy=TRANSIENT,
    pool=WAREHOUSE_POOL,
)
def analysis_results(
    context: dg.AssetExecutionContext, config: MatchConfig, settings: SettingsResource
) -> dg.MaterializeResult:
    """One row per analysis of a resume against a job posting, as its producer gave it.

    A file with a mistake fails the run, and nothing of any file is written.
    """
    current = settings.load()
    paths = [Path(path) for path in config.paths] or list(current.match_places)
    with as_dagster_failures():
        report = import_matches(current, paths, dagster_run_id=context.run.run_id)
    return dg.MaterializeResult(
        metadata={
            "dagster/table_name": ANALYSIS_RESULTS.name,
            "run_store_id": report.run_id,
            "explain": explain_command(report.run_id),
            "files": report.files,
            "rows_read": report.read,
            "rows_new": report.written,
        }
    )


@dg.asset(
    name=P3_ADVISORY_SIGNAL.name,
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[ANALYSIS_RESULTS.name],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "table"},
    tags={"area": GROUP},
    code_version="1",
    metadata=definition_metadata(P3_ADVISORY_SIGNAL),
    retry_policy=TRANSIENT,
    pool=WAREHOUSE_POOL,
)
def p3_advisory_signal(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> dg.MaterializeResult:
    """One row per computed signal: advice on the match results of a day, within that day's budget.

    Off, it does nothing; turned off while it runs, it stops with the decision that it is at.
    """
    days = requested_days(context)
    current = settings.load()
    with as_dagster_failures():
        state = switch.current(current.url)
    if state is None or not state.on:
        return dg.MaterializeResult(metadata={"disabled": True, "signals_new": 0})
    passes: list[Pass] = []
    with recorded(context, warehouse, P3_ADVISORY_SIGNAL.name, days) as run:
        for day in days:
            done = _advise(settings, operational, day)
            passes.append(done)
            run.rows_in += done.results
            run.rows_out += done.computed
            if done.computed:
                run.writes(
                    Edge(
                        dataset=P3_ADVISORY_SIGNAL.name,
                        partition_key=day.isoformat(),
                        rows=done.computed,
                    )
                )
            if done.stopped:
                break
        events: Counter[str] = Counter()
        for done in passes:
            events.update({event.value: count for event, count in done.events.items()})
        run.note(**events)
    return dg.MaterializeResult(
        metadata={
            "disabled": passes[-1].stopped,
            "dagster/table_name": P3_ADVISORY_SIGNAL.name,
            "run_store_id": run.run_id,
            "explain": explain_command(run.run_id),
            "rollout_percent": state.rollout_percent,
            "results": sum(done.results for done in passes),
            "signals_new": sum(done.computed for done in passes),
            **events,
        }
    )


def _advise(settings: SettingsResource, operational: OperationalResource, day: date) -> Pass:
    """One pass over the results of a day; people are told when too many computations failed."""
    current = settings.load()
    area = AdvisoryStore(current.url)
    try:
        with operational.store() as store:
            advisor = Advisor(area, daily_limit=current.advisory_daily_limit, models=MODELS)
            done = advise(advisor, of_day(store, day), day=day, clock=times.now)
            channels = channels_of(current)
            alarm(store, done.attempts, day=day, channels=channels, now=times.now())
    finally:
        area.close()
    return done


ASSETS = [analysis_results, p3_advisory_signal]

"""The code location: assets, checks, jobs, schedules, sensors and resources, put together.

Nothing is decided here. Beside `build_defs` stand the functions through which the command line
materializes and audits, so that the package itself never imports Dagster: settings in, plain data
out.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path

import dagster as dg

from assets import advisory as advisory_assets
from assets import alerts as alert_assets
from assets import evals as eval_assets
from assets import git as git_assets
from assets import in_process, jobs
from assets import ledger as ledger_assets
from assets import lineage as lineage_assets
from assets import resolution as resolution_assets
from assets import upkeep as upkeep_assets
from assets import usage as usage_assets
from assets.outcomes import CheckOutcome, Collector, RefreshOutcome
from assets.partitions import in_range, spans
from checks import advisory as advisory_checks
from checks import alerts as alert_checks
from checks import evals as eval_checks
from checks import git as git_checks
from checks import ledger as ledger_checks
from checks import lineage as lineage_checks
from checks import resolution as resolution_checks
from checks import usage as usage_checks
from helicarrier import settings as configuration
from helicarrier import times
from helicarrier.ledger import dirty
from helicarrier.ledger.enums import Dataset
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore
from helicarrier.usage.facts import ranges
from resources import resources_of
from schedules import evals as eval_schedules
from schedules import git as git_schedules
from schedules import resolution as resolution_schedules
from schedules import upkeep as upkeep_schedules
from schedules import usage as usage_schedules
from sensors import advisory as advisory_sensors
from sensors import alerts as alert_sensors
from sensors import evals as eval_sensors
from sensors import ledger as ledger_sensors
from sensors import lineage as lineage_sensors
from sensors import resolution as resolution_sensors
from sensors import usage as usage_sensors

__all__ = [
    "CheckOutcome",
    "OnProgress",
    "RefreshOutcome",
    "audit",
    "build_defs",
    "defs",
    "import_files",
    "refresh",
]

OnProgress = Callable[[str, date, date], None]
"""Called before each run with the name of its job and its first and last day."""


def build_defs(**overrides: object) -> dg.Definitions:
    """The definitions; `overrides` are resources that stand in for those of the environment."""
    return dg.Definitions(
        assets=[
            *ledger_assets.ASSETS,
            *usage_assets.ASSETS,
            *upkeep_assets.ASSETS,
            *lineage_assets.ASSETS,
            *git_assets.ASSETS,
            *eval_assets.ASSETS,
            *resolution_assets.ASSETS,
            *alert_assets.ASSETS,
            *advisory_assets.ASSETS,
        ],
        asset_checks=[
            *ledger_checks.CHECKS,
            *usage_checks.CHECKS,
            *lineage_checks.CHECKS,
            *git_checks.CHECKS,
            *eval_checks.CHECKS,
            *resolution_checks.CHECKS,
            *alert_checks.CHECKS,
            *advisory_checks.CHECKS,
        ],
        jobs=jobs.JOBS,
        schedules=[
            *usage_schedules.SCHEDULES,
            *upkeep_schedules.SCHEDULES,
            *git_schedules.SCHEDULES,
            *eval_schedules.SCHEDULES,
            *resolution_schedules.SCHEDULES,
        ],
        sensors=[
            *ledger_sensors.SENSORS,
            *usage_sensors.SENSORS,
            *lineage_sensors.SENSORS,
            *eval_sensors.SENSORS,
            *resolution_sensors.SENSORS,
            *alert_sensors.SENSORS,
            *advisory_sensors.SENSORS,
        ],
        resources=resources_of(configuration.load()) | overrides,
        executor=dg.in_process_executor,
    )


def import_files(settings: Settings, paths: Sequence[Path]) -> Path:
    """Materialize the ledger's assets from session files, in this process.

    Returns: where the import report is.

    Raises:
        HelicarrierError: the run failed.
    """
    definitions = build_defs(**resources_of(settings))
    config = {"paths": [str(path) for path in paths]}
    with in_process.instance() as instance:
        result = in_process.run_job(
            definitions,
            jobs.import_sessions.name,
            None,
            instance,
            ops={ledger_assets.import_session_files.op.name: {"config": config}},
        )
    Collector().add(result)
    written = result.asset_materializations_for_node(ledger_assets.import_session_files.op.name)
    return next(Path(str(m.metadata["report"].value)) for m in written if "report" in m.metadata)


def refresh(
    settings: Settings,
    days: Iterable[date] | None = None,
    on_progress: OnProgress | None = None,
) -> RefreshOutcome:
    """Materialize days of the facts and the aggregates in this process, with their checks.

    Args:
        settings: where the stores are.
        days: which days; None: the dirty ones, and clean days between them where that saves runs.
        on_progress: told before each run.

    Returns:
        What was written, and what the checks say. A breach ends the refresh: it is the last thing
        in the outcome, and later days are as they were.

    Raises:
        HelicarrierError: a run failed.
    """
    definitions = build_defs(**resources_of(settings))
    collector = Collector()
    asked = None if days is None else set(days)
    left_out: set[date] = set()
    with in_process.instance() as instance:
        for job, datasets in jobs.DATASETS.items():
            # Read before each job, since the first one's work decides what is left for the next.
            wanted = _dirty(settings, datasets) if asked is None else asked
            inside = in_range(wanted, times.now())
            left_out |= wanted.difference(inside)
            for first, last in spans(inside) if asked is None else ranges(inside):
                if on_progress is not None:
                    on_progress(job, first, last)
                collector.add(in_process.run_job(definitions, job, (first, last), instance))
                if collector.stopped:
                    return collector.outcome(left_out)
    return collector.outcome(left_out)


def audit(settings: Settings) -> RefreshOutcome:
    """Run every check on everything that is stored; nothing is written.

    Raises:
        HelicarrierError: a check could not run.
    """
    collector = Collector()
    with in_process.instance() as instance:
        definitions = build_defs(**resources_of(settings))
        collector.add(in_process.run_job(definitions, jobs.audit.name, None, instance))
    return collector.outcome()


def _dirty(settings: Settings, datasets: Iterable[Dataset]) -> set[date]:
    store = OperationalStore(settings.url)
    try:
        with store.read() as connection:
            return {day for dataset in datasets for day in dirty.dirty(connection, dataset)}
    finally:
        store.close()


defs = build_defs()

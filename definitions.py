"""The code location: assets, checks, jobs, schedules, sensors and resources, put together.

Nothing is decided here. Beside `build_defs` stands the one function through which the command line
materializes, so that the package itself never imports Dagster.
"""

import dagster as dg

from assets import jobs
from assets import ledger as ledger_assets
from assets import usage as usage_assets
from checks import ledger as ledger_checks
from helicarrier import settings
from resources import resources_of
from schedules import usage as usage_schedules
from sensors import ledger as ledger_sensors
from sensors import usage as usage_sensors


def build_defs(**overrides: object) -> dg.Definitions:
    """The definitions; `overrides` are resources that stand in for those of the environment."""
    return dg.Definitions(
        assets=[*ledger_assets.ASSETS, *usage_assets.ASSETS],
        asset_checks=[*ledger_checks.CHECKS],
        jobs=jobs.JOBS,
        schedules=[*usage_schedules.SCHEDULES],
        sensors=[*ledger_sensors.SENSORS, *usage_sensors.SENSORS],
        resources=resources_of(settings.load()) | overrides,
        executor=dg.in_process_executor,
    )


defs = build_defs()

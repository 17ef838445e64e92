"""Schedule of git context: what is new in the configured repositories, every hour.

It is off until somebody starts it: an installation without repositories has nothing to read. A
sync of a repository where no reference has moved reads its references and writes no history.
"""

import dagster as dg

from assets.jobs import sync_git
from resources import SettingsResource


@dg.schedule(
    name="git_sync_hourly",
    job=sync_git,
    cron_schedule="20 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="The repositories of HELICARRIER_GIT_REPOSITORIES, and the commits of sessions.",
)
def git_sync_hourly(
    context: dg.ScheduleEvaluationContext, settings: SettingsResource
) -> dg.RunRequest | dg.SkipReason:
    """Once an hour, where there is a repository to read."""
    if not settings.load().git_folders:
        return dg.SkipReason("HELICARRIER_GIT_REPOSITORIES names no repository.")
    return dg.RunRequest(run_key=f"sync_git:{context.scheduled_execution_time:%Y-%m-%dT%H}")


SCHEDULES = [git_sync_hourly]

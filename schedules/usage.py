"""Schedules of usage: the nightly refresh of the day that is over.

The windows of `model_perf_agg` that end with a day are computed when that day is over, whether or
not a session made it dirty: without sessions of its own a day still ends a week and a month.
"""

from datetime import timedelta

import dagster as dg

from assets.jobs import nightly_usage


@dg.schedule(
    name="nightly_usage_refresh",
    job=nightly_usage,
    cron_schedule="15 0 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Fifteen minutes after midnight UTC: the partition of the day that is over.",
)
def nightly_usage_refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Yesterday by name: the last partition is today, which has only begun."""
    yesterday = (context.scheduled_execution_time - timedelta(days=1)).date().isoformat()
    return dg.RunRequest(run_key=f"nightly_usage:{yesterday}", partition_key=yesterday)


SCHEDULES = [nightly_usage_refresh]

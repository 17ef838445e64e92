"""Schedules of resolution: the report of false positives, every week.

It is off until somebody starts it: an installation without pairs has nothing to report.
"""

import dagster as dg

from assets.jobs import report_false_positives


@dg.schedule(
    name="false_positives_weekly",
    job=report_false_positives,
    cron_schedule="0 6 * * 1",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="How often reviewers found a resolution wrong, up to the week that is over.",
)
def false_positives_weekly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Once a week."""
    return dg.RunRequest(run_key=f"false_positives:{context.scheduled_execution_time:%G-W%V}")


SCHEDULES = [false_positives_weekly]

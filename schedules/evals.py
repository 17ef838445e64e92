"""Schedules of evals: the release gate, every day.

It is off until somebody starts it: an installation without eval records has nothing to judge, and
a missing file is a failed run, never a pass.
"""

import dagster as dg

from assets.jobs import eval_gate


@dg.schedule(
    name="eval_gate_daily",
    job=eval_gate,
    cron_schedule="0 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="The records in the data folder through every gate.",
)
def eval_gate_daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Once a day."""
    return dg.RunRequest(run_key=f"eval_gate:{context.scheduled_execution_time:%Y-%m-%d}")


SCHEDULES = [eval_gate_daily]

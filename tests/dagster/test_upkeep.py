"""Upkeep: re-pricing and retention as partitions, and when their schedules ask for them."""

from datetime import UTC, datetime

import dagster as dg
from sqlalchemy import func, select

from helicarrier.ledger.tables import dirty_days, session_events, usage_cost_history
from helicarrier.usage.repricing_report import ASSET_KEY
from helicarrier.usage.tables import daily_usage_agg, retention_marks
from resources import resources_of
from schedules.upkeep import nightly_retention, repricing_after_price_update
from tests.dagster.conftest import FIRST, LAST, Project, value, written
from tests.dagster.test_checks import tamper

MORNING = datetime(2026, 10, 19, 3, 30, tzinfo=UTC)
OLD_PRICES = "pricing_version = 'genai-prices@0+old', cost_usd = cost_usd + 1000"


def asked(project: Project) -> dg.RunRequest | dg.SkipReason:
    """What the schedule of re-pricing says one morning."""
    resources = resources_of(project.settings)
    with dg.build_schedule_context(
        instance=project.instance,
        scheduled_execution_time=MORNING,
        resources={name: resources[name] for name in ("operational", "warehouse")},
    ) as context:
        found = repricing_after_price_update(context)
    assert isinstance(found, dg.RunRequest | dg.SkipReason)
    return found


def test_repricing_says_what_changed_by_how_much_and_why(refreshed: Project) -> None:
    """Old prices stay in the history, the new ones are appended, the day is dirty."""
    moved = tamper(
        refreshed,
        f"UPDATE session_usage SET {OLD_PRICES} WHERE cost_source = 'derived' "  # noqa: S608
        "AND pricing_version LIKE 'genai%' AND occurred_at >= ? AND occurred_at < ?",
        FIRST.isoformat(),
        LAST.isoformat(),
    )
    result = refreshed.run("reprice_usage", FIRST, LAST)
    metadata = written(result)[ASSET_KEY][0].metadata
    assert value(metadata, "calls_repriced") == moved > 0
    assert value(metadata, "reason") == "the price list was updated"
    assert "genai-prices@0+old" in str(value(metadata, "changes"))
    assert refreshed.select(select(func.count()).select_from(usage_cost_history)) == [(2 * moved,)]
    assert refreshed.select(select(func.count()).select_from(dirty_days)) != [(0,)]


def test_repricing_is_asked_for_once_for_each_price_list(refreshed: Project) -> None:
    """The whole ledger as one run; when that has ended, the schedule has nothing to ask for."""
    request = asked(refreshed)
    assert isinstance(request, dg.RunRequest)
    tags = request.tags
    assert tags["dagster/asset_partition_range_start"] == FIRST.isoformat()
    assert tags["dagster/asset_partition_range_end"] == LAST.isoformat()
    import definitions

    made = definitions.build_defs(**resources_of(refreshed.settings))
    done = made.resolve_job_def("reprice_usage").execute_in_process(
        instance=refreshed.instance, tags=tags, run_config=request.run_config
    )
    assert done.success
    assert isinstance(asked(refreshed), dg.SkipReason)


def test_repricing_of_an_empty_store_is_not_asked_for(empty: Project) -> None:
    """There is no store yet."""
    assert isinstance(asked(empty), dg.SkipReason)


def test_retention_drops_up_to_its_partition_and_a_dry_run_nothing(refreshed: Project) -> None:
    """By the terms of the settings, however old the partition; the mark is moved last."""
    import definitions

    events = refreshed.select(select(func.count()).select_from(session_events))
    made = definitions.build_defs(**resources_of(refreshed.settings))
    job = made.resolve_job_def("drop_old_rows")
    dry = job.execute_in_process(
        instance=refreshed.instance,
        partition_key="2026-10-07",
        run_config={"ops": {"retention": {"config": {"dry_run": True}}}},
    )
    told = written(dry)["retention"][0].metadata
    assert refreshed.select(select(func.count()).select_from(session_events)) == events
    assert refreshed.rows(retention_marks) == []
    result = refreshed.run("drop_old_rows", FIRST)
    metadata = written(result)["retention"][0].metadata
    assert value(metadata, "dry_run") is False
    assert {name for name in metadata if name.startswith("dropped_")} == {
        name for name in told if name.startswith("dropped_")
    }
    assert len(refreshed.rows(retention_marks)) == 2
    assert refreshed.rows(daily_usage_agg)


def test_night_asks_for_the_retention_of_yesterday(instance: dg.DagsterInstance) -> None:
    """Once, by name."""
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=MORNING) as context:
        request = nightly_retention(context)
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.run_key) == ("2026-10-18", "retention:2026-10-18")

"""Schedules: what they ask for at their time."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

import definitions
from helicarrier.settings import Settings
from resources import resources_of
from schedules.git import git_sync_hourly
from schedules.usage import nightly_usage_refresh


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 10, 19, 0, 15, tzinfo=UTC), "2026-10-18"),
        (datetime(2026, 1, 1, 0, 15, tzinfo=UTC), "2025-12-31"),
        (datetime(2028, 3, 1, 0, 15, tzinfo=UTC), "2028-02-29"),
    ],
    ids=["an ordinary night", "the first of the year", "after a leap day"],
)
def test_night_asks_for_the_day_that_is_over(
    instance: dg.DagsterInstance, at: datetime, day: str
) -> None:
    """Yesterday by name, once: the last partition would be the day that has just begun."""
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=at) as context:
        request = nightly_usage_refresh(context)
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.run_key) == (day, f"nightly_usage:{day}")


def test_requested_partition_exists(instance: dg.DagsterInstance) -> None:
    """The daemon resolves the request to a run: the job knows the partition."""
    repository = definitions.defs.get_repository_def()
    with dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=datetime(2026, 10, 19, 0, 15, tzinfo=UTC),
        repository_def=repository,
    ) as context:
        data = repository.get_schedule_def("nightly_usage_refresh").evaluate_tick(context)
    (request,) = data.run_requests or ()
    assert request.tags["dagster/partition"] == "2026-10-18"


def test_git_is_read_once_an_hour_where_there_is_a_repository(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    """Without one a tick says what to set, and starts no run."""
    at = datetime(2026, 10, 19, 7, 20, tzinfo=UTC)
    found = []
    for repositories in ("", str(tmp_path)):
        made = resources_of(Settings(data_dir=tmp_path, git_repositories=repositories))
        with dg.build_schedule_context(instance=instance, scheduled_execution_time=at) as context:
            found.append(git_sync_hourly(context, settings=made["settings"]))
    skipped, request = found
    assert isinstance(skipped, dg.SkipReason)
    assert "HELICARRIER_GIT_REPOSITORIES" in (skipped.skip_message or "")
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "sync_git:2026-10-19T07"

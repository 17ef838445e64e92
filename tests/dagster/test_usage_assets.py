"""The usage assets: days of facts and aggregates, one by one or as a range, all or nothing."""

import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import func, select

import definitions
from assets.partitions import range_tags
from helicarrier.ingest.service import import_sessions
from helicarrier.ledger.tables import dirty_days, session_usage
from helicarrier.settings import Settings
from helicarrier.store.run_model import RunStatus
from helicarrier.usage.tables import daily_subtotals_agg, daily_usage_agg
from resources import resources_of
from tests.dagster.conftest import ASSETS, DAYS, FIRST, LAST, Project, value, written

ROOT = Path(__file__).parents[2]
DAILY_AGGREGATES = ("daily_usage_agg", "daily_provenance_agg", "daily_subtotals_agg")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
VOLATILE = {"run_id", "updated_at"}


def alone_without_checks(project: Project) -> dg.JobDefinition:
    """A job of the usage assets where nothing but their own validation holds them back."""
    job = dg.define_asset_job("alone", selection=dg.AssetSelection.groups("usage"))
    made = dg.Definitions(
        assets=ASSETS,
        jobs=[job],
        resources=resources_of(project.settings),  # type: ignore[arg-type]
    )
    return made.resolve_job_def("alone")


def counts(project: Project, table: object) -> int:
    """How many rows a table has."""
    ((number,),) = project.select(select(func.count()).select_from(table))  # type: ignore[call-overload]
    return int(str(number))


@pytest.fixture(scope="module")
def one_range(
    _imported: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Project, dg.ExecuteInProcessResult]]:
    """The samples after one run of `refresh_usage` over all their days; not to be changed."""
    folder = tmp_path_factory.mktemp("range") / "data"
    shutil.copytree(_imported, folder)
    with dg.DagsterInstance.ephemeral() as instance:
        project = Project(Settings(data_dir=folder), instance)
        yield project, project.run("refresh_usage", FIRST, LAST)


Range = tuple[Project, dg.ExecuteInProcessResult]


def test_range_counts_the_rows_of_each_day(one_range: Range) -> None:
    """One run of a range writes a materialization with its own row count for each day."""
    imported, result = one_range
    found = written(result)
    for asset in ("usage_facts", "session_facts", *DAILY_AGGREGATES):
        assert [one.partition for one in found[asset]] == [day.isoformat() for day in DAYS]
    rows = [value(one.metadata, "dagster/partition_row_count") for one in found["usage_facts"]]
    assert sum(map(int, map(str, rows))) == counts(imported, session_usage) == 477
    assert len(set(rows)) > 1


def test_single_partition_is_that_day_alone(imported: Project) -> None:
    """A run with a partition key leaves the other days as they are."""
    job = definitions.build_defs(**resources_of(imported.settings)).resolve_job_def("refresh_usage")
    assert job.execute_in_process(
        instance=imported.instance, partition_key=FIRST.isoformat()
    ).success
    assert imported.lake.days("usage_facts") == [FIRST]
    assert imported.select(select(daily_usage_agg.c.bucket_date).distinct()) == [(FIRST,)]


def test_backfill_of_thirty_days_is_the_same_as_one_run_and_as_many(
    imported: Project,
) -> None:
    """How the days are cut into runs leaves no trace in the tables, runs and times apart.

    Single days, some days and many days of calls and of none, in their order.
    """
    first, last = date(2026, 10, 1), date(2026, 10, 30)
    one_run = imported.run("nightly_usage", first, last)
    assert one_run.success
    together = imported.aggregates()
    assert all(together.values())
    with sqlite3.connect(imported.settings.sqlite_path) as database:
        for table in together:
            database.execute(f"DELETE FROM {table}")  # noqa: S608 - names of tables
    for day in [*imported.lake.days("usage_facts")]:
        imported.lake.remove("usage_facts", day)
        imported.lake.remove("session_facts", day)
    job = alone_without_checks(imported)
    lengths = [1, 3, 1, 1, 2, 4, 1, 17]
    assert sum(lengths) == 30
    ends = [first + timedelta(days=days - 1) for days in itertools.accumulate(lengths)]
    for end, days in zip(ends, lengths, strict=True):
        span = end - timedelta(days=days - 1), end
        assert job.execute_in_process(
            instance=imported.instance, tags=range_tags(*span), run_config=QUIET
        ).success
    assert imported.aggregates() == together


def test_run_store_tells_what_was_read_and_written(one_range: Range) -> None:
    """The rows of a day lead to a run with its partitions, in and out."""
    imported, result = one_range
    run_id = str(value(written(result)["daily_usage_agg"][0].metadata, "run_store_id"))
    ((stored,),) = imported.select(select(daily_usage_agg.c.run_id).distinct())
    (record,) = imported.runs.runs_for("daily_provenance_agg", FIRST.isoformat())
    assert stored == run_id == record.run_id
    assert record.partition_key == f"{FIRST}..{LAST}"
    assert record.dagster_run_id == result.run_id
    more = counts(imported, daily_usage_agg) + counts(imported, daily_subtotals_agg)
    assert (record.rows_in, record.rows_out) == (477 + 89, more + 90)


def test_picture_is_kept_once_for_a_range(one_range: Range) -> None:
    """The plot of the trailing month stands at the last day, not at every one of them."""
    found = written(one_range[1])["daily_usage_agg"]
    pictured = {one.partition: one.metadata for one in found if "preview" in one.metadata}
    assert list(pictured) == [LAST.isoformat()]
    assert "(data:image/png;base64,iVBORw0KGgo" in str(value(pictured[LAST.isoformat()], "preview"))


def test_day_without_calls_has_no_picture(imported: Project) -> None:
    """There is nothing to draw before the first call, and the preview says so."""
    before = FIRST - timedelta(days=60)
    (found,) = written(imported.run("refresh_usage", before))["daily_usage_agg"]
    assert value(found.metadata, "dagster/partition_row_count") == 0
    assert "No calls" in str(value(found.metadata, "preview"))


def test_windows_over_dirty_facts_stay_dirty(imported: Project) -> None:
    """Performance that was computed too early is computed again when the facts are there."""
    assert imported.run("refresh_performance", LAST).success
    marked = imported.select(
        select(dirty_days.c.bucket_date).where(
            dirty_days.c.dataset == "model_perf_agg", dirty_days.c.bucket_date == LAST
        )
    )
    assert marked == [(LAST,)]


def test_breach_before_the_commit_is_not_tried_again(imported: Project) -> None:
    """A row that breaks the contract ends the step; neither partition nor table is touched."""
    break_a_total(imported)
    result = alone_without_checks(imported).execute_in_process(
        instance=imported.instance, partition_key=FIRST.isoformat(), raise_on_error=False
    )
    failures = result.filter_events(lambda event: event.is_step_failure)
    assert [failure.step_key for failure in failures] == ["usage_facts"]
    assert not result.filter_events(lambda event: event.is_step_up_for_retry)
    assert imported.lake.days("usage_facts") == []
    assert counts(imported, daily_usage_agg) == 0


def break_a_total(project: Project) -> None:
    """Make one call of the first day claim a token too many, as only a defect could."""
    with sqlite3.connect(project.settings.sqlite_path) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        database.execute(
            "UPDATE session_usage SET total_tokens = total_tokens + 1 WHERE usage_id = ("
            "SELECT usage_id FROM session_usage WHERE occurred_at < ? ORDER BY usage_id LIMIT 1)",
            ((FIRST + timedelta(days=1)).isoformat(),),
        )


@pytest.mark.parametrize("commits_before_the_kill", [1, 3])
def test_killed_refresh_leaves_each_day_old_or_new(
    refreshed: Project, tmp_path: Path, commits_before_the_kill: int
) -> None:
    """SIGKILL while days are written: no day is a mix, and the next refresh completes the work."""
    old = by_day(refreshed)
    import_sessions(refreshed.settings, [a_session_of_every_day(tmp_path)], workers=1)
    kill_while_writing(refreshed, commits_before_the_kill)
    left = by_day(refreshed)
    definitions.refresh(refreshed.settings)
    new = by_day(refreshed)
    assert all(old[day] != new[day] for day in DAYS)
    assert all(left[day] in (old[day], new[day]) for day in DAYS)
    assert refreshed.select(select(dirty_days)) == []
    states = {record.status for record in refreshed.runs.runs_for("daily_usage_agg")}
    assert RunStatus.RUNNING not in states


def by_day(project: Project) -> dict[date, list[tuple[object, ...]]]:
    """The rows of `daily_usage_agg` of each day."""
    columns = [column for column in daily_usage_agg.columns if column.name not in VOLATILE]
    query = select(*columns).order_by(*daily_usage_agg.primary_key.columns)
    rows: dict[date, list[tuple[object, ...]]] = {day: [] for day in DAYS}
    for row in project.select(query):
        rows[date.fromisoformat(str(row[0]))].append(row)
    return rows


def a_session_of_every_day(folder: Path) -> Path:
    """A file with one more session for each day of the samples."""
    lines = [
        json.dumps(
            {
                "envelope_version": "v1",
                "payload": {
                    "session": {
                        "sessionId": f"late-{day}",
                        "agentId": "late-agent",
                        "modelId": "claude-haiku-4-5-20251001",
                        "provider": "anthropic",
                        "state": "success",
                        "startedAt": f"{day}T10:00:00.000Z",
                        "endedAt": f"{day}T10:00:09.000Z",
                        "promptTokens": 100,
                        "completionTokens": 20,
                    },
                    "events": [],
                },
            }
        )
        for day in DAYS
    ]
    path = folder / "late.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def kill_while_writing(project: Project, commits: int) -> None:
    """Refresh in another process and kill it when it has written to the database so often."""
    log = project.settings.sqlite_path.with_name(project.settings.sqlite_path.name + "-wal")
    before = last_write(log)
    refresh = "import definitions, helicarrier.settings as s; definitions.refresh(s.load())"
    environment = os.environ | {"HELICARRIER_DATA_DIR": str(project.settings.data_dir)}
    with subprocess.Popen(
        [sys.executable, "-c", refresh], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 300
        while commits and process.poll() is None and time.monotonic() < deadline:
            now = last_write(log)
            if now != before:
                before, commits = now, commits - 1
            time.sleep(0.0005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "the refresh ended before it was killed"


def last_write(path: Path) -> int:
    """When a file was last written, 0 while there is none."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def test_a_picture_that_cannot_be_drawn_fails_nothing(empty: Project) -> None:
    """It is drawn after the rows were committed, and says what was in its way."""
    from assets.usage import _picture
    from resources import OperationalResource

    made = resources_of(empty.settings)["operational"]
    assert isinstance(made, OperationalResource)
    assert _picture(made, LAST).value == "The picture could not be drawn: NotReady."

"""Sensors: files that came are imported once, dirty days are refreshed in the right order."""

import os
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

import definitions
from assets.jobs import import_sessions, refresh_performance, refresh_usage
from assets.partitions import FIRST_DAY
from helicarrier import times
from helicarrier.ledger import dirty
from helicarrier.ledger.enums import Dataset
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore
from resources import resources_of
from sensors import ledger as files_module
from sensors.ledger import session_files
from sensors.usage import dirty_days
from tests.dagster.conftest import DAYS, FIRST, LAST, Project

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
Tick = Callable[[str | None], dg.SensorResult | dg.SkipReason]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for session files."""
    path = tmp_path / "sessions"
    path.mkdir()
    return path


@pytest.fixture
def look(folder: Path, data_dir: Path, instance: dg.DagsterInstance) -> Tick:
    """A tick of the file sensor over the folder, with the cursor it is given."""
    resources = resources_of(Settings(data_dir=data_dir, import_paths=str(folder)))

    def tick(cursor: str | None) -> dg.SensorResult | dg.SkipReason:
        with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
            result = session_files(context, settings=resources["settings"])
        assert isinstance(result, dg.SensorResult | dg.SkipReason)
        return result

    return tick


def files_of(result: dg.SensorResult | dg.SkipReason) -> list[int]:
    """How many files changed, for each run that is asked for."""
    assert isinstance(result, dg.SensorResult)
    return [int(request.tags["helicarrier/files"]) for request in result.run_requests or ()]


def keys_of(result: dg.SensorResult | dg.SkipReason) -> list[str | None]:
    """The keys of the runs that are asked for."""
    assert isinstance(result, dg.SensorResult)
    return [request.run_key for request in result.run_requests or ()]


def cursor_of(result: dg.SensorResult | dg.SkipReason) -> str:
    """The cursor that the next tick gets."""
    assert isinstance(result, dg.SensorResult)
    assert result.cursor is not None
    return result.cursor


def test_new_files_are_imported(look: Tick, folder: Path) -> None:
    """Both files come with one run over the folder; its key is the folder and what is in them."""
    (folder / "a.jsonl").write_text("{}\n")
    (folder / "deeper").mkdir()
    (folder / "deeper" / "b.json").write_text("[]\n")
    result = look(None)
    assert isinstance(result, dg.SensorResult)
    (request,) = result.run_requests or ()
    assert (request.run_key or "").startswith(f"{folder}:")
    assert request.run_config["ops"]["import_session_files"]["config"]["paths"] == [str(folder)]
    assert files_of(result) == [2]


def test_unchanged_files_are_left_alone(look: Tick, folder: Path) -> None:
    """The second look at the same files asks for nothing."""
    (folder / "a.jsonl").write_text("{}\n")
    assert files_of(look(cursor_of(look(None)))) == []


def test_grown_file_is_imported_again_under_another_key(look: Tick, folder: Path) -> None:
    """A session goes on in its file: the content, and so the key, is another one."""
    path = folder / "a.jsonl"
    path.write_text("{}\n")
    first = look(None)
    path.write_text("{}\n{}\n")
    second = look(cursor_of(first))
    assert files_of(second) == [1]
    assert keys_of(first) != keys_of(second)


def test_touched_file_is_no_news(look: Tick, folder: Path) -> None:
    """Another modification time with the same content asks for nothing."""
    path = folder / "a.jsonl"
    path.write_text("{}\n")
    cursor = cursor_of(look(None))
    os.utime(path, (0, 0))
    assert files_of(look(cursor)) == []


@pytest.mark.parametrize(
    "cursor",
    ["", "not json", "{}", '{"version": 2, "files": {}}', '{"version": 1, "files": 7}', "[]"],
)
def test_unreadable_cursor_starts_anew(look: Tick, folder: Path, cursor: str) -> None:
    """The same files get the same key, so Dagster does not start their run a second time."""
    (folder / "a.jsonl").write_text("{}\n")
    assert keys_of(look(cursor)) == keys_of(look(None))


def test_file_that_is_gone_is_forgotten(look: Tick, folder: Path) -> None:
    """The cursor does not grow with files that once were."""
    (folder / "a.jsonl").write_text("{}\n")
    cursor = cursor_of(look(None))
    (folder / "a.jsonl").unlink()
    after = look(cursor)
    assert files_of(after) == []
    assert "a.jsonl" not in cursor_of(after)


def test_many_files_take_several_ticks(
    look: Tick, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick reads a bounded number of files; the others come with the next ticks."""
    monkeypatch.setattr(files_module, "FILES_PER_TICK", 2)
    for n in range(5):
        (folder / f"{n}.jsonl").write_text(f"{n}\n")
    sizes, cursor = [], None
    for _ in range(4):
        result = look(cursor)
        sizes.append(sum(files_of(result)))
        cursor = cursor_of(result)
    assert sizes == [2, 2, 1, 0]


def test_large_files_come_one_at_a_time(
    look: Tick, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick reads a bounded number of bytes, but at least one file, however large."""
    monkeypatch.setattr(files_module, "BYTES_PER_TICK", 10)
    for n in range(2):
        (folder / f"{n}.jsonl").write_text(f"{n}" * 100)
    first = look(None)
    assert files_of(first) == [1]
    assert files_of(look(cursor_of(first))) == [1]


def test_missing_folder_is_waited_for(look: Tick, folder: Path) -> None:
    """A folder that an agent has not made yet is no failure."""
    folder.rmdir()
    assert files_of(look(None)) == []


def test_without_folders_there_is_nothing_to_watch(
    data_dir: Path, instance: dg.DagsterInstance
) -> None:
    """The sensor says which variable to set."""
    resources = resources_of(Settings(data_dir=data_dir))
    with dg.build_sensor_context(instance=instance) as context:
        result = session_files(context, settings=resources["settings"])
    assert isinstance(result, dg.SkipReason)
    assert "HELICARRIER_IMPORT_PATHS" in (result.skip_message or "")


def test_requested_import_runs(look: Tick, folder: Path, empty: Project) -> None:
    """The configuration that the sensor writes is one that the job takes."""
    (folder / "a.jsonl").write_text("{}\n")
    result = look(None)
    assert isinstance(result, dg.SensorResult)
    (request,) = result.run_requests or ()
    job = definitions.build_defs(**resources_of(empty.settings)).resolve_job_def(
        import_sessions.name
    )
    assert job.execute_in_process(instance=empty.instance, run_config=request.run_config).success


def asked(project: Project) -> list[dg.RunRequest]:
    """What a tick of the dirty-days sensor asks for."""
    result = tick(project)
    return list(result.run_requests or ()) if isinstance(result, dg.SensorResult) else []


def tick(project: Project) -> dg.SensorResult | dg.SkipReason:
    """One tick of the dirty-days sensor."""
    resources = resources_of(project.settings)
    with dg.build_sensor_context(instance=project.instance) as context:
        result = dirty_days(context, operational=resources["operational"], lake=resources["lake"])
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def mark(project: Project, dataset: Dataset, *days: date) -> None:
    """Make days dirty, as a write to the ledger would."""
    store = OperationalStore(project.settings.url)
    with store.write() as connection:
        dirty.mark_days(connection, [(dataset, day) for day in days], run_id="r", now=times.now())
    store.close()


def claim(project: Project, dataset: Dataset, day: date) -> None:
    """Begin a refresh of a day, which comes no further."""
    store = OperationalStore(project.settings.url)
    with store.write() as connection:
        dirty.claim(connection, dataset, [day])
    store.close()


def spans_of(requests: list[dg.RunRequest]) -> list[tuple[str | None, str, str]]:
    """Job, first and last day of each request."""
    return [(request.job_name, request.tags[START], request.tags[END]) for request in requests]


def test_dirty_days_become_one_run_over_their_range(imported: Project) -> None:
    """The facts and daily aggregates come first; performance waits for its facts."""
    assert spans_of(asked(imported)) == [(refresh_usage.name, str(FIRST), str(LAST))]


def test_performance_follows_when_its_facts_are_clean(imported: Project) -> None:
    """With the facts refreshed, the windows that their sessions reach are asked for."""
    imported.run(refresh_usage.name, FIRST, LAST)
    last = min(LAST + timedelta(days=29), times.now().date())
    assert spans_of(asked(imported)) == [(refresh_performance.name, str(FIRST), str(last))]


def test_only_windows_over_dirty_sessions_wait(refreshed: Project) -> None:
    """A window that ends before the dirty day, or 30 days after it, need not wait."""
    mark(refreshed, Dataset.SESSION_FACTS, LAST)
    mark(refreshed, Dataset.MODEL_PERF_AGG, FIRST, LAST, LAST + timedelta(days=29))
    mark(refreshed, Dataset.MODEL_PERF_AGG, LAST + timedelta(days=30))
    performance = [one for one in spans_of(asked(refreshed)) if one[0] == refresh_performance.name]
    later = str(LAST + timedelta(days=30))
    assert performance == [
        (refresh_performance.name, str(FIRST), str(FIRST)),
        (refresh_performance.name, later, later),
    ]


def test_clean_days_ask_for_nothing(refreshed: Project) -> None:
    """Everything is computed: the tick is skipped."""
    assert isinstance(tick(refreshed), dg.SkipReason)


def test_days_outside_of_the_partitions_ask_for_nothing(refreshed: Project) -> None:
    """There is no partition to refresh, today or ever."""
    mark(refreshed, Dataset.USAGE_FACTS, FIRST_DAY - timedelta(days=1), date(2999, 1, 1))
    assert asked(refreshed) == []


def test_the_same_state_has_the_same_key(refreshed: Project) -> None:
    """A second tick before the run has begun starts nothing twice."""
    mark(refreshed, Dataset.USAGE_FACTS, FIRST)
    first, second = asked(refreshed), asked(refreshed)
    assert [request.run_key for request in first] == [request.run_key for request in second]


def test_a_write_after_a_refresh_began_has_another_key(refreshed: Project) -> None:
    """The day changed after it was looked at, so it is asked for again."""
    mark(refreshed, Dataset.USAGE_FACTS, FIRST)
    (before,) = asked(refreshed)
    claim(refreshed, Dataset.USAGE_FACTS, FIRST)
    mark(refreshed, Dataset.USAGE_FACTS, FIRST)
    (after,) = asked(refreshed)
    assert before.run_key != after.run_key


def test_a_write_before_the_refresh_begins_asks_for_nothing_new(refreshed: Project) -> None:
    """The run that was asked for will see it."""
    mark(refreshed, Dataset.USAGE_FACTS, FIRST)
    (before,) = asked(refreshed)
    mark(refreshed, Dataset.USAGE_FACTS, FIRST)
    (after,) = asked(refreshed)
    assert before.run_key == after.run_key


def test_a_run_that_has_begun_is_waited_for(refreshed: Project) -> None:
    """While a refresh is on its way, no second one is put beside it."""
    mark(refreshed, Dataset.USAGE_FACTS, FIRST)
    job = definitions.defs.resolve_job_def(refresh_usage.name)
    refreshed.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    result = tick(refreshed)
    assert isinstance(result, dg.SkipReason)
    assert "wait for a run" in (result.skip_message or "")


def test_scattered_days_become_few_runs(refreshed: Project) -> None:
    """A tick asks for a bounded number of runs, the oldest days first."""
    far_apart = [FIRST - timedelta(days=10 * n) for n in range(15)]
    mark(refreshed, Dataset.USAGE_FACTS, *far_apart)
    requests = asked(refreshed)
    assert len(requests) == 10
    assert spans_of(requests)[0][1] == str(min(far_apart))


def test_project_without_a_store_is_waited_for(empty: Project) -> None:
    """Before the first import there is nothing to refresh and nothing to fail."""
    assert isinstance(tick(empty), dg.SkipReason)


def test_requested_refresh_runs(imported: Project) -> None:
    """The tags that the sensor writes make one run of the range."""
    (request,) = asked(imported)
    job = definitions.build_defs(**resources_of(imported.settings)).resolve_job_def(
        str(request.job_name)
    )
    result = job.execute_in_process(instance=imported.instance, tags=request.tags)
    assert result.success
    assert imported.lake.days("usage_facts") == DAYS

"""Advice in Dagster: off it does nothing, on it stays within its bounds, and checks say so."""

import shutil
from datetime import date
from pathlib import Path

import dagster as dg
import msgspec
import pytest
from sqlalchemy import create_engine, func, select, text

from helicarrier.advisory import rollback, switch
from helicarrier.advisory.enums import SignalType
from helicarrier.advisory.tables import p3_advisory_budget, p3_advisory_signal
from helicarrier.ledger.tables import audit_log, run_markers
from helicarrier.matches.lines import read_file
from helicarrier.matches.tables import analysis_results
from helicarrier.notify.tables import notifications
from helicarrier.settings import Settings
from helicarrier.store import migrate
from helicarrier.store.versions import P3
from resources import resources_of
from sensors.advisory import advisory_expiry
from tests.advisory.areas import BEFORE
from tests.dagster.conftest import Project, check_results, value, written

SAMPLES = Path(__file__).parents[2] / "examples" / "matches"
FIRST, LAST = date(2026, 10, 5), date(2026, 10, 7)
ADVICE = "p3_advisory_signal"


@pytest.fixture(scope="module")
def matched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the sample match results, imported by the job, and the advice off."""
    folder = tmp_path_factory.mktemp("matched") / "data"
    settings = Settings(data_dir=folder, match_paths=str(SAMPLES))
    migrate.upgrade(settings.url, folder / "backups")
    with dg.DagsterInstance.ephemeral() as instance:
        result = Project(settings, instance).run("import_matches")
    assert result.success
    metadata = written(result)["analysis_results"][0].metadata
    assert [value(metadata, name) for name in ("rows_read", "rows_new", "files")] == [160, 160, 1]
    assert all(one.passed for one in check_results(result).values())
    return folder


@pytest.fixture
def project(matched: Path, data_dir: Path, instance: dg.DagsterInstance) -> Project:
    """The sample results in a folder of the test's own."""
    shutil.copytree(matched, data_dir)
    return Project(Settings(data_dir=data_dir), instance)


def days_of_results() -> list[date]:
    """The day of each sample."""
    return [result.created_at.date() for result in read_file(SAMPLES / "results.jsonl")]


def turn_on(project: Project) -> None:
    """Advise everybody."""
    settings = project.settings
    switch.enable(settings.url, settings.backups_dir, percent=100, actor="test", now=BEFORE)


def test_off_it_is_a_no_op_that_says_so(project: Project) -> None:
    """Not even a run is recorded, with the tables and without."""
    before = project.select(select(func.count()).select_from(audit_log))
    for _ in range(2):
        result = project.run("advise", FIRST, LAST)
        assert result.success
        assert all(one.passed for one in check_results(result).values())
        (done,) = {m.metadata["disabled"].value for m in written(result)[ADVICE]}
        assert done is True
        assert project.select(select(func.count()).select_from(audit_log)) == before
        migrate.upgrade(project.settings.url, project.settings.backups_dir, environment=P3)
    assert project.select(select(p3_advisory_signal.c.id)) == []


def test_on_each_resume_gets_one_signal_on_each_day_with_results(project: Project) -> None:
    """A second run finds everything in the cache or used up; a day later another kind follows."""
    turn_on(project)
    result = project.run("advise", FIRST, LAST)
    assert result.success
    assert all(one.passed for one in check_results(result).values())
    metadata = written(result)[ADVICE][0].metadata
    signals = project.select(select(p3_advisory_signal.c.resume_id))
    budgets = project.select(
        select(p3_advisory_budget.c.resume_id, p3_advisory_budget.c.used_advisories)
    )
    assert sorted(resume for resume, used in budgets for _ in range(int(str(used)))) == sorted(
        str(resume) for (resume,) in signals
    )
    assert value(metadata, "signals_new") == len(signals) > 10
    assert value(metadata, "results") == sum(FIRST <= day <= LAST for day in days_of_results())
    assert value(metadata, "disabled") is False
    assert project.runs.get_run(str(value(metadata, "run_store_id"))) is not None
    again = written(project.run("advise", FIRST, LAST))[ADVICE][0].metadata
    assert value(again, "signals_new") == 0
    assert value(again, "cache_hit") > 0
    assert project.select(select(notifications.c.subject)) == []
    assert project.select(select(run_markers.c.run_id)) == []


def test_too_many_failures_are_told_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the outbox, by day; the run itself succeeds, and no budget is used."""

    def broken(*_: object) -> None:
        raise RuntimeError

    turn_on(project)
    monkeypatch.setattr("assets.advisory.MODELS", dict.fromkeys(SignalType, broken))
    for _ in range(2):
        assert project.run("advise", FIRST, FIRST).success
    ((key, channel, subject),) = project.select(
        select(notifications.c.dedup_key, notifications.c.channel, notifications.c.subject)
    )
    assert (key, channel) == ("advisory:failures:2026-10-05", "log")
    assert "computations of advice failed on 2026-10-05, more than 5%" in str(subject)
    assert {used for (used,) in project.select(select(p3_advisory_budget.c.used_advisories))} == {0}


CHECKS = {
    "isolation": "CREATE VIEW leaning AS SELECT id FROM p3_advisory_signal",
    "kill_switch": "UPDATE p3_feature_state SET enabled = 0",
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_broken_promise_is_an_error(project: Project, name: str) -> None:
    """And only that one."""
    turn_on(project)
    assert project.run("advise", FIRST, FIRST).success
    engine = create_engine(project.settings.url)
    with engine.begin() as connection:
        connection.execute(text(CHECKS[name]))
    engine.dispose()
    found = {
        check: result
        for (asset, check), result in check_results(project.run("advise", FIRST)).items()
        if asset == ADVICE
    }
    assert {check for check, result in found.items() if not result.passed} == {name}
    assert found[name].severity is dg.AssetCheckSeverity.ERROR


def test_a_wrong_file_fails_the_import_and_writes_nothing(project: Project, tmp_path: Path) -> None:
    """Strictly."""
    (tmp_path / "bad.jsonl").write_text("{}\n", encoding="utf-8")
    settings = msgspec.structs.replace(project.settings, match_paths=str(tmp_path))
    before = project.select(select(func.count()).select_from(analysis_results))
    assert not Project(settings, project.instance).run("import_matches").success
    assert project.select(select(func.count()).select_from(analysis_results)) == before


def tick(project: Project) -> str:
    """What the sensor says."""
    with dg.build_sensor_context() as context:
        made = resources_of(project.settings)
        said = advisory_expiry(context, settings=made["settings"])
    assert isinstance(said, dg.SkipReason)
    return str(said.skip_message)


def test_the_sensor_marks_what_has_expired_while_advice_is_on(
    project: Project, empty: Project
) -> None:
    """Off, without tables and without a store it does nothing."""
    assert tick(project) == "Advice is off."
    turn_on(project)
    project.run("advise", FIRST, LAST)
    engine = create_engine(project.settings.url)
    with engine.begin() as connection:
        over = "UPDATE p3_advisory_signal SET expires_at = '2026-10-20T00:00:00.000000Z' "
        changed = connection.execute(text(over + "WHERE signal_type = 'timing_hint'")).rowcount
    engine.dispose()
    assert changed > 0
    switch.disable(project.settings.url, actor="test", now=BEFORE)
    assert tick(project) == "Advice is off."
    turn_on(project)
    assert tick(project) == f"{changed} signals have expired."
    assert tick(project) == "0 signals have expired."
    rollback.roll_back(project.settings.url, actor="test", now=BEFORE)
    assert tick(project) == "Advice is off."


def test_the_sensor_waits_for_a_store(empty: Project) -> None:
    """Before the first migration."""
    assert "does not exist yet" in tick(empty)

"""Alerts in Dagster: rules judged as an asset, checks of what is stored, sensors."""

from pathlib import Path

import dagster as dg
import pytest

from checks.alerts import delivered, history
from helicarrier import times
from helicarrier.alerts.repository import SqlAlertRepository
from helicarrier.alerts.tables import alert_state
from helicarrier.lineage.explain import explain
from helicarrier.notify.model import Channel, Message
from helicarrier.notify.outbox import Outbox, post
from helicarrier.notify.tables import DeliveryState
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore
from resources import resources_of
from sensors.alerts import alerts, outbox
from tests.alerts.making import alert_rule, paid, session, store
from tests.dagster.conftest import Project, check_results, value, written
from tests.ledger.stores import Ledger


@pytest.fixture
def project(data_dir: Path, migrated_sqlite: Path, instance: dg.DagsterInstance) -> Project:
    """A ledger with one agent that has just cost five dollars, and no rule."""
    data_dir.mkdir()
    (data_dir / "helicarrier.sqlite").write_bytes(migrated_sqlite.read_bytes())
    found = Project(Settings(data_dir=data_dir), instance)
    ledger = Ledger(found.settings.url)
    now = times.now()
    store(ledger, session("s", paid("a", 5, now), began=now))
    ledger.store.close()
    return found


def operational(project: Project) -> OperationalStore:
    """The project's store."""
    return OperationalStore(project.settings.url)


def watch_cost(project: Project) -> None:
    """A rule that the agent breaks."""
    SqlAlertRepository(operational(project)).save_rule(alert_rule())


def resources(project: Project, *names: str) -> dict[str, object]:
    """Resources of the project by name."""
    return {name: resources_of(project.settings)[name] for name in names}


def test_rules_are_judged_as_a_run_of_the_run_store(project: Project) -> None:
    """Metadata says what fires and by which run; the checks pass; each row is explained."""
    watch_cost(project)
    result = project.run("evaluate_alerts")
    assert {found.passed for found in check_results(result).values()} == {True}
    (state,) = written(result)["alert_state"]
    assert (value(state.metadata, "firing"), value(state.metadata, "worst")) == (1, "critical")
    assert "| cost | global | critical | $5.00 | ok |" in str(value(state.metadata, "preview"))
    (changes,) = written(result)["alert_transitions"]
    assert value(changes.metadata, "rows_new") == 1
    run_id = str(value(state.metadata, "run_store_id"))
    record = project.runs.get_run(run_id)
    assert record is not None
    assert record.dagster_run_id == result.run_id
    told = explain(project.settings, "alert_state", ["cost", "global"])
    titles = [child.title for child in told.children]
    assert titles == ["rule cost", "transitions, the newest 10", f"run {run_id}"]


def test_a_state_without_its_history_fails_the_check(project: Project) -> None:
    """Somebody changed it past the state machine."""
    watch_cost(project)
    project.run("evaluate_alerts")
    with operational(project).write() as connection:
        connection.execute(alert_state.update().values(status="warning"))
    found = history(**resources(project, "operational"))
    assert isinstance(found, dg.AssetCheckResult)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert value(found.metadata, "keys") == ["cost global"]


def test_a_message_that_nobody_took_is_a_warning(project: Project) -> None:
    """With its channel, its subject and the reason."""
    place = operational(project)
    message = Message(dedup_key="k", kind="test", subject="something", data={})
    post(place, message, [Channel.WEBHOOK], now=times.now(), new_id=lambda: "n")
    assert delivered(**resources(project, "operational")).passed
    claimed = Outbox(place).claim("n", now=times.now(), until=times.now(), most_attempts=1)
    assert claimed is not None
    Outbox(place).failed(claimed, "the receiver answered 500", now=times.now(), most_attempts=1)
    found = delivered(**resources(project, "operational"))
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert value(found.metadata, "newest") == ["webhook: something: the receiver answered 500"]


def test_rules_in_force_are_judged_by_the_sensor(project: Project, empty: Project) -> None:
    """Not without a store, not without a rule, and once for each stretch of time."""

    def tick() -> object:
        context = dg.build_sensor_context(
            instance=project.instance, resources=resources(project, "operational")
        )
        return alerts(context)

    skipped = tick()
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "No rule is in force."
    watch_cost(project)
    first = tick()
    assert isinstance(first, dg.RunRequest)
    assert str(first.run_key).startswith("alerts:")


def test_the_outbox_is_delivered_by_the_sensor(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once; the tick says how much."""
    watch_cost(project)
    project.run("evaluate_alerts")

    def tick() -> str:
        names = ("settings", "operational")
        context = dg.build_sensor_context(
            instance=project.instance, resources=resources(project, *names)
        )
        skipped = outbox(context)
        assert isinstance(skipped, dg.SkipReason)
        return str(skipped.skip_message)

    assert tick() == "1 messages delivered, 0 not taken."
    assert "critical: cost" in capsys.readouterr().err
    assert tick() == "0 messages delivered, 0 not taken."
    assert Outbox(operational(project)).counts() == {DeliveryState.DELIVERED: 1}

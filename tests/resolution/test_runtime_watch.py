"""Hot reload: an edit comes into force, or is refused and changes nothing."""

from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select

from helicarrier.resolution import runtime
from helicarrier.resolution.enums import Environment
from helicarrier.resolution.runtime_watch import RuntimeWatch, SqlReadings
from helicarrier.resolution.tables import runtime_config_version
from helicarrier.store.operational import OperationalStore
from tests.resolution.deciding import DAY, NOW

SHIPPED = Path(__file__).parents[2] / "config" / "phase2_runtime.yaml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A copy of the shipped file, to be edited."""
    path = tmp_path / "runtime.yaml"
    path.write_bytes(SHIPPED.read_bytes())
    return path


def watch(store: OperationalStore, file: Path) -> RuntimeWatch:
    """A process that begins now; each look at the clock is a day later."""
    ticks = (NOW + n * DAY for n in count(len(readings(store))))
    numbers = count(len(readings(store)))
    readings_of = SqlReadings(store, new_id=lambda: f"reading-{next(numbers)}")
    return RuntimeWatch(file, readings_of, clock=lambda: next(ticks))


def readings(store: OperationalStore) -> list[tuple[str, str | None]]:
    """What was read, oldest first: outcome and reason."""
    columns = runtime_config_version.c
    query = select(columns.outcome, columns.reason).order_by(columns.loaded_at)
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def edit(file: Path, old: str, new: str) -> None:
    """Edit the file in place."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_edit_comes_into_force_and_is_kept(store: OperationalStore, file: Path) -> None:
    """Read once, however often it is asked for; each change is one row."""
    watching = watch(store, file)
    assert not watching.current().of(Environment.DEV).auto_resolve.enabled
    edit(file, "enabled: false", "enabled: true")
    for _ in range(3):
        assert watching.current().of(Environment.DEV).auto_resolve.enabled
    assert readings(store) == [("accepted", None), ("accepted", None)]


def test_invalid_edit_is_refused_and_the_old_one_stays(
    store: OperationalStore, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both are logged; the repaired file comes into force again."""
    edit(file, "complaints: 3", "complaints: 7")
    watching = watch(store, file)
    before = watching.current()
    edit(file, "complaints: 7", "complaintz: 1")
    assert watching.current() is before
    assert watching.current() is before
    assert "resolution.config.refused" in capsys.readouterr().err
    ((first, _), (second, reason)) = readings(store)
    assert (first, second) == ("accepted", "refused")
    assert "circuit_breakers.complaintz: unknown key" in str(reason)
    edit(file, "complaintz: 1", "complaints: 4")
    assert watching.current().of(Environment.PROD).circuit_breakers.complaints == 4


def test_last_good_one_outlives_the_process(store: OperationalStore, file: Path) -> None:
    """A process that begins with a broken file takes what was last in force."""
    edit(file, "complaints: 3", "complaints: 7")
    watch(store, file).current()
    file.write_text("auto_resolve: [", encoding="utf-8")
    found = watch(store, file).current().of(Environment.DEV)
    assert found.circuit_breakers.complaints == 7
    file.unlink()
    found = watch(store, file).current().of(Environment.DEV)
    assert found.circuit_breakers.complaints == 7


def test_without_any_good_file_nothing_is_applied(store: OperationalStore, file: Path) -> None:
    """As shipped."""
    file.write_text("auto_resolve: {enabled: yes please}", encoding="utf-8")
    found = watch(store, file).current()
    assert found.environments == runtime.shipped().environments

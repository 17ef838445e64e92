"""Resources: stores for a block, closed after it, and no secret in what Dagster shows."""

from datetime import date
from pathlib import Path

import pytest

from definitions import build_defs
from helicarrier import settings as configuration
from helicarrier.settings import Settings
from resources import OperationalResource, SettingsResource, WarehouseResource, resources_of

SECRET_URL = "postgresql+psycopg://somebody:hunter2@db.example/ledger"


class Interrupted(Exception):
    """Something that goes wrong in the middle of a block."""


def fail_after_writing(warehouse: WarehouseResource) -> None:
    """Make a table and fail before the end of the transaction."""
    with warehouse.get_connection() as connection:
        connection.execute("CREATE TABLE half_done (n INTEGER)")
        raise Interrupted


def test_failed_block_is_rolled_back(tmp_path: Path) -> None:
    """What a block wrote before it raised is gone."""
    warehouse = WarehouseResource(database=str(tmp_path / "w.duckdb"))
    with pytest.raises(Interrupted):
        fail_after_writing(warehouse)
    with warehouse.store().read() as connection:
        tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert ("half_done",) not in tables


def test_failed_block_lets_others_in(tmp_path: Path) -> None:
    """The connection is closed although the block raised: the next writer need not wait."""
    path = str(tmp_path / "w.duckdb")
    with pytest.raises(Interrupted):
        fail_after_writing(WarehouseResource(database=path))
    with WarehouseResource(database=path).get_connection() as connection:
        connection.execute("CREATE TABLE done (n INTEGER)")


def test_finished_block_is_committed(tmp_path: Path) -> None:
    """A block that ends leaves its rows behind."""
    warehouse = WarehouseResource(database=str(tmp_path / "w.duckdb"))
    with warehouse.get_connection() as connection:
        connection.execute("CREATE TABLE done AS SELECT 1 AS n")
    with warehouse.store().read() as connection:
        assert connection.execute("SELECT n FROM done").fetchall() == [(1,)]


def test_address_of_the_environment_is_not_in_the_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Dagster shows a resource's configuration; a password from the environment stays there."""
    monkeypatch.setenv("HELICARRIER_DB_URL", SECRET_URL)
    made = resources_of(configuration.load())
    assert "hunter2" not in repr(made)
    operational = made["operational"]
    assert isinstance(operational, OperationalResource)
    assert operational.load().url == SECRET_URL


def test_secret_of_the_service_stays_out_of_the_configuration(tmp_path: Path) -> None:
    """Dagster keeps and shows what a resource is configured with."""
    resource = SettingsResource.of(Settings(data_dir=tmp_path, secret="marker"))
    assert "marker" not in str(resource.variables)


def test_settings_come_back_as_they_were(tmp_path: Path) -> None:
    """What a caller sets reaches the process that runs the work, whatever its environment."""
    wanted = Settings(
        data_dir=tmp_path,
        import_paths="/a:/b",
        import_workers=2,
        partitions_start=date(2025, 1, 1),
        log_level="debug",
    )
    assert SettingsResource.of(wanted).load() == wanted


def test_settings_are_read_when_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that is started with another environment works with that one."""
    resource = SettingsResource.of(configuration.load())
    monkeypatch.setenv("HELICARRIER_IMPORT_PATHS", "/later")
    assert resource.load().import_folders == (Path("/later"),)


def test_definitions_take_the_stores_they_are_given(tmp_path: Path) -> None:
    """The folder of the settings is where the lake and the warehouse file are looked for."""
    made = build_defs(**resources_of(Settings(data_dir=tmp_path))).resources or {}
    assert made["lake"].root == str(tmp_path / "lake")
    assert made["warehouse"].database == str(tmp_path / "warehouse.duckdb")

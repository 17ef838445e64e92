"""A data folder with the sample sessions, imported or also refreshed, and Dagster beside it.

Importing and refreshing take seconds, so both are done once for each process of the tests and the
folder is copied for each test. Every run is in this process on an instance that is forgotten.
"""

import functools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
import vl_convert
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Table, select

import definitions
from assets import ledger, usage
from assets.in_process import run_job
from helicarrier import times
from helicarrier.ingest.service import import_sessions
from helicarrier.settings import Settings
from helicarrier.store.lake import Lake
from helicarrier.store.operational import OperationalStore
from helicarrier.store.run_store import RunStore
from helicarrier.store.warehouse import WarehouseStore
from helicarrier.usage.tables import (
    daily_provenance_agg,
    daily_subtotals_agg,
    daily_usage_agg,
    model_perf_agg,
)
from resources import resources_of

SAMPLES = Path(__file__).parents[2] / "examples" / "sessions"
FIRST, LAST = date(2026, 10, 5), date(2026, 10, 18)
DAYS = times.days(FIRST, LAST)
ASSETS = [*ledger.ASSETS, *usage.ASSETS]
"""The assets without checks and resources."""

AGGREGATES = (daily_usage_agg, daily_provenance_agg, daily_subtotals_agg, model_perf_agg)
_OF_THE_RUN = {"run_id", "updated_at"}


@dataclass(frozen=True)
class Project:
    """A data folder and what one does with it."""

    settings: Settings
    instance: dg.DagsterInstance

    def run(
        self, job: str, first: date | None = None, last: date | None = None
    ) -> dg.ExecuteInProcessResult:
        """Run a job over a range of days, a day, or without partitions."""
        days = None if first is None else (first, last or first)
        made = definitions.build_defs(**resources_of(self.settings))
        return run_job(made, job, days, self.instance)

    def audit_of(self, *assets: str) -> dg.ExecuteInProcessResult:
        """What the audit does, for the checks of these assets alone: all of them take seconds."""
        job = dg.define_asset_job("part", selection=dg.AssetSelection.checks_for_assets(*assets))
        everything = definitions.build_defs(**resources_of(self.settings))
        made = dg.Definitions.merge(everything, dg.Definitions(jobs=[job]))
        return run_job(made, "part", None, self.instance)

    def rows(self, table: Table) -> list[tuple[object, ...]]:
        """The rows of a table in the order of its key, without what tells of the run."""
        kept = [column for column in table.columns if column.name not in _OF_THE_RUN]
        return self.select(select(*kept).order_by(*table.primary_key.columns))

    def select(self, query: object) -> list[tuple[object, ...]]:
        """The rows of a query."""
        store = OperationalStore(self.settings.url)
        try:
            with store.read() as connection:
                return [tuple(row) for row in connection.execute(query)]  # type: ignore[call-overload]
        finally:
            store.close()

    def aggregates(self) -> dict[str, list[tuple[object, ...]]]:
        """All aggregates, as `rows` has them."""
        return {table.name: self.rows(table) for table in AGGREGATES}

    @property
    def lake(self) -> Lake:
        """The facts."""
        return Lake(self.settings.lake_dir)

    @property
    def runs(self) -> RunStore:
        """The run store."""
        return RunStore(WarehouseStore(self.settings.warehouse_path))


@dataclass(frozen=True)
class FirstRefresh:
    """The first refresh of the samples: its folder, its outcome, its progress."""

    folder: Path
    outcome: definitions.RefreshOutcome
    told: list[tuple[str, date, date]]


def check_results(
    result: dg.ExecuteInProcessResult,
) -> Mapping[tuple[str, str], dg.AssetCheckEvaluation]:
    """The results of the checks by asset and name."""
    return {
        (found.asset_key.to_user_string(), found.check_name): found
        for found in result.get_asset_check_evaluations()
    }


def written(result: dg.ExecuteInProcessResult) -> dict[str, Sequence[dg.AssetMaterialization]]:
    """The materializations by asset."""
    found: dict[str, list[dg.AssetMaterialization]] = {}
    for event in result.get_asset_materialization_events():
        materialization = event.materialization
        found.setdefault(materialization.asset_key.to_user_string(), []).append(materialization)
    return found


def value(metadata: Mapping[str, dg.MetadataValue], name: str) -> object:
    """A plain value of some metadata."""
    return metadata[name].value


@pytest.fixture(scope="session", autouse=True)
def _read_and_drawn_once() -> Iterator[None]:
    """Dagster's own revisions are read once, and each plot is drawn once, not for every run.

    Reading the revisions is most of what a new instance costs, and the samples give the same
    few plots again and again.
    """
    read = ScriptDirectory.from_config
    kept: dict[str, ScriptDirectory] = {}

    def revisions(config: Config) -> ScriptDirectory:
        place = str(config.get_main_option("script_location"))
        if not place.startswith("dagster:"):
            return read(config)
        return kept[place] if place in kept else kept.setdefault(place, read(config))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", revisions)
        patch.setattr(vl_convert, "vegalite_to_png", functools.cache(vl_convert.vegalite_to_png))
        yield


@pytest.fixture(scope="session")
def _imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imported") / "data"
    import_sessions(Settings(data_dir=folder), [SAMPLES], workers=1)
    return folder


@pytest.fixture(scope="session")
def first_refresh(_imported: Path, tmp_path_factory: pytest.TempPathFactory) -> FirstRefresh:
    """The samples as `definitions.refresh` left them, and what it said; not to be changed."""
    folder = tmp_path_factory.mktemp("refreshed") / "data"
    shutil.copytree(_imported, folder)
    told: list[tuple[str, date, date]] = []
    outcome = definitions.refresh(
        Settings(data_dir=folder), on_progress=lambda *step: told.append(step)
    )
    return FirstRefresh(folder, outcome, told)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance that is forgotten."""
    with dg.DagsterInstance.ephemeral() as forgotten:
        yield forgotten


@pytest.fixture
def empty(data_dir: Path, instance: dg.DagsterInstance) -> Project:
    """A data folder that does not exist yet."""
    return Project(Settings(data_dir=data_dir), instance)


@pytest.fixture
def imported(_imported: Path, data_dir: Path, instance: dg.DagsterInstance) -> Project:
    """The samples in the ledger, every day of theirs dirty."""
    shutil.copytree(_imported, data_dir)
    return Project(Settings(data_dir=data_dir), instance)


@pytest.fixture
def refreshed(first_refresh: FirstRefresh, data_dir: Path, instance: dg.DagsterInstance) -> Project:
    """The samples in the ledger, everything computed."""
    shutil.copytree(first_refresh.folder, data_dir)
    return Project(Settings(data_dir=data_dir), instance)

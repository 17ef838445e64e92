"""The run store of a project: its place, its configuration, its witness."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text

from helicarrier.errors import StorageUnavailable
from helicarrier.ledger import run_markers
from helicarrier.ledger import tables as t
from helicarrier.ledger.runs import ANCHORED, LedgerWitness, run_store
from helicarrier.settings import Settings
from helicarrier.store.run_audit import FindingKind
from helicarrier.store.run_model import Anchor, Edge, Written
from tests.ledger.stores import Ledger

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = date(2026, 3, 1)


@pytest.fixture
def settings(ledger: Ledger, tmp_path: Path) -> Settings:
    """Settings of a project on the empty store."""
    return Settings(data_dir=tmp_path / "data", db_url=ledger.url)


@pytest.fixture
def witness(ledger: Ledger) -> LedgerWitness:
    """The store as a witness."""
    with ledger.store.write() as connection:
        connection.execute(t.audit_log.delete())
        connection.execute(t.run_markers.delete())
    return LedgerWitness(ledger.url)


@pytest.fixture
def _clean_runs(ledger: Ledger) -> Iterator[None]:
    """On Postgres the runs of other tests are in the same database."""
    yield
    if ledger.store.dialect == "postgresql":
        with ledger.store.write() as connection:
            connection.execute(text("TRUNCATE run_store.runs, run_store.run_events"))
            connection.execute(text("TRUNCATE run_store.run_inputs, run_store.run_outputs"))


def test_markers_come_with_the_rows_and_add_up(ledger: Ledger, witness: LedgerWitness) -> None:
    """Partitions of several transactions; the run is complete with the last of them."""
    for last in (False, True):
        with ledger.store.write() as connection:
            marks = run_markers.of_days("usage_facts", {DAY: 2})
            run_markers.mark(connection, "r", marks, now=NOW, last=last)
        rows = 4 if last else 2
        output = Edge(dataset="usage_facts", partition_key="2026-03-01", rows=rows)
        assert witness.written("r") == Written(complete=last, outputs=(output,))
    assert witness.written("other") == Written(complete=False, outputs=())


def test_an_anchor_is_a_line_of_the_audit_log_and_ends_the_markers(
    ledger: Ledger, witness: LedgerWitness
) -> None:
    """In one transaction; the markers of other runs stay."""
    with ledger.store.write() as connection:
        for run_id in ("r", "other"):
            run_markers.mark(connection, run_id, {}, now=NOW, last=True)
    anchor = Anchor(count=2, head="ab", anchored_at=NOW)
    witness.settle("r", anchor)
    assert witness.anchors() == [anchor]
    assert not witness.written("r").complete
    assert witness.written("other").complete
    with ledger.store.read() as connection:
        line = connection.execute(select(t.audit_log)).one()
    assert (line.actor, line.action, line.subject) == ("run r", ANCHORED, "run_events")


def test_an_anchor_that_was_spoiled_is_one_that_nothing_agrees_with(
    ledger: Ledger, witness: LedgerWitness
) -> None:
    """It is no reason to crash, and none to pass."""
    witness.settle("r", Anchor(count=2, head="ab", anchored_at=NOW))
    with ledger.store.write() as connection:
        connection.execute(t.audit_log.update().values(details_json="{"))
    assert [(anchor.count, anchor.head) for anchor in witness.anchors()] == [(1, "")]


def test_a_witness_without_a_store_has_no_anchors(tmp_path: Path) -> None:
    """Nothing was ever written; asking makes no file."""
    assert LedgerWitness(f"sqlite:///{tmp_path / 'none.sqlite'}").anchors() == ()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_clean_runs", "witness")
def test_runs_are_kept_where_the_ledger_is(settings: Settings, ledger: Ledger) -> None:
    """In the warehouse file beside SQLite, in Postgres beside Postgres; secrets never."""
    runs = run_store(settings)
    with runs.run("import", new_id=lambda: "r"):
        pass
    record = run_store(settings).get_run("r")
    assert record is not None
    config = record.attrs["config"]
    assert isinstance(config, dict)
    assert config["data_dir"] == str(settings.data_dir)
    assert "postgresql+psycopg://" not in str(config)
    assert settings.warehouse_path.exists() is (ledger.store.dialect == "sqlite")
    assert runs.audit().anchors == 1
    assert runs.audit().findings == ()


@pytest.mark.usefixtures("_clean_runs", "witness")
def test_a_tail_that_was_cut_is_found_by_the_anchors(settings: Settings, ledger: Ledger) -> None:
    """In the real stores, not in memory."""
    runs = run_store(settings)
    for _ in range(2):
        with runs.run("import"):
            pass
    with runs._database.write() as statements:
        for sql in ("DELETE FROM run_events WHERE seq > 2", "DELETE FROM runs"):
            statements.execute(sql)
    assert FindingKind.CUT_TAIL in {finding.kind for finding in runs.audit().findings}


def test_work_is_not_lost_with_its_anchor(settings: Settings, tmp_path: Path) -> None:
    """The operational store is gone when the run ends: the run is completed all the same."""
    alone = Settings(data_dir=tmp_path / "alone")
    runs = run_store(alone)
    with runs.run("import", new_id=lambda: "r"):
        pass
    record = runs.get_run("r")
    assert record is not None
    assert record.finished_at is not None


def test_a_witness_out_of_reach_says_so(tmp_path: Path) -> None:
    """A folder is no database."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageUnavailable):
        LedgerWitness(f"sqlite:///{tmp_path / 'folder'}").anchors()

"""The OpenLineage export: what a receiver gets, from a file and over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from helicarrier.errors import InputRejected, StorageUnavailable
from helicarrier.ingest.service import import_sessions
from helicarrier.ledger.runs import run_store
from helicarrier.ledger.tables import SESSION_USAGE
from helicarrier.lineage.export import export
from helicarrier.settings import Settings
from helicarrier.store.run_model import Edge
from tests.lineage.samples import SAMPLES

CATALOG = SAMPLES / "native" / "v1"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
FAILED = "11111111-1111-4111-8111-111111111111"
Event = dict[str, object]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An import, a failed child of it with facts, and a run that goes on."""
    found = Settings(data_dir=tmp_path_factory.mktemp("export") / "data")
    report = import_sessions(found, [CATALOG], workers=1)
    runs = run_store(found)
    child = runs.start_run(
        "usage_facts", run_id=FAILED, started_at=NOW, parent_run_id=report.run_id
    )
    for day in ("2026-10-05", "2026-10-06"):
        child.reads(Edge(dataset="session_usage", partition_key=day, rows=2))
        child.writes(Edge(dataset="usage_facts", partition_key=day, fingerprint="ab", rows=2))
    runs.end_run(child, finished_at=NOW, error="ValueError: no")
    runs.start_run("not-a-uuid", run_id="running", started_at=NOW)
    return found


@pytest.fixture(scope="module")
def events(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """All events, as a file holds them."""
    path = tmp_path_factory.mktemp("out") / "lineage.jsonl"
    assert export(settings, str(path)) == 5
    return [json.loads(line) for line in path.read_text().splitlines()]


def of(events: list[Event], asset: str, kind: str) -> Event:
    """The event of an asset's run."""
    return next(e for e in events if (e["job"]["name"], e["eventType"]) == (asset, kind))  # type: ignore[index]


def test_every_run_starts_and_ends_as_it_did(events: list[Event]) -> None:
    """A run in progress has only begun."""
    told = sorted((str(e["job"]["name"]), str(e["eventType"])) for e in events)  # type: ignore[index]
    assert told == [
        ("not-a-uuid", "START"),
        ("session_import", "COMPLETE"),
        ("session_import", "START"),
        ("usage_facts", "FAIL"),
        ("usage_facts", "START"),
    ]


def test_an_import_names_its_files_and_its_tables_with_their_columns(
    events: list[Event], settings: Settings
) -> None:
    """Files with hashes, tables with schema and row counts."""
    done = of(events, "session_import", "COMPLETE")
    files = {one["name"]: one for one in done["inputs"]}  # type: ignore[attr-defined,index]
    assert files.keys() == {str(path) for path in CATALOG.iterdir()}
    one = next(iter(files.values()))
    assert (one["namespace"], len(one["facets"]["version"]["datasetVersion"])) == ("file", 64)
    tables = {one["name"]: one for one in done["outputs"]}  # type: ignore[attr-defined,index]
    usage = tables["session_usage"]
    assert usage["namespace"] == f"sqlite://{settings.sqlite_path.absolute()}"
    fields = [field["name"] for field in usage["facets"]["schema"]["fields"]]
    assert fields == list(SESSION_USAGE.column_names)
    assert usage["outputFacets"]["outputStatistics"]["rowCount"] > 0


def test_a_failure_tells_its_error_its_parent_and_its_code(
    events: list[Event], settings: Settings
) -> None:
    """As facets of run and job."""
    failed = of(events, "usage_facts", "FAIL")
    record = run_store(settings).get_run(FAILED)
    assert record is not None
    facets = failed["run"]["facets"]  # type: ignore[index]
    assert facets["errorMessage"]["message"] == "ValueError: no"
    assert facets["parent"]["run"]["runId"] == record.parent_run_id
    parent = facets["parent"]["job"]
    assert (parent["namespace"], parent["name"]) == ("helicarrier", "session_import")
    assert facets["helicarrier_run"]["configHash"] == record.config_hash
    location = failed["job"]["facets"]["sourceCodeLocation"]  # type: ignore[index]
    assert location["version"] == record.code_ref


def test_partitions_of_the_lake_are_files_and_those_of_a_table_one_table(
    events: list[Event], settings: Settings
) -> None:
    """As a receiver of other producers' events would find them."""
    failed = of(events, "usage_facts", "FAIL")
    lake = settings.lake_dir.absolute()
    assert [one["name"] for one in failed["outputs"]] == [  # type: ignore[attr-defined,index]
        f"{lake}/usage_facts/day=2026-10-05",
        f"{lake}/usage_facts/day=2026-10-06",
    ]
    (table,) = failed["inputs"]  # type: ignore[misc]
    assert table["name"] == "session_usage"
    assert table["inputFacets"]["inputStatistics"]["rowCount"] == 4


def test_one_run_is_exported_alone_and_a_rehearsal_writes_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    """The count is the same."""
    path = tmp_path / "one.jsonl"
    assert export(settings, str(path), run_id=FAILED, dry_run=True) == 2
    assert not path.exists()
    assert export(settings, str(path), run_id=FAILED) == 2
    assert len(path.read_text().splitlines()) == 2
    with pytest.raises(InputRejected):
        export(settings, str(path), run_id="nobody")


def test_a_file_that_cannot_be_written_is_said(settings: Settings, tmp_path: Path) -> None:
    """Nothing is left behind."""
    with pytest.raises(StorageUnavailable):
        export(settings, str(tmp_path / "none" / "lineage.jsonl"))
    assert list(tmp_path.iterdir()) == []


@contextmanager
def receiver(status: int) -> Iterator[tuple[str, list[tuple[str, Event]]]]:
    """A loopback server that keeps what it is sent and answers so."""
    got: list[tuple[str, Event]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, json.loads(body)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", got
        finally:
            server.shutdown()
            thread.join()


def test_an_endpoint_gets_the_events_in_their_order(
    settings: Settings, events: list[Event]
) -> None:
    """At the standard's path, or at the one that is named."""
    with receiver(200) as (url, got):
        assert export(settings, url) == 5
        assert export(settings, f"{url}/mine", run_id=FAILED) == 2
    assert [event for path, event in got if path == "/api/v1/lineage"] == events
    assert [path for path, _ in got].count("/mine") == 2


def test_an_endpoint_that_refuses_or_is_away_is_said(settings: Settings) -> None:
    """With its host, and what to do."""
    with receiver(500) as (url, _), pytest.raises(StorageUnavailable, match=r"127\.0\.0\.1"):
        export(settings, url, run_id=FAILED)
    with pytest.raises(StorageUnavailable):
        export(settings, url, run_id=FAILED)

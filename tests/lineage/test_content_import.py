"""Content imports: every record is accounted for, twice is once, and a dry run writes nothing."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.lineage.content import importing
from helicarrier.lineage.content.duckdb_repository import DuckDbContentRepository
from helicarrier.lineage.content.importing import import_content
from helicarrier.lineage.content.report import ContentReport
from helicarrier.lineage.content.verify import State, verify
from helicarrier.settings import Settings
from helicarrier.store.run_model import RunStatus
from helicarrier.store.run_store import RunStore
from helicarrier.store.warehouse import WarehouseStore
from tests.lineage.earlier import put_earlier

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "examples" / "content"


@pytest.fixture
def nothing(data_dir: Path) -> Settings:
    """A data folder that does not exist yet."""
    return Settings(data_dir=data_dir)


@pytest.fixture
def settings(nothing: Settings, migrated_sqlite: Path) -> Settings:
    """A data folder with an empty operational store."""
    nothing.data_dir.mkdir()
    shutil.copyfile(migrated_sqlite, nothing.sqlite_path)
    return nothing


def tables(settings: Settings) -> dict[str, int]:
    """Rows by table."""
    with closing(WarehouseStore(settings.warehouse_path)) as store, store.read() as connection:
        return {
            name: connection.execute(f"SELECT COUNT(*) FROM {name}").fetchall()[0][0]  # noqa: S608 - test
            for name in ("documents", "messages", "annotations", "content_quarantine")
        }


def counts(report: ContentReport) -> Mapping[str, int]:
    """What became of the records; their sum is what was read."""
    found = report.counts.as_json()
    assert found["read"] == sum(n for name, n in found.items() if name != "read")
    return found


def test_the_samples_come_in_once(settings: Settings) -> None:
    """The second import writes nothing, and everything verifies."""
    first = import_content(settings, [SAMPLES])
    assert counts(first) == {"read": 15, "written": 13, "duplicate": 0, "skipped": 2, "refused": 0}
    assert first.counts.rows == {"documents": 6, "messages": 4, "annotations": 3}
    second = import_content(settings, [SAMPLES])
    assert counts(second) == {"read": 15, "written": 0, "duplicate": 13, "skipped": 2, "refused": 0}
    assert tables(settings) == {**first.counts.rows, "content_quarantine": 0}
    with closing(WarehouseStore(settings.warehouse_path)) as store:
        assert verify(store, RunStore(store).run_ids()).state is State.KEPT


def test_a_row_names_its_run_and_the_run_its_files(settings: Settings) -> None:
    """From a version one comes to the file by its checksum: it is the input's fingerprint."""
    report = import_content(settings, [SAMPLES])
    with closing(WarehouseStore(settings.warehouse_path)) as store:
        run = RunStore(store).get_run(report.run_id)
        found = DuckDbContentRepository(store).get("post/one-call-counts-once")
        with store.read() as connection:
            inputs = dict(
                connection.execute("SELECT partition_key, fingerprint FROM run_inputs").fetchall()
            )
            outputs = connection.execute("SELECT dataset, row_count FROM run_outputs").fetchall()
    assert run is not None
    assert found is not None
    assert (run.status, run.rows_in, run.rows_out) == (RunStatus.COMPLETED, 15, 13)
    assert found.run_id == report.run_id
    path = SAMPLES / "posts" / "one-call-counts-once.md"
    assert inputs[str(path)] == found.source_checksum
    lines = SAMPLES / "messages.jsonl"
    assert inputs[str(lines)] == hashlib.sha256(lines.read_bytes()).hexdigest()
    assert sorted(outputs) == [("annotations", 3), ("documents", 6), ("messages", 4)]


def test_a_dry_run_reports_the_same_and_writes_nothing(nothing: Settings) -> None:
    """Before the first import it makes no file; after it the file stays byte for byte."""
    dry = import_content(nothing, [SAMPLES], dry_run=True)
    assert not nothing.data_dir.exists()
    real = import_content(nothing, [SAMPLES])
    assert (counts(dry), dry.counts.rows) == (counts(real), real.counts.rows)
    before = nothing.warehouse_path.read_bytes()
    again = import_content(nothing, [SAMPLES], dry_run=True)
    assert counts(again)["duplicate"] == 13
    assert nothing.warehouse_path.read_bytes() == before


def test_a_dry_run_on_an_earlier_file_leaves_it_at_its_version(settings: Settings) -> None:
    """Only the copy is migrated."""
    put_earlier(settings.warehouse_path)
    before = settings.warehouse_path.read_bytes()
    assert counts(import_content(settings, [SAMPLES], dry_run=True))["written"] == 13
    assert settings.warehouse_path.read_bytes() == before


def test_a_changed_file_is_a_new_version_wherever_it_lies(
    settings: Settings, tmp_path: Path
) -> None:
    """The key comes from the document, not from the folder."""
    for n, folder in enumerate(("a", "b/c")):
        path = tmp_path / folder / f"{n}.md"
        path.parent.mkdir(parents=True)
        path.write_text(f"---\ntype: post\ntitle: T{n}\nslug: s\nstatus: draft\n---\n")
        import_content(settings, [path])
    with closing(WarehouseStore(settings.warehouse_path)) as store:
        versions = DuckDbContentRepository(store).versions("post/s")
    assert [one.title for one in versions] == ["T0", "T1"]


def test_what_is_refused_is_kept_and_named_and_the_rest_is_written(
    settings: Settings, tmp_path: Path
) -> None:
    """In a fixed order, whatever the kind of the failure; once however often it comes."""
    good = {"event_id": "e", "tenant_id": "t", "source": "s", "thread_id": "x", "msg_id": "1"}
    good |= {"ts": "2026-10-05T08:00:00Z", "author_raw": "Ada"}
    lines = [
        good,
        {**good, "text": "other"},
        good,
        {"parent": "no", "author_id": "a", "content": "c"},
    ]
    (tmp_path / "m.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines) + "{\n")
    (tmp_path / "bad.md").write_text("---\ntype: post\n---\n")
    for name in ("one", "two"):
        (tmp_path / f"{name}.md").write_text(f"---\ntype: note\nslug: same\n---\n{name}\n")
    for _ in range(2):
        report = import_content(settings, [tmp_path])
        assert [(Path(one.uri).name, one.line, one.message) for one in report.refused] == [
            ("bad.md", 0, "/slug a post needs it; /status a post needs it; /title a post needs it"),
            ("m.jsonl", 2, "its event_id belongs to a message that says something else"),
            ("m.jsonl", 4, "there is no document that it is about"),
            ("m.jsonl", 5, "the body is not one JSON document"),
            ("two.md", 0, f"its key note/same is that of {tmp_path / 'one.md'}"),
        ]
    assert counts(report) == {"read": 8, "written": 0, "duplicate": 3, "skipped": 0, "refused": 5}
    assert tables(settings) == {
        "documents": 1,
        "messages": 1,
        "annotations": 0,
        "content_quarantine": 5,
    }


def test_the_size_of_a_batch_changes_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One record at a time comes to the same rows."""
    monkeypatch.setattr(importing, "RECORDS_PER_COMMIT", 1)
    assert import_content(settings, [SAMPLES]).counts.rows == {
        "documents": 6,
        "messages": 4,
        "annotations": 3,
    }


def test_a_line_that_is_too_long_is_one_refusal(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes after it is read, and memory holds no more than the limit."""
    monkeypatch.setattr("helicarrier.lineage.content.lines.MAX_BYTES", 1_000)
    remark = '{"parent":"x","author_id":"a","content":"c"}'
    path = tmp_path / "a.jsonl"
    path.write_text(f"{'y' * 50_000}\n{remark}\n{'z' * 5_000}")
    report = import_content(settings, [path])
    assert [(one.line, one.message[:12]) for one in report.refused] == [
        (1, "it has more "),
        (2, "there is no "),
        (3, "it has more "),
    ]


def test_a_path_that_is_not_there_or_of_no_kind_is_an_error(
    nothing: Settings, tmp_path: Path
) -> None:
    """Before anything is opened."""
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    for path, code in ((tmp_path / "none", "NOT_FOUND"), (tmp_path / "a.pdf", "UNKNOWN_FORMAT")):
        with pytest.raises(InputRejected) as caught:
            import_content(nothing, [path])
        assert caught.value.code is ErrorCode(code)
    assert not nothing.data_dir.exists()


def killed(settings: Settings, kill: str) -> None:
    """An import of the samples in a process that kills itself where `kill`, some code, says."""
    program = (
        "import os, sys; from pathlib import Path\n"
        "from helicarrier.lineage.content import importing\n"
        "from helicarrier.settings import Settings\n"
        f"{kill}\n"
        "importing.import_content(Settings(data_dir=Path(sys.argv[1])), [Path(sys.argv[2])])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(settings.data_dir), str(SAMPLES)],
        cwd=ROOT,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == -signal.SIGKILL


def test_an_import_that_was_killed_is_completed_by_the_next(settings: Settings) -> None:
    """SIGKILL between two transactions; nothing is there twice, and the dead run is closed.

    As interrupted, with the rows that it had committed.
    """
    killed(
        settings,
        "importing.RECORDS_PER_COMMIT = 2\n"
        "write, left = importing._Import._write, [4]\n"
        "def killing(self, records):\n"
        "    write(self, records); left[0] -= 1\n"
        "    if not left[0]: os.kill(os.getpid(), 9)\n"
        "importing._Import._write = killing",
    )
    partial = sum(tables(settings).values())
    assert 0 < partial < 13
    report = import_content(settings, [SAMPLES])
    assert counts(report)["written"] == 13 - partial
    assert tables(settings) == {
        "documents": 6,
        "messages": 4,
        "annotations": 3,
        "content_quarantine": 0,
    }
    with closing(WarehouseStore(settings.warehouse_path)) as store:
        done, dead = RunStore(store).runs_for(importing.ASSET_KEY)
        assert (done.status, dead.status) == (RunStatus.COMPLETED, RunStatus.FAILED)
        assert (dead.error, dead.rows_out) == ("interrupted", partial)
        _, outputs = RunStore(store).edges(dead.run_id)
        assert sum(edge.rows or 0 for edge in outputs) == partial
        assert verify(store, RunStore(store).run_ids()).state is State.KEPT


def test_an_import_that_died_after_its_last_row_is_completed(settings: Settings) -> None:
    """All of it is there: the marker beside the rows says so."""
    killed(
        settings,
        "importing.ContentReport = lambda **_: os.kill(os.getpid(), 9)",
    )
    assert counts(import_content(settings, [SAMPLES]))["written"] == 0
    with closing(WarehouseStore(settings.warehouse_path)) as store:
        done, dead = RunStore(store).runs_for(importing.ASSET_KEY)
        assert (dead.status, dead.error, dead.rows_out) == (RunStatus.COMPLETED, None, 13)
        assert dead.attrs["closed"] == "its process had ended"
        assert done.status is RunStatus.COMPLETED

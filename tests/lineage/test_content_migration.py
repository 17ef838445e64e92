"""The migration of content: an earlier file comes out with every row, under every new rule."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from helicarrier.lineage.content.tables import CARRIED_OVER, DOCUMENTS, TABLES
from helicarrier.store.duckdb_schema import declared, facts
from helicarrier.store.versions import MIGRATIONS
from helicarrier.store.warehouse import WarehouseStore
from tests.lineage.earlier import Row, earlier_rows, put_earlier

ROOT = Path(__file__).parents[2]
LEGACY = ("posts", "profiles", "journals", "media")
TYPES = {"posts": "post", "profiles": "profile", "journals": "journal", "media": "media"}
REFUSED = {
    "posts": {
        "p9": "it has no slug",
        "p10": "it has no title; its status is not draft, published or archived",
    },
    "profiles": {"r3": "it has no subject_uuid"},
    "journals": {"j2": "its window is not complete", "j3": "its window ends before it starts"},
    "media": {"m3": "its media_type is not image, video or audio"},
    "annotations": {
        "a5": "there is no document that it is about",
        "a6": "there is no document that it is about",
        "a7": "it has no author_id",
    },
    "messages": {
        "e5": "it has no tenant_id",
        "e6": "it has no ts",
        "e7": "its media_type is not image, video or audio",
    },
}


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarehouseStore]:
    """The earlier file after the first write of this version."""
    path = tmp_path_factory.mktemp("earlier") / "warehouse.duckdb"
    put_earlier(path)
    with closing(WarehouseStore(path)) as store:
        with store.write():
            pass
        yield store


def rows(store: WarehouseStore, query: str) -> list[dict[str, object]]:
    """The rows of a query by column name."""
    with store.read() as connection:
        found = connection.execute(query)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def moment(text: object) -> datetime | None:
    """A time of the fixture."""
    return None if text is None else datetime.fromisoformat(str(text))


def kept(table: str) -> list[Row]:
    """The rows of the fixture that obey the new rules."""
    key = "event_id" if table == "messages" else "id"
    return [row for row in earlier_rows()[table] if row[key] not in REFUSED[table]]


def test_every_row_of_every_table_is_in_its_new_table_or_in_quarantine(
    migrated: WarehouseStore,
) -> None:
    """Nothing is lost and nothing is added, table by table."""
    counts = {
        row["table"]: row["n"]
        for row in rows(
            migrated,
            """
            SELECT CAST(extensions AS JSON)->>'table' AS table, COUNT(*) AS n
            FROM documents GROUP BY ALL
            UNION ALL SELECT 'annotations', COUNT(*) FROM annotations
            UNION ALL SELECT 'messages', COUNT(*) FROM messages
            """,
        )
    }
    held = {
        row["uri"]: row["n"]
        for row in rows(
            migrated,
            "SELECT source_uri AS uri, COUNT(*) AS n FROM content_quarantine GROUP BY ALL",
        )
    }
    before = {table: len(found) for table, found in earlier_rows().items() if table != "runs"}
    assert {t: counts[t] + held[f"legacy:{t}"] for t in before} == before
    assert {t: held[f"legacy:{t}"] for t in before} == {t: len(REFUSED[t]) for t in before}


@pytest.mark.parametrize("table", LEGACY)
def test_a_document_says_what_its_row_said(table: str, migrated: WarehouseStore) -> None:
    """Value for value; what has no column of its own is in `extensions`."""
    found = {
        json.loads(str(row["extensions"]))["legacy"]["id"]: row
        for row in rows(migrated, f"SELECT * FROM documents WHERE doc_type = '{TYPES[table]}'")  # noqa: S608 - test
    }
    wanted = {str(row["id"]): row for row in kept(table)}
    assert found.keys() == wanted.keys()
    for earlier_id, before in wanted.items():
        after = found[earlier_id]
        extensions = json.loads(str(after["extensions"]))["legacy"]
        for name, value in before.items():
            assert said(after, extensions, name) == expected(name, value), (earlier_id, name)
        assert after["run_id"] == CARRIED_OVER
        assert (after["version"], after["id"]) == (1, f"{after['doc_key']}@1")


def said(after: Mapping[str, object], extensions: Mapping[str, object], name: str) -> object:
    """The value of an earlier column after the migration."""
    if name == "updated_at":
        text = extensions[name]
        return None if text is None else datetime.fromisoformat(str(text))
    if name in extensions:
        return extensions[name]
    return json.loads(str(after[name])) if name in {"authors", "tags"} else after[name]


def expected(name: str, value: object) -> object:
    """The value that an earlier column should have become."""
    if name in {"authors", "tags"}:
        return value or []
    if value is not None and name in {"created_at", "updated_at", "window_start", "window_end"}:
        return moment(value)
    if value is None and name == "created_at":
        return PRESENT
    return value


class _Present:
    """Equal to every time: a row without one gets that of the migration."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, datetime)

    __hash__ = None  # type: ignore[assignment]


PRESENT = _Present()


def test_keys_are_those_that_an_import_would_give(migrated: WarehouseStore) -> None:
    """So that an import of the same post is its next version; a name that stood twice is none."""
    keys = {str(row["doc_key"]) for row in rows(migrated, "SELECT doc_key FROM documents")}
    assert {"post/learned-1", "media/Picture 1.png", "journal/2026-09-07..2026-09-13"} <= keys
    assert {"legacy/posts/p7", "legacy/posts/p8"} <= keys
    assert "profile/0b54b9de-6f0d-4a6b-9df1-3f7b2f4f9a01" in keys


def test_a_remark_stays_with_its_document(migrated: WarehouseStore) -> None:
    """The foreign key leads to the version that the document has become."""
    found = rows(
        migrated,
        """
        SELECT annotations.*, CAST(documents.extensions AS JSON)->'legacy'->>'id' AS earlier
        FROM annotations JOIN documents ON documents.id = annotations.parent_id
        """,
    )
    assert {
        row["id"]: (row["earlier"], row["author_id"], row["content"], row["created_at"])
        for row in found
    } == {
        row["id"]: (row["parent_id"], row["author_id"], row["content"], moment(row["created_at"]))
        for row in kept("annotations")
    }
    assert {row["id"]: row["parent_type"] for row in found} == {
        "a1": "post",
        "a2": "post",
        "a3": "document",
        "a4": "document",
    }


def test_a_message_keeps_its_values_and_gets_the_new_columns(migrated: WarehouseStore) -> None:
    """Which are empty, and not unknown; a column that nobody declared is in `attrs`."""
    found = {row["event_id"]: row for row in rows(migrated, "SELECT * FROM messages")}
    assert found.keys() == {row["event_id"] for row in kept("messages")}
    for before in kept("messages"):
        after = found[before["event_id"]]
        declared_before = {n: value for n, value in before.items() if n != "reactions"}
        for name, value in declared_before.items():
            is_time = name in {"ts", "created_at"}
            assert after[name] == (moment(value) if is_time else value)
        assert json.loads(str(after["attrs"])) == {"reactions": before["reactions"]}
        assert after["pii_flags"] == "[]"


def test_a_refused_row_is_kept_whole_with_the_reason(migrated: WarehouseStore) -> None:
    """As JSON, value for value, under the table it came from."""
    for table, reasons in REFUSED.items():
        key = "event_id" if table == "messages" else "id"
        before = {str(row[key]): row for row in earlier_rows()[table]}
        found = rows(
            migrated,
            f"SELECT * FROM content_quarantine WHERE source_uri = 'legacy:{table}'",  # noqa: S608 - test
        )
        raws = {str(json.loads(bytes(row["raw"]))[key]): row for row in found}  # type: ignore[call-overload]
        assert {name: row["error_message"] for name, row in raws.items()} == reasons
        for name, row in raws.items():
            raw = json.loads(bytes(row["raw"]))  # type: ignore[call-overload]
            for column, value in before[name].items():
                is_time = column.endswith(("_at", "_start", "_end")) or column == "ts"
                assert (moment(raw[column]) if is_time else raw[column]) == (
                    moment(value) if is_time else value
                )


def test_the_run_store_is_untouched(migrated: WarehouseStore) -> None:
    """Its rows belong to another migration."""
    found = rows(migrated, "SELECT run_id, asset_key, pid FROM runs")
    assert found == [
        {name: row[name] for name in ("run_id", "asset_key", "pid")}
        for row in earlier_rows()["runs"]
    ]


def test_the_earlier_tables_are_gone(migrated: WarehouseStore) -> None:
    """With everything that was made on the way."""
    found = {
        str(row["name"]) for row in rows(migrated, "SELECT table_name AS name FROM duckdb_tables()")
    }
    assert {table.name for table in TABLES} <= found
    assert not found & {*LEGACY, *(f"earlier_{name}" for name in ("documents", "remarks", "talk"))}
    assert not {name for name in found if name.startswith("earlier_")}


@pytest.mark.parametrize("kind", ["new", "earlier"])
def test_the_migrated_file_is_the_declared_one(
    kind: str, tmp_path: Path, migrated: WarehouseStore
) -> None:
    """Columns, types, keys, every CHECK, the foreign key, indexes, whatever it was before."""
    store = migrated if kind == "earlier" else WarehouseStore(tmp_path / "new.duckdb")
    with store.write() as connection:
        assert facts(connection, TABLES) == declared(TABLES)
    if kind == "new":
        store.close()


def test_the_view_shows_the_columns_of_the_contract(migrated: WarehouseStore) -> None:
    """In its order, and the newest version of each key alone."""
    with migrated.read() as connection:
        view = connection.execute("SELECT * FROM current_documents").description or ()
    assert tuple(column[0] for column in view) == DOCUMENTS.column_names


def test_migrating_twice_changes_nothing(tmp_path: Path, migrated: WarehouseStore) -> None:
    """The second store finds the version and leaves the rows alone."""
    copy = tmp_path / "copy.duckdb"
    shutil.copyfile(migrated.path, copy)
    query = "SELECT * FROM documents ORDER BY id"
    with closing(WarehouseStore(copy)) as again:
        with again.write():
            pass
        assert rows(again, query) == rows(migrated, query)


def test_a_migration_that_is_killed_leaves_the_earlier_file(tmp_path: Path) -> None:
    """SIGKILL after the tables were dropped and before the commit: the next start does it all."""
    path = tmp_path / "killed.duckdb"
    put_earlier(path)
    scripts = sorted(path.stem for path in (MIGRATIONS / "warehouse").glob("*.sql"))
    turn = [script.partition("_")[2] for script in scripts[1:]].index("content") + 1
    program = (
        "import os, sys; from pathlib import Path\n"
        "from helicarrier.store import warehouse\n"
        "times = warehouse.times\n"
        "class Killer:\n"
        "    left = int(sys.argv[2])\n"
        "    @classmethod\n"
        "    def now(cls):\n"
        "        cls.left -= 1\n"
        "        return times.now() if cls.left else os.kill(os.getpid(), 9)\n"
        "warehouse.times = Killer\n"
        "with warehouse.WarehouseStore(Path(sys.argv[1])).write(): pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path), str(turn)], cwd=ROOT, check=False
    )
    assert done.returncode == -signal.SIGKILL
    with duckdb.connect(str(path)) as database:
        found = database.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    names = {name for (name,) in found}
    assert set(LEGACY) <= names
    assert "documents" not in names
    with closing(WarehouseStore(path)) as store, store.write() as connection:
        count = connection.execute("SELECT COUNT(*) FROM documents").fetchone()
    assert count == (sum(len(kept(table)) for table in LEGACY),)

"""A populated warehouse file of version 1 with content in the earlier layout.

`fixtures/warehouse_0001.duckdb.gz` is such a file, as an earlier build left it: a run of the run
store, and posts, profiles, journals, media, annotations and messages without constraints, some of
whose rows the later rules refuse. Its rows are also in `fixtures/warehouse_0001.json`, with which
the tests compare. `python -m tests.lineage.earlier` made both.
"""

import gzip
import json
from pathlib import Path

import duckdb

from helicarrier.store.versions import MIGRATIONS

FOLDER = Path(__file__).parent / "fixtures"
FILE = FOLDER / "warehouse_0001.duckdb.gz"
ROWS = FOLDER / "warehouse_0001.json"

Row = dict[str, object]

LAYOUT = """
CREATE TABLE posts (
  id VARCHAR PRIMARY KEY, title VARCHAR, slug VARCHAR, content VARCHAR, summary VARCHAR,
  status VARCHAR, authors VARCHAR[], tags VARCHAR[], created_at TIMESTAMP WITH TIME ZONE,
  updated_at TIMESTAMP WITH TIME ZONE, reading_minutes INTEGER
);
CREATE TABLE profiles (
  id VARCHAR PRIMARY KEY, subject_uuid VARCHAR, title VARCHAR, content VARCHAR,
  created_at TIMESTAMP WITH TIME ZONE
);
CREATE TABLE journals (
  id VARCHAR PRIMARY KEY, title VARCHAR, content VARCHAR, summary VARCHAR,
  window_start TIMESTAMP WITH TIME ZONE, window_end TIMESTAMP WITH TIME ZONE,
  created_at TIMESTAMP WITH TIME ZONE
);
CREATE TABLE media (
  id VARCHAR PRIMARY KEY, filename VARCHAR, mime_type VARCHAR, media_type VARCHAR, title VARCHAR,
  content VARCHAR, created_at TIMESTAMP WITH TIME ZONE
);
CREATE TABLE annotations (
  id VARCHAR PRIMARY KEY, parent_id VARCHAR, parent_type VARCHAR, author_id VARCHAR,
  content VARCHAR, created_at TIMESTAMP WITH TIME ZONE
);
CREATE TABLE messages (
  event_id VARCHAR PRIMARY KEY, tenant_id VARCHAR, source VARCHAR, thread_id VARCHAR,
  msg_id VARCHAR, ts TIMESTAMP WITH TIME ZONE, author_raw VARCHAR, author_uuid VARCHAR,
  text VARCHAR, media_url VARCHAR, media_type VARCHAR, created_at TIMESTAMP WITH TIME ZONE,
  reactions INTEGER
);
CREATE INDEX posts_slug ON posts (slug);
"""
_VERSION = """
CREATE TABLE helicarrier_warehouse_version (
  version INTEGER PRIMARY KEY, name VARCHAR NOT NULL, applied_at TIMESTAMP WITH TIME ZONE NOT NULL
);
INSERT INTO helicarrier_warehouse_version
VALUES (1, '0001_run_store', '2026-10-01 08:00:00+00');
"""


def put_earlier(path: Path) -> None:
    """Puts the file of version 1 at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.decompress(FILE.read_bytes()))


def earlier_rows() -> dict[str, list[Row]]:
    """Table -> rows, with times as text."""
    found: dict[str, list[Row]] = json.loads(ROWS.read_text(encoding="utf-8"))
    return found


def _make() -> None:
    rows = _rows()
    path = FOLDER / "making.duckdb"
    engine = duckdb.connect(":memory:")
    engine.execute(f"ATTACH '{path}' AS made (BLOCK_SIZE 16384)")
    engine.execute("USE made")
    engine.execute("SET TimeZone = 'UTC'")
    engine.execute((MIGRATIONS / "warehouse" / "0001_run_store.sql").read_text(encoding="utf-8"))
    engine.execute(_VERSION + LAYOUT)
    for table, found in rows.items():
        for row in found:
            places = ", ".join(f"${name}" for name in row)
            engine.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", row)  # noqa: S608 - names of this module
    engine.execute("USE memory")
    engine.execute("DETACH made")
    FILE.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()
    ROWS.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _rows() -> dict[str, list[Row]]:
    def at(day: int) -> str:
        return f"2026-09-{day:02d}T08:30:00.000001+00:00"

    posts = [
        {
            "id": f"p{n}",
            "title": f"What we learned, part {n}",
            "slug": f"learned-{n}",
            "content": f"# Part {n}\n\nIt's 'quoted' — with \"marks\", ünïcode and a 🚢.\n",
            "summary": None if n % 2 else f"Part {n} in short.",
            "status": ("draft", "published", "archived")[n % 3],
            "authors": [["ada"], ["ada", "o'neil"], []][n % 3],
            "tags": None if n == 4 else ["agents", f"part-{n}"],
            "created_at": at(n),
            "updated_at": at(n + 1) if n % 2 else None,
            "reading_minutes": n,
        }
        for n in range(1, 7)
    ]
    posts += [
        posts[0] | {"id": "p7", "slug": "twice", "title": "One of two"},
        posts[0] | {"id": "p8", "slug": "twice", "title": "The other of two"},
        posts[0] | {"id": "p9", "slug": None},
        posts[0] | {"id": "p10", "slug": "odd-status", "status": "live", "title": ""},
        posts[0] | {"id": "p11", "slug": "no-time", "created_at": None},
    ]
    subject = "0b54b9de-6f0d-4a6b-9df1-3f7b2f4f9a0{}"
    profiles = [
        {
            "id": f"r{n}",
            "subject_uuid": None if n == 3 else subject.format(n),
            "title": f"Person {n}",
            "content": "Keeps the lights on.",
            "created_at": at(n),
        }
        for n in range(1, 4)
    ]
    journals = [
        {
            "id": f"j{n}",
            "title": f"Week {n}",
            "content": "What happened.",
            "summary": "",
            "window_start": at(7 * n),
            "window_end": at(7 * n - 1) if n == 3 else None if n == 2 else at(7 * n + 6),
            "created_at": at(8),
        }
        for n in range(1, 4)
    ]
    media = [
        {
            "id": f"m{n}",
            "filename": f"Picture {n}.png",
            "mime_type": "image/png",
            "media_type": "gif" if n == 3 else "image",
            "title": None,
            "content": None,
            "created_at": at(n),
        }
        for n in range(1, 4)
    ]
    remark = {"author_id": "grace", "content": "Is that so?", "created_at": at(20)}
    annotations = [
        {"id": "a1", "parent_id": "p1", "parent_type": "post", **remark},
        {"id": "a2", "parent_id": "p7", "parent_type": "post", **remark},
        {"id": "a3", "parent_id": "r1", "parent_type": "profile", **remark},
        {"id": "a4", "parent_id": "m2", "parent_type": "media", **remark},
        {"id": "a5", "parent_id": "p9", "parent_type": "post", **remark},
        {"id": "a6", "parent_id": "gone", "parent_type": "post", **remark},
        {"id": "a7", "parent_id": "p2", "parent_type": "post", **remark, "author_id": None},
    ]
    messages = [
        {
            "event_id": f"e{n}",
            "tenant_id": "acme" if n != 5 else None,
            "source": "chat",
            "thread_id": f"t{n % 2}",
            "msg_id": f"{n}",
            "ts": at(n) if n != 6 else None,
            "author_raw": "Ada <ada@example.invalid>",
            "author_uuid": subject.format(1) if n == 1 else None,
            "text": f"Line {n}\nand a second one",
            "media_url": "https://example.invalid/a.mp4" if n == 2 else None,
            "media_type": {2: "video", 7: "hologram"}.get(n),
            "created_at": at(n),
            "reactions": n,
        }
        for n in range(1, 8)
    ]
    runs = [
        {
            "run_id": "4c7c2f0e-0000-4000-8000-000000000001",
            "asset_key": "session_import",
            "status": "completed",
            "started_at": at(1),
            "finished_at": at(1),
            "duration_seconds": 0.0,
            "host": "build-7",
            "pid": 4711,
            "process_started_at": at(1),
            "heartbeat_at": at(1),
            "rows_in": 3,
            "rows_out": 3,
            "code_ref": "0" * 40,
            "config_hash": "0" * 64,
            "llm_calls": 0,
            "tokens": 0,
            "attrs": "{}",
        }
    ]
    return {
        "runs": runs,
        "posts": posts,
        "profiles": profiles,
        "journals": journals,
        "media": media,
        "annotations": annotations,
        "messages": messages,
    }


if __name__ == "__main__":
    _make()

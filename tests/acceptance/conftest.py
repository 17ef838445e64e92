"""The command line as its users run it, and what it leaves behind."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def command(*args: object) -> list[str]:
    """The argument list of a command."""
    return [sys.executable, "-m", "helicarrier", *map(str, args)]


@pytest.fixture
def run(data_dir: Path) -> Run:
    """Run a command on the data folder of the test; it has to end with `code`."""

    def run_command(*args: object, code: int = 0) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            command(*args, "--data-dir", data_dir),
            capture_output=True,
            text=True,
            check=False,
            env=dict(os.environ),
        )
        assert done.returncode == code, done.stderr
        return done

    return run_command


def answer(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """The JSON object that a command printed."""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


_TABLES = {
    "session_ledger": "run_id, ingested_at",
    "session_usage": "run_id, computed_at",
    "session_events": "run_id",
    "ingest_quarantine": "run_id, first_seen, attempts",
    "import_files": "run_id, imported_at",
}


def contents(data_dir: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that imports leave in the store, without who wrote it and when."""
    with sqlite3.connect(data_dir / "helicarrier.sqlite") as connection:
        found = {}
        for table, left_out in _TABLES.items():
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            kept = ", ".join(name for name in columns if name not in left_out.split(", "))
            query = f"SELECT {kept} FROM {table} ORDER BY 1, 2"  # noqa: S608 - our own names
            found[table] = connection.execute(query).fetchall()
    return found

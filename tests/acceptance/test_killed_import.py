"""An import that is killed at any moment is completed by the next one."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.corpus import make
from tests.acceptance.conftest import Run, command, contents

KILLS = 10
SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "sessions" / "claude"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 40 MB of logs: enough for two processes and several transactions."""
    folder = tmp_path_factory.mktemp("corpus")
    make(sorted(SAMPLES.rglob("*.jsonl")), folder, 40)
    return folder


def test_import_killed_at_random_points_and_run_again_equals_an_undisturbed_one(
    run: Run, corpus: Path, data_dir: Path, tmp_path: Path
) -> None:
    """SIGKILL ten times, then once to the end: the same rows, each once."""
    seed = random.randrange(2**32)
    sys.stderr.write(f"seed {seed}\n")
    rng = random.Random(seed)
    run("migrate", "up")
    for _ in range(KILLS):
        with subprocess.Popen(
            command("import", corpus, "--data-dir", data_dir),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            time.sleep(rng.uniform(0.3, 1.8))
            process.send_signal(signal.SIGKILL)
    run("import", corpus)
    _every_row_is_in_a_closed_report(data_dir)
    undisturbed = tmp_path / "undisturbed"
    subprocess.run(
        command("import", corpus, "--workers", 1, "--data-dir", undisturbed),
        check=True,
        capture_output=True,
        env=dict(os.environ),
    )
    assert contents(data_dir) == contents(undisturbed)


def _every_row_is_in_a_closed_report(data_dir: Path) -> None:
    """Killed imports have the report of what they had committed."""
    with sqlite3.connect(data_dir / "helicarrier.sqlite") as store:
        reported = store.execute(
            "SELECT SUM(sessions_new), SUM(calls_new), SUM(events_new) FROM import_reports"
        ).fetchone()
        stored = [
            store.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]  # noqa: S608 - constants
            for table in ("session_ledger", "session_usage", "session_events")
        ]
        outcomes = dict(
            store.execute("SELECT outcome, COUNT(*) FROM import_reports GROUP BY outcome")
        )
    assert list(reported) == stored
    assert outcomes.pop("completed") >= 1
    assert set(outcomes) <= {"failed"}

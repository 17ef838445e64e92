"""`helicarrier refresh`: what it prints, where, and how it ends."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from helicarrier.cli import run
from helicarrier.cli.refresh import refresh
from tests.dagster.conftest import FIRST, LAST, Project

Output = pytest.CaptureFixture[str]
EXAMPLES = [
    line.split()[1:]
    for line in (refresh.help or "").partition("EXAMPLES")[2].splitlines()
    if "helicarrier " in line
]


@pytest.fixture(autouse=True)
def _no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of a test leave no trace in anybody's history."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


def at(project: Project, *line: str) -> list[str]:
    """A command line with the data folder of a project."""
    return [*line, "--data-dir", str(project.settings.data_dir)]


def break_every_total(project: Project) -> None:
    """Make calls claim a token too many, as only a defect could."""
    with sqlite3.connect(project.settings.sqlite_path) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        database.execute("UPDATE session_usage SET total_tokens = total_tokens + 1")


@pytest.mark.parametrize("line", EXAMPLES, ids=" ".join)
def test_examples_of_the_help_work(refreshed: Project, line: list[str]) -> None:
    """Each example runs as it is written."""
    assert run(at(refreshed, *line)) == 0


def test_tables_go_to_stdout(refreshed: Project, capsys: Output) -> None:
    """First what was written, then how the checks came out."""
    assert run(at(refreshed, "refresh", "--from", str(FIRST), "--to", str(FIRST))) == 0
    out = capsys.readouterr().out
    written, _, checks = out.partition("Checks")
    assert re.search(r"^usage_facts +1 +59$", written, re.MULTILINE)
    assert "parity" in checks
    assert "failed" not in checks


def test_json_is_one_object(refreshed: Project, capsys: Output) -> None:
    """For machines: assets with the days that were named, checks, days without a partition."""
    line = at(refreshed, "refresh", "--from", str(LAST), "--to", str(LAST), "--json")
    assert run(line) == 0
    told = json.loads(capsys.readouterr().out)
    assert {asset["asset"]: asset["days"] for asset in told["assets"]} == {
        "usage_facts": 1,
        "session_facts": 1,
        "daily_usage_agg": 1,
        "daily_provenance_agg": 1,
        "daily_subtotals_agg": 1,
        "model_perf_agg": 1,
    }
    assert all(check["state"] == "passed" for check in told["checks"])
    assert told["outOfRangeDays"] == []


def test_nothing_to_do_is_success(refreshed: Project, capsys: Output) -> None:
    """Clean days end with 0, and stdout stays empty."""
    assert run(at(refreshed, "refresh")) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert "nothing to do" in output.err


def test_nothing_to_do_is_quick(refreshed: Project) -> None:
    """Dagster, which takes seconds to load, is left alone when no day is dirty."""
    program = (
        "import sys; from helicarrier.cli import run;"
        f"code = run({at(refreshed, 'refresh')!r});"
        "print(code, 'dagster' in sys.modules, 'sqlalchemy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0", "False", "False"]


def test_breach_ends_with_seven(imported: Project, capsys: Output) -> None:
    """The tables are printed all the same, and the error names the check and the remedy."""
    break_every_total(imported)
    assert run(at(imported, "refresh")) == 7
    output = capsys.readouterr()
    assert "failed" in output.out
    assert "session_usage: " in output.err
    assert "GOVERNANCE_BREACH" in output.err
    assert "hint: " in output.err


def test_range_that_runs_backwards_is_refused(refreshed: Project, capsys: Output) -> None:
    """The call itself is wrong, and nothing is loaded for it."""
    assert run(at(refreshed, "refresh", "--from", str(LAST), "--to", str(FIRST))) == 64
    assert "lies after" in capsys.readouterr().err


def test_days_without_a_partition_are_named(refreshed: Project, capsys: Output) -> None:
    """A day before the first partition cannot be refreshed; the command says so and goes on."""
    line = at(refreshed, "refresh", "--from", "2023-12-31", "--to", "2023-12-31")
    assert run(line) == 0
    assert "outside of the partitions" in capsys.readouterr().err


def test_store_that_was_never_made_ends_with_three(empty: Project, capsys: Output) -> None:
    """Not ready, with what to do, and no file appears."""
    assert run(at(empty, "refresh")) == 3
    assert "MIGRATION_PENDING" in capsys.readouterr().err
    assert not empty.settings.sqlite_path.exists()


def test_history_is_kept_where_the_environment_says(
    imported: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With DAGSTER_HOME the refresh is to be seen on the pages of the service later."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(Path(__file__).parents[2] / "dagster.yaml", home)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    assert run(at(imported, "refresh", "--from", str(FIRST), "--to", str(FIRST))) == 0
    assert list(home.rglob("runs.db"))


def test_a_dry_run_names_the_days_and_computes_nothing(imported: Project, capsys: Output) -> None:
    """The dirty days of each dataset; of a range its days."""
    assert run(at(imported, "refresh", "--dry-run", "--json")) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["dryRun"], told["days"]) == (True, [])
    assert (told["dirtyDays"]["usage_facts"][0], told["dirtyDays"]["usage_facts"][-1]) == (
        str(FIRST),
        str(LAST),
    )
    line = at(imported, "refresh", "--dry-run", "--from", str(FIRST), "--to", str(LAST))
    assert run(line) == 0
    assert f"would refresh 14 days, {FIRST} to {LAST}" in capsys.readouterr().out
    assert imported.lake.days("usage_facts") == []

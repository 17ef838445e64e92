"""`helicarrier report`: what goes where, how it ends, and that it stays light."""

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from helicarrier.cli import run
from helicarrier.cli.report import report
from tests.ledger.stores import Ledger
from tests.usage.conftest import DAY, Usage, instant, sqlite_usage

__all__ = ["sqlite_usage"]

HEAVY = ("sqlalchemy", "pandas", "pyarrow", "pydantic", "duckdb", "altair", "dagster", "rich")
COMMANDS = ("usage", "performance", "cost")

Output = pytest.CaptureFixture[str]


@pytest.fixture
def filled(sqlite_usage: Usage, monkeypatch: pytest.MonkeyPatch) -> Usage:
    """A ledger with one session on one day, which the commands find by themselves."""
    sqlite_usage.session("a", sqlite_usage.call())
    monkeypatch.setenv("HELICARRIER_DB_URL", sqlite_usage.ledger.url)
    return sqlite_usage


@pytest.fixture
def empty(sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A ledger without anything, which the commands find by themselves."""
    monkeypatch.setenv("HELICARRIER_DB_URL", sqlite_ledger.url)
    return sqlite_ledger


def examples(command: click.Command) -> list[list[str]]:
    """The command lines under EXAMPLES in a command's help, without the program's name."""
    _, _, listed = (command.help or "").partition("EXAMPLES")
    return [line.split()[1:] for line in listed.splitlines() if "helicarrier " in line]


EXAMPLES = [line for name in COMMANDS for line in examples(report.commands[name])]


@pytest.mark.parametrize("line", EXAMPLES, ids=" ".join)
def test_examples_of_the_help_work(
    filled: Usage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: list[str]
) -> None:
    """Each example runs as it is written."""
    monkeypatch.chdir(tmp_path)
    assert run(line) == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_table_goes_to_stdout_and_nothing_to_stderr(
    filled: Usage, capsys: Output, command: str
) -> None:
    """A report that has data says nothing beside it."""
    assert run(["report", command]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{command} by ")
    assert "$0.2500" in out
    assert err == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_json_is_one_object(filled: Usage, capsys: Output, command: str) -> None:
    """With --json stdout holds one object of the days that were asked for."""
    assert run(["report", command, "--json", "--from", "2026-10-01", "--to", "2026-10-31"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["from"], answer["to"]) == ("2026-10-01", "2026-10-31")


@pytest.mark.parametrize(
    ("by", "row"), [("day", "2026-10-05"), ("model", "rocket"), ("agent", "scout")]
)
@pytest.mark.parametrize("command", COMMANDS)
def test_rows_are_what_was_asked_for(
    filled: Usage, capsys: Output, command: str, by: str, row: str
) -> None:
    """--by chooses what a row stands for."""
    assert run(["report", command, "--by", by]) == 0
    out = capsys.readouterr().out
    assert re.search(rf"^{row} ", out, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_empty_ledger_is_no_error_and_says_so(empty: Ledger, capsys: Output, command: str) -> None:
    """No table, an empty object, a word on stderr, exit code 0."""
    assert run(["report", command, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["from"] is None
    assert err.startswith("the ledger holds no ")
    assert run(["report", command]) == 0
    assert capsys.readouterr().out == ""


def test_days_without_data_are_named(filled: Usage, capsys: Output) -> None:
    """An empty answer to a question about days says which days."""
    assert run(["report", "usage", "--from", "2020-01-01", "--to", "2020-01-31"]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        "the ledger holds no calls or sessions from 2020-01-01 to 2020-01-31\n",
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_page_is_written_beside_the_table(
    filled: Usage, capsys: Output, tmp_path: Path, command: str
) -> None:
    """--html adds a page and takes nothing away; stderr says where it is."""
    target = tmp_path / "page.html"
    assert run(["report", command, "--html", str(target)]) == 0
    out, err = capsys.readouterr()
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert out.startswith(f"{command} by ")
    assert err == f"wrote {target}\n"


def test_page_that_cannot_be_written_ends_with_6(
    empty: Ledger, capsys: Output, tmp_path: Path
) -> None:
    """A folder that is not there is named, and nothing is printed as if all were well."""
    target = tmp_path / "nowhere" / "page.html"
    assert run(["report", "usage", "--html", str(target)]) == 6
    out, err = capsys.readouterr()
    assert out == ""
    assert str(target) in err


@pytest.mark.parametrize(
    "options",
    [
        ["--from", "2026-10-06", "--to", "2026-10-05"],
        ["--from", "yesterday"],
        ["--by", "colour"],
    ],
    ids=["backwards", "no-day", "no-dimension"],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_wrong_options_end_with_64(
    filled: Usage, capsys: Output, command: str, options: list[str]
) -> None:
    """A mistake of the call is told apart from an empty answer."""
    assert run(["report", command, *options]) == 64
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_database_ends_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output, command: str
) -> None:
    """There is nothing to report from; the message says how to make it, and no file appears."""
    monkeypatch.setenv("HELICARRIER_DATA_DIR", str(tmp_path / "data"))
    assert run(["report", command]) == 3
    assert "helicarrier migrate up" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_unpriced_calls_are_unknown_and_not_free(filled: Usage, capsys: Output) -> None:
    """The day's dollars are a lower bound, and the note says why."""
    filled.session("b", filled.call(cost=None, model="mystery"), at=instant(DAY, 13))
    assert run(["report", "usage"]) == 0
    out = capsys.readouterr().out
    assert "≥$0.2500" in out
    assert "1 of 2 calls have no known cost and are not in the dollars." in out


@pytest.mark.parametrize("command", COMMANDS)
def test_report_loads_nothing_heavy(filled: Usage, command: str) -> None:
    """A report in a pipe needs no ORM, no data frames and no plots: that is its speed."""
    code = (
        "import sys; from helicarrier.cli import run; "
        f"code = run(['report', '{command}']); "
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"

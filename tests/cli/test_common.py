"""What commands share: days, JSON, the data folder."""

import json
from datetime import date
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from helicarrier.cli.common import Day, data_dir_option, print_json, range_options, settings_of


@click.command()
@range_options
@data_dir_option
def _command(*, first: date | None, last: date | None, data_dir: Path | None) -> None:
    """Prints its options."""
    print_json({"first": first, "last": last, "data_dir": str(settings_of(data_dir).data_dir)})


def test_a_range_is_two_days(tmp_path: Path) -> None:
    """Each may be left out."""
    ran = CliRunner().invoke(_command, ["--from", "2024-02-29", "--data-dir", str(tmp_path)])
    assert json.loads(ran.output) == {
        "first": "2024-02-29",
        "last": None,
        "data_dir": str(tmp_path),
    }


@pytest.mark.parametrize("day", ["2023-02-29", "today", "2024-13-01", "", "29.02.2024"])
def test_what_is_no_day_is_a_wrong_call(day: str) -> None:
    """The message says which form is expected."""
    ran = CliRunner().invoke(_command, ["--to", day])
    assert ran.exit_code == click.UsageError.exit_code
    assert "expected a day as YYYY-MM-DD" in ran.output


def test_a_day_passes_unchanged() -> None:
    """A default value is no text."""
    assert Day().convert(date(2024, 2, 29), None, None) == date(2024, 2, 29)


def test_json_is_one_line_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """In the order of the report, with every character as it is."""
    print_json({"b": "é", "a": [1]})
    assert capsys.readouterr().out == '{"b":"é","a":[1]}\n'

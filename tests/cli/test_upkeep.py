"""`helicarrier reprice` and `helicarrier retention`: dry runs first, then the same for real."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Command


@pytest.fixture
def sessions(helicarrier: Command, data_dir: Path) -> Path:
    """A few imported sessions whose derived costs are ten dollars too high; gives the database."""
    assert helicarrier("import", ROOT / "examples" / "sessions" / "codex").code == 0
    path = data_dir / "helicarrier.sqlite"
    with sqlite3.connect(path) as database:
        database.execute(
            "UPDATE session_usage SET cost_usd = cost_usd + 10000000000, "
            "pricing_version = 'genai-prices@0+old' WHERE cost_source = 'derived'"
        )
    return path


def _count(path: Path, table: str) -> int:
    with sqlite3.connect(path) as database:
        (count,) = database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()  # noqa: S608
    return int(count)


def test_a_dry_run_of_repricing_tells_what_it_then_does(
    helicarrier: Command, sessions: Path
) -> None:
    """The same changes; only the second one writes them, and a third finds nothing to do."""
    forms = []
    for arguments in (["--dry-run"], [], []):
        ended = helicarrier("reprice", "--json", *arguments)
        assert ended.code == 0
        forms.append(json.loads(ended.out))
    dry, done, again = forms
    assert dry["calls"] > 0
    assert (dry["dryRun"], dry["runId"], done["dryRun"]) == (True, None, False)
    assert [dry[name] for name in ("changes", "beforeUsd", "afterUsd")] == [
        done[name] for name in ("changes", "beforeUsd", "afterUsd")
    ]
    assert again["changes"] == []
    assert _count(sessions, "usage_cost_history") == 2 * dry["calls"]


def test_repricing_of_a_range_leaves_other_days(helicarrier: Command, sessions: Path) -> None:
    """A range without calls changes nothing; the screen says so on stderr."""
    ended = helicarrier("reprice", "--from", "2020-01-01", "--to", "2020-01-31")
    assert (ended.code, ended.out) == (0, "")
    assert "no cost changes" in ended.err
    assert _count(sessions, "usage_cost_history") == 0
    assert "total" in helicarrier("reprice", "--dry-run").out


def test_a_dry_run_of_retention_tells_what_it_then_does(
    helicarrier: Command, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the terms of the settings; 0 keeps rows for ever."""
    monkeypatch.setenv("HELICARRIER_RETENTION_EVENTS_DAYS", "1")
    monkeypatch.setenv("HELICARRIER_RETENTION_AGGREGATES_DAYS", "0")
    events = _count(sessions, "session_events")
    dry, done = (
        json.loads(helicarrier("retention", "--json", *arguments).out)
        for arguments in (["--dry-run"], [])
    )
    assert dry["rows"] == done["rows"] == {"session_events": events}
    assert list(done["keptFrom"]) == ["session_events"]
    assert _count(sessions, "session_events") == 0
    assert "session_events" in helicarrier("retention", "--dry-run").out

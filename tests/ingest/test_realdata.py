"""Real sessions give exactly what independent programs counted in them."""

import json
import shutil
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import pytest

from helicarrier.ledger.tables import session_usage
from tests.ledger.stores import Ledger

CLAUDE = [
    "claude-code-oh-my-posh",
    "claude-code-packmind",
    "claude-code-overlapping-checkpoints",
]
CODEX = "codex-agentv"
Row = dict[str, object]


@pytest.fixture(scope="session")
def expected(realdata: Path) -> dict[str, dict[str, object]]:
    """The totals of `expected.json`, with exact decimals."""
    return json.loads((realdata / "expected.json").read_bytes(), parse_float=Decimal)


def _sum(rows: Iterable[Row], *columns: str) -> int:
    return sum(int(str(row[column])) for row in rows for column in columns)


def _cost(rows: Iterable[Row]) -> Decimal:
    return sum((Decimal(str(row["cost_usd"] or 0)) for row in rows), Decimal())


def _claude_figures(rows: list[Row]) -> dict[str, object]:
    return {
        "inputTokens": _sum(rows, "prompt_tokens"),
        "outputTokens": _sum(rows, "completion_tokens"),
        "cacheReadTokens": _sum(rows, "cache_read_tokens"),
        "cacheCreationTokens": _sum(rows, "cache_write_5m_tokens", "cache_write_1h_tokens"),
        "totalCost": round(_cost(rows), 6),
    }


def _rounded(figures: dict[str, object]) -> dict[str, object]:
    known = {k: v for k, v in figures.items() if k not in {"date", "totalTokens"}}
    return known | {"totalCost": round(Decimal(str(figures["totalCost"])), 6)}


def _by_day(rows: Iterable[Row]) -> dict[str, list[Row]]:
    days: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        days[str(row["occurred_at"])[:10]].append(row)
    return days


@pytest.mark.parametrize("folder", CLAUDE)
def test_a_claude_code_folder_gives_its_tokens_and_cost(
    folder: str, realdata: Path, expected: dict[str, dict[str, object]], ledger: Ledger
) -> None:
    """In total and on every day; the cost to six decimals."""
    progress = ledger.read(realdata / folder)
    assert (progress.errors, progress.records.quarantined) == ([], 0)
    rows = ledger.rows(session_usage)
    totals = expected[folder]["totals"]
    assert isinstance(totals, dict)
    assert _claude_figures(rows) == _rounded(totals)
    assert _sum(rows, "total_tokens") == totals["totalTokens"]
    assert all(row["cost_usd"] is not None for row in rows)
    daily = expected[folder]["daily"]
    assert isinstance(daily, list)
    assert {day: _claude_figures(found) for day, found in _by_day(rows).items()} == {
        day["date"]: _rounded(day) for day in daily
    }


def test_the_codex_folder_gives_its_calls_tokens_and_cost(
    realdata: Path, expected: dict[str, dict[str, object]], ledger: Ledger
) -> None:
    """Cost by model; the model without a public price has calls of unknown cost, not of zero."""
    ledger.read(realdata / CODEX)
    rows = ledger.rows(session_usage)
    wanted = expected[CODEX]
    assert len(rows) == wanted["calls"]
    assert {
        "input_excluding_cached": _sum(rows, "prompt_tokens"),
        "cached": _sum(rows, "cache_read_tokens"),
        "output_including_reasoning": _sum(rows, "completion_tokens"),
        "reasoning": _sum(rows, "reasoning_tokens"),
    } == wanted["totals"]
    models: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        models[str(row["model_id"])].append(row)
    costs = {
        model: None if found[0]["cost_usd"] is None else round(_cost(found), 6)
        for model, found in models.items()
    }
    assert costs == wanted["cost_usd_by_model"]
    unknown = [row for row in rows if row["cost_usd"] is None]
    assert (len(unknown), {row["model_id"] for row in unknown}) == (189, {"gpt-5.3-codex-spark"})
    daily = wanted["daily"]
    assert isinstance(daily, list)
    assert [
        {
            "date": day,
            "inputTokens": _sum(found, "prompt_tokens"),
            "outputTokens": _sum(found, "completion_tokens"),
            "cacheReadTokens": _sum(found, "cache_read_tokens"),
            "reasoningOutputTokens": _sum(found, "reasoning_tokens"),
        }
        for day, found in sorted(_by_day(rows).items())
    ] == daily


def test_all_folders_together_give_the_sum_of_each_and_nothing_twice(
    realdata: Path, expected: dict[str, dict[str, object]], sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """Imported again, copied elsewhere, or with a file gone: the ledger stays as it is."""
    folder = tmp_path / "all"
    for name in (*CLAUDE, CODEX):
        shutil.copytree(realdata / name, folder / name)
    sqlite_ledger.read(folder)
    rows = sqlite_ledger.rows(session_usage)
    totals = [expected[name]["totals"] for name in CLAUDE]
    claude = [row for row in rows if row["provider"] == "anthropic"]
    assert _sum(claude, "total_tokens") == sum(t["totalTokens"] for t in totals)  # type: ignore[index]
    before = sqlite_ledger.whole_dump()
    again = sqlite_ledger.read(folder, run_id="again")
    assert (again.rows.total, again.records.read, again.files_read) == (0, 0, 0)
    sqlite_ledger.forget_files()
    assert sqlite_ledger.read(folder, run_id="read again").rows.total == 0
    next(folder.rglob("*.jsonl")).unlink()
    sqlite_ledger.read(folder)
    assert sqlite_ledger.whole_dump() == before
    copies = tmp_path / "zz-copies"
    shutil.copytree(realdata / CLAUDE[2], copies)
    added = sqlite_ledger.read(copies).rows
    assert (added.sessions_new, added.calls_new, added.events_new) == (0, 0, 0)
    after = sqlite_ledger.whole_dump()
    for table in ("session_usage", "session_events", "usage_cost_history"):
        assert after[table] == before[table]


@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
def test_overlapping_copies_may_come_one_by_one(
    reverse: bool, realdata: Path, sqlite_ledger: Ledger
) -> None:
    """In any order they give what all of them give at once."""
    folder = realdata / CLAUDE[2]
    sqlite_ledger.read(folder)
    at_once = sqlite_ledger.dump()
    sqlite_ledger.wipe()
    for path in sorted(folder.rglob("*.jsonl"), reverse=reverse):
        sqlite_ledger.read(path)
    assert sqlite_ledger.dump() == at_once


def test_formats_that_no_reader_knows_are_left_alone(realdata: Path, sqlite_ledger: Ledger) -> None:
    """Not one of their lines ends in quarantine."""
    known = {*CLAUDE, CODEX}
    for folder in sorted(path for path in realdata.iterdir() if path.is_dir()):
        if folder.name in known:
            continue
        progress = sqlite_ledger.read(folder)
        if progress.files_read:
            pytest.fail(f"{folder.name} was taken for a format it is not")
        assert progress.errors == []

"""Real session files give exactly the totals of independent programs."""

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Run, answer, contents

CLAUDE = (
    "claude-code-oh-my-posh",
    "claude-code-overlapping-checkpoints",
    "claude-code-packmind",
)
_MICRO = Decimal("0.000001")


@pytest.fixture
def expected(realdata: Path) -> dict[str, Any]:
    """The totals that come with the files."""
    found: dict[str, Any] = json.loads((realdata / "expected.json").read_text(encoding="utf-8"))
    return found


def tokens(block: dict[str, Any]) -> tuple[int, int, int, int]:
    """Input, output, cache reads and cache writes of a block of the report."""
    return (
        block["promptTokens"],
        block["completionTokens"],
        block["cacheReadTokens"],
        block["cacheWriteTokens"],
    )


def oracle(block: dict[str, Any]) -> tuple[int, int, int, int]:
    """The same of a block of the oracle."""
    return (
        block["inputTokens"],
        block["outputTokens"],
        block["cacheReadTokens"],
        block["cacheCreationTokens"],
    )


def cost(value: object) -> Decimal:
    """Dollars to six decimals."""
    return Decimal(str(value)).quantize(_MICRO)


@pytest.mark.parametrize("folder", CLAUDE)
def test_claude_code_gives_the_tokens_and_cost_of_the_oracle(
    run: Run, realdata: Path, expected: dict[str, Any], folder: str
) -> None:
    """In total and on every day, before and without a refresh."""
    run("import", realdata / folder)
    report = answer(run("report", "usage", "--json"))
    wanted = expected[folder]
    assert tokens(report["totals"]) == oracle(wanted["totals"])
    assert cost(report["totals"]["costUsd"]) == cost(wanted["totals"]["totalCost"])
    days = {day["date"]: day for day in report["daily"] if day["calls"]}
    assert {day: tokens(block) for day, block in days.items()} == {
        day["date"]: oracle(day) for day in wanted["daily"]
    }
    assert {day: cost(block["costUsd"]) for day, block in days.items()} == {
        day["date"]: cost(day["totalCost"]) for day in wanted["daily"]
    }


def test_codex_gives_the_tokens_of_the_oracle_and_leaves_unknown_costs_unknown(
    run: Run, realdata: Path, expected: dict[str, Any]
) -> None:
    """189 calls of a model without a price have no cost, and are counted."""
    run("import", realdata / "codex-agentv")
    report = answer(run("report", "usage", "--json"))
    wanted, totals = expected["codex-agentv"], report["totals"]
    assert totals["calls"] == wanted["calls"]
    assert tokens(totals)[:3] == (
        wanted["totals"]["input_excluding_cached"],
        wanted["totals"]["output_including_reasoning"],
        wanted["totals"]["cached"],
    )
    assert totals["reasoningTokens"] == wanted["totals"]["reasoning"]
    costs = {
        model["modelId"]: cost(model["costUsd"])
        for model in report["models"]
        if not model["unknownCostCalls"]
    }
    assert costs == {
        model: cost(value) for model, value in wanted["cost_usd_by_model"].items() if value
    }
    assert totals["unknownCostCalls"] == 189


def test_importing_everything_twice_writes_nothing_the_second_time(
    run: Run, realdata: Path, data_dir: Path
) -> None:
    """The store is the same, and the report says so."""
    folders = [realdata / folder for folder in (*CLAUDE, "codex-agentv")]
    run("import", *folders)
    before = contents(data_dir)
    again = answer(run("import", *folders, "--json"))
    assert (again["written"], again["sessions"], again["calls"]) == (0, 0, 0)
    assert contents(data_dir) == before


def test_copies_add_nothing_and_a_source_that_is_gone_removes_nothing(
    run: Run, realdata: Path, data_dir: Path, tmp_path: Path
) -> None:
    """Copies of files that are known give no new row; deleting them changes nothing."""
    source = realdata / "claude-code-overlapping-checkpoints"
    run("import", source)
    totals = answer(run("report", "usage", "--json"))["totals"]
    copies = tmp_path / "copies"
    shutil.copytree(source, copies)
    again = answer(run("import", copies, "--json"))
    assert {name: rows["new"] for name, rows in again["rows"].items()} == {
        "sessions": 0,
        "calls": 0,
        "events": 0,
    }
    shutil.rmtree(copies)
    run("import", source)
    assert answer(run("report", "usage", "--json"))["totals"] == totals

"""`helicarrier routing`, `canary` and `token`: what operators type, and what it does."""

import json
from pathlib import Path

from tests.cli.conftest import Command


def test_a_provider_is_listed_set_and_made_the_default(
    helicarrier: Command, ready_store: Path
) -> None:
    """Every step is seen by the next one."""
    assert helicarrier("routing", "set", "anthropic", "--weight", "20").code == 0
    assert helicarrier("routing", "default", "anthropic").code == 0
    listed = json.loads(helicarrier("routing", "list", "--json").out)
    assert [(p["provider"], p["isDefault"], p["weight"]) for p in listed["providers"]] == [
        ("anthropic", True, 20),
        ("openai", False, 100),
        ("custom", False, 10),
    ]
    assert helicarrier("routing", "list").out.startswith("anthropic        default  weight   20")


def test_a_dry_run_changes_nothing(helicarrier: Command, ready_store: Path) -> None:
    """It says what would be done."""
    before = helicarrier("routing", "list").out
    said = helicarrier("routing", "set", "custom", "--disable", "--dry-run").out
    assert said == "would set prod/custom: enabled = 0\n"
    helicarrier("routing", "default", "custom", "--dry-run")
    script = helicarrier("routing", "rollback", "--dry-run").out
    assert script.startswith("BEGIN;\nUPDATE ai_provider_configs")
    assert "provider = 'openai'" in script
    assert helicarrier("routing", "list").out == before


def test_a_rollback_is_done_and_said(helicarrier: Command, ready_store: Path) -> None:
    """The others are off."""
    assert helicarrier("routing", "rollback").out == "openai takes everything in prod\n"
    assert "custom           off      weight    0" in helicarrier("routing", "list").out
    assert helicarrier("routing", "rollback", "--environment", "dev").code == 64


def test_latency_without_generations_is_said(helicarrier: Command, ready_store: Path) -> None:
    """And is no zero."""
    assert json.loads(helicarrier("routing", "latency", "--json").out) == {"providers": []}


def test_evaluating_without_traffic_acts_on_nothing(
    helicarrier: Command, ready_store: Path
) -> None:
    """Windows of no data are stored; the second time there is nothing new."""
    first = json.loads(helicarrier("canary", "evaluate", "--json").out)
    assert {one["dataState"] for one in first["windows"]} == {"no_data"}
    again = helicarrier("canary", "evaluate")
    assert (again.code, again.out) == (0, "")
    status = json.loads(helicarrier("canary", "status", "--json", "--limit", "2").out)
    assert [one["acted"] for one in status["windows"]] == ["continue", "continue"]


def test_a_drill_is_printed_and_written(helicarrier: Command, tmp_path: Path) -> None:
    """Without any store."""
    ended = helicarrier(
        "canary", "simulate", "--days", "20", "--rate", "0.95", "--output", tmp_path / "drill"
    )
    assert ended.code == 0
    assert "| 0.95 |" in ended.out
    assert sorted(path.name for path in (tmp_path / "drill").iterdir()) == [
        "canary-drill.json",
        "canary-drill.md",
        "canary-drill.png",
    ]


def test_a_token_is_shown_once(helicarrier: Command, data_dir: Path) -> None:
    """Creating one makes the store; the list has no secret; revoking is seen."""
    made = json.loads(helicarrier("token", "create", "--scope", "read", "--json").out)
    listed = helicarrier("token", "list", "--json").out
    assert made["token"] not in listed
    assert json.loads(listed)["tokens"][0]["valid"]
    assert helicarrier("token", "revoke", made["tokenId"]).code == 0
    assert not json.loads(helicarrier("token", "list", "--json").out)["tokens"][0]["valid"]
    assert helicarrier("token", "revoke", "nothing").code == 64

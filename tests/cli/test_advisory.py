"""`helicarrier advisory`: what an operator types, and what it does."""

import json
from pathlib import Path

from tests.cli.conftest import Command


def test_on_off_and_what_it_says(helicarrier: Command, ready_store: Path) -> None:
    """The tables come with the first turning on."""
    assert helicarrier("advisory", "status").out == "advice is off: there are no tables\n"
    assert helicarrier("advisory", "disable").out == "advice is off: there are no tables\n"
    first = helicarrier("advisory", "enable")
    assert first.out == "advice is on for 0% of the resumes\n"
    assert "nothing is computed" in first.err
    assert helicarrier("advisory", "enable", "--percent", 10).out.startswith("advice is on for 10%")
    told = json.loads(helicarrier("advisory", "status", "--json").out)
    assert (told["installed"], told["enabled"], told["rollout_percent"]) == (True, True, 10)
    assert helicarrier("advisory", "disable").out == "advice is off\n"
    assert "advice is off, rollout 10%" in helicarrier("advisory", "status").out
    assert helicarrier("advisory", "enable", "--percent", 101).code == 64


def test_dry_runs_change_nothing(helicarrier: Command, ready_store: Path) -> None:
    """Each says what would be done."""
    said = helicarrier("advisory", "enable", "--percent", 5, "--dry-run").out
    assert said == "would turn advice on for 5% of the resumes, after making the tables\n"
    assert helicarrier("advisory", "disable", "--dry-run").out == "advice is off already\n"
    statements = helicarrier("advisory", "rollback", "--dry-run").out.splitlines()
    assert statements[0] == "DROP TABLE IF EXISTS p3_feature_state;"
    assert statements[-1] == "DROP TABLE IF EXISTS alembic_version_p3;"
    assert "no tables" in helicarrier("advisory", "status").out
    plan = helicarrier("migrate", "up", "--environment", "p3", "--dry-run").out
    assert plan.startswith("would run 0001: Advisory")


def test_a_rollback_has_to_be_meant_and_can_be_undone(
    helicarrier: Command, ready_store: Path
) -> None:
    """Without a terminal nobody is asked; forward again is off."""
    helicarrier("advisory", "enable", "--percent", 100)
    refused = helicarrier("advisory", "rollback")
    assert (refused.code, "--yes" in refused.err) == (64, True)
    assert helicarrier("advisory", "verify", "--expect", "installed").code == 0
    assert helicarrier("advisory", "rollback", "--yes").code == 0
    assert helicarrier("advisory", "verify", "--expect", "absent").code == 0
    assert helicarrier("advisory", "verify", "--expect", "installed").code == 7
    assert helicarrier("migrate", "status", "--environment", "p3").code == 3
    assert helicarrier("migrate", "status").code == 0
    assert helicarrier("migrate", "up", "--environment", "p3").code == 0
    assert "advice is off, rollout 0%" in helicarrier("advisory", "status").out
    told = json.loads(helicarrier("advisory", "verify", "--json").out)
    assert (told["presence"], told["holds"], len(told["findings"])) == ("installed", True, 8)


def test_without_a_store_it_says_what_to_do(helicarrier: Command) -> None:
    """The tables are guests."""
    ended = helicarrier("advisory", "enable", "--percent", 10)
    assert (ended.code, "migrate up" in ended.err) == (3, True)

"""`helicarrier alerts`: from a rule to what fires, who is told, and what an operator does."""

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import select

from helicarrier import times
from helicarrier.cli.alerts import alerts
from helicarrier.ledger.tables import audit_log
from helicarrier.notify.tables import notifications
from tests.alerts.making import paid, session, store
from tests.cli.conftest import Command
from tests.ledger.stores import Ledger

COST = ("--metric", "daily_cost_usd", "--warn", "1", "--critical", "2")


@pytest.fixture
def ledger(ready_store: Path) -> Ledger:
    """The ledger of the data folder; an agent has just cost five dollars."""
    found = Ledger(f"sqlite:///{ready_store / 'helicarrier.sqlite'}")
    now = times.now()
    store(found, session("s", paid("a", 5, now), began=now))
    return found


EXAMPLES = [
    line.split()[1:]
    for name in sorted(alerts.commands)
    for line in str(alerts.commands[name].help).partition("EXAMPLES")[2].splitlines()
    if "helicarrier " in line
]


def test_examples_of_the_help_work(helicarrier: Command, ready_store: Path) -> None:
    """Each runs as it is written, on a store in which nothing fires."""
    for line in EXAMPLES:
        ended = helicarrier(*line)
        assert (line, ended.code) == (line, 0)
        assert ended.out or ended.err


def documented() -> list[list[str]]:
    """The commands of the how-to page, but for the one that needs an id."""
    page = Path(__file__).parents[2] / "docs" / "how-to" / "watch-cost-and-failures.md"
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.partition("#")[0].split() for line in "".join(blocks).splitlines()]
    return [line[1:] for line in lines if line[:1] == ["helicarrier"] and "retry" not in line]


def test_commands_of_the_how_to_page_work(helicarrier: Command, ledger: Ledger) -> None:
    """In their order, on a ledger in which an agent has cost five dollars."""
    lines = documented()
    assert len(lines) > 15
    for line in lines:
        ended = helicarrier(*line)
        assert (line, ended.code) == (line, 0), ended.err


def rows(helicarrier: Command, *args: str) -> list[dict[str, object]]:
    """The rows that a command prints as JSON."""
    found: list[dict[str, object]] = json.loads(helicarrier("alerts", *args, "--json").out)["rows"]
    return found


def test_a_rule_fires_is_told_suppressed_and_resolved(helicarrier: Command, ledger: Ledger) -> None:
    """The whole way, by the commands of the how-to page."""
    assert helicarrier("alerts", "add-rule", "cost", *COST).code == 0
    dry = helicarrier("alerts", "evaluate", "--dry-run")
    assert (dry.code, "critical" in dry.out, rows(helicarrier, "list", "--all")) == (2, True, [])
    assert helicarrier("alerts", "evaluate").code == 2
    (row,) = rows(helicarrier, "list")
    assert (row["status"], row["value"], row["deduped"]) == ("critical", 5.0, False)
    assert json.loads(helicarrier("alerts", "deliver", "--dry-run", "--json").out)["due"] == 1
    sent = helicarrier("alerts", "deliver")
    assert (sent.code, "delivered" in sent.out) == (0, True)
    assert "critical: cost" in sent.err
    (told,) = rows(helicarrier, "outbox", "--state", "delivered")
    assert (told["attempts"], told["lastError"]) == (1, None)

    assert helicarrier("alerts", "suppress", "cost", "--for", "2h", "--dry-run").code == 0
    assert len(rows(helicarrier, "list")) == 1
    assert helicarrier("alerts", "suppress", "cost", "--for", "2h").code == 0
    assert rows(helicarrier, "list") == []
    assert helicarrier("alerts", "evaluate").code == 0
    assert helicarrier("alerts", "suppress", "cost", "--end").code == 0
    assert "daily_cost_usd $5.00 in 24h" in helicarrier("alerts", "list").out

    assert helicarrier("alerts", "resolve", "cost", "--dry-run").code == 0
    assert helicarrier("alerts", "resolve", "cost").code == 0
    assert "nothing fires" in helicarrier("alerts", "list").err
    history = json.loads(helicarrier("alerts", "history", "cost", "--json").out)["transitions"]
    assert [one["toLifecycle"] for one in history] == [
        "active",
        "suppressed",
        "active",
        "resolved",
    ]
    with ledger.store.read() as connection:
        query = select(audit_log.c.action).where(audit_log.c.actor == "cli")
        actions = sorted(connection.execute(query).scalars())
    assert actions == [
        "alert.resolved",
        "alert.suppressed",
        "alert.suppressed",
        "alert_rule.created",
    ]


def test_rules_are_changed_and_switched_off(helicarrier: Command, ledger: Ledger) -> None:
    """A dry run changes nothing; a rule that is off lets go."""
    helicarrier("alerts", "add-rule", "cost", *COST)
    helicarrier("alerts", "evaluate")
    helicarrier("alerts", "set-rule", "cost", "--warn", "9", "--critical", "10", "--dry-run")
    (rule,) = rows(helicarrier, "rules")
    assert (rule["warnThreshold"], rule["criticalThreshold"]) == (1.0, 2.0)
    assert helicarrier("alerts", "set-rule", "cost", "--disable").code == 0
    assert rows(helicarrier, "list") == []
    assert helicarrier("alerts", "rules").out.startswith("off cost  daily_cost_usd in 24h")


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("suppress", "cost"), 64),
        (("suppress", "cost", "--for", "soon"), 64),
        (("suppress", "cost", "--until", "2020-01-01T00:00:00Z"), 4),
        (("suppress", "none", "--for", "1h"), 64),
        (("suppress", "cost", "--for", "1h", "--scope-key", "x"), 64),
        (("resolve", "none"), 64),
        (("set-rule", "cost"), 64),
        (("set-rule", "cost", "--warn", "100"), 4),
        (("add-rule", "cost", *COST), 5),
        (("add-rule", "a/b", *COST), 4),
        (("retry", "none"), 64),
    ],
)
def test_what_cannot_be_done_ends_with_its_code(
    helicarrier: Command, ready_store: Path, args: tuple[str, ...], code: int
) -> None:
    """And says why."""
    helicarrier("alerts", "add-rule", "cost", *COST)
    ended = helicarrier("alerts", *args)
    assert (ended.code, bool(ended.err)) == (code, True)


def test_a_rule_that_contradicts_itself_is_told_why(
    helicarrier: Command, ready_store: Path
) -> None:
    """Not only that it is wrong: which value, and what was expected of it."""
    wrong = ("--metric", "daily_cost_usd", "--warn", "5", "--critical", "1")
    ended = helicarrier("alerts", "add-rule", "cost", *wrong)
    assert ended.code == 4
    assert "critical" in ended.err


def test_the_test_message_goes_through_every_channel(
    helicarrier: Command, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a channel does not take is told by the exit code, and can be retried."""
    monkeypatch.setenv("HELICARRIER_NOTIFY_CHANNELS", "log,command")
    monkeypatch.setenv("HELICARRIER_NOTIFY_COMMAND", '["/nowhere/at/all"]')
    monkeypatch.setenv("HELICARRIER_NOTIFY_ATTEMPTS", "1")
    ended = helicarrier("alerts", "test", "--json")
    told = {row["channel"]: row["error"] for row in json.loads(ended.out)["rows"]}
    assert (ended.code, told) == (
        2,
        {"log": None, "command": "the command cannot be started (FileNotFoundError)"},
    )
    (failed,) = rows(helicarrier, "outbox", "--state", "failed")
    assert helicarrier("alerts", "retry", failed["notificationId"]).code == 0
    with ledger.store.read() as connection:
        states = set(connection.execute(select(notifications.c.state)).scalars())
    assert states == {"delivered", "pending"}

"""The legacy store behind the V3 surface: taken over at start, served in place, never lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from helicarrier import times
from helicarrier.alerts.repository import SqlAlertRepository
from helicarrier.cli.serve import serve
from helicarrier.errors import InputRejected, StorageUnavailable, UsageError
from helicarrier.ledger.tables import session_ledger
from helicarrier.legacy.bringing_over import LegacyImport
from helicarrier.legacy.file import LegacyFile
from helicarrier.settings import Settings
from tests.api.services import JSON, SESSION, SESSIONS, asking, legacy_service
from tests.api.test_ingest import envelope
from tests.ledger.stores import Ledger

FIXTURES = Path(__file__).parent / "fixtures" / "v3"
STORE = "v3-intelligence.json"
LEDGER = "/api/v3/ledger"
ALERTS = "/api/v3/alerts"
ANSWERS = {
    "ledger": LEDGER,
    "session": f"{LEDGER}/old-1",
    "usage": "/api/v3/analytics/usage",
    "performance": "/api/v3/analytics/performance?from=2026-10-01&to=2026-10-31",
    "active": f"{ALERTS}/active",
    "rules": f"{ALERTS}/rules",
}
_OF_THE_PLACE = {"ledgerRunId", "sourceUri", "sourceLine", "ingestedAt", "computedAt", "dataState"}
_PRICED = {"pricingVersion", "pricingVersions", "costUsd", "knownCostUsd", "medianCostUsd"}


def told(value: object, leave_out: set[str] = _OF_THE_PLACE) -> object:
    """An answer without what differs from place to place."""
    match value:
        case dict():
            return {k: told(v, leave_out) for k, v in value.items() if k not in leave_out}
        case list():
            return [told(member, leave_out) for member in value]
        case _:
            return value


def answers(client: TestClient) -> dict[str, object]:
    """Every answer of the V3 surface, by name."""
    return {name: client.get(address).json() for name, address in ANSWERS.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with a store that an older service left."""
    shutil.copy(FIXTURES / STORE, tmp_path / STORE)
    return tmp_path


@pytest.fixture
def legacy(folder: Path) -> Iterator[TestClient]:
    """A client of a service over that store."""
    with legacy_service(folder) as client:
        yield client


@pytest.fixture
def importing(sqlite_ledger: Ledger, folder: Path) -> Settings:
    """Settings of a service over the database that imports the store."""
    return Settings(
        data_dir=folder,
        db_url=sqlite_ledger.url,
        enable_json_import=True,
        drain_seconds=0,
        alerts_every_seconds=0,
    )


def test_an_old_store_answers_as_it_always_did(legacy: TestClient) -> None:
    """Member by member; derived costs follow the price list and are left out here."""
    found = answers(legacy)
    for name in ANSWERS:
        expected = json.loads((FIXTURES / f"{name}.json").read_text())
        assert told(found[name], _OF_THE_PLACE | _PRICED) == expected, name


def test_the_store_says_what_the_database_says_once_it_is_imported(
    legacy: TestClient, importing: Settings
) -> None:
    """Costs and provenance included; the import is done before the service is ready."""
    before = answers(legacy)
    with asking(importing) as client:
        assert client.get("/readyz").status_code == 200
        assert told(answers(client)) == told(before)


def test_importing_again_changes_nothing(importing: Settings) -> None:
    """Neither the answers nor a rule that an operator has changed since."""
    operator = {"x-secret-key": "s"}
    settings = Settings(
        data_dir=importing.data_dir,
        db_url=importing.db_url,
        enable_json_import=True,
        secret="s",
        drain_seconds=0,
        alerts_every_seconds=0,
    )
    with asking(settings) as client:
        client.headers.update(operator)
        changed = client.patch(f"{ALERTS}/rules/cost", json={"warnThreshold": 2}, headers=JSON)
        assert changed.status_code == 200
        before = answers(client)
    with asking(settings) as client:
        client.headers.update(operator)
        assert answers(client) == before


def test_the_file_is_never_written_while_the_database_is_on(importing: Settings) -> None:
    """Not a byte, and its time stays."""
    path = importing.legacy_path
    before = path.read_bytes(), path.stat().st_mtime_ns
    with asking(importing) as client:
        assert client.post(SESSION, json=envelope()).status_code == 200
        assert len(client.get(LEDGER).json()["rows"]) == 4
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [p.name for p in path.parent.glob("*v3-intelligence*")] == [STORE]


def test_a_store_that_cannot_be_imported_keeps_the_service_from_being_ready(
    importing: Settings,
) -> None:
    """Rather than serving a ledger with half of its sessions."""
    importing.legacy_path.write_bytes(b'{"ledger": 5}')
    with asking(importing) as client:
        assert client.get("/readyz").status_code == 503


def test_a_refused_store_is_not_tried_again_before_it_is_another_one(
    importing: Settings, sqlite_ledger: Ledger
) -> None:
    """A service that waits for it leaves one report, and takes the sound file once it is there."""
    sound = importing.legacy_path.read_bytes()
    bringing = LegacyImport(importing, SqlAlertRepository(sqlite_ledger.store), clock=times.now)
    reports = importing.reports_dir
    for content, error, left in (
        (b'{"ledger": 5}', StorageUnavailable, 0),
        (json.dumps({"ledger": [{}] * 300}).encode(), InputRejected, 1),
    ):
        importing.legacy_path.write_bytes(content)
        for _ in range(3):
            with pytest.raises(error):
                bringing.run()
        assert len(list(reports.glob("*.json"))) == left
    importing.legacy_path.write_bytes(sound)
    bringing.run()
    bringing.run()
    assert len(list(reports.glob("*.json"))) == 2
    assert len(sqlite_ledger.rows(session_ledger)) == 3


def test_nothing_is_made_of_a_database_that_is_off(legacy: TestClient, folder: Path) -> None:
    """No file of it, whatever is asked."""
    legacy.post(SESSION, json=envelope())
    answers(legacy)
    assert sorted(path.name for path in folder.iterdir()) == [STORE, f"{STORE}.lock"]


def test_what_is_not_understood_is_kept(legacy: TestClient, folder: Path) -> None:
    """Members of other services, rows that no import would take, digits of numbers."""
    before = json.loads((folder / STORE).read_text())
    assert legacy.post(SESSION, json=envelope()).status_code == 200
    after = json.loads((folder / STORE).read_text())
    for name in ("ledger", "events", "usage", "alertRules", "alertStates"):
        assert after[name][: len(before[name])] == before[name]
    assert after["schema"] == 3
    assert after["ledger"][-1]["sessionId"] == "s-1"


def test_envelopes_are_judged_as_by_the_database(legacy: TestClient) -> None:
    """Created, duplicate, conflict, updated; also for sessions that were there before."""
    assert legacy.post(SESSION, json=envelope()).json()["status"] == "created"
    assert legacy.post(SESSION, json=envelope()).json()["status"] == "duplicate"
    conflict = legacy.post(SESSION, json=envelope(title="Other"))
    assert (conflict.status_code, conflict.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    grown = legacy.post(SESSION, json=envelope(title="Other") | {"revision": 1})
    assert grown.json()["status"] == "updated"
    assert legacy.get(f"{LEDGER}/s-1").json()["ledger"]["taskTitle"] == "Other"
    assert len(legacy.get(f"{LEDGER}/s-1").json()["calls"]) == 1
    assert legacy.post(SESSION, json=envelope("old-1")).status_code == 409


def test_a_batch_is_all_or_nothing(legacy: TestClient, folder: Path) -> None:
    """With a conflict the file stays as it is; in part, the others are written."""
    legacy.post(SESSION, json=envelope())
    before = (folder / STORE).read_bytes()
    batch = [envelope("s-2"), envelope("s-1", title="Other")]
    assert legacy.post(SESSIONS, json=batch).status_code == 409
    assert (folder / STORE).read_bytes() == before
    partial = legacy.post(f"{SESSIONS}?mode=partial", json=batch)
    assert [result["status"] for result in partial.json()["results"]] == [200, 409]
    assert legacy.get(f"{LEDGER}/s-2").status_code == 200


def test_a_round_trip_loses_nothing(
    legacy: TestClient, folder: Path, sqlite_ledger: Ledger
) -> None:
    """What was sent to the store is in the database after the import, under the same keys."""
    sent = envelope() | {"idempotency_key": "k-1", "revision": 4}
    sent["payload"]["timeline"] = [  # type: ignore[index]
        {"eventType": "metric", "eventTs": "2026-10-05T09:00:00Z", "payload": {"x": 0.1, "y": [1]}}
    ]
    assert legacy.post(SESSION, json=sent).status_code == 200
    there = legacy.get(f"{LEDGER}/s-1").json()
    settings = Settings(
        data_dir=folder, db_url=sqlite_ledger.url, enable_json_import=True, drain_seconds=0
    )
    with asking(settings) as client:
        assert told(client.get(f"{LEDGER}/s-1").json()) == told(there)
        assert client.post(SESSION, json=sent).json()["status"] == "duplicate"


def test_a_restart_knows_what_was_acknowledged(legacy: TestClient, folder: Path) -> None:
    """The same answers from a process that has only the file."""
    legacy.post(SESSION, json=envelope())
    before = answers(legacy)
    with legacy_service(folder) as again:
        assert answers(again) == before
        assert again.post(SESSION, json=envelope()).json()["status"] == "duplicate"


_WRITES = """
import sys
from pathlib import Path
from helicarrier.alerts.enums import AlertMetric, AlertScope, AlertWindow
from helicarrier.alerts.model import AlertRule
from helicarrier.legacy.alerts import LegacyAlertRepository
from helicarrier.legacy.file import LegacyFile
from helicarrier.times import now

rules = LegacyAlertRepository(LegacyFile(Path(sys.argv[1])))
for number in range(100_000):
    rules.save_rule(AlertRule(
        rule_id=f"r-{number:06}", metric=AlertMetric.FAILURE_RATE, scope=AlertScope.GLOBAL,
        warn_threshold=0.5, critical_threshold=0.9, time_window=AlertWindow.DAY,
        created_at=now(), updated_at=now(),
    ))
    print(number, flush=True)
"""


def test_a_killed_writer_loses_nothing_that_it_acknowledged(folder: Path) -> None:
    """Killed in the middle of its writes; readers beside it only ever see whole files."""
    path = folder / STORE
    with subprocess.Popen(
        [sys.executable, "-c", _WRITES, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for _ in range(30):
            acknowledged = int(writer.stdout.readline())
            assert len(json.loads(path.read_bytes())["ledger"]) == 4
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().split()
    acknowledged = max([acknowledged, *map(int, rest)])
    rules = {row["ruleId"] for row in json.loads(path.read_bytes())["alertRules"]}
    assert {f"r-{number:06}" for number in range(acknowledged + 1)} <= rules
    with LegacyFile(path).write() as change:
        assert "old-1" in change.entries


def test_racing_clients_store_one_truth(legacy: TestClient) -> None:
    """Of different contents under one key one wins, and every other session is kept."""
    statuses: list[int] = []

    def send(number: int) -> None:
        one = legacy.post(SESSION, json=envelope("same", title=f"t-{number}"))
        statuses.append(one.status_code)
        assert legacy.post(SESSION, json=envelope(f"own-{number}")).status_code == 200

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [409] * 7
    assert legacy.get(LEDGER).json()["total"] == 3 + 1 + 8


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'{"ledger": 5}', b'{"usage": [5]}', b'{"a": "\xff"}', b"[" * 100_000],
    ids=lambda content: content[:16].decode(errors="replace"),
)
def test_a_damaged_store_is_a_problem_and_not_a_defect(
    legacy: TestClient, folder: Path, content: bytes
) -> None:
    """503 for reads and writes, the same bytes every time, and the file is left alone."""
    (folder / STORE).write_bytes(content)
    for address in ANSWERS.values():
        first, second = legacy.get(address), legacy.get(address)
        assert (first.status_code, first.json()["code"]) == (503, "STORAGE_UNAVAILABLE")
        assert first.content == second.content
    assert legacy.post(SESSION, json=envelope()).status_code == 503
    assert (folder / STORE).read_bytes() == content
    with legacy_service(folder) as fresh:
        assert fresh.get("/readyz").status_code == 503


def test_a_store_that_is_too_large_is_not_read(
    legacy: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size is bounded before it is parsed."""
    monkeypatch.setattr("helicarrier.legacy.file.MOST_BYTES", 4_000)
    (folder / STORE).write_bytes(b'{"ledger": []}' + b" " * 4_000)
    assert legacy.get(LEDGER).status_code == 503
    (folder / STORE).write_bytes(b'{"ledger": []}' + b" " * 3_000)
    assert legacy.get(LEDGER).status_code == 200
    batch = [envelope(f"s-{number}") for number in range(5)]
    assert legacy.post(SESSIONS, json=batch).status_code == 503
    assert legacy.get(LEDGER).json()["total"] == 0


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", "/"),
        ("GET", "/sessions"),
        ("GET", "/session?id=old-1"),
        ("GET", "/why?table=session_usage&key=u-1"),
        ("GET", "/api/system/status"),
        ("POST", "/api/control/spawn"),
        ("POST", "/api/control/kill"),
        ("POST", "/api/control/model"),
    ],
)
def test_what_the_old_store_cannot_do_is_said_so(
    legacy: TestClient, method: str, address: str
) -> None:
    """One problem, always the same."""
    first, second = (legacy.request(method, address, json={}) for _ in range(2))
    assert (first.status_code, first.content) == (409, second.content)
    assert "legacy store" in first.text
    if address.startswith("/api"):
        assert first.json()["code"] == "DATABASE_DISABLED"


def test_without_the_secret_nothing_opens(legacy: TestClient, folder: Path) -> None:
    """Tokens are in the database; that it is off opens nothing to anybody."""
    stranger = asking(Settings(data_dir=folder, enable_sqlite=False, drain_seconds=0))
    with stranger:
        assert stranger.get(LEDGER).status_code == 401
        assert stranger.post(SESSION, json=envelope()).status_code == 401


def test_rules_are_made_changed_silenced_and_resolved(legacy: TestClient, folder: Path) -> None:
    """In the names of the API, and other rows of the file stay."""
    rule = {
        "ruleId": "slow",
        "metric": "runtime_p95_ms",
        "warnThreshold": 1,
        "criticalThreshold": 2,
    }
    assert legacy.post(f"{ALERTS}/rules", json=rule).status_code == 201
    assert legacy.post(f"{ALERTS}/rules", json=rule).status_code == 409
    worse = legacy.patch(f"{ALERTS}/rules/slow", json={"warnThreshold": 3})
    assert (worse.status_code, worse.json()["code"]) == (400, "VALIDATION_ERROR")
    assert legacy.patch(f"{ALERTS}/rules/slow", json={"enabled": False}).status_code == 200
    assert legacy.patch(f"{ALERTS}/rules/absent", json={"enabled": False}).status_code == 404
    shown = {row["ruleId"]: row["enabled"] for row in legacy.get(f"{ALERTS}/rules").json()["rows"]}
    assert shown == {"cost": True, "slow": False}

    def active(**params: object) -> list[str]:
        found = legacy.get(f"{ALERTS}/active", params=params).json()["rows"]  # type: ignore[arg-type]
        return [row["scopeKey"] for row in found]

    assert active() == ["writer"]
    until = {"minutes": 60, "scopeKey": "writer"}
    assert legacy.post(f"{ALERTS}/rules/cost/suppress", json=until).status_code == 200
    assert (active(), active(suppressed=True)) == ([], ["writer"])
    assert legacy.post(f"{ALERTS}/rules/cost/suppress", json={"end": True}).status_code == 200
    assert active() == ["writer"]
    assert legacy.post(f"{ALERTS}/rules/cost/suppress", json={"minutes": 5}).status_code == 200
    assert active() == []
    assert legacy.post(f"{ALERTS}/rules/cost/suppress", json={"end": True}).status_code == 200
    resolved = legacy.post(f"{ALERTS}/rules/cost/resolve", json={})
    assert resolved.json()["resolved"] == ["writer"]
    assert active(suppressed=True) == []
    rows = json.loads((folder / STORE).read_text())["alertRules"]
    assert {"ruleId": "odd", "metric": "weather"} in rows


def test_serving_the_file_needs_the_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before anything listens, with the variable that is missing."""
    monkeypatch.setenv("HELICARRIER_ENABLE_SQLITE", "false")
    monkeypatch.delenv("HELICARRIER_SECRET", raising=False)
    refused = CliRunner().invoke(serve, ["--data-dir", str(folder)])
    assert isinstance(refused.exception, UsageError)
    assert "HELICARRIER_SECRET" in refused.exception.message

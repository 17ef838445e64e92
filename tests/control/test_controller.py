"""The controller: real processes, told to the ledger as they are, whoever goes away meanwhile."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from helicarrier.control.folder import ProcessFolder
from helicarrier.errors import ContractError, ErrorCode, HelicarrierError, RequestRefused
from helicarrier.ledger.tables import audit_log, session_events, session_ledger
from tests.control.conftest import AGENTS, MakeController, eventually, row, script, settled
from tests.ledger.stores import Ledger


def folder_of(tmp_path: Path, session_id: str) -> ProcessFolder:
    """Where the process of a session is kept."""
    return ProcessFolder(tmp_path / "control" / "processes" / session_id)


def audited(ledger: Ledger) -> list[tuple[str, str, str]]:
    """Actor, action and details of the audit log, in order."""
    rows = sorted(ledger.rows(audit_log), key=lambda one: str(one["occurred_at"]))
    return [(str(r["actor"]), str(r["action"]), str(r["details_json"])) for r in rows]


@pytest.mark.parametrize(
    ("agent", "status", "code"),
    [("quick", "success", None), ("fails", "failed", "EXIT_CODE")],
)
def test_a_process_is_in_the_ledger_from_start_to_end(
    make: MakeController, sqlite_ledger: Ledger, agent: str, status: str, code: str | None
) -> None:
    """With its task, its runtime and how it ended; both states are events."""
    controller = make()
    spawned = controller.spawn(agent, "tidy the attic", actor="me")
    before = row(sqlite_ledger, spawned.session_id)
    assert (before["status"], before["ended_at"]) == ("running", None)
    settled(controller)
    after = row(sqlite_ledger, spawned.session_id)
    assert (after["status"], after["error_code"], after["agent_id"]) == (status, code, agent)
    assert (after["source"], after["task_title"]) == ("control", "tidy the attic")
    assert isinstance(after["runtime_ms"], int)
    states = [json.loads(str(one["payload_json"])) for one in sqlite_ledger.rows(session_events)]
    assert [one["state"] for one in states] == ["running", status]
    assert states[1]["exitCode"] == (3 if code else 0)


def test_a_prompt_comes_by_standard_input_or_as_one_argument(make: MakeController) -> None:
    """No shell reads it, and a place in it is not filled again."""
    controller = make()
    prompt = "$(touch x); `id` {prompt} {sessionId} ' \" \\ é"
    for agent, expected in (("echo", prompt), ("arguments", repr(prompt))):
        spawned = controller.spawn(agent, prompt, actor="me")
        folder = ProcessFolder(controller.place / "processes" / spawned.session_id)
        eventually(lambda folder=folder: bool(folder.output(1_000)))
        assert expected in folder.output(1_000)
    settled(controller)


def test_an_agent_finds_its_session_and_none_of_our_settings(
    make: MakeController, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address of the database is no agent's business."""
    monkeypatch.setenv("HELICARRIER_DB_URL", "sqlite:///secret-place")
    text = "import os; print(sorted((n, v) for n, v in os.environ.items() if 'HELICARRIER' in n))"
    controller = make({"env": script(text)})
    spawned = controller.spawn("env", "x", actor="me")
    assert spawned.session_id in spawned.output
    assert "HELICARRIER_SESSIONS_DIR" in spawned.output
    assert "secret-place" not in spawned.output
    settled(controller)


@pytest.mark.parametrize("ignores", [False, True])
def test_kill_ends_the_whole_group(
    make: MakeController, sqlite_ledger: Ledger, ignores: bool
) -> None:
    """TERM first; KILL for who does not listen; children that were left behind go, too."""
    text = (
        "import signal, subprocess, sys, time\n"
        f"signal.signal(signal.SIGTERM, {'signal.SIG_IGN' if ignores else 'signal.SIG_DFL'})\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)"
    )
    controller = make({"parent": script(text)}, grace_seconds=0.3)
    spawned = controller.spawn("parent", "x", actor="me")
    folder = ProcessFolder(controller.place / "processes" / spawned.session_id)
    eventually(lambda: folder.output(100).endswith("\n"))
    child = int(folder.output(100))
    controller.kill(spawned.session_id, actor="me")
    ended = row(sqlite_ledger, spawned.session_id)
    assert (ended["status"], ended["error_code"]) == ("killed", "KILLED")
    eventually(lambda: not is_running(child))
    with pytest.raises(RequestRefused) as refused:
        controller.kill(spawned.session_id, actor="me")
    assert refused.value.code is ErrorCode.NOT_FOUND


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_keepers_are_reaped(make: MakeController) -> None:
    """No zombie of ours is left."""
    controller = make()
    controller.spawn("quick", "x", actor="me")
    settled(controller)
    eventually(lambda: not zombies_of(os.getpid()))


def zombies_of(parent: int) -> list[str]:
    """The children of a process that ended and were not waited for."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            found.append(path.read_text(encoding="utf-8").rpartition(")")[2])
    return [stat for stat in found if stat.split()[:2] == ["Z", str(parent)]]


def test_a_command_that_is_not_there_fails_openly(
    make: MakeController, sqlite_ledger: Ledger
) -> None:
    """The session says so, too, and its place is free again."""
    controller = make(processes=1)
    for _ in range(2):
        with pytest.raises(HelicarrierError) as failed:
            controller.spawn("missing", "a secret prompt", actor="me")
        assert failed.value.code is ErrorCode.START_FAILED
        assert "secret" not in failed.value.message
    found = {(r["status"], r["error_code"]) for r in sqlite_ledger.rows(session_ledger)}
    assert found == {("failed", "START_FAILED")}


def test_what_is_refused_starts_nothing_and_is_audited(
    make: MakeController, sqlite_ledger: Ledger
) -> None:
    """Control that is off, an unknown agent, an unsafe prompt, a full house."""
    with pytest.raises(RequestRefused) as off:
        make({}).spawn("quick", "x", actor="me")
    assert (off.value.http_status, off.value.code) == (403, ErrorCode.CONTROL_DISABLED)
    options = {"options": (*script("pass"), "{prompt}"), "sleeps": AGENTS["sleeps"]}
    controller = make(options, processes=1)
    with pytest.raises(RequestRefused) as unknown:
        controller.spawn("other", "x", actor="me")
    assert unknown.value.http_status == 404
    for prompt in ("--danger", "a\0b"):
        with pytest.raises(ContractError):
            controller.spawn("options", prompt, actor="me")
    spawned = controller.spawn("sleeps", "x", actor="me")
    with pytest.raises(RequestRefused) as full:
        controller.spawn("sleeps", "x", actor="me")
    assert full.value.http_status == 429
    controller.kill(spawned.session_id, actor="me")
    refused = [details for _, action, details in audited(sqlite_ledger) if "refused" in action]
    assert [json.loads(details)["code"] for details in refused] == [
        "CONTROL_DISABLED",
        "NOT_FOUND",
        "VALIDATION_ERROR",
        "VALIDATION_ERROR",
        "RATE_LIMITED",
    ]
    done = [action for _, action, _ in audited(sqlite_ledger) if "refused" not in action]
    assert done == ["control.spawn", "control.kill"]


def test_a_log_has_a_bound_and_keeps_the_newest(make: MakeController) -> None:
    """Output without end does not fill the disk."""
    text = "import sys\nfor n in range(20000): print(n)\nprint('last')"
    controller = make({"talks": script(text)}, log_bytes=10_000)
    spawned = controller.spawn("talks", "x", actor="me")
    settled(controller)
    path = controller.place / "processes" / spawned.session_id
    assert (path / "log").read_bytes().endswith(b"19999\nlast\n")
    assert sum((path / name).stat().st_size for name in ("log", "log.1")) <= 10_000


def test_old_folders_go(make: MakeController) -> None:
    """The newest few are kept."""
    controller = make(folders=1)
    for _ in range(3):
        last = controller.spawn("quick", "x", actor="me")
        settled(controller)
    kept = [path.name for path in (controller.place / "processes").iterdir()]
    assert kept == [last.session_id]


def test_a_restart_neither_ends_nor_forgets_a_process(
    make: MakeController, sqlite_ledger: Ledger
) -> None:
    """One that runs is followed, killed and counted by the next controller."""
    spawned = make().spawn("sleeps", "x", actor="me")
    later = make(processes=1)
    later.recover()
    assert row(sqlite_ledger, spawned.session_id)["status"] == "running"
    with pytest.raises(RequestRefused):
        later.spawn("quick", "x", actor="me")
    later.kill(spawned.session_id, actor="me")
    assert row(sqlite_ledger, spawned.session_id)["status"] == "killed"


def test_an_end_that_nobody_waited_for_is_told_later(
    make: MakeController, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """The keeper wrote it down: exit code and time are those of the process."""
    spawned = make().spawn("fails", "x", actor="me")
    eventually(lambda: not folder_of(tmp_path, spawned.session_id).is_alive())
    assert row(sqlite_ledger, spawned.session_id)["status"] == "running"
    make().recover()
    found = row(sqlite_ledger, spawned.session_id)
    assert (found["status"], found["error_code"]) == ("failed", "EXIT_CODE")
    assert found["ended_at"] is not None


def test_an_end_that_nobody_saw_is_called_lost(
    make: MakeController, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """Failed, at an unknown time; the command whose keeper was killed does not run on."""
    controller = make()
    spawned = controller.spawn("sleeps", "x", actor="me")
    folder = folder_of(tmp_path, spawned.session_id)
    leader = json.loads((folder.path / "leader.json").read_bytes())["pid"]
    keeper = int(Path(f"/proc/{leader}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(keeper, signal.SIGKILL)
    settled(controller)
    found = row(sqlite_ledger, spawned.session_id)
    assert (found["status"], found["error_code"]) == ("failed", "LOST")
    assert (found["ended_at"], found["runtime_ms"]) == (None, None)
    eventually(lambda: not is_running(leader))


def test_a_process_id_that_was_reused_is_left_alone(
    make: MakeController, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """It is another process if it started at another time."""
    spawned = make().spawn("quick", "x", actor="me")
    folder = folder_of(tmp_path, spawned.session_id)
    eventually(lambda: not folder.is_alive())
    (folder.path / "end.json").unlink()
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
    ) as innocent:
        told = json.loads((folder.path / "leader.json").read_bytes())
        told |= {"pid": innocent.pid, "started_at": "2020-01-01T00:00:00Z"}
        (folder.path / "leader.json").write_text(json.dumps(told), encoding="utf-8")
        make().recover()
        assert row(sqlite_ledger, spawned.session_id)["error_code"] == "LOST"
        assert innocent.poll() is None
        innocent.kill()


def test_a_session_without_its_folder_is_closed(
    make: MakeController, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """Nothing is left running in the ledger for ever."""
    spawned = make().spawn("quick", "x", actor="me")
    folder = folder_of(tmp_path, spawned.session_id)
    eventually(lambda: not folder.is_alive())
    folder.remove()
    make().recover()
    assert row(sqlite_ledger, spawned.session_id)["error_code"] == "LOST"


def test_a_folder_that_the_ledger_never_heard_of_goes(make: MakeController, tmp_path: Path) -> None:
    """The service was killed between the two; no process was started."""
    folder = folder_of(tmp_path, "11111111-1111-4111-8111-111111111111")
    with folder.made():
        assert folder.is_alive()
        make().recover()
        assert folder.path.exists()
    make().recover()
    assert not folder.path.exists()


def test_two_controllers_tell_the_same(make: MakeController, sqlite_ledger: Ledger) -> None:
    """The old service has not gone when the new one comes."""
    old, new = make(), make()
    spawned = old.spawn("quick", "x", actor="me")
    new.recover()
    settled(new)
    told = row(sqlite_ledger, spawned.session_id)
    settled(old)
    assert row(sqlite_ledger, spawned.session_id) == told
    assert told["status"] == "success"

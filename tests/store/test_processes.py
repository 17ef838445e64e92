"""Processes: alive, gone, or another one under the same id."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

from helicarrier import times
from helicarrier.store.processes import Process, is_gone, this_process


def test_this_process_lives() -> None:
    """It started before now."""
    process = this_process()
    assert not is_gone(process)
    assert process.started_at <= times.now() + timedelta(seconds=2)


def test_an_ended_process_is_gone() -> None:
    """Its id is free again."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert is_gone(replace(this_process(), pid=child.pid))


def test_another_process_under_the_same_id_is_not_the_one() -> None:
    """Ids are reused; the time of the start tells them apart."""
    process = this_process()
    assert is_gone(replace(process, started_at=process.started_at - timedelta(hours=1)))


def test_a_process_of_another_machine_is_not_judged() -> None:
    """Only its own machine knows."""
    elsewhere = Process(host="elsewhere", pid=999_999_999, started_at=times.now())
    assert not is_gone(elsewhere)

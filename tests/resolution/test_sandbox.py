"""The sandbox: limits hold, nothing is left, and an end that was not reached is no pass."""

import os
import socket
import time
from pathlib import Path

import pytest

from helicarrier.resolution.enums import EquivalenceMethod, Syntax, Verdict
from helicarrier.resolution.execution import by_tests
from helicarrier.resolution.sandbox import Ended, Limits, execute, walled_command
from tests.resolution.pairs import pair

SHORT = Limits(seconds=2, memory_bytes=256 * 1024 * 1024, file_bytes=100_000, output_bytes=100)


@pytest.mark.parametrize(
    ("source", "ended"),
    [
        ("print('a')", Ended.FINISHED),
        ("assert False", Ended.FAILED),
        ("def f(", Ended.FAILED),
        ("import os; os._exit(0)", Ended.FAILED),
        ("import sys; sys.exit(0)", Ended.FAILED),
        ("x = bytearray(10**9)", Ended.FAILED),
        ("open('big', 'wb').write(bytes(10**6))", Ended.FAILED),
        ("open('small', 'w').write('a')", Ended.FINISHED),
        ("import os; assert not dict(os.environ).keys() - {'LC_CTYPE'}", Ended.FINISHED),
        ("import os; assert os.listdir() == ['main.py']", Ended.FINISHED),
    ],
    ids=["well", "assert", "syntax", "_exit", "exit", "memory", "file", "small", "env", "folder"],
)
def test_how_a_program_ends(source: str, ended: Ended) -> None:
    """Only one that comes to its end has finished, whatever its exit code."""
    assert execute({"main.py": source}, SHORT).ended is ended


def test_time_is_bounded_and_children_die_with_it(tmp_path: Path) -> None:
    """Also one that left the process group, where the system has namespaces."""
    mark = tmp_path / "alive"
    source = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    time.sleep(1.6)\n"
        f"    open({str(mark)!r}, 'w').close()\n"
        "    os._exit(0)\n"
        "while True: pass\n"
    )
    assert execute({"main.py": source}, Limits(seconds=1)).ended is Ended.TIMED_OUT
    if walled_command():
        time.sleep(1)
        assert not mark.exists()


def test_output_is_bounded() -> None:
    """The beginning is kept."""
    assert execute({"main.py": "print('a' * 50_000)"}, SHORT).output == "a" * 100


def test_there_is_no_network() -> None:
    """Where the system allows a wall, not even to this machine itself."""
    if not walled_command():
        pytest.skip("this system allows no namespaces to this user")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        source = f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)"
        done = execute({"main.py": source}, SHORT)
    assert (done.ended, done.walled) == (Ended.FAILED, True)


def test_without_a_wall_the_answer_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no `unshare`, limits hold all the same and the open network is named."""
    monkeypatch.setenv("PATH", "")
    walled_command.cache_clear()
    try:
        looped = execute({"main.py": "while True: pass"}, Limits(seconds=1))
        answer = by_tests(*pair(LOOP, SUM, Syntax.PYTHON), TESTS, SHORT)
    finally:
        walled_command.cache_clear()
    assert (looped.ended, looped.walled) == (Ended.TIMED_OUT, False)
    assert answer.verdict is Verdict.EQUIVALENT
    assert "NETWORK_OPEN" in {finding.code for finding in answer.findings}


def test_nothing_stays_open() -> None:
    """A run leaves no descriptor behind: the next one has the same number."""
    numbers = []
    for _ in range(3):
        execute({"main.py": ""}, SHORT)
        with Path(os.devnull).open() as file:
            numbers.append(file.fileno())
    assert len(set(numbers)) == 1


LOOP = "def total(xs):\n    n = 0\n    for x in xs:\n        n += x\n    return n\n"
SUM = "def total(xs):\n    return sum(xs)\n"
TESTS = "import artifact\nassert artifact.total([1, 2, 3]) == 6\nassert artifact.total([]) == 0\n"


@pytest.mark.parametrize(
    ("golden", "candidate", "verdict"),
    [
        (LOOP, SUM, Verdict.EQUIVALENT),
        (LOOP, SUM.replace("sum(xs)", "sum(xs) + 1"), Verdict.NOT_EQUIVALENT),
        (LOOP, "while True:\n    pass\n", Verdict.UNDECIDABLE),
        (SUM.replace("sum", "max"), LOOP, Verdict.UNDECIDABLE),
    ],
    ids=["alike", "fails", "hangs", "golden fails"],
)
def test_both_sides_are_under_the_same_tests(golden: str, candidate: str, verdict: Verdict) -> None:
    """Passing them is no proof; a golden that fails them says nothing."""
    answer = by_tests(*pair(golden, candidate, Syntax.PYTHON), TESTS, SHORT)
    assert (answer.verdict, answer.method) == (verdict, EquivalenceMethod.TEST_EXECUTION)
    assert not answer.proven


def test_equal_trees_need_no_tests() -> None:
    """The proof stands, and nothing is run."""
    answer = by_tests(*pair(LOOP, LOOP + "# end\n", Syntax.PYTHON), "raise SystemExit", SHORT)
    assert (answer.proven, answer.method) == (True, EquivalenceMethod.AST_NORMALIZED)

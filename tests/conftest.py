"""What every test may ask for: real data, a data folder, Postgres and ledgers (`pytest_plugins`).

Settings of the person who runs the tests never reach a test: the project's own variables are taken
out of the environment before anything is imported, except those that configure the tests
themselves. Property tests have no deadline, since a time limit per example fails on a busy machine;
in CI their examples are the same in every run. The folders of the tests are kept in memory where
there is room: nothing here outlives the machine, and half of the time of a commit is the disk's.
"""

import gc
import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.memory import memory_folder

pytest_plugins = ["tests.postgres", "tests.ledger.stores"]

_TEMPORARY = "PYTEST_DEBUG_TEMPROOT"  # Where pytest makes its folders; the name is pytest's.

_REALDATA = "HELICARRIER_REALDATA"
_KEPT = (_REALDATA, "HELICARRIER_TEST_")

for _name in list(os.environ):
    if _name.startswith(("HELICARRIER_", "DAGSTER_")) and not _name.startswith(_KEPT):
        del os.environ[_name]

if (_memory := memory_folder()) is not None:
    os.environ.setdefault(_TEMPORARY, str(_memory))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Control-C, and so would every process that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("local", deadline=None)
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_collection_finish() -> None:
    """Leaves all that was imported out of garbage collection: libraries call for it in tests."""
    gc.freeze()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Path of a data folder that does not exist yet: making it is the code's part."""
    return tmp_path / "data"


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real sessions and their independently counted totals."""
    given = os.environ.get(_REALDATA)
    if not given:
        pytest.skip(f"{_REALDATA} does not name the folder of real sessions")
    folder = Path(given)
    if not folder.is_dir():
        pytest.fail(f"{_REALDATA}={given} is not a folder", pytrace=False)
    return folder.resolve()

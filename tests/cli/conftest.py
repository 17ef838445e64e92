"""Commands as a person types them, run in this process, with what they print."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from helicarrier.cli import run

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def helicarrier(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> Command:
    """Runs a command line on the test's own data folder, named as the environment names it."""
    monkeypatch.setenv("HELICARRIER_DATA_DIR", str(data_dir))

    def call(*args: object) -> Ended:
        capsys.readouterr()
        code = run([str(arg) for arg in args])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Ended(code=code, out=printed.out, err=printed.err)

    return call


@pytest.fixture
def ready_store(data_dir: Path, migrated_sqlite: Path) -> Path:
    """The test's data folder with an empty store at the newest revision."""
    data_dir.mkdir()
    shutil.copyfile(migrated_sqlite, data_dir / "helicarrier.sqlite")
    return data_dir


@pytest.fixture
def process(data_dir: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command in a process of its own, as an installed one runs."""

    def call(
        *args: object, env: Mapping[str, str] | None = None, code: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        start = ["-c", code] if code is not None else ["-m", "helicarrier"]
        return subprocess.run(
            [sys.executable, *start, *map(str, args)],
            env=kept | {"HELICARRIER_DATA_DIR": str(data_dir), **(env or {})},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return call

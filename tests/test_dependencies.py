"""Dependencies: each is explained, and the lock names exact files and no place to get them from."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
DOCUMENT = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def declared() -> set[str]:
    """Names of the packages that pyproject.toml asks for."""
    asked = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    return {re.split(r"[\[<>=!~ ;]", line)[0] for line in asked}


def test_each_dependency_has_its_reason() -> None:
    """The tables of docs/dependencies.md and pyproject.toml name the same packages."""
    explained = re.findall(r"^\| ([a-z0-9-]+) \| \S.*\|$", DOCUMENT, flags=re.MULTILINE)
    assert set(explained) - {"package"} == declared()


def test_the_lock_covers_each_dependency() -> None:
    """A dependency added without `make lock` would be missing from an install."""
    locked = set(re.findall(r"^([a-z0-9.-]+)==", LOCK, flags=re.MULTILINE))
    assert declared() <= locked


def test_each_locked_package_has_its_hashes() -> None:
    """Every pinned line is followed by at least one hash, so no other file can be installed."""
    pins = re.findall(r"^[a-z0-9.-]+==.*\n.*", LOCK, flags=re.MULTILINE)
    assert pins
    assert all(re.search(r"\\\n    --hash=sha256:[0-9a-f]{64}", pin) for pin in pins)


def test_the_lock_names_no_address() -> None:
    """Where packages come from is the installing machine's own setting."""
    assert "://" not in LOCK
    assert "--index" not in LOCK
    assert "--find-links" not in LOCK

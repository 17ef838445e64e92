"""`helicarrier restore`: listing backups and putting one back."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Command

BASELINE = ROOT / "tests" / "store" / "fixtures" / "core_0001.sqlite"


@pytest.fixture
def backup(helicarrier: Command, data_dir: Path) -> Path:
    """The backup that bringing up an old store has left."""
    data_dir.mkdir()
    shutil.copyfile(BASELINE, data_dir / "helicarrier.sqlite")
    helicarrier("migrate", "up")
    (found,) = (data_dir / "backups").glob("*.sqlite")
    return found


def test_without_a_name_the_backups_are_listed(helicarrier: Command, backup: Path) -> None:
    """One a line, so that a script can take the last."""
    assert helicarrier("restore").out == f"{backup}\n"


def test_no_backups_are_said_on_stderr(helicarrier: Command, data_dir: Path) -> None:
    """An empty list is no failure."""
    ended = helicarrier("restore")
    assert (ended.code, ended.out) == (0, "")
    assert f"there are no backups in {data_dir / 'backups'}" in ended.err


def test_a_backup_is_put_back_at_its_revision(helicarrier: Command, backup: Path) -> None:
    """It has to be migrated again, and can be."""
    ended = helicarrier("restore", backup)
    assert (ended.code, ended.out) == (0, f"restored {backup} at revision 0001\n")
    assert helicarrier("migrate", "status").code == 3
    assert helicarrier("migrate", "up").code == 0


@pytest.mark.parametrize("content", [b"", b"no database" * 100], ids=["empty", "text"])
def test_what_is_no_backup_is_refused_and_the_store_stays(
    content: bytes, helicarrier: Command, backup: Path, data_dir: Path, tmp_path: Path
) -> None:
    """Ends with 7: what is stored does not agree with itself."""
    bad = tmp_path / "bad.sqlite"
    bad.write_bytes(content)
    before = (data_dir / "helicarrier.sqlite").read_bytes()
    ended = helicarrier("restore", bad)
    assert (ended.code, "[BACKUP_INVALID]" in ended.err) == (7, True), ended
    assert (data_dir / "helicarrier.sqlite").read_bytes() == before


def test_a_backup_that_is_not_there_is_said_so(
    helicarrier: Command, backup: Path, tmp_path: Path
) -> None:
    """Without a traceback, and without making it."""
    ended = helicarrier("restore", tmp_path / "gone.sqlite")
    assert ended.code in {4, 6, 7, 64}
    assert not (tmp_path / "gone.sqlite").exists()


def test_a_dry_run_verifies_a_backup_and_leaves_the_store(
    helicarrier: Command, backup: Path, data_dir: Path, tmp_path: Path
) -> None:
    """It says what would be put back; what is no backup is refused just the same."""
    before = (data_dir / "helicarrier.sqlite").read_bytes()
    ended = helicarrier("restore", backup, "--dry-run", "--json")
    assert json.loads(ended.out) == {"backup": str(backup), "revision": "0001", "dryRun": True}
    bad = tmp_path / "bad.sqlite"
    bad.write_bytes(b"")
    assert helicarrier("restore", bad, "--dry-run").code == 7
    assert (data_dir / "helicarrier.sqlite").read_bytes() == before


def test_the_list_is_one_object_for_scripts(helicarrier: Command, backup: Path) -> None:
    """Path and size of each backup."""
    listed = json.loads(helicarrier("restore", "--json").out)
    assert listed == {"backups": [{"path": str(backup), "bytes": backup.stat().st_size}]}

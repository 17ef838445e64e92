"""`helicarrier token`: dry runs make and end nothing."""

import json
from pathlib import Path

from tests.cli.conftest import Command


def test_a_dry_run_makes_no_token(helicarrier: Command, data_dir: Path) -> None:
    """Not even the store."""
    ended = helicarrier("token", "create", "--scope", "read", "--dry-run", "--json")
    assert (ended.code, json.loads(ended.out)["token"]) == (0, None)
    assert not data_dir.exists()


def test_a_dry_run_ends_no_token(helicarrier: Command) -> None:
    """And says where there is none to end."""
    made = json.loads(helicarrier("token", "create", "--scope", "read", "--json").out)
    dry = helicarrier("token", "revoke", made["tokenId"], "--dry-run")
    assert (dry.code, "would be revoked" in dry.out) == (0, True)
    (listed,) = json.loads(helicarrier("token", "list", "--json").out)["tokens"]
    assert listed["valid"] is True
    assert helicarrier("token", "revoke", "none", "--dry-run").code != 0
    assert helicarrier("token", "revoke", made["tokenId"]).code == 0

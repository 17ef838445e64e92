"""Versions: the list in the program and the migration scripts are the same."""

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from helicarrier.errors import ErrorCode
from helicarrier.store.versions import CORE, CORE_HEAD, P3, Environment


@pytest.mark.parametrize("environment", [CORE, P3], ids=["core", "p3"])
def test_the_known_revisions_are_those_of_the_scripts(environment: Environment) -> None:
    """A new script without its line in the list would never be asked for."""
    config = Config()
    config.set_main_option("script_location", str(environment.scripts))
    scripts = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(scripts)) == environment.revisions
    assert scripts[0] == environment.head


@pytest.mark.parametrize(
    ("current", "code"),
    [
        (None, ErrorCode.MIGRATION_PENDING),
        ("0001", ErrorCode.MIGRATION_PENDING),
        (CORE_HEAD, None),
        ("9999", ErrorCode.SCHEMA_TOO_NEW),
    ],
)
def test_a_revision_is_judged_by_what_is_known(current: str | None, code: ErrorCode | None) -> None:
    """What this program has never heard of comes from a newer one."""
    assert CORE.judge(current) is code

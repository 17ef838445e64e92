"""Versions: which revisions of the schema this program knows, without loading a migration tool.

Every command asks whether the store is ready, and Alembic takes most of a second to import; so
the known revisions are written down here and a test holds them to the migration scripts.
"""

from dataclasses import dataclass
from pathlib import Path

from helicarrier.errors import ErrorCode

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
"""The folder of all migrations, beside the package in the repository and in the wheel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One line of revisions with its own version table. `revisions` are oldest first.

    `guests` are the tables of an environment that lives in a store which another one makes: there,
    anybody may drop them at any time, so the record of a revision counts only while all of them
    are there. `remedy` is the command that runs its migrations.
    """

    name: str
    version_table: str
    revisions: tuple[str, ...]
    scripts: Path
    remedy: str = "helicarrier migrate up"
    guests: tuple[str, ...] = ()

    @property
    def head(self) -> str:
        """The newest revision."""
        return self.revisions[-1]

    @property
    def version_query(self) -> str:
        """SQL that reads the recorded revision."""
        return f"SELECT version_num FROM {self.version_table} ORDER BY version_num"  # noqa: S608  a constant of the program

    def judge(self, current: str | None) -> ErrorCode | None:
        """Why a store at `current` (None: no revision recorded) is not ready; None: it is."""
        if current == self.head:
            return None
        if current is None or current in self.revisions:
            return ErrorCode.MIGRATION_PENDING
        return ErrorCode.SCHEMA_TOO_NEW


CORE = Environment(
    name="core",
    version_table="helicarrier_core_version",
    revisions=("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010"),
    scripts=MIGRATIONS / "core",
)
CORE_HEAD = CORE.head

P3 = Environment(
    name="p3",
    version_table="alembic_version_p3",
    revisions=("0001",),
    scripts=MIGRATIONS / "p3",
    remedy="helicarrier advisory enable",
    guests=(
        "p3_feature_state",
        "p3_advisory_signal",
        "p3_advisory_budget",
        "p3_advisory_cache",
    ),
)
"""The advisory tables: apart from the core, so that they can go without it noticing."""

"""`helicarrier git`: the history of repositories, files in it, and where sessions ran."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from helicarrier import times
from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.settings import Settings
from helicarrier.store.warehouse import WarehouseStore

if TYPE_CHECKING:
    from helicarrier.lineage.git.model import Change, SyncReport
    from helicarrier.lineage.git.sessions import LinkReport

_F = TypeVar("_F", bound=Callable[..., object])
_SHORT = 12


class Instant(click.ParamType[datetime]):
    """A time with its zone in ISO 8601."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Text -> aware datetime; a usage error otherwise."""
        if isinstance(value, datetime):
            return value
        try:
            return times.parse(str(value))
        except ValueError:
            self.fail("expected a time with its zone, as 2026-01-31T12:00:00Z", param, ctx)


def _file_options(function: _F) -> _F:
    """A path in a repository and from where it is looked at."""
    for option in (
        click.argument("path"),
        click.option("--ref", default="HEAD", show_default=True, help="Branch, tag or commit."),
        click.option(
            "--repo",
            type=click.Path(path_type=Path, file_okay=False),
            default=Path(),
            help="A folder of the repository. [default: the current folder]",
        ),
        click.option(
            "--first-parent", is_flag=True, help="Follow only the first parent of a merge."
        ),
    ):
        function = option(function)
    return function


@click.group()
def git() -> None:
    """Answer which content a file had at a time, and at which commit a session ran."""


@git.command()
@click.argument("repositories", nargs=-1, type=click.Path(path_type=Path, file_okay=False))
@click.option("--dry-run", is_flag=True, help="Say what is new; write nothing.")
@json_option
@data_dir_option
def sync(
    *, repositories: tuple[Path, ...], dry_run: bool, as_json: bool, data_dir: Path | None
) -> None:
    """Read what is new in repositories, and find the commits of the ledger's sessions.

    Without REPOSITORIES those of HELICARRIER_GIT_REPOSITORIES are read, or else the one of the
    current folder. Only commits that are not stored yet are looked into.

    \b
    EXAMPLES
      helicarrier git sync
      helicarrier git sync --dry-run --json
    """
    from helicarrier.lineage.git.service import sync_repositories

    settings = settings_of(data_dir)
    folders = list(repositories) or list(settings.git_folders) or [Path()]
    done = sync_repositories(settings, folders, dry_run=dry_run)
    if as_json:
        sessions = None if done.sessions is None else asdict(done.sessions)
        print_json({"repositories": [asdict(r) for r in done.repositories], "sessions": sessions})
        return
    for report in done.repositories:
        click.echo(_synced(report))
    click.echo(_linked(done.sessions))


@git.command()
@_file_options
@click.option("--time", "at", type=Instant(), required=True, help="When, with its zone.")
@json_option
@data_dir_option
def at(
    *,
    path: str,
    at: datetime,
    ref: str,
    repo: Path,
    first_parent: bool,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Say which commit a branch had at a time, and the content of PATH in it.

    PATH is written as git writes it, from the root of the repository. The commit is the one of
    `git rev-list -1 --before=TIME REF`, the content that of `git rev-parse COMMIT:PATH`.

    \b
    EXAMPLES
      helicarrier git at README.md --time 2026-11-01T00:00:00Z
      helicarrier git at README.md --time 2026-11-01T00:00:00Z --ref main --json
    """
    from helicarrier.lineage.git.resolver import GitHistoryResolver

    settings = settings_of(data_dir)
    name = _repository(repo)
    with _warehouse(settings) as warehouse, GitHistoryResolver(warehouse.store) as resolver:
        found = resolver.sha_at(name, path, at, ref, first_parent=first_parent)
    _say_when_behind(settings, repo)
    if as_json:
        print_json(asdict(found) | {"state": found.state, "at": times.utc_text(found.at)})
        return
    click.echo(f"commit  {found.commit_sha or 'none that old'}")
    click.echo(f"content {found.blob_sha or 'absent'}")

"""`helicarrier git`: the history of repositories, files in it, and where sessions ran."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import click

from helicarrier import times
from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.lineage.git import wire
from helicarrier.store.warehouse import WarehouseStore

_F = TypeVar("_F", bound=Callable[..., object])


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
        print_json(wire.synced(done))
        return
    for report in done.repositories:
        click.echo(wire.report_line(report))
    if done.sessions is not None:
        click.echo(wire.sessions_line(done.sessions))


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
    repo: Path | None,
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
      helicarrier git at README.md --time 2026-11-01T00:00:00Z --ref HEAD --json
    """
    from helicarrier.lineage.git.resolver import GitHistoryResolver

    with _stored(data_dir, repo) as (warehouse, name), GitHistoryResolver(warehouse) as resolver:
        found = resolver.sha_at(name, path, at, ref, first_parent=first_parent)
    if as_json:
        print_json(wire.file_at(found))
        return
    click.echo(f"commit   {found.commit_sha or 'none that old'}")
    click.echo(f"content  {found.blob_sha or 'absent'}")


@git.command()
@_file_options
@json_option
@data_dir_option
def log(
    *,
    path: str,
    ref: str,
    repo: Path | None,
    first_parent: bool,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """List what happened to a file, newest first, through its renames.

    \b
    EXAMPLES
      helicarrier git log README.md
      helicarrier git log README.md --first-parent --json
    """
    from helicarrier.lineage.git.resolver import GitHistoryResolver

    with _stored(data_dir, repo) as (warehouse, name), GitHistoryResolver(warehouse) as resolver:
        found = resolver.history(name, path, ref, first_parent=first_parent)
    if as_json:
        print_json({"repo": name, "changes": [wire.change(change) for change in found]})
        return
    for change in found:
        click.echo(wire.change_line(change))
    if not found:
        click.echo("there is no such file in the history of this branch", err=True)


@git.command()
@click.argument("session_id")
@json_option
@data_dir_option
def session(*, session_id: str, as_json: bool, data_dir: Path | None) -> None:
    """Say at which commit a session ran, and how sure that is.

    `recorded`: its source names the commit. `resolved`: the commit that its branch had when it
    started. `unknown`: neither can be said, with the reason.

    \b
    EXAMPLES
      helicarrier git session 01a12c32-4c6d-750a-a6b7-fa4cffe967f7
    """
    from helicarrier.lineage.git.sessions import commit_of_session

    with _warehouse(data_dir) as warehouse:
        found = commit_of_session(warehouse, session_id)
    if found is None:
        raise InputRejected(
            "nothing is known of where this session ran",
            code=ErrorCode.NOT_FOUND,
            hint="Its source tells neither folder nor commit, or `helicarrier git sync` has not "
            "run since it was imported.",
        )
    if as_json:
        print_json(wire.session_commit(found))
        return
    said = found.certainty.value if found.reason is None else f"unknown: {found.reason.value}"
    click.echo(f"commit  {found.commit_sha or '-'}  ({said})")
    click.echo(f"branch  {found.ref or '-'}")
    click.echo(f"in      {found.repo or '-'}")


@contextmanager
def _warehouse(data_dir: Path | None) -> Iterator[WarehouseStore]:
    with closing(WarehouseStore(settings_of(data_dir).warehouse_path)) as warehouse:
        yield warehouse


@contextmanager
def _stored(data_dir: Path | None, folder: Path | None) -> Iterator[tuple[WarehouseStore, str]]:
    """The file, and the name of a repository in it; says where the repository has moved on."""
    from helicarrier.lineage.git.source import GitSource
    from helicarrier.lineage.git.sync import is_behind

    source = GitSource(folder or Path())
    with _warehouse(data_dir) as warehouse:
        yield warehouse, source.name
        if is_behind(source, warehouse):
            click.echo(
                "the repository has moved on since its last sync: run `helicarrier git sync`",
                err=True,
            )

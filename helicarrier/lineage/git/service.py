"""Git context as the command line and Dagster run it: repositories in turn, then the sessions.

Each repository is a run of its own in the run store, and so are the links of sessions. A ledger
that is not there yet leaves the links for a later sync.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from helicarrier import logs
from helicarrier.errors import NotReady
from helicarrier.ledger.runs import run_store
from helicarrier.lineage.git.model import SyncReport
from helicarrier.lineage.git.sessions import LinkReport, Located, link_sessions, located_sessions
from helicarrier.lineage.git.source import GitSource
from helicarrier.lineage.git.sync import dry_run as would_sync
from helicarrier.lineage.git.sync import sync
from helicarrier.settings import Settings
from helicarrier.store.query import open_query
from helicarrier.store.run_store import RunStore
from helicarrier.store.warehouse import WarehouseStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What came of a sync; `sessions` is None where there is no ledger to link.

    `sessions_run_id` is the run that linked them.
    """

    repositories: tuple[SyncReport, ...]
    sessions: LinkReport | None
    sessions_run_id: str | None = None


def sync_repositories(
    settings: Settings,
    folders: Sequence[Path],
    *,
    warehouse: WarehouseStore | None = None,
    dry_run: bool = False,
    dagster_run_id: str | None = None,
) -> Synced:
    """Bring the history of repositories up to date and link the sessions of the ledger.

    Raises:
        InputRejected: NOT_FOUND, a folder belongs to no repository; nothing was written.
        StorageUnavailable: the warehouse file is held by another process or cannot be written.
    """
    sources = {source.name: source for source in map(GitSource, folders)}
    store = warehouse or WarehouseStore(settings.warehouse_path)
    try:
        if dry_run:
            reports = tuple(would_sync(source, store) for source in sources.values())
            return Synced(repositories=reports, sessions=_linked(settings, store, None)[0])
        runs = run_store(settings, store)
        done = []
        for source in sources.values():
            with runs.run(
                "git_commits", partition_key=source.name, dagster_run_id=dagster_run_id
            ) as run:
                done.append(sync(source, store, run))
            logs.info("git.synced", repo=source.name, commits=done[-1].commits)
        links, run_id = _linked(settings, store, runs, dagster_run_id=dagster_run_id)
        return Synced(repositories=tuple(done), sessions=links, sessions_run_id=run_id)
    finally:
        if warehouse is None:
            store.close()


def _linked(
    settings: Settings,
    warehouse: WarehouseStore,
    runs: RunStore | None,
    *,
    dagster_run_id: str | None = None,
) -> tuple[LinkReport | None, str | None]:
    try:
        sessions = _sessions(settings)
    except NotReady:
        return None, None
    if runs is None:
        return link_sessions(sessions, warehouse, None), None
    with runs.run("session_commits", dagster_run_id=dagster_run_id) as run:
        return link_sessions(sessions, warehouse, run), run.run_id


def _sessions(settings: Settings) -> list[Located]:
    with open_query(settings.url) as query:
        return located_sessions(query)

"""Sync: what is new in a repository since the last time, read and written batch by batch.

References are compared first; where none has moved nothing else is read. New commits are those
that the references lead to and the stored ones do not, written parents first, each batch in a short
transaction of its own, and the references last: whatever is interrupted, every stored commit has
its ancestors stored, and the next sync goes on from there. Commits that a rewritten branch left
behind stay, since sessions may have run at them; only answers of that branch are forgotten.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helicarrier.canonical import JSONValue, canonical_bytes, sha256
from helicarrier.lineage.git.extract import BATCH, Batch, Extractor
from helicarrier.lineage.git.model import Ref, RefChanges, SyncReport
from helicarrier.lineage.git.repository import (
    GitReader,
    add_batch,
    complete_boundaries,
    put_refs,
    reading,
)
from helicarrier.lineage.git.source import HEAD, GitSource
from helicarrier.store import warehouse_markers
from helicarrier.store.run_model import Edge, Run
from helicarrier.store.warehouse import WarehouseStore

if TYPE_CHECKING:
    from pygit2 import Commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a sync will write: references, new commits (parents first), completed boundaries."""

    refs: tuple[Ref, ...]
    ref_changes: RefChanges
    commits: "tuple[Commit, ...]"
    completed: tuple[str, ...]
    boundaries: frozenset[str]


def plan(source: GitSource, warehouse: WarehouseStore) -> Plan:
    """Compare a repository with what is stored of it; nothing is written.

    Raises:
        StorageUnavailable: the warehouse file cannot be read.
    """
    with reading(warehouse) as reader:
        return _plan(source, reader)


def is_behind(source: GitSource, warehouse: WarehouseStore) -> bool:
    """Whether the repository's references are others than those stored."""
    with reading(warehouse) as reader:
        stored = reader.refs(source.name) if reader else {}
    return stored != {ref.name: ref.commit_sha for ref in source.refs()}


def dry_run(source: GitSource, warehouse: WarehouseStore) -> SyncReport:
    """What `sync` would do."""
    begun = time.perf_counter()
    return _report(source, plan(source, warehouse), begun)


def sync(
    source: GitSource, warehouse: WarehouseStore, run: Run, *, batch: int = BATCH
) -> SyncReport:
    """Write what is new in a repository, and tell the run.

    Args: source; warehouse; run, in progress; batch, how many commits a transaction writes.

    Raises:
        StorageUnavailable: the warehouse file cannot be written; what was written stays, and the
            next sync goes on from there.
    """
    begun = time.perf_counter()
    planned = plan(source, warehouse)
    changes = 0
    extractor = Extractor(source, run.run_id, planned.boundaries)
    for rows in extractor.batches(planned.commits, batch):
        with warehouse.write() as connection:
            add_batch(connection, rows)
            warehouse_markers.mark(connection, run.run_id, marks_of(source.name, rows))
        changes += rows.changes.num_rows
    if planned.completed:
        commits = [source.commit(sha) for sha in planned.completed]
        for rows in extractor.batches(commits, size=len(commits)):
            with warehouse.write() as connection:
                complete_boundaries(connection, source.name, planned.completed, rows)
    changed = {*planned.ref_changes.new, *planned.ref_changes.stale}
    written = [ref for ref in planned.refs if ref.name in changed]
    if changed:
        with warehouse.write() as connection:
            put_refs(connection, source.name, written, planned.ref_changes.gone, run.run_id)
            marks = {("git_refs", source.name): len(written)}
            warehouse_markers.mark(connection, run.run_id, marks, last=True)
    _account(source, run, planned, changes, len(written))
    return _report(source, planned, begun, run_id=run.run_id, changes=changes)


def _plan(source: GitSource, reader: GitReader | None) -> Plan:
    refs = tuple(source.refs())
    stored = reader.refs(source.name) if reader else {}
    boundaries = source.boundaries()
    cut_off = reader.boundaries(source.name) if reader else set()
    completed = tuple(sorted(sha for sha in cut_off - boundaries if source.holds(sha)))
    tips = {ref.commit_sha for ref in refs if completed or stored.get(ref.name) != ref.commit_sha}
    commits: list[Commit] = []
    if tips:
        # What was stored stops the walk, but for where a stored commit has new ancestors.
        found = source.commits(tips, without=() if completed else stored.values())
        known = reader.known(source.name) if reader and found else set()
        commits = [commit for commit in found if str(commit.id) not in known]
    return Plan(
        refs=refs,
        ref_changes=_compared(source, refs, stored),
        commits=tuple(commits),
        completed=completed,
        boundaries=boundaries,
    )


def _compared(source: GitSource, refs: tuple[Ref, ...], stored: Mapping[str, str]) -> RefChanges:
    names = {ref.name for ref in refs}
    moved: list[str] = []
    rewritten: list[str] = []
    for ref in refs:
        before = stored.get(ref.name, ref.commit_sha)
        if before == ref.commit_sha:
            continue
        # HEAD goes to another branch at every checkout; that rewrites nothing.
        is_forward = ref.name == HEAD or source.is_ancestor(before, ref.commit_sha)
        (moved if is_forward else rewritten).append(ref.name)
    return RefChanges(
        new=tuple(ref.name for ref in refs if ref.name not in stored),
        moved=tuple(moved),
        rewritten=tuple(rewritten),
        gone=tuple(sorted(set(stored) - names)),
    )


def marks_of(repo: str, rows: Batch) -> dict[tuple[str, str], int]:
    """What a batch writes, as the run is marked with it: table and repository to rows."""
    counts = {"git_commits": rows.commits.num_rows, "git_changes": rows.changes.num_rows}
    return {(table, repo): count for table, count in counts.items()}


def _account(source: GitSource, run: Run, planned: Plan, changes: int, refs: int) -> None:
    tips: dict[str, JSONValue] = {ref.name: ref.commit_sha for ref in planned.refs}
    run.input_fingerprint = sha256(canonical_bytes(tips))
    run.reads(Edge(dataset=f"git:{source.name}", fingerprint=run.input_fingerprint))
    for dataset, rows in (
        ("git_commits", len(planned.commits)),
        ("git_changes", changes),
        ("git_refs", refs),
    ):
        run.writes(Edge(dataset=dataset, partition_key=source.name, rows=rows))
        run.rows_out += rows
    run.rows_in = len(planned.commits)
    run.note(repo=source.name, rewritten=list(planned.ref_changes.rewritten))


def _report(
    source: GitSource,
    planned: Plan,
    begun: float,
    *,
    run_id: str | None = None,
    changes: int | None = None,
) -> SyncReport:
    return SyncReport(
        repo=source.name,
        run_id=run_id,
        refs=len(planned.refs),
        ref_changes=planned.ref_changes,
        commits=len(planned.commits),
        changes=changes,
        completed_boundaries=len(planned.completed),
        is_shallow=bool(planned.boundaries),
        dry_run=run_id is None,
        seconds=time.perf_counter() - begun,
    )

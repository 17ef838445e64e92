"""Git context as the command line prints it: JSON objects with names of the wire, and lines."""

from helicarrier import times
from helicarrier.lineage.git.model import Change, FileAt, RefChanges, SessionCommit, SyncReport
from helicarrier.lineage.git.service import Synced
from helicarrier.lineage.git.sessions import LinkReport

_SHORT = 12
"""Digits of a hash that tell it from others."""


def synced(done: Synced) -> dict[str, object]:
    """What a sync did."""
    return {
        "repositories": [_report(report) for report in done.repositories],
        "sessions": None if done.sessions is None else _links(done.sessions),
    }


def file_at(found: FileAt) -> dict[str, object]:
    """An answer about a file."""
    return {
        "repo": found.repo,
        "ref": found.ref,
        "path": found.path,
        "time": times.utc_text(found.at),
        "state": found.state,
        "commitSha": found.commit_sha,
        "blobSha": found.blob_sha,
    }


def change(found: Change) -> dict[str, object]:
    """What a commit did to a file."""
    return {
        "commitSha": found.commit_sha,
        "commitTime": times.utc_text(found.commit_time),
        "changeType": found.change_type,
        "path": found.path,
        "previousPath": found.previous_path,
        "blobSha": found.blob_sha,
        "insertions": found.insertions,
        "deletions": found.deletions,
    }


def session_commit(found: SessionCommit) -> dict[str, object]:
    """Where a session ran."""
    return {
        "sessionId": found.session_id,
        "repo": found.repo,
        "ref": found.ref,
        "commitSha": found.commit_sha,
        "certainty": found.certainty,
        "reason": found.reason,
    }


def report_line(report: SyncReport) -> str:
    """A sync of one repository in a line or two."""
    verb = "would read" if report.dry_run else "read"
    line = f"{report.repo}: {verb} {report.commits:,} new commits"
    if report.changes is not None:
        line += f" with {report.changes:,} changed files"
    line += f" of {report.refs:,} references in {report.seconds:.2f} s"
    if report.is_shallow:
        line += "; the clone is shallow: its history ends where it was cut off"
    if report.ref_changes.rewritten:
        line += f"; rewritten: {', '.join(report.ref_changes.rewritten)}"
    return line


def sessions_line(report: LinkReport) -> str:
    """What is known of the sessions in a line."""
    return (
        f"sessions: commit recorded {report.recorded:,}, resolved {report.resolved:,}, "
        f"unknown {report.unknown:,}; {report.changed:,} changed"
    )


def change_line(found: Change) -> str:
    """What a commit did to a file in a line."""
    name = found.path if found.previous_path is None else f"{found.previous_path} -> {found.path}"
    lines = "binary" if found.insertions is None else f"+{found.insertions} -{found.deletions}"
    at = times.utc_text(found.commit_time)[:19]
    return f"{found.commit_sha[:_SHORT]}  {at}Z  {found.change_type}  {name}  {lines}"


def _report(report: SyncReport) -> dict[str, object]:
    return {
        "repo": report.repo,
        "runId": report.run_id,
        "dryRun": report.dry_run,
        "refs": report.refs,
        "refChanges": _ref_changes(report.ref_changes),
        "commits": report.commits,
        "changes": report.changes,
        "completedBoundaries": report.completed_boundaries,
        "shallow": report.is_shallow,
        "seconds": round(report.seconds, 3),
    }


def _ref_changes(changes: RefChanges) -> dict[str, object]:
    return {
        "new": changes.new,
        "moved": changes.moved,
        "rewritten": changes.rewritten,
        "gone": changes.gone,
    }


def _links(report: LinkReport) -> dict[str, object]:
    return {
        "recorded": report.recorded,
        "resolved": report.resolved,
        "unknown": report.unknown,
        "changed": report.changed,
    }

"""Git history as values: references, changes of files, answers about a file, what a sync did."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ChangeType(StrEnum):
    """What a commit did to a path, as git's letters: added, modified, deleted, renamed."""

    ADDED = "A"
    MODIFIED = "M"
    DELETED = "D"
    RENAMED = "R"


class FileState(StrEnum):
    """Whether a file was there; `no_commit`: the reference has no commit that old."""

    PRESENT = "present"
    ABSENT = "absent"
    NO_COMMIT = "no_commit"


class Certainty(StrEnum):
    """How sure the commit of a session is.

    `recorded`: its source names the commit. `resolved`: the newest commit of its branch at its
    start. `unknown`: neither can be said.
    """

    RECORDED = "recorded"
    RESOLVED = "resolved"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why the commit of a session is unknown."""

    NO_REPOSITORY = "no_repository"
    NO_BRANCH = "no_branch"
    BRANCH_GONE = "branch_gone"
    BEFORE_HISTORY = "before_history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A reference by its full name (`refs/heads/main`, `HEAD`) and the commit it leads to."""

    name: str
    commit_sha: str

    @property
    def is_tag(self) -> bool:
        """Whether it is a tag, annotated or not."""
        return self.name.startswith("refs/tags/")

    @property
    def is_remote(self) -> bool:
        """Whether it follows a branch of another repository."""
        return self.name.startswith("refs/remotes/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A question: what was this path, as git writes it, at this time on this reference?"""

    path: str
    at: datetime
    ref: str = "HEAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAt:
    """The answer: the commit of the time and the file's content in it, as hashes.

    `blob_sha` is None where the file is absent, `commit_sha` where no commit is that old.
    """

    repo: str
    ref: str
    path: str
    at: datetime
    commit_sha: str | None
    blob_sha: str | None

    @property
    def state(self) -> FileState:
        """Whether the file was there."""
        if self.commit_sha is None:
            return FileState.NO_COMMIT
        return FileState.ABSENT if self.blob_sha is None else FileState.PRESENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one commit did to one path, against its first parent.

    Lines are None where they cannot be counted: binary files, submodules, missing content.
    """

    commit_sha: str
    path: str
    commit_time: datetime
    change_type: ChangeType
    previous_path: str | None
    blob_sha: str | None
    insertions: int | None
    deletions: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefChanges:
    """References against the last sync, by name. Rewritten ones left commits behind them."""

    new: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def stale(self) -> tuple[str, ...]:
        """References whose earlier answers may no longer hold."""
        return self.moved + self.rewritten + self.gone


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What a sync read and wrote. `commits` and `changes` are the new ones.

    A dry run does not look into commits, so `changes` is None. `completed_boundaries` are commits
    of a shallow clone whose parents have come in since.
    """

    repo: str
    run_id: str | None
    refs: int
    ref_changes: RefChanges
    commits: int
    changes: int | None
    completed_boundaries: int
    is_shallow: bool
    dry_run: bool
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCommit:
    """At which commit a session ran, and how sure that is."""

    session_id: str
    repo: str | None
    ref: str | None
    commit_sha: str | None
    certainty: Certainty
    reason: Reason | None

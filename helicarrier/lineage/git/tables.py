"""The tables of git context, as contracts; `migrations/warehouse` makes them in the DuckDB file.

Commits, parents and changes are facts that never change, so they are only ever added to; the one
exception is the commit where a shallow clone was cut off, whose changes are read again once its
parents are there. References are replaced by what the repository says.
"""

from helicarrier.governance import columns as c
from helicarrier.governance.contract import (
    Column,
    NullExactlyWhen,
    Requires,
    TableContract,
    values_of,
)
from helicarrier.lineage.git.model import Certainty, ChangeType, Reason
from helicarrier.store.duckdb_schema import ForeignKey, WarehouseTable

_SYNC = "Run `helicarrier git sync` on the repository again."


def _repo() -> Column:
    return c.text("repo", "The repository: the folder of its main checkout, or of a bare one.")


def _flag(name: str, meaning: str) -> Column:
    return c.count(name, f"{meaning} 1: yes, 0: no.")


GIT_COMMITS = TableContract(
    name="git_commits",
    grain="commit of a repository",
    primary_key=("repo", "commit_sha"),
    columns=(
        _repo(),
        c.text("commit_sha", "The commit."),
        c.text("author", "Name and address of the author, as the commit has them."),
        c.instant("author_time", "When the author wrote it, by the author's clock."),
        c.instant("commit_time", "When it was committed, by the committer's clock."),
        c.text("message", "The whole message."),
        _flag("is_merge", "Whether it has more than one parent."),
        _flag(
            "is_boundary",
            "Whether a shallow clone was cut off here: its parents were not there, and every file "
            "it holds counts as added.",
        ),
        c.run_id(),
    ),
)

GIT_PARENTS = TableContract(
    name="git_parents",
    grain="parent of a commit",
    primary_key=("repo", "commit_sha", "seq"),
    columns=(
        _repo(),
        c.text("commit_sha", "The commit."),
        c.count("seq", "Order of the parents; 0 is the branch that was merged into."),
        c.text("parent_sha", "The parent; unknown to `git_commits` only where a clone is shallow."),
        c.run_id(),
    ),
)

GIT_CHANGES = TableContract(
    name="git_changes",
    grain="path that a commit changed against its first parent",
    primary_key=("repo", "commit_sha", "path"),
    columns=(
        _repo(),
        c.text("commit_sha", "The commit."),
        c.text("path", "The path after the change; bytes that are not UTF-8 as `\\xNN`."),
        c.instant("commit_time", "When it was committed."),
        c.choice("change_type", values_of(ChangeType), "Added, modified, deleted or renamed."),
        c.text("previous_path", "The path that a renamed file had before.", nullable=True),
        c.text("blob_sha", "Content after the change; NULL for a deleted file.", nullable=True),
        c.count("insertions", "Lines added; NULL for binary content.", "lines", nullable=True),
        c.count("deletions", "Lines removed; NULL for binary content.", "lines", nullable=True),
        c.run_id(),
    ),
    rules=(
        NullExactlyWhen(
            name="blob_unless_deleted",
            column="blob_sha",
            flag="change_type",
            value=ChangeType.DELETED,
            remedy=_SYNC,
        ),
        Requires(name="lines_together", column="insertions", others=("deletions",), remedy=_SYNC),
    ),
)

GIT_REFS = TableContract(
    name="git_refs",
    grain="branch, tag or HEAD of a repository, as last seen",
    primary_key=("repo", "ref_name"),
    columns=(
        _repo(),
        c.text("ref_name", "The full name, as `refs/heads/main`."),
        c.text("commit_sha", "The commit it leads to."),
        _flag("is_tag", "Whether it is a tag."),
        _flag("is_remote", "Whether it follows a branch of another repository."),
        c.run_id(),
    ),
)

GIT_CACHE = TableContract(
    name="git_cache",
    grain="question about a file that was asked",
    primary_key=("repo", "ref", "path", "at"),
    columns=(
        _repo(),
        c.text("ref", "The full name of the reference, or a commit; `^1` follows first parents."),
        c.text("path", "The path as asked."),
        c.instant("at", "The time as asked."),
        c.text(
            "commit_sha", "The commit of that time; NULL where none is that old.", nullable=True
        ),
        c.text("blob_sha", "The content; NULL where the file was absent.", nullable=True),
        c.count("hits", "How often the answer was used again."),
        c.instant("last_accessed", "When it was used last: the least recent give way first."),
        c.instant("expires_at", "After this it is asked anew."),
    ),
    rules=(
        Requires(name="blob_of_commit", column="blob_sha", others=("commit_sha",), remedy=_SYNC),
    ),
)

SESSION_COMMITS = TableContract(
    name="session_commits",
    grain="agent session that tells where it ran",
    primary_key=("session_id",),
    columns=(
        c.text("session_id", "The session."),
        c.text("repo", "The repository that its folder belongs to.", nullable=True),
        c.text("ref", "The branch it worked on, by its full name.", nullable=True),
        c.text("commit_sha", "The commit it ran at.", nullable=True),
        c.choice("certainty", values_of(Certainty), "How sure the commit is."),
        c.choice("reason", values_of(Reason), "Why it is unknown.", nullable=True),
        c.run_id(),
    ),
    rules=(
        NullExactlyWhen(
            name="commit_unless_unknown",
            column="commit_sha",
            flag="certainty",
            value=Certainty.UNKNOWN,
            remedy=_SYNC,
        ),
    ),
)

TABLES = (
    WarehouseTable(contract=GIT_COMMITS),
    WarehouseTable(contract=GIT_PARENTS),
    WarehouseTable(
        contract=GIT_CHANGES,
        foreign_keys=(
            ForeignKey(
                column="repo, commit_sha", parent="git_commits", parent_column="repo, commit_sha"
            ),
        ),
        indexes=(("repo", "path", "commit_time"),),
    ),
    WarehouseTable(contract=GIT_REFS),
    WarehouseTable(contract=GIT_CACHE),
    WarehouseTable(contract=SESSION_COMMITS),
)
"""In an order in which they can be made: parents first."""

CONTRACTS = tuple(table.contract for table in TABLES)

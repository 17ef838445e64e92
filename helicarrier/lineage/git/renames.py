"""Renames: which added file of a commit is a deleted one under another name.

A rename is a guess about contents, and git's own (half of the lines alike) is the one everybody
sees. So libgit2 makes it, but only where a commit both adds and deletes files.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from helicarrier.lineage.git.trees import Difference

if TYPE_CHECKING:
    from pygit2 import Commit, Repository

_ALIKE = 50
"""Per cent of a file that must be the same, as in git."""


class Renames:
    """Finds renames in one repository."""

    def __init__(self, repository: "Repository") -> None:
        """Args: the opened repository."""
        self._repository = repository

    def of(
        self, parent: "Commit", commit: "Commit", found: Sequence[Difference]
    ) -> Mapping[bytes, bytes]:
        """New path -> old path of the files that a commit renamed.

        Args: the two commits; found, the differences of their trees. Content that a partial clone
        left out cannot be compared: then nothing is a rename.
        """
        added = {path for path, old, _ in found if old is None}
        deleted = {path for path, _, new in found if new is None}
        if not added or not deleted:
            return {}
        import pygit2
        from pygit2.enums import DeltaStatus, DiffFind, DiffOption

        try:
            diff = self._repository.diff(
                parent, commit, flags=DiffOption.INCLUDE_TYPECHANGE, context_lines=0
            )
            diff.find_similar(flags=DiffFind.FIND_RENAMES, rename_threshold=_ALIKE)
        except (KeyError, pygit2.GitError):
            return {}
        pairs = {
            delta.new_file.raw_path: delta.old_file.raw_path
            for delta in diff.deltas
            if delta.status == DeltaStatus.RENAMED
        }
        return {new: old for new, old in pairs.items() if new in added and old in deleted}

"""A git repository on disk: what it is called, its references, its commits and their contents.

Everything is read with libgit2 inside this process. A repository has one name for all of its
worktrees, so that sessions of each of them meet the same history. What libgit2 cannot open is
refused with one error; nothing is ever written.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.lineage.git.model import Ref

if TYPE_CHECKING:
    from pygit2 import Commit, Repository

HEAD = "HEAD"
_KINDS = ("refs/heads/", "refs/tags/", "refs/remotes/")


class GitSource:
    """An opened repository. `name` identifies it in every table."""

    def __init__(self, folder: Path) -> None:
        """Args: a folder inside of a checkout, or a bare repository.

        Raises:
            InputRejected: NOT_FOUND, there is none that can be read.
        """
        import pygit2

        found = _discovered(folder)
        if found is None:
            raise _no_repository()
        # The hashes were checked when the objects came in; checking each read costs a third more.
        pygit2.settings.enable_strict_hash_verification(value=False)
        try:
            self.repository: Repository = pygit2.Repository(str(found))
        except (pygit2.GitError, ValueError) as error:
            raise _no_repository() from error
        self._common = _common_folder(found)
        self.name = _name(self._common)

    def refs(self) -> list[Ref]:
        """Branches, tags and HEAD that lead to a commit, by name."""
        found = {
            name: sha
            for name in self.repository.references
            if name.startswith(_KINDS) and (sha := self._commit_of(name)) is not None
        }
        head = self._commit_of(HEAD)
        if head is not None:
            found[HEAD] = head
        return [Ref(name=name, commit_sha=found[name]) for name in sorted(found)]

    def boundaries(self) -> frozenset[str]:
        """Commits at which a shallow clone is cut off."""
        file = self._common / "shallow"
        return (
            frozenset(file.read_text(encoding="ascii").split()) if file.is_file() else frozenset()
        )

    def holds(self, sha: str) -> bool:
        """Whether the commit is there: one that was rewritten may have been cleaned away."""
        return sha in self.repository

    def commits(self, tips: Iterable[str], without: Iterable[str] = ()) -> "list[Commit]":
        """Commits that tips lead to and `without` does not, each after its parents."""
        from pygit2.enums import SortMode

        tips = list(tips)
        if not tips:
            return []
        walker = self.repository.walk(None, SortMode.TOPOLOGICAL | SortMode.REVERSE)
        for tip in tips:
            walker.push(tip)
        for sha in without:
            if self.holds(sha):
                walker.hide(sha)
        return list(walker)

    def commit(self, sha: str) -> "Commit":
        """One commit that is there."""
        from pygit2.enums import ObjectType

        return self.repository[sha].peel(ObjectType.COMMIT)

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether history leads from the newer commit back to the older one."""
        if not self.holds(older):
            return False
        return self.repository.merge_base(older, newer) == self.repository[older].id

    def _commit_of(self, name: str) -> str | None:
        """The commit behind a reference, through symbolic references and annotated tags."""
        import pygit2
        from pygit2.enums import ObjectType

        try:
            reference = self.repository.lookup_reference(name)
            return str(reference.peel(ObjectType.COMMIT).id)
        except (KeyError, ValueError, pygit2.GitError):
            return None  # A branch before its first commit, or a tag of something else.


def repository_name(folder: Path) -> str | None:
    """The name of the repository that a folder belongs to; None outside of any."""
    found = _discovered(folder)
    return None if found is None else _name(_common_folder(found))


def names_of_folders(folders: Iterable[str], known: Sequence[str]) -> Mapping[str, str]:
    """Folder -> repository, for those that belong to one.

    A folder that is gone (a worktree after its work, another machine's) belongs to the known
    repository that it lay in, the innermost if there are several.
    """
    found: dict[str, str] = {}
    for folder in folders:
        name = repository_name(Path(folder)) or _enclosing(folder, known)
        if name is not None:
            found[folder] = name
    return found


def _enclosing(folder: str, known: Sequence[str]) -> str | None:
    around = [name for name in known if f"{folder}/".startswith(f"{name.rstrip('/')}/")]
    return max(around, key=len, default=None)


def _discovered(folder: Path) -> Path | None:
    import pygit2

    try:
        found = pygit2.discover_repository(str(folder))
    except (KeyError, ValueError, pygit2.GitError):
        return None
    return None if found is None else Path(found)


def _common_folder(git_folder: Path) -> Path:
    """The folder that all worktrees of a repository share."""
    pointer = git_folder / "commondir"
    if pointer.is_file():
        git_folder = git_folder / pointer.read_text(encoding="utf-8").strip()
    return git_folder.resolve()


def _name(common: Path) -> str:
    return str(common.parent if common.name == ".git" else common)


def _no_repository() -> InputRejected:
    return InputRejected(
        "there is no git repository that can be read in the folder",
        code=ErrorCode.NOT_FOUND,
        hint="Give a folder inside of a checkout, or a bare repository of your own user.",
    )

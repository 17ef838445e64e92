"""Git repositories for tests, written in one go by `git fast-import`, and git's own answers."""

import random
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

GIT = shutil.which("git")
"""The program that gives the right answers; tests skip where there is none."""


def git(folder: Path, *arguments: str, given: str | None = None) -> str:
    """What git prints, without the last newline; the user's own configuration does not count."""
    assert GIT is not None
    done = subprocess.run(
        [GIT, "-c", "protocol.file.allow=always", "-C", str(folder), *arguments],
        input=given,
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "PATH": "/usr/bin:/bin"},
    )
    return done.stdout.removesuffix("\n")


@dataclass
class Script:
    """A stream for `git fast-import`, commit by commit."""

    parts: list[bytes] = field(default_factory=list)
    marks: int = 0

    def commit(
        self,
        branch: str,
        seconds: int,
        changes: Iterable[tuple[str, bytes | None] | tuple[str, str, str]],
        *,
        parents: Sequence[int] = (),
        message: bytes = b"change",
        mode: str = "100644",
    ) -> int:
        """A commit on a branch; its mark, by which later ones name it as a parent.

        Changes: (path, content), (path, None) to delete, ("R", old, new) to rename.
        """
        self.marks += 1
        lines = [
            f"commit refs/heads/{branch}\nmark :{self.marks}\n"
            f"author Ada <ada@example.org> {seconds} +0000\n"
            f"committer Ada <ada@example.org> {seconds} +0000\n".encode(),
            _data(message),
        ]
        for n, parent in enumerate(parents):
            lines.append(f"{'merge' if n else 'from'} :{parent}\n".encode())
        for change in changes:
            match change:
                case ("R", str(old), str(new)):
                    lines.append(f"R {old} {new}\n".encode())
                case (str(path), None):
                    lines.append(f"D {path}\n".encode())
                case (str(path), bytes(content)):
                    lines.append(f"M {mode} inline {path}\n".encode() + _data(content))
        self.parts += lines
        return self.marks

    def write(self, folder: Path, *, head: str = "main") -> Path:
        """Make the repository, or add to it."""
        assert GIT is not None
        if not folder.exists():
            folder.mkdir(parents=True)
            git(folder, "init", "-q", "-b", head)
        subprocess.run(
            [GIT, "-C", str(folder), "fast-import", "--quiet", "--force"],
            input=b"".join(self.parts),
            check=True,
        )
        return folder


def odd_history(seed: int, commits: int) -> Script:
    """Branches, merges, renames and deletions under clocks that jump back and stand still."""
    chance, script = random.Random(seed), Script()
    names = [f"{folder}f{n}.txt" for folder in ("", "src/", "src/deep/") for n in range(5)]
    clock = 1_600_000_000
    tips: dict[str, tuple[int, dict[str, bytes]]] = {}
    first = {name: _text(chance, 12) for name in names[:6]}
    tips["main"] = script.commit("main", clock, list(first.items())), first
    while script.marks < commits:
        clock += chance.choice([0, 0, 30, 60, 600, 3_600])
        seconds = clock + chance.choice([0, 0, 0, 0, -7_200, -90_000, 5_400, -600])
        branch = chance.choice(sorted(tips))
        if chance.random() < 0.12 and len(tips) < 5:
            branch = f"topic/{script.marks}"
            tips[branch] = tips["main"]
        mark, files = tips[branch]
        others = [name for name in sorted(tips) if tips[name][0] != mark]
        if others and chance.random() < 0.2:
            other = chance.choice(others)
            merged = files | {n: c for n, c in tips[other][1].items() if chance.random() < 0.6}
            if chance.random() < 0.3:
                merged[chance.choice(names)] = _text(chance, 10)
            changes = _between(files, merged)
            parents = [mark, tips[other][0]]
        else:
            merged, changes = _edited(chance, files, names)
            parents = [mark]
        made = script.commit(branch, seconds, changes, parents=parents)
        tips[branch] = made, merged
    return script


def before(folder: Path, seconds: int, ref: str, *options: str) -> str | None:
    """The commit that git itself gives for a time."""
    at = f"--before={seconds} +0000"
    return git(folder, "rev-list", "-1", *options, at, ref, "--") or None


def blobs(folder: Path, asked: Sequence[tuple[str, str]]) -> list[str | None]:
    """The content of paths in commits, by one process of git."""
    lines = "".join(f"{commit}:{path}\n" for commit, path in asked)
    said = git(folder, "cat-file", "--batch-check", given=lines).splitlines()
    assert len(said) == len(asked)
    return [line.split()[0] if line.split()[-2:-1] == ["blob"] else None for line in said]


def _edited(
    chance: random.Random, files: dict[str, bytes], names: list[str]
) -> tuple[dict[str, bytes], list[tuple[str, bytes | None] | tuple[str, str, str]]]:
    after = dict(files)
    present = sorted(files)
    free = [name for name in names if name not in files]
    kind = chance.random()
    if kind < 0.15 and present and free:
        old, new = chance.choice(present), chance.choice(free)
        after[new] = after.pop(old) + (b"more\n" if chance.random() < 0.5 else b"")
    elif kind < 0.3 and len(present) > 2:
        del after[chance.choice(present)]
    else:
        for name in chance.sample(names, chance.randint(1, 2)):
            lines = after.get(name, _text(chance, 12)).split(b"\n")
            lines[chance.randrange(len(lines))] = b"edit %d" % chance.randrange(10**6)
            after[name] = b"\n".join(lines)
    return after, _between(files, after)


def _between(
    old: dict[str, bytes], new: dict[str, bytes]
) -> list[tuple[str, bytes | None] | tuple[str, str, str]]:
    gone = [(name, None) for name in sorted(set(old) - set(new))]
    return [*gone, *((name, new[name]) for name in sorted(new) if old.get(name) != new[name])]


def _text(chance: random.Random, lines: int) -> bytes:
    return b"".join(b"line %d\n" % chance.randrange(10**6) for _ in range(lines))


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)

"""Extraction of git history against git's own log of the same repository.

    python -m benchmarks.git_history --commits 10000 --json results.json

The repository is made up: commits of one to three edits of one line in 600 files in 20 folders, as
`git gc` packs them. There are two floors: `git log --raw`, which names what changed, and
`git log --raw --numstat`, which also counts lines, as the extraction does. The sync reads the whole
history into a new warehouse file; beside it stand a sync of 100 more commits and one without news.
"""

import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

import click

from benchmarks import harness
from benchmarks.harness import Case, Comparison
from helicarrier.lineage.git.source import GitSource
from helicarrier.lineage.git.sync import sync
from helicarrier.store.run_model import Run
from helicarrier.store.warehouse import WarehouseStore

TARGET = 3.0
_NEWS = 100
_RUN = Run(
    run_id="00000000-0000-4000-8000-000000000000", started_at=datetime(2026, 1, 1, tzinfo=UTC)
)
_FIRST_SECOND = 1_600_000_000


def make_repository(folder: Path, commits: int) -> None:
    """Write a repository with one stream to `git fast-import`."""
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    _import(folder, _stream(commits, seed=1))
    subprocess.run(["git", "-C", str(folder), "gc", "-q"], check=True)


def add_commits(folder: Path, commits: int, seed: int) -> None:
    """Put commits on top."""
    _import(folder, b"from refs/heads/main^0\n".join(_stream(commits, seed).split(b"\0", 1)))


def _import(folder: Path, stream: bytes) -> None:
    command = ["git", "-C", str(folder), "fast-import", "--quiet"]
    subprocess.run(command, input=stream.replace(b"\0", b""), check=True)


def _stream(commits: int, seed: int) -> bytes:
    """The commits; a NUL stands where the first one may name its parent."""
    chance = random.Random(seed)
    files: dict[str, list[str]] = {}
    parts: list[bytes] = []
    for n in range(commits):
        at = _FIRST_SECOND + seed * 10_000_000 + n * 60
        message = f"Change {n} of {seed}".encode()
        parts.append(
            f"commit refs/heads/main\ncommitter Ada <ada@example.org> {at} +0000\n".encode()
        )
        parts.append(b"data %d\n%b\n" % (len(message), message))
        if n == 0:
            parts.append(b"\0")
        for _ in range(chance.randint(1, 3)):
            name = f"src/part{chance.randrange(20):02}/file{chance.randrange(30):02}.py"
            lines = files.setdefault(name, [f"line {i}\n" for i in range(40)])
            lines[chance.randrange(len(lines))] = f"edit {n} of {seed}\n"
            content = "".join(lines).encode()
            parts.append(f"M 100644 inline {name}\n".encode())
            parts.append(b"data %d\n%b\n" % (len(content), content))
    return b"".join(parts)


def log(folder: Path, *options: str) -> None:
    """Git's own log of everything; what it prints is dropped."""
    command = ["git", "-C", str(folder), "log", "--all", "--raw", *options]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def read_all(folder: Path, file: Path) -> None:
    """A sync into the file, as the command does it."""
    warehouse = WarehouseStore(file)
    sync(GitSource(folder), warehouse, _RUN)
    warehouse.close()


def compare(folder: Path, commits: int, runs: int) -> list[Comparison]:
    """The sync beside both floors."""
    repository, file = folder / "repository", folder / "warehouse.duckdb"
    make_repository(repository, commits)
    raw, counted, read = harness.measure(
        [
            Case(name="git log --raw", run=lambda: log(repository)),
            Case(name="git log --raw --numstat", run=lambda: log(repository, "--numstat")),
            Case(
                name="sync into a new file",
                run=lambda: read_all(repository, file),
                prepare=lambda: file.unlink(missing_ok=True),
            ),
        ],
        runs,
    )
    news, nothing = [], []
    for n in range(runs):
        add_commits(repository, _NEWS, seed=n + 2)
        for seconds in (news, nothing):
            begun = time.perf_counter()
            read_all(repository, file)
            seconds.append(time.perf_counter() - begun)
    details = {
        f"median ms of a sync of {_NEWS} new commits": sorted(news)[runs // 2] * 1_000,
        "median ms of a sync without news": sorted(nothing)[runs // 2] * 1_000,
    }
    size = f"{commits:,} commits"
    return [
        Comparison(
            subject="git history",
            size=size,
            floor=floor,
            measured=read,
            target=TARGET,
            details=details,
        )
        for floor in (raw, counted)
    ]


@click.command()
@click.option("--commits", default=10_000, show_default=True, help="Commits of the repository.")
@click.option("--runs", default=3, show_default=True, help="Runs of each side.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures.")
def main(*, commits: int, runs: int, json_file: Path | None) -> None:
    """Measure the extraction of git history."""
    with TemporaryDirectory(prefix="helicarrier-bench-") as folder:
        comparisons = compare(Path(folder), commits, runs)
    about = harness.machine("duckdb", "pyarrow", "pygit2")
    harness.show(comparisons, about)
    if json_file is not None:
        harness.write_json(comparisons, about, json_file)


if __name__ == "__main__":
    main()

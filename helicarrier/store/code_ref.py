"""The code that runs: the git commit of the project, marked where files differ from it.

Read once for each process, since code that is loaded does not change. A package that was installed
into somebody else's repository is not that repository's code, so only the project's own counts.
"""

import shutil
import subprocess
from functools import cache
from pathlib import Path

UNKNOWN = "unknown"
_ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT_SECONDS = 5


@cache
def code_ref(root: Path = _ROOT) -> str:
    """The commit's hash, with `-dirty` where files differ; `unknown` outside of git."""
    top = _git(root, "rev-parse", "--show-toplevel", "HEAD")
    if top is None:
        return UNKNOWN
    folder, _, commit = top.partition("\n")
    if Path(folder).resolve() != root.resolve():
        return UNKNOWN
    changes = _git(root, "status", "--porcelain")
    return f"{commit}-dirty" if changes else commit


def _git(root: Path, *arguments: str) -> str | None:
    """What git says; None when it is missing, fails or hangs."""
    program = shutil.which("git")
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603  found on the PATH, fixed arguments
            [program, "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()

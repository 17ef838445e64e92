"""A corpus of some megabytes, made of the sample sessions with fresh ids and padded texts."""

import json
from pathlib import Path

from benchmarks.corpus import make

_SAMPLES = Path(__file__).parents[2] / "examples" / "sessions" / "claude"


def make_corpus(target: Path, megabytes: int) -> Path:
    """Logs of about that size under `target`; samples with a broken line are left out."""
    sources = [path for path in sorted(_SAMPLES.rglob("*.jsonl")) if _is_whole(path)]
    make(sources, target, megabytes)
    return target


def _is_whole(path: Path) -> bool:
    try:
        for line in path.read_bytes().splitlines():
            json.loads(line)
    except ValueError:
        return False
    return True

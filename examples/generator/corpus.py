"""Puts the formats together and writes down what a reader must find in them."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import reduce
from operator import add

from generator import claude, codex, native
from generator.facts import Generated, totals
from generator.jsonl import Row, pretty
from generator.source import DAYS, FIRST_DAY, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """All files of the samples: path below the output folder, with `/`, to bytes."""

    files: dict[str, bytes]


def build(seed: int) -> Corpus:
    """Return the samples that `seed` gives, `expected.json` among them.

    Raises ValueError when two formats claim the same path, which would lose a session.
    """
    source = Source(seed)
    parts = {
        "claude_code": claude.generate(source.child()),
        "codex": codex.generate(source.child()),
        "native_v1": native.generate_v1(source.child()),
        "native_v2": native.generate_v2(source.child()),
    }
    files: dict[str, bytes] = {}
    for part in parts.values():
        if taken := files.keys() & part.files.keys():
            message = f"two sample sessions share a path: {min(taken)}"
            raise ValueError(message)
        files |= part.files
    files["expected.json"] = pretty(_expected(seed, parts))
    return Corpus(files=dict(sorted(files.items())))


def _expected(seed: int, parts: dict[str, Generated]) -> Row:
    last_day = FIRST_DAY + timedelta(days=DAYS - 1)
    formats: Row = {name: {"files": len(p.files), **totals([p])} for name, p in parts.items()}
    return {
        "seed": seed,
        "from": f"{FIRST_DAY:%Y-%m-%d}",
        "to": f"{last_day:%Y-%m-%d}",
        "formats": formats,
        "all": {"files": sum(len(p.files) for p in parts.values()), **totals(parts.values())},
        "defects": asdict(reduce(add, (part.defects for part in parts.values()))),
    }

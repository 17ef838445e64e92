#!/usr/bin/env python3
"""Writes the sample sessions, or checks that the committed ones are what the seed gives.

    python examples/generate.py [--out DIR] [--seed N] [--check]

Needs nothing but Python 3.11. Files that a folder already holds and the generator would not
write are never removed: the run refuses to mix two sets of samples.
"""

import argparse
import sys
from pathlib import Path

from generator import build

SEED = 20261005
SESSIONS = Path(__file__).resolve().parent / "sessions"


def differences(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Return one sorted sentence for each file of `folder` that is not as in `files`."""
    present = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    found = [f"{name}: not a sample" for name in present.keys() - files.keys()]
    found += [f"{name}: missing" for name in files.keys() - present.keys()]
    found += [
        f"{name}: differs"
        for name in files.keys() & present.keys()
        if present[name].read_bytes() != files[name]
    ]
    return sorted(found)


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Write `files` below `folder`."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 0, or 1 when the folder is not as it should be."""
    parser = argparse.ArgumentParser(description="Write or check the sample sessions.")
    parser.add_argument("--out", type=Path, default=SESSIONS, help="folder (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 on a difference")
    options = parser.parse_args(arguments)

    files = build(options.seed).files
    found = differences(options.out, files)
    if options.check:
        sys.stderr.writelines(f"{sentence}\n" for sentence in found)
        return 1 if found else 0
    if strangers := [sentence for sentence in found if sentence.endswith(": not a sample")]:
        sys.stderr.write(f"{options.out} holds other files; remove them first\n")
        sys.stderr.writelines(f"{sentence}\n" for sentence in strangers)
        return 1
    write(options.out, files)
    sys.stdout.write(f"{len(files)} files, {sum(map(len, files.values()))} bytes: {options.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

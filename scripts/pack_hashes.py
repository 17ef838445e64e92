"""Writes the hashes of the cases in benchmark/ anew after their contents were edited.

`python scripts/pack_hashes.py` writes them, `--check` says (exit 1) which packs are out of date.
"""

import json
import sys
from pathlib import Path

from helicarrier.canonical import sha256
from helicarrier.resolution.packs import ADVERSARIAL, GOLDENS


def main() -> int:
    """Write the packs, or check them."""
    check = "--check" in sys.argv[1:]
    stale = [file for folder in (GOLDENS, ADVERSARIAL) for file in folder.rglob("*.json")]
    stale = [file for file in sorted(stale) if _written(file) != file.read_text(encoding="utf-8")]
    for file in stale:
        if not check:
            file.write_text(_written(file), encoding="utf-8")
        print(f"{'out of date' if check else 'wrote'}: {file}")
    return int(check and bool(stale))


def _written(file: Path) -> str:
    """ASCII, so that characters that look alike or like nothing are seen."""
    pack = json.loads(file.read_text(encoding="utf-8"))
    for case in pack["cases"]:
        for side in ("golden", "candidate"):
            content = case[side]["content"]
            case[side]["hash"] = f"sha256:{sha256(content.encode())}"
    return json.dumps(pack, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())

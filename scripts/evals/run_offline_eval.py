"""Judges a file of eval results: `helicarrier evals run` for a build server.

    python scripts/evals/run_offline_eval.py --input results.jsonl --output report.json

Ends with 0 when every gate passes, 2 when any does not, 4 for a missing or broken file and 64 for a
mistake of the call. All options are those of the command.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helicarrier.cli import main

if __name__ == "__main__":
    main(["evals", "run", *sys.argv[1:]])

"""The example of the router: providers really answer, and the telemetry lands in the store."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "routing.py"


def run(data_dir: Path, *arguments: str) -> dict[str, object]:
    """Run the example as a user does."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "--data-dir", str(data_dir), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_every_generation_is_recorded_with_who_stood_in(data_dir: Path) -> None:
    """Every fourth prompt is beyond the default provider: another one answers, and that is told."""
    told = run(data_dir, "--strategy", "fallback", "--requests", "8")
    assert (told["answeredBy"], told["unanswered"]) == ({"custom": 2, "openai": 6}, 0)
    with sqlite3.connect(data_dir / "helicarrier.sqlite") as connection:
        rows = connection.execute(
            "SELECT provider, selected_provider, fallback_provider, COUNT(*), MIN(latency_ms) > 0 "
            "FROM ai_training_examples GROUP BY 1, 2, 3 ORDER BY 1"
        ).fetchall()
    assert rows == [("custom", "openai", "custom", 2, 1), ("openai", "openai", None, 6, 1)]


def test_what_nobody_answers_is_recorded_as_well(data_dir: Path) -> None:
    """Without stand-ins the prompt fails, and its row has no latency."""
    told = run(data_dir, "--strategy", "single_provider", "--requests", "4")
    assert (told["answeredBy"], told["unanswered"]) == ({"openai": 3}, 1)
    with sqlite3.connect(data_dir / "helicarrier.sqlite") as connection:
        rows = connection.execute(
            "SELECT prompt, metadata FROM ai_training_examples WHERE latency_ms IS NULL"
        ).fetchall()
    assert rows == [("A page for a museum with a hologram", '{"failed":["openai"]}')]

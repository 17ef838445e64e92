"""`helicarrier resolution`: what a build server reads from the exit code."""

import json
from pathlib import Path

from tests.cli.conftest import Command


def panel(tmp_path: Path, count: int) -> Path:
    """A file of items on which three raters agree."""
    path = tmp_path / "labels.jsonl"
    lines = [
        {
            "id": f"i{n}",
            "labels": [
                {"rater_id": rater, "label": "equivalent" if n % 2 else "not_equivalent"}
                for rater in "abc"
            ],
        }
        for n in range(count)
    ]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


def test_the_exit_code_is_the_gate(helicarrier: Command, tmp_path: Path) -> None:
    """0 where it is open, 2 where it is shut, 4 where the labels cannot be read."""
    opened = helicarrier("resolution", "agreement", panel(tmp_path, 200), "--json")
    assert (opened.code, json.loads(opened.out)["kappa"]) == (0, 1.0)
    shut = helicarrier("resolution", "agreement", panel(tmp_path, 8))
    assert (shut.code, "gate        shut" in shut.out) == (2, True)
    assert helicarrier("resolution", "agreement", tmp_path / "nothing").code == 4

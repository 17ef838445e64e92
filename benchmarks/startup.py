"""How long a command and the code location take to start.

    python -m benchmarks.startup

Each side is a fresh process: `--help` beside an interpreter that does nothing, and the load of the
definitions beside the import of Dagster alone.
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import click

from benchmarks import harness
from benchmarks.harness import Case, Comparison

ROOT = Path(__file__).parents[1]
HELP_SECONDS = 0.4
MORE_THAN_DAGSTER_SECONDS = 1.0


def python(*arguments: str) -> None:
    """Run the interpreter of this environment to its end."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environ, check=True, capture_output=True
    )


def compare(runs: int) -> list[Comparison]:
    """Measure both starts beside their floors."""
    sides = {
        "nothing": ("-c", "pass"),
        "helicarrier --help": ("-m", "helicarrier", "--help"),
        "import dagster": ("-c", "import dagster"),
        "import definitions": ("-c", "import definitions"),
    }
    for arguments in sides.values():
        python(*arguments)  # so that everything is compiled, and in the system's cache
    nothing, shown, dagster, definitions = harness.measure(
        [
            Case(name=name, run=lambda arguments=arguments: python(*arguments))
            for name, arguments in sides.items()
        ],
        runs,
    )
    return [
        Comparison(
            subject="start of the command line",
            size="--help",
            floor=nothing,
            measured=shown,
            target=HELP_SECONDS / nothing.median,
            details={"median, ms": shown.median * 1e3, "best, ms": shown.best * 1e3},
        ),
        Comparison(
            subject="load of the definitions",
            size="all assets and checks",
            floor=dagster,
            measured=definitions,
            target=1 + MORE_THAN_DAGSTER_SECONDS / dagster.median,
            details={"more than dagster, ms": (definitions.median - dagster.median) * 1e3},
        ),
    ]


@click.command()
@click.option("--runs", default=5, show_default=True, help="Runs of each side.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write JSON.")
def main(runs: int, file: Path | None) -> None:
    """Measure how long things take to start."""
    found = compare(runs)
    about = harness.machine("dagster", "click")
    harness.show(found, about)
    if file is not None:
        harness.write_json(found, about, file)


if __name__ == "__main__":
    main()

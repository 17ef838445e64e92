"""Measuring: repeated runs, a table on the terminal, the same figures as JSON.

Every figure is the minimum, median and maximum of several runs, next to a floor or a peer that was
measured in the same run on the same data: only their ratio means something on another machine.
Runs of the two sides alternate, so that a busy minute of the machine hits both.
"""

import gc
import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

_MEGABYTE = 1_000_000
_KILOBYTE = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something to measure: `prepare` runs before each run and is not counted."""

    name: str
    run: Callable[[], object]
    prepare: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The runs of one case, in the order in which they were run.

    `cpu_seconds` adds up all threads of this process and the processes that it waited for: what a
    shared machine disturbs least.
    `peak_mb` is the most memory that the process held during each run.
    """

    name: str
    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]
    peak_mb: tuple[float, ...]

    @property
    def best(self) -> float:
        """The fastest run."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """The middle run."""
        return statistics.median(self.seconds)

    @property
    def worst(self) -> float:
        """The slowest run."""
        return max(self.seconds)

    @property
    def cpu(self) -> float:
        """Processor time of the middle run."""
        return statistics.median(self.cpu_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A subject next to its floor on one size of data. `target` bounds the ratio of medians."""

    subject: str
    size: str
    floor: Figures
    measured: Figures
    target: float
    details: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Median of the subject over median of the floor."""
        return self.measured.median / self.floor.median


def measure(cases: Sequence[Case], runs: int) -> list[Figures]:
    """Run the cases in turn, `runs` times each, garbage collected before each run."""
    seconds: dict[str, list[float]] = {case.name: [] for case in cases}
    cpu_seconds: dict[str, list[float]] = {case.name: [] for case in cases}
    peak_mb: dict[str, list[float]] = {case.name: [] for case in cases}
    for _ in range(runs):
        for case in cases:
            if case.prepare is not None:
                case.prepare()
            gc.collect()
            forget_peak_memory()
            begun, cpu_begun = time.perf_counter(), processor_seconds()
            case.run()
            seconds[case.name].append(time.perf_counter() - begun)
            cpu_seconds[case.name].append(processor_seconds() - cpu_begun)
            peak_mb[case.name].append(peak_memory_mb())
    return [
        Figures(
            name=case.name,
            seconds=tuple(seconds[case.name]),
            cpu_seconds=tuple(cpu_seconds[case.name]),
            peak_mb=tuple(peak_mb[case.name]),
        )
        for case in cases
    ]


def processor_seconds() -> float:
    """User and system time of this process and of the children that have ended, in seconds."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def forget_peak_memory() -> None:
    """Let the peak begin anew, where the system can: Linux does."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_memory_mb() -> float:
    """The most memory that this process has held since its peak was last forgotten, in MB."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * _KILOBYTE / _MEGABYTE
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes, macOS bytes.
    return peak * (1 if sys.platform == "darwin" else _KILOBYTE) / _MEGABYTE


def machine(*packages: str) -> dict[str, str | int]:
    """What the figures were measured on: processor, cores, Python, versions of `packages`."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "measured_at": datetime.now(tz=UTC).isoformat(timespec="seconds"),
    } | {package: version(package) for package in packages}


def show(comparisons: Sequence[Comparison], about: dict[str, str | int]) -> None:
    """Print one table for each comparison, and the machine below them."""
    console = Console()
    for comparison in comparisons:
        title = f"{comparison.subject}, {comparison.size}"
        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
        table.add_column("side")
        for heading in ("min", "median", "max", "cpu", "memory", "ratio", "target"):
            table.add_column(heading, justify="right")
        table.add_row(*_row(comparison.floor), "1.00", "")
        table.add_row(
            *_row(comparison.measured), f"{comparison.ratio:.2f}", f"<= {comparison.target:.2f}"
        )
        console.print(table)
        for name, value in comparison.details.items():
            console.print(f"{name}: {value:,.0f}")
        console.print()
    console.print(", ".join(f"{name} {value}" for name, value in about.items()))


def write_json(comparisons: Sequence[Comparison], about: dict[str, str | int], file: Path) -> None:
    """Write what `show` prints as JSON, seconds unrounded."""
    document = {
        "machine": about,
        "comparisons": [
            asdict(comparison) | {"ratio": comparison.ratio} for comparison in comparisons
        ],
    }
    file.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _row(figures: Figures) -> tuple[str, ...]:
    return (
        figures.name,
        f"{figures.best:.2f} s",
        f"{figures.median:.2f} s",
        f"{figures.worst:.2f} s",
        f"{figures.cpu:.2f} s",
        f"{max(figures.peak_mb):,.0f} MB",
    )


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    if about.is_file():
        for line in about.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

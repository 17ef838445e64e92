"""Import of session logs and of envelopes through the command line, next to a plain parse.

    python -m benchmarks.import_sessions DIR --make 500 --json results.json

The corpus is made once, from the sample sessions or from the logs of `--source`, with fresh ids and
texts as long as in the wild, and then only read. Every import is the real command in a process of
its own with an empty data folder; its rate is taken from the report (reading to last commit), the
time of the whole command stands beside it. The floor decodes the same bytes with msgspec and keeps
nothing. Memory is the sum of the peaks of the command's processes.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import click
import msgspec

from benchmarks import corpus, harness
from benchmarks.harness import Case, Comparison, Figures

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "examples" / "sessions" / "claude"
ENVELOPE_FILES = 20
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One run of the command line."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


def helicarrier(data_dir: Path, *args: str) -> Command:
    """Run a command to its end; the sum of the peak memory of its processes."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    before = harness.processor_seconds()
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "helicarrier", *args, "--data-dir", str(data_dir)],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        peaks: dict[int, int] = {}
        watcher = threading.Thread(target=_watch, args=(process, peaks))
        watcher.start()
        output, _ = process.communicate()
        seconds = time.perf_counter() - began
        watcher.join()
    if process.returncode:
        raise SystemExit(f"helicarrier {' '.join(args)} ended with {process.returncode}")
    return Command(
        seconds=seconds,
        cpu_seconds=harness.processor_seconds() - before,
        peak_mb=sum(peaks.values()) / 1e6,
        output=output,
    )


def _watch(process: "subprocess.Popen[str]", peaks: dict[int, int]) -> None:
    while process.poll() is None:
        for pid in (process.pid, *_children(process.pid)):
            peaks[pid] = max(peaks.get(pid, 0), _peak(pid))
        time.sleep(_POLL_SECONDS)


def _children(pid: int) -> list[int]:
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(child) for child in listed.split()]


def _peak(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


class _Anything(msgspec.Struct):
    type: str | None = None


def parse_floor(files: list[Path]) -> None:
    """Decode every line with msgspec and keep nothing."""
    decode = msgspec.json.Decoder(_Anything).decode
    for path in files:
        with path.open("rb") as file:
            for line in file:
                decode(line)


def import_logs(files: list[Path], folder: Path, runs: int, label: str) -> Comparison:
    """A full import of logs beside the floor, both warm."""
    size = sum(path.stat().st_size for path in files) / 1e6
    rates: list[float] = []
    peaks: list[float] = []
    cpu: list[float] = []
    commands: list[float] = []
    again: list[float] = []
    reports: list[float] = []

    def full() -> None:
        with tempfile.TemporaryDirectory(prefix="helicarrier-bench-") as data:
            done = helicarrier(Path(data), "import", str(folder), "--json")
            report = json.loads(done.output)
            rates.append(report["seconds"])
            peaks.append(done.peak_mb)
            cpu.append(done.cpu_seconds)
            commands.append(done.seconds)
            unchanged = helicarrier(Path(data), "import", str(folder), "--json")
            again.append(unchanged.seconds)
            reports.append(helicarrier(Path(data), "report", "usage", "--json").seconds)

    floor, _ = harness.measure(
        [
            Case(name="msgspec, nothing kept", run=lambda: parse_floor(files)),
            Case(name="import", run=full),
        ],
        runs,
    )
    measured = Figures(
        name="import", seconds=tuple(rates), cpu_seconds=tuple(cpu), peak_mb=tuple(peaks)
    )
    return Comparison(
        subject="import of logs",
        size=f"{size:,.0f} MB, {len(files)} files{label}",
        floor=floor,
        measured=measured,
        target=size / 250 / floor.median,
        details={
            "MB/s (median)": size / measured.median,
            "MB/s (best)": size / measured.best,
            "floor MB/s": size / floor.median,
            "processor time of the whole command, ms per MB": measured.cpu * 1e3 / size,
            "whole command, seconds": sorted(commands)[len(commands) // 2],
            "peak memory of all processes, MB": max(peaks),
            "unchanged again, whole command, ms per 500 files": min(again) * 1e3 / len(files) * 500,
            "unchanged again, whole command, ms": min(again) * 1e3,
            "report usage, whole command, ms": min(reports) * 1e3,
        },
    )


def import_envelopes(folder: Path, count: int, runs: int) -> Comparison:
    """An import of dense native envelopes beside validation alone, in one process."""
    from helicarrier.ingest.envelope import accept

    lines = [line for path in folder.iterdir() for line in path.read_bytes().splitlines()]
    seconds: list[float] = []
    cpu: list[float] = []
    peaks: list[float] = []

    def validate() -> None:
        for line in lines:
            accept(line, uri="benchmark")

    def full() -> None:
        with tempfile.TemporaryDirectory(prefix="helicarrier-bench-") as data:
            done = helicarrier(Path(data), "import", str(folder), "--json")
            seconds.append(json.loads(done.output)["seconds"])
            cpu.append(done.cpu_seconds)
            peaks.append(done.peak_mb)

    floor, _ = harness.measure(
        [Case(name="validate and fingerprint", run=validate), Case(name="import", run=full)], runs
    )
    measured = Figures(
        name="import", seconds=tuple(seconds), cpu_seconds=tuple(cpu), peak_mb=tuple(peaks)
    )
    return Comparison(
        subject="import of envelopes",
        size=f"{count:,} x {len(lines[0]) / 1000:.1f} KB",
        floor=floor,
        measured=measured,
        target=count / 5_000 / floor.median,
        details={
            "envelopes/s (median)": count / measured.median,
            "envelopes/s validated, nothing kept": count / floor.median,
        },
    )


def envelopes(count: int) -> Iterator[bytes]:
    """Envelopes of about 2.6 KB with five events and two calls each."""
    filler = "the customer asked for the invoice again and got it " * 6
    for n in range(count):
        session = f"session-{n:08d}"
        day, second = 1 + n % 28, n % 86_400
        at = f"2026-10-{day:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        yield msgspec.json.encode(
            {
                "envelope_version": "v2",
                "idempotency_key": f"key-{n}",
                "payload": {
                    "run": {
                        "sessionId": session,
                        "state": "completed",
                        "agentId": f"agent-{n % 10}",
                        "modelId": "claude-sonnet-4-5",
                        "startedAt": f"{at}.000Z",
                        "title": f"Invoice {n}",
                        "task": filler,
                        "taskCategory": "support",
                    },
                    "timeline": [
                        {
                            "eventId": f"e{k}",
                            "eventType": "tool_call",
                            "eventTs": f"{at}.{k}00Z",
                            "payload": {"name": "search", "step": k, "note": filler[:200]},
                        }
                        for k in range(5)
                    ],
                    "calls": [
                        {
                            "callId": f"c{k}",
                            "occurredAt": f"{at}.{k}50Z",
                            "modelId": "claude-sonnet-4-5",
                            "promptTokens": 1200 + n % 500,
                            "completionTokens": 300,
                            "cacheReadTokens": 8000,
                            "runtimeMs": 900,
                        }
                        for k in range(2)
                    ],
                },
            }
        )


def write_envelopes(folder: Path, count: int) -> None:
    """Spread envelopes over files, as producers that push in turns leave them."""
    folder.mkdir(parents=True, exist_ok=True)
    bodies = list(envelopes(count))
    for n in range(ENVELOPE_FILES):
        part = b"\n".join(bodies[n::ENVELOPE_FILES])
        (folder / f"producer-{n:02d}.jsonl").write_bytes(part + b"\n")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--make", "megabytes", type=int, help="Make the corpus first, of so many MB.")
@click.option("--source", type=click.Path(path_type=Path, exists=True), default=SAMPLES)
@click.option("--envelopes", "count", type=int, default=20_000, show_default=True)
@click.option("--runs", type=int, default=3, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures as JSON.")
def main(
    *, folder: Path, megabytes: int | None, source: Path, count: int, runs: int, file: Path | None
) -> None:
    """Measure imports of the logs in FOLDER, at a quarter, at half and at all of them."""
    logs, native = folder / "logs", folder / "envelopes"
    if megabytes and not logs.exists():
        corpus.make(sorted(source.rglob("*.jsonl")), logs, megabytes)
    write_envelopes(native, count)
    files = sorted(logs.rglob("*.jsonl"))
    found = []
    for share in (4, 2, 1):
        part = files[: len(files) // share]
        with tempfile.TemporaryDirectory(prefix="part-", dir=folder) as links:
            linked = [_link(path, Path(links), n) for n, path in enumerate(part)]
            found.append(import_logs(linked, Path(links), runs, ""))
    found.append(import_envelopes(native, count, runs))
    about = harness.machine("msgspec", "sqlalchemy", "genai-prices")
    harness.show(found, about)
    if file is not None:
        harness.write_json(found, about, file)


def _link(path: Path, folder: Path, number: int) -> Path:
    link = folder / f"{number:06d}-{path.name}"
    os.link(path, link)
    return link


if __name__ == "__main__":
    main()

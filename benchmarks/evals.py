"""Gate evaluation of a large run with many slices, with and without a baseline.

    python -m benchmarks.evals --samples 100000 --slices 50 --json evals.json

The samples are made up: every item is answered twice, tenants are the slices, about one in a
hundred goes wrong. What is timed begins with records in memory and ends with all verdicts. The
floor counts the same records in plain Python once, gate by gate and slice by slice, without any
interval: the least that a report of bare rates would do.
"""

import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

import click

from benchmarks import harness
from benchmarks.harness import Case, Comparison
from helicarrier.evals.catalog import MEASURES
from helicarrier.evals.enums import Policy, RateInterval
from helicarrier.evals.frame import frame_of
from helicarrier.evals.gates import evaluate
from helicarrier.evals.model import DEFAULT_MARGINS, DEFAULT_THRESHOLDS, Decision, EvalRecord

TARGET_SECONDS = 2.0
DECISION = Decision(
    thresholds=DEFAULT_THRESHOLDS,
    margins=DEFAULT_MARGINS,
    policy=Policy.INTERVAL,
    rate_interval=RateInterval.WILSON,
    confidence=0.95,
    min_n=30,
    slices=("tenant_id",),
    code_version="benchmark",
    samples_sha256="",
)


def records(samples: int, slices: int, seed: int) -> list[EvalRecord]:
    """Made-up records; the same ones for the same seed."""
    rng = Random(seed)

    def seen(rate: float) -> bool:
        return rng.random() < rate

    return [
        EvalRecord(
            record_id=f"r{n:07}",
            schema_valid=seen(0.995),
            patch_apply_success=seen(0.97),
            edited_after_generate=seen(0.4),
            published_within_7d=seen(0.2),
            safety_html_tailwind_compliant=seen(0.998),
            fallback_used=seen(0.1),
            latency_ms=rng.randrange(200, 50_000),
            tenant_id=f"tenant-{n % slices:03}",
            item_id=f"item-{n // 2:07}",
        )
        for n in range(samples)
    ]


def count_in_python(found: list[EvalRecord]) -> dict[tuple[str, str | None], float]:
    """Bare rates by gate and slice."""
    good: dict[tuple[str, str | None], float] = defaultdict(float)
    for measure in MEASURES.values():
        for record in found:
            value = getattr(record, measure.field)
            good[measure.metric, record.tenant_id] += value
            good[measure.metric, None] += value
    return good


@click.command(help=__doc__)
@click.option("--samples", default=100_000, show_default=True)
@click.option("--slices", default=50, show_default=True)
@click.option("--runs", default=5, show_default=True)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write JSON.")
def main(samples: int, slices: int, runs: int, json_file: Path | None) -> None:
    """Print seconds beside the floor; ends with 1 where the target is missed."""
    found, before = records(samples, slices, 1), records(samples, slices, 2)
    floor, alone, exact, against = harness.measure(
        [
            Case(name="bare rates in Python", run=lambda: count_in_python(found)),
            Case(name="gates", run=lambda: evaluate("run", frame_of(found), DECISION)),
            Case(
                name="gates, exact intervals",
                run=lambda: evaluate(
                    "run", frame_of(found), replace(DECISION, rate_interval=RateInterval.EXACT)
                ),
            ),
            Case(
                name="gates and baseline",
                run=lambda: evaluate(
                    "run",
                    frame_of(found),
                    replace(DECISION, baseline_run_id="before"),
                    frame_of(before),
                ),
            ),
        ],
        runs,
    )
    comparisons = [
        Comparison(
            subject=measured.name,
            size=f"{samples:,} samples, {slices} slices",
            floor=floor,
            measured=measured,
            target=TARGET_SECONDS / floor.median,
        )
        for measured in (alone, exact, against)
    ]
    about = harness.machine("numpy", "scipy")
    harness.show(comparisons, about)
    if json_file is not None:
        harness.write_json(comparisons, about, json_file)
    missed = [each.subject for each in comparisons if each.measured.median > TARGET_SECONDS]
    for subject in missed:
        click.echo(f"{subject}: slower than {TARGET_SECONDS} s", err=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()

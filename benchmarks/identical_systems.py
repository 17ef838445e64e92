"""How often are two runs of one and the same system called different?

    python -m benchmarks.identical_systems trials.jsonl

Reads trials of Terminal-Bench (system, task, attempt, resolved or not) and compares every attempt
of a system with every other attempt of it, and two attempts with two others: nothing changed
between them, so each difference that is found is a false alarm. The naive rule, which compares the
two rates as they are, stands beside the paired test at its stated error rate of 5%.

Ten pairs made of five attempts depend on each other, so a third line draws the two attempts of each
task anew, many times: that is the test's error rate on this data without the luck of the pairs. A
trial whose tests gave no result counts as not resolved, as in the accuracy that Terminal-Bench
publishes; with --skip-missing it is left out of its pair instead.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import click
import numpy as np

from helicarrier.evals.paired import (
    Difference,
    binary_difference,
    mcnemar_mid_p,
    mean_difference,
)

LEVEL = 0.05
_FEWEST_TASKS = 60
_POINT = 0.01

Attempt = dict[str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """Comparisons of a system with itself, and how many of them raised an alarm.

    `naive_lower`: either rate is lower than the other. `naive_point`: by more than one point.
    `different`: the paired test, at `LEVEL`.
    """

    systems: int
    pairs: int
    naive_lower: int
    naive_point: int
    different: int


def figures(trials: Path, *, attempts: int = 1, skip_missing: bool = False) -> Alarms:
    """Compare each system with itself, so many attempts against as many others."""
    rerun = systems(trials, skip_missing=skip_missing)
    found = [
        difference
        for system in rerun
        for left, right in _sides(system, attempts)
        if (difference := _compare(left, right)) is not None
    ]
    return Alarms(
        systems=len(rerun),
        pairs=len(found),
        naive_lower=sum(each.delta != 0 for each in found),
        naive_point=sum(abs(each.delta) > _POINT for each in found),
        different=sum(each.p_value is not None and each.p_value < LEVEL for each in found),
    )


def redrawn(trials: Path, *, draws: int = 500, seed: int = 0, skip_missing: bool = False) -> Alarms:
    """Compare each system with itself, with two attempts of each task drawn anew each time."""
    rng = np.random.default_rng(seed)
    rerun = systems(trials, skip_missing=skip_missing)
    apart = []
    for system in rerun:
        results = [
            np.array([attempt[task] for attempt in system if task in attempt], dtype=np.int64)
            for task in sorted(set.union(*map(set, system)))
        ]
        repeated = [result for result in results if len(result) > 1]
        for _ in range(draws):
            pairs = np.array([rng.choice(result, 2, replace=False) for result in repeated])
            apart.append(pairs[:, 1] - pairs[:, 0])
    counted = [(int((each > 0).sum()), int((each < 0).sum()), len(each)) for each in apart]
    return Alarms(
        systems=len(rerun),
        pairs=len(counted),
        naive_lower=sum(gained != lost for gained, lost, _ in counted),
        naive_point=sum(abs(gained - lost) / tasks > _POINT for gained, lost, tasks in counted),
        different=sum(mcnemar_mid_p(gained, lost) < LEVEL for gained, lost, _ in counted),
    )


def systems(trials: Path, *, skip_missing: bool = False) -> list[list[Attempt]]:
    """The attempts of each system that has several, each with its results by task."""
    grouped: dict[str, dict[str, Attempt]] = defaultdict(lambda: defaultdict(dict))
    with trials.open(encoding="utf-8") as lines:
        for line in lines:
            trial = json.loads(line)
            if skip_missing and trial["is_resolved"] is None:
                continue
            system = f"{trial['submission']} {trial['model']}"
            # A trial's name is its task, the attempt and, for most, the run.
            attempt = f"{trial['run_dir']} {trial['trial_name'].removeprefix(trial['task_id'])}"
            grouped[system][attempt][trial["task_id"]] = bool(trial["is_resolved"])
    whole = [
        [attempt for _, attempt in sorted(runs.items()) if len(attempt) >= _FEWEST_TASKS]
        for _, runs in sorted(grouped.items())
    ]
    return [attempts for attempts in whole if len(attempts) > 1]


def _sides(
    system: Sequence[Attempt], attempts: int
) -> Iterator[tuple[Sequence[Attempt], Sequence[Attempt]]]:
    for left in combinations(range(len(system)), attempts):
        others = [n for n in range(len(system)) if n not in left]
        for right in combinations(others, attempts):
            if left < right:
                yield [system[n] for n in left], [system[n] for n in right]


def _compare(left: Sequence[Attempt], right: Sequence[Attempt]) -> Difference | None:
    tasks = sorted(set.intersection(*(set(attempt) for attempt in (*left, *right))))
    if not tasks:
        return None
    means = [
        np.array([[attempt[task] for attempt in side] for task in tasks], dtype=float).mean(axis=1)
        for side in (left, right)
    ]
    apart = means[1] - means[0]
    if len(left) == 1:
        gained, lost = int((apart > 0).sum()), int((apart < 0).sum())
        return binary_difference(gained, lost, len(tasks), confidence=1 - LEVEL, margin=0.0)
    return mean_difference(apart, confidence=1 - LEVEL, margin=0.0)


@click.command(help=__doc__)
@click.argument("trials", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--skip-missing", is_flag=True, help="Leave trials without a result out.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(trials: Path, *, skip_missing: bool, as_json: bool) -> None:
    """Print how often each rule raises a false alarm."""
    found = {
        f"{n} against {n}": figures(trials, attempts=n, skip_missing=skip_missing) for n in (1, 2)
    }
    found["1 against 1, drawn anew"] = redrawn(trials, skip_missing=skip_missing)
    if as_json:
        click.echo(json.dumps({name: asdict(alarms) for name, alarms in found.items()}))
        return
    for name, alarms in found.items():
        click.echo(f"{name}: {alarms.systems} systems, {alarms.pairs} comparisons with themselves")
        for rule, count in (
            ("rates differ (naive)", alarms.naive_lower),
            ("rates differ by more than a point (naive)", alarms.naive_point),
            (f"paired test at {LEVEL:.0%}", alarms.different),
        ):
            click.echo(f"  {rule:<44}{count:>5}  {count / alarms.pairs:6.1%}")


if __name__ == "__main__":
    main()

"""Pairs per second of each analyzer, and the interval of rater agreement beside a plain loop.

    python -m benchmarks.resolution --runs 5

Each analyzer gets an equivalent pair of its type at 1 KB and at 100 KB, made up from one seed;
bytes in memory to the proof. The floor is what the analyzer cannot do without: parsing both sides
with the library it stands on, or touching every line of both. The interval of agreement resamples
1,000 items 10,000 times, as this project does it and as a loop over statsmodels does.
"""

import ast
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parents[1]))

import click
import numpy as np
from markdown_it import MarkdownIt
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_kappa

from benchmarks import harness
from benchmarks.harness import Case, Comparison
from helicarrier.resolution.agreement import bootstrap
from helicarrier.resolution.analyzers.registry import ANALYZERS
from helicarrier.resolution.enums import MismatchType, Syntax, Verdict
from helicarrier.resolution.model import Artifact, artifact

SIZES = {"1 KB": 1_000, "100 KB": 100_000}
TARGET_MS = 50.0
WORDS = ("the", "model", "answers", "questions", "about", "prices", "and", "ships", "them", "in")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a pair of a type is made: a line of both sides, what joins lines, what is around them."""

    syntax: Syntax
    line: Callable[[int, Random], tuple[str, str]]
    between: str = "\n"
    around: str = "%s"
    verdict: Verdict = Verdict.EQUIVALENT


def sentence(rng: Random) -> str:
    """Twelve words."""
    return " ".join(rng.choice(WORDS) for _ in range(12))


def prose(number: int, rng: Random) -> tuple[str, str]:
    """A sentence with two numbers, and the same in other words."""
    line = f"{sentence(rng)}, {number} of 900."
    return line, line.replace("ships", "sends")


def blanks(number: int, rng: Random) -> tuple[str, str]:
    """A line with and without a trailing blank."""
    line = f"{number} {sentence(rng)}"
    return f"{line} ", line


def requests(number: int, rng: Random) -> tuple[str, str]:
    """A line of a log with an id that is another one in each run."""
    ids = [str(UUID(int=rng.getrandbits(128), version=4)) for _ in range(2)]
    return f"{number} request {ids[0]} done", f"{number} request {ids[1]} done"


RECIPES = {
    MismatchType.JSON_ORDERING: Recipe(
        syntax=Syntax.JSON,
        line=lambda n, _: (f'"k{n}":{{"a":{n},"b":"x"}}', f'"k{n}": {{"b":"x","a":{n}}}'),
        between=",",
        around="{%s}",
    ),
    MismatchType.NUMERIC_EPSILON: Recipe(
        syntax=Syntax.JSON,
        line=lambda n, _: (f"{n}.30000000000000004", f"{n}.3"),
        between=",",
        around="[%s]",
    ),
    MismatchType.INFRA_ENV_DRIFT: Recipe(
        syntax=Syntax.JSON,
        line=lambda n, _: (f'"package{n}":"1.{n}"', f'"package{n}": "1.{n}"'),
        between=",",
        around='{"git_sha":"a","python_version":"3","platform":"l",%s}',
    ),
    MismatchType.MARKDOWN_FORMATTING: Recipe(
        syntax=Syntax.MARKDOWN,
        line=lambda n, _: (f"- *{n}* **b** [c](/u{n})", f"* _{n}_ __b__ [c](</u{n}>)"),
    ),
    MismatchType.SEMANTICS_CODE: Recipe(
        syntax=Syntax.PYTHON,
        line=lambda n, _: (f"x{n} = f({n}, 'a')", f'x{n} = f({n}, "a")  # {n}'),
    ),
    MismatchType.NONDETERMINISM: Recipe(syntax=Syntax.PLAIN, line=requests),
    MismatchType.WHITESPACE: Recipe(syntax=Syntax.PLAIN, line=blanks),
    MismatchType.SEMANTICS_TEXT: Recipe(
        syntax=Syntax.PLAIN, line=prose, verdict=Verdict.UNDECIDABLE
    ),
    MismatchType.POLICY_VIOLATION: Recipe(
        syntax=Syntax.PLAIN, line=prose, verdict=Verdict.UNDECIDABLE
    ),
}
"""Of prose and secrets nothing is equivalent: there the pair is one that passes every guard."""


def pair(kind: MismatchType, size: int) -> tuple[Artifact, Artifact]:
    """A pair whose golden has about that many bytes."""
    recipe, rng = RECIPES[kind], Random(7)
    golden: list[str] = []
    candidate: list[str] = []
    while sum(map(len, golden)) < size:
        for _ in range(max(1, size // 1_000)):
            one, other = recipe.line(len(golden), rng)
            golden.append(one)
            candidate.append(other)
    sides = [recipe.around % recipe.between.join(lines) for lines in (golden, candidate)]
    return (
        artifact("golden", sides[0].encode(), recipe.syntax),
        artifact("candidate", sides[1].encode(), recipe.syntax),
    )


def floor_of(one: Artifact) -> Callable[[], object]:
    """The least that must be done with one side."""
    text = one.content.decode()
    match one.syntax:
        case Syntax.JSON:
            return lambda: json.dumps(json.loads(text), sort_keys=True)
        case Syntax.MARKDOWN:
            parser = MarkdownIt("commonmark")
            return lambda: parser.render(text)
        case Syntax.PYTHON:
            return lambda: ast.dump(ast.parse(text))
        case _:
            return lambda: [line.rstrip() for line in text.split("\n")]


def often(action: Callable[[], object], times: int) -> Callable[[], None]:
    """The action as often as a run needs to last."""

    def run() -> None:
        for _ in range(times):
            action()

    return run


def compare_analyzer(kind: MismatchType, size: int, runs: int) -> tuple[float, float]:
    """Pairs per second of one analyzer at one size, and of its floor; medians."""
    golden, candidate = pair(kind, size)
    analyze = ANALYZERS[kind]
    answer = analyze(golden, candidate)
    if answer.verdict is not RECIPES[kind].verdict:
        message = f"{kind}, {size} bytes: {answer.verdict}, {answer.findings}"
        raise click.ClickException(message)
    one, other = floor_of(golden), floor_of(candidate)
    times = max(1, 100_000 // size)
    floor, measured = harness.measure(
        [
            Case(name="floor", run=often(lambda: (one(), other()), times)),
            Case(name="analyzer", run=often(lambda: analyze(golden, candidate), times)),
        ],
        runs,
    )
    return times / measured.median, times / floor.median


def compare_agreement(runs: int, items: int = 1_000, resamples: int = 10_000) -> Comparison:
    """The bootstrap of kappa beside a loop that gathers the items and asks statsmodels."""
    counts = np.random.default_rng(5).multinomial(3, [0.5, 0.3, 0.2], size=items)

    def loop() -> None:
        rng = np.random.default_rng(5)
        kappas = np.array(
            [statsmodels_kappa(counts[rng.integers(0, items, items)]) for _ in range(resamples)]
        )
        np.quantile(kappas, [0.025, 0.975])

    def ours() -> None:
        drawn, _ = bootstrap(counts, resamples=resamples, seed=5)
        np.quantile(drawn, [0.025, 0.975])

    floor, measured = harness.measure(
        [Case(name="loop over statsmodels", run=loop), Case(name="multinomial", run=ours)], runs
    )
    return Comparison(
        subject="agreement interval",
        size=f"{resamples:,} x {items:,}",
        floor=floor,
        measured=measured,
        target=TARGET_MS / 1000 / floor.median,
        details={"milliseconds": measured.median * 1000, "loop, milliseconds": floor.median * 1000},
    )


@click.command(help=__doc__)
@click.option("--runs", default=5, show_default=True)
def main(runs: int) -> None:
    """Measure and print."""
    print(f"{'pairs per second':22}{'size':>8}{'analyzer':>12}{'floor':>12}{'times':>8}")
    for kind in MismatchType:
        for name, size in SIZES.items():
            ours, floor = compare_analyzer(kind, size, runs)
            print(f"{kind:22}{name:>8}{ours:12,.1f}{floor:12,.1f}{floor / ours:8.1f}")
    print()
    about = harness.machine("markdown-it-py", "rfc8785", "statsmodels", "numpy")
    harness.show([compare_agreement(runs)], about)


if __name__ == "__main__":
    main()

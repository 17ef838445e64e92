"""Verdicts, comparisons and flakes as tables; an interval is drawn beside its threshold."""

from collections.abc import Sequence

from helicarrier.evals.catalog import MEASURES
from helicarrier.evals.comparing import Compared
from helicarrier.evals.enums import ALL, Gate, Verdict
from helicarrier.evals.evaluation import Evaluation
from helicarrier.evals.flakes import FlakeLedger
from helicarrier.evals.model import EvalRun, GateResult
from helicarrier.times import utc_text
from helicarrier.usage.tabular import Column, Kind, Table

_WIDTH = 24
_SHOWN_FLAKES = 20


def verdict_table(found: Evaluation) -> Table:
    """One row a verdict; what is missing and why stands in the notes."""
    run, rows = found.run, found.verdicts
    sliced = any(row.slice_key != ALL for row in rows)
    columns = ["gate", *(["slice"] if sliced else []), "verdict", "value", "threshold"]
    against = any(row.baseline_run_id is not None for row in rows)
    columns += ["interval", "n", *(["vs baseline"] if against else []), "", "reason"]
    return Table(
        title=f"eval run {run.run_id}: {run.status} ({found.decision.policy} policy)",
        columns=tuple(
            Column(title=title, kind=Kind.COUNT if title == "n" else Kind.TEXT) for title in columns
        ),
        rows=tuple(_verdict_cells(row, sliced=sliced, against=against) for row in rows),
        notes=_notes(found),
    )


def _verdict_cells(row: GateResult, *, sliced: bool, against: bool) -> tuple[str | int, ...]:
    name = "" if row.slice_key == ALL else f"{row.slice_key}={row.slice_value or '(not given)'}"
    delta = "-" if row.delta is None else _signed(row.gate, row.delta)
    return (
        row.gate.value,
        *([name] if sliced else []),
        row.verdict.value,
        amount(row.gate, row.value),
        amount(row.gate, row.threshold),
        f"{amount(row.gate, row.ci_low)} to {amount(row.gate, row.ci_high)}",
        row.n,
        *([delta] if against else []),
        interval_bar(row),
        _reason(row),
    )


def _reason(row: GateResult) -> str:
    if row.samples_needed is None:
        return row.reason
    return f"{row.reason}; {row.samples_needed:,} more would settle it"


def _notes(found: Evaluation) -> tuple[str, ...]:
    counts = dict.fromkeys(Verdict, 0)
    for row in found.verdicts:
        counts[row.verdict] += 1
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return (f"{len(found.samples):,} samples; {summary}.",)


def amount(gate: Gate, value: float | None) -> str:
    """A rate with three decimals of a per cent, a latency in ms, an open end as a dash."""
    if value is None:
        return "-"
    return f"{value:.3%}" if MEASURES[gate].is_rate else f"{value:,.0f} ms"


def _signed(gate: Gate, value: float) -> str:
    return f"{value * 100:+.3f} pt" if MEASURES[gate].is_rate else f"{value:+,.0f} ms"


def interval_bar(row: GateResult) -> str:
    """The interval, the value in it and the threshold on one line: `──●──` and `┃`."""
    if row.value is None:
        return ""
    low = row.value if row.ci_low is None else row.ci_low
    high = row.value if row.ci_high is None else row.ci_high
    first, last = min(low, row.threshold), max(high, row.threshold)
    span = (last - first) or 1.0

    def place(value: float) -> int:
        return min(_WIDTH - 1, round((value - first) / span * (_WIDTH - 1)))

    drawn = [" "] * _WIDTH
    drawn[place(low) : place(high) + 1] = ["─"] * (place(high) - place(low) + 1)
    drawn[place(row.value)] = "●"
    threshold = place(row.threshold)
    drawn[threshold] = "◉" if drawn[threshold] == "●" else "┃"
    return "".join(drawn).rstrip()


def comparison_table(rows: Sequence[Compared], confidence: float) -> Table:
    """One row a measure: both values, the difference and what it says."""
    return Table(
        title=f"run against baseline, {confidence:.0%} intervals of the paired difference",
        columns=tuple(
            Column(title=title, kind=Kind.COUNT if title == "items" else Kind.TEXT)
            for title in (
                "measure",
                "run",
                "baseline",
                "items",
                "difference",
                "interval",
                "p",
                "finding",
            )
        ),
        rows=tuple(
            (
                MEASURES[row.gate].metric,
                amount(row.gate, row.value),
                amount(row.gate, row.baseline),
                row.items,
                "-" if row.delta is None else _signed(row.gate, row.delta),
                _ends(row),
                "-" if row.p_adjusted is None else f"{row.p_adjusted:.4f}",
                row.finding.value.replace("_", " "),
            )
            for row in rows
        ),
        notes=("p is adjusted for the number of measures (Holm).",),
    )


def _ends(row: Compared) -> str:
    low, high = (
        "-" if end is None else _signed(row.gate, end) for end in (row.ci_low, row.ci_high)
    )
    return f"{low} to {high}"


def flake_table(found: FlakeLedger) -> Table:
    """One row a gate; the items that flip most below."""
    worst = [
        f"{each.item} at {each.gate}: {each.good} of {each.answers}, "
        f"flips {each.flip_rate:.1%} of the time"
        for each in found.items[:_SHOWN_FLAKES]
    ]
    more = len(found.items) - len(worst)
    return Table(
        title=f"flakes of {found.runs} runs of one configuration",
        columns=tuple(
            Column(title=title, kind=kind)
            for title, kind in (
                ("gate", Kind.TEXT),
                ("items", Kind.COUNT),
                ("flaky", Kind.COUNT),
                ("share", Kind.SHARE),
                ("flip rate", Kind.SHARE),
                ("false failure", Kind.SHARE),
                ("blocked", Kind.SHARE),
            )
        ),
        rows=tuple(
            (
                each.gate.value,
                each.items,
                each.flaky,
                each.share,
                each.flip_rate,
                each.false_failure,
                each.blocked,
            )
            for each in found.gates
        ),
        notes=(*worst, *([f"and {more} more"] if more else [])),
    )


def runs_table(runs: Sequence[EvalRun]) -> Table:
    """One row a run, newest first."""
    return Table(
        title="eval runs",
        columns=tuple(
            Column(title=title, kind=Kind.TEXT)
            for title in ("run", "type", "status", "started", "commit", "dataset")
        ),
        rows=tuple(
            (
                run.run_id,
                run.run_type.value,
                run.status.value,
                utc_text(run.started_at)[:19].replace("T", " "),
                run.commit_sha[:12],
                run.dataset_ref,
            )
            for run in runs
        ),
    )

"""`helicarrier refresh`: facts and aggregates brought up to date, in this process.

The work is done by the same jobs that Dagster's daemon runs. Loading them takes seconds, so it is
first looked up whether there is anything to do.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from helicarrier import times
from helicarrier.cli.common import (
    data_dir_option,
    json_option,
    print_json,
    range_options,
    settings_of,
)
from helicarrier.cli.render import show
from helicarrier.errors import ErrorCode, UsageError, VerificationFailed
from helicarrier.settings import Settings
from helicarrier.store.query import open_query
from helicarrier.usage.tabular import Column, Kind, Table

if TYPE_CHECKING:
    from definitions import CheckOutcome, OnProgress, RefreshOutcome

_DIRTY = "SELECT COUNT(*) AS days FROM dirty_days WHERE bucket_date BETWEEN :first AND :last"

_DIRTY_DAYS = (
    "SELECT dataset, bucket_date FROM dirty_days WHERE bucket_date BETWEEN :first AND :last"
    " ORDER BY dataset, bucket_date"
)


@click.command()
@range_options
@click.option("--dry-run", is_flag=True, help="Name the days; compute nothing.")
@json_option
@data_dir_option
def refresh(
    *, first: date | None, last: date | None, dry_run: bool, as_json: bool, data_dir: Path | None
) -> None:
    """Bring facts and aggregates up to date: the dirty days, or all days of a range.

    Days are UTC days; without --from a range begins with the first partition, without --to it ends
    today. Every day is checked after it was written. Ends with 7 when a check finds a breach.

    \b
    EXAMPLES
      helicarrier refresh
      helicarrier refresh --dry-run --json
      helicarrier refresh --from 2026-01-01 --to 2026-01-31 --json
    """
    settings = settings_of(data_dir)
    if dry_run:
        _say_planned(settings, first, last, as_json=as_json)
        return
    outcome = _refreshed(settings, first, last, quiet=as_json)
    if as_json:
        print_json(_nothing() if outcome is None else outcome.as_json())
    elif outcome is None:
        click.echo("no day that has a partition is dirty: there is nothing to do", err=True)
    else:
        show(written_table(outcome))
        click.echo()
        show(checks_table(outcome))
    if outcome is not None:
        say_out_of_range(outcome)
        raise_if_failed(outcome)


def _say_planned(
    settings: Settings, first: date | None, last: date | None, *, as_json: bool
) -> None:
    """The days of the range, or the dirty days of each dataset."""
    asked = _asked(settings, first, last)
    with open_query(settings.url) as query:
        query.ready()
        span = {"first": settings.partitions_start, "last": times.now().date()}
        if asked:
            span = {"first": asked[0], "last": asked[-1]}
        found = query.rows(_DIRTY_DAYS, {name: day.isoformat() for name, day in span.items()})
    dirty: dict[str, list[str]] = {}
    for row in found:
        dirty.setdefault(str(row["dataset"]), []).append(str(row["bucket_date"]))
    days = [day.isoformat() for day in asked or []]
    if as_json:
        print_json({"dryRun": True, "days": days, "dirtyDays": dirty})
        return
    if days:
        click.echo(f"would refresh {len(days)} days, {days[0]} to {days[-1]}")
    for dataset, listed in dirty.items():
        click.echo(f"{dataset}: {len(listed)} dirty days, {listed[0]} to {listed[-1]}")
    if not days and not dirty:
        click.echo("no day that has a partition is dirty: there is nothing to do", err=True)


def has_dirty_days(settings: Settings) -> bool:
    """Whether a day that has a partition is dirty, from the light read path.

    Raises:
        NotReady: the store is not at the schema of this version.
    """
    with open_query(settings.url) as query:
        query.ready()
        span = {"first": settings.partitions_start, "last": times.now().date()}
        rows = query.rows(_DIRTY, {name: day.isoformat() for name, day in span.items()})
    return bool(rows[0]["days"])


@contextmanager
def shown_progress(*, quiet: bool) -> "Iterator[OnProgress]":
    """A line about the run in progress on a terminal, nothing elsewhere."""
    on = sys.stderr.isatty() and not quiet

    def say(job: str, first: date, last: date) -> None:
        if on:
            click.echo(f"\r\x1b[2K{job} {first} to {last}", err=True, nl=False)

    try:
        yield say
    finally:
        if on:
            click.echo("\r\x1b[2K", err=True, nl=False)


def written_table(outcome: "RefreshOutcome") -> Table:
    """What was written: partitions and rows of each asset."""
    return Table(
        title="Refreshed",
        columns=(
            Column(title="asset", kind=Kind.TEXT),
            Column(title="days", kind=Kind.COUNT),
            Column(title="rows", kind=Kind.COUNT),
        ),
        rows=tuple((asset.asset, asset.days, asset.rows) for asset in outcome.assets),
    )


def checks_table(outcome: "RefreshOutcome") -> Table:
    """How the checks came out."""
    return Table(
        title="Checks",
        columns=(
            Column(title="asset", kind=Kind.TEXT),
            Column(title="check", kind=Kind.TEXT),
            Column(title="result", kind=Kind.TEXT),
            Column(title="finding", kind=Kind.TEXT),
        ),
        rows=tuple(
            (check.asset, check.check, check.state.value, check.description)
            for check in outcome.checks
        ),
    )


def say_out_of_range(outcome: "RefreshOutcome") -> None:
    """Name the dirty days that have no partition, on stderr."""
    if outcome.out_of_range:
        days = outcome.out_of_range
        click.echo(
            f"{len(days)} days lie outside of the partitions and were left as they are, "
            f"the first {days[0]}, the last {days[-1]}",
            err=True,
        )


def raise_if_failed(outcome: "RefreshOutcome") -> None:
    """End the command when a check found a breach.

    Raises:
        VerificationFailed: GOVERNANCE_BREACH; it names the checks.
    """
    if outcome.failed:
        raise VerificationFailed(
            f"a check found a breach: {_named(outcome.failed)}",
            code=ErrorCode.GOVERNANCE_BREACH,
            hint="What was computed from those rows was not refreshed; mend them and try again.",
        )


def _refreshed(
    settings: Settings, first: date | None, last: date | None, *, quiet: bool
) -> "RefreshOutcome | None":
    days = _asked(settings, first, last)
    if not has_dirty_days(settings) and days is None:
        return None
    from definitions import refresh as materialize

    with shown_progress(quiet=quiet) as on_progress:
        return materialize(settings, days, on_progress)


def _asked(settings: Settings, first: date | None, last: date | None) -> list[date] | None:
    if first is None and last is None:
        return None
    begin, end = first or settings.partitions_start, last or times.now().date()
    if begin > end:
        raise UsageError(
            f"--from {begin} lies after --to {end}", hint="Give the earlier day as --from."
        )
    return times.days(begin, end)


def _named(checks: "Sequence[CheckOutcome]") -> str:
    return "; ".join(f"{check.asset}: {check.description}" for check in checks)


def _nothing() -> dict[str, object]:
    return {"assets": [], "checks": [], "outOfRangeDays": []}

"""`helicarrier lineage`: what ran, where a number comes from, whether the record is sound."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.errors import InputRejected, VerificationFailed

if TYPE_CHECKING:
    from helicarrier.store.run_model import RunRecord


@click.group()
def lineage() -> None:
    """Ask what ran, where a number comes from, and whether the record is sound."""


@lineage.command()
@click.argument("table")
@click.argument("key", nargs=-1, required=True)
@json_option
@data_dir_option
def explain(table: str, key: tuple[str, ...], *, as_json: bool, data_dir: Path | None) -> None:
    """Explain a row: source file and line, price and rates, run, code, configuration.

    KEY is the row's primary key, one value for each column, or column=value for as many columns as
    name one row. TABLE is session_ledger, session_usage, session_events, daily_usage_agg,
    daily_provenance_agg, daily_subtotals_agg, model_perf_agg, documents, messages, annotations,
    git_commits, git_changes, git_refs, session_commits, ai_eval_runs, ai_eval_samples,
    ai_eval_gate_results, canary_windows or runs.

    \b
    EXAMPLES
      helicarrier lineage explain session_usage native:9e9a6be7-7240-4c3e-babc-72acf1a27494:session
      helicarrier lineage explain daily_usage_agg bucket_date=2026-10-05 agent_id=catalog-tagger
    """
    from helicarrier.lineage.explain import explain as explained

    node = explained(settings_of(data_dir), table, key)
    if as_json:
        print_json(node.as_json())
    else:
        click.echo("\n".join(node.lines()))


@lineage.command()
@click.option("--table", help="Runs of this asset, or that wrote this table.")
@click.option("--partition", help="Only of this partition, as YYYY-MM-DD.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@json_option
@data_dir_option
def runs(
    *,
    table: str | None,
    partition: str | None,
    limit: int,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """List runs, newest first.

    \b
    EXAMPLES
      helicarrier lineage runs
      helicarrier lineage runs --table daily_usage_agg --partition 2026-10-05 --json
    """
    from helicarrier.ledger.runs import run_store

    store = run_store(settings_of(data_dir))
    if table is not None:
        found = store.runs_for(table, partition)[:limit]
    elif partition is not None:
        raise InputRejected("a partition alone names no runs", hint="Add --table.")
    else:
        found = store.newest(limit)
    if as_json:
        print_json({"runs": [_as_json(run) for run in found]})
    else:
        _show(found)


@lineage.command()
@json_option
@data_dir_option
def verify(*, as_json: bool, data_dir: Path | None) -> None:
    """Verify the run store: events, runs, inputs and outputs, and the anchors kept elsewhere.

    Finds whatever was edited, removed, inserted or moved, and a tail that was cut. Ends with 7
    when it finds something. Without any anchor a cut tail cannot be found, and it says so.

    \b
    EXAMPLES
      helicarrier lineage verify
      helicarrier lineage verify --json
    """
    from helicarrier.ledger.runs import run_store

    found = run_store(settings_of(data_dir)).audit()
    if as_json:
        print_json(
            {
                "events": found.events,
                "runs": found.runs,
                "anchors": found.anchors,
                "not_anchored": found.not_anchored,
                "head": found.head,
                "findings": [
                    {"kind": one.kind.value, "subject": one.subject, "message": one.message}
                    for one in found.findings
                ],
            }
        )
    else:
        click.echo(f"{found.events:,} events of {found.runs:,} runs, {found.anchors:,} anchors")
        for one in found.findings:
            click.echo(f"  {one.kind.value}: {one.subject} {one.message}")
        if found.events and not found.findings:
            click.echo(f"every one is as it was written; the newest link is {found.head}")
    if found.findings:
        raise VerificationFailed(
            f"the run store is not as it was written: {len(found.findings)} findings",
            hint="Keep the file as evidence; a backup shows what was there before.",
        )
    if found.not_anchored:
        click.echo(
            "not_anchored: the audit log holds no anchor, so a tail that was cut would not show; "
            "`helicarrier migrate up` makes the store that keeps it, the next run anchors",
            err=True,
        )
    if not found.events:
        click.echo("nothing has run yet: there is nothing to verify", err=True)


@lineage.command()
@click.option("--to", "target", required=True, metavar="FILE|URL", help="A file, or an endpoint.")
@click.option("--format", "form", type=click.Choice(["openlineage"]), default="openlineage")
@click.option("--run", "run_id", help="Only this run.")
@click.option("--dry-run", is_flag=True, help="Count the events; write and send nothing.")
@json_option
@data_dir_option
def export(
    *,
    target: str,
    form: str,
    run_id: str | None,
    dry_run: bool,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Export runs as OpenLineage events, as JSON Lines to a file or to an HTTP endpoint.

    A URL without a path gets the standard's own, /api/v1/lineage.

    \b
    EXAMPLES
      helicarrier lineage export --to lineage.jsonl --dry-run
      helicarrier lineage export --to http://127.0.0.1:5000 --dry-run
    """
    from helicarrier.lineage.export import export as exported

    count = exported(settings_of(data_dir), target, run_id=run_id, dry_run=dry_run)
    if as_json:
        print_json({"events": count, "format": form, "dry_run": dry_run})
    else:
        click.echo(f"{count:,} events {'would be' if dry_run else 'were'} exported")


def _as_json(run: "RunRecord") -> dict[str, object]:
    from dataclasses import asdict

    from helicarrier import times

    instants = {
        name: times.utc_text(value)
        for name in ("started_at", "finished_at", "process_started_at", "heartbeat_at")
        if (value := getattr(run, name)) is not None
    }
    return asdict(run) | instants | {"status": run.status.value, "attrs": dict(run.attrs)}


def _show(found: "list[RunRecord]") -> None:
    from helicarrier import times
    from helicarrier.cli.render import show
    from helicarrier.usage.tabular import Column, Kind, Table

    if not found:
        click.echo("no run is on record", err=True)
        return
    text = ("started", "asset", "partition", "status")
    show(
        Table(
            title="Runs",
            columns=(
                *(Column(title=title, kind=Kind.TEXT) for title in text),
                Column(title="took", kind=Kind.DURATION),
                Column(title="rows in", kind=Kind.COUNT),
                Column(title="rows out", kind=Kind.COUNT),
                Column(title="run", kind=Kind.TEXT),
                Column(title="error", kind=Kind.TEXT),
            ),
            rows=tuple(
                (
                    times.utc_text(run.started_at)[:19] + "Z",
                    run.asset_key,
                    run.partition_key or "",
                    run.status.value,
                    None if run.duration_seconds is None else round(run.duration_seconds * 1000),
                    run.rows_in,
                    run.rows_out,
                    run.run_id,
                    run.error or "",
                )
                for run in found
            ),
        )
    )

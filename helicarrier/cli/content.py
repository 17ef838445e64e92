"""`helicarrier content`: documents, messages and annotations."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from helicarrier.cli.common import (
    data_dir_option,
    json_option,
    print_json,
    range_options,
    settings_of,
)
from helicarrier.errors import ErrorCode, InputRejected, VerificationFailed

if TYPE_CHECKING:
    from helicarrier.lineage.content.model import Document
    from helicarrier.lineage.content.report import ContentReport
    from helicarrier.lineage.content.verify import Verification
    from helicarrier.store.warehouse import WarehouseStore

_TYPES = click.Choice(["post", "profile", "journal", "media", "note"])
_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
_limit = click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)


@click.group()
def content() -> None:
    """Keep documents, messages and annotations."""


@content.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@_dry_run
@json_option
@data_dir_option
def import_(
    paths: tuple[Path, ...], *, dry_run: bool, as_json: bool, data_dir: Path | None
) -> None:
    """Import Markdown with front matter, and messages and annotations as JSON Lines.

    PATHS are files or folders. What is stored already is a duplicate and not written again; a
    document that changed is a new version. Ends with 4 when a record was refused; the others are
    written.

    \b
    EXAMPLES
      helicarrier content import examples/content
      helicarrier content import examples/content --dry-run --json
    """
    from helicarrier.lineage.content.importing import import_content

    report = import_content(settings_of(data_dir), paths, dry_run=dry_run)
    if as_json:
        print_json(report.as_json())
    else:
        _print_report(report)
    if report.refused:
        first = report.refused[0]
        raise InputRejected(
            f"{report.counts.as_json()['refused']} records were refused, the first: "
            f"{first.uri}:{first.line}: {first.message}",
            code=ErrorCode(first.code),
            hint="`helicarrier content refused` names them all.",
        )


@content.command("list")
@click.option("--type", "doc_type", type=_TYPES, help="Documents of this type.")
@range_options
@click.option("--annotations", is_flag=True, help="With the annotations.")
@_limit
@json_option
@data_dir_option
def list_(
    *,
    doc_type: str | None,
    first: date | None,
    last: date | None,
    annotations: bool,
    limit: int,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """List documents, the newest first, each in its newest version.

    \b
    EXAMPLES
      helicarrier content list
      helicarrier content list --type post --from 2026-10-01 --annotations --json
    """
    from helicarrier.lineage.content import wire_out
    from helicarrier.lineage.content.duckdb_repository import DuckDbContentRepository
    from helicarrier.lineage.content.enums import DocType

    found = DuckDbContentRepository(_warehouse(data_dir)).annotated(
        doc_type=DocType(doc_type) if doc_type else None, first=first, last=last, limit=limit
    )
    if as_json:
        print_json(
            {
                "documents": [
                    wire_out.document(one.document)
                    | (
                        {"annotations": [wire_out.annotation(a) for a in one.annotations]}
                        if annotations
                        else {}
                    )
                    for one in found
                ]
            }
        )
        return
    width = max((len(one.document.id) for one in found), default=0)
    for one in found:
        click.echo(_line(one.document, width))
        for remark in one.annotations if annotations else ():
            click.echo(f"    {remark.author_id}: {remark.content}  [{remark.id}]")
    if not found:
        click.echo("there are no such documents", err=True)


@content.command()
@click.option("--thread", help="Of this conversation.")
@_limit
@json_option
@data_dir_option
def messages(*, thread: str | None, limit: int, as_json: bool, data_dir: Path | None) -> None:
    """List messages, the newest first.

    \b
    EXAMPLES
      helicarrier content messages
      helicarrier content messages --thread standup --json
    """
    from helicarrier import times
    from helicarrier.lineage.content import wire_out
    from helicarrier.lineage.content.duckdb_repository import DuckDbContentRepository

    found = DuckDbContentRepository(_warehouse(data_dir)).messages(thread_id=thread, limit=limit)
    if as_json:
        print_json({"messages": [wire_out.message(one) for one in found]})
        return
    for one in found:
        said = (one.text or one.media_url or "").replace("\n", " ")
        click.echo(f"{times.utc_text(one.ts)[:19]}Z  {one.thread_id}  {one.author_raw}: {said}")
    if not found:
        click.echo("there are no such messages", err=True)


@content.command()
@click.argument("name")
@json_option
@data_dir_option
def show(name: str, *, as_json: bool, data_dir: Path | None) -> None:
    """Show a document with its versions and annotations; NAME is a key or the id of a version.

    \b
    EXAMPLES
      helicarrier content show post/why-unknown-is-not-zero
      helicarrier content show post/why-unknown-is-not-zero@1 --json
    """
    from helicarrier.lineage.content import wire_out
    from helicarrier.lineage.content.duckdb_repository import DuckDbContentRepository, not_found

    repository = DuckDbContentRepository(_warehouse(data_dir))
    found = repository.get(name)
    if found is None:
        raise not_found(f"no document has the key or id {name}")
    versions, remarks = repository.versions(found.doc_key), repository.annotations(found.doc_key)
    if as_json:
        print_json(
            {
                "document": wire_out.document(found),
                "versions": [wire_out.version(one) for one in versions],
                "annotations": [wire_out.annotation(one) for one in remarks],
            }
        )
        return
    for field, value in wire_out.document(found).items():
        if field != "content" and value not in (None, [], {}):
            click.echo(f"{field:<15} {value}")
    click.echo(f"{'versions':<15} {', '.join(one.id for one in versions)}")
    for remark in remarks:
        click.echo(f"{'annotation':<15} {remark.author_id}: {remark.content}  [{remark.id}]")
    if found.content:
        click.echo(f"\n{found.content}")


@content.command()
@click.argument("name")
@click.argument("text")
@click.option("--author", required=True, help="Who remarks.")
@_dry_run
@json_option
@data_dir_option
def annotate(
    name: str, text: str, *, author: str, dry_run: bool, as_json: bool, data_dir: Path | None
) -> None:
    """Remark on a document; NAME is its key (the newest version) or the id of a version.

    \b
    EXAMPLES
      helicarrier content annotate post/why-unknown-is-not-zero "Cite this." --author ada --dry-run
      helicarrier content annotate post/why-unknown-is-not-zero "Cite this." --author ada
    """
    from helicarrier.lineage.content.actions import annotate as remark

    done = remark(settings_of(data_dir), name, text, author, dry_run=dry_run)
    if as_json:
        print_json({"id": done.id, "outcome": done.outcome.value, "dryRun": dry_run})
    else:
        click.echo(f"{'would be ' if dry_run else ''}{done.outcome.value}: {done.id}")


@content.command()
@click.argument("name")
@click.option("--annotation", is_flag=True, help="NAME is the id of an annotation.")
@_dry_run
@json_option
@data_dir_option
def delete(
    name: str, *, annotation: bool, dry_run: bool, as_json: bool, data_dir: Path | None
) -> None:
    """Delete a document with all its versions, or an annotation.

    A document that has annotations is not deleted (5).

    \b
    EXAMPLES
      helicarrier content delete note/reading-list --dry-run
      helicarrier content delete note/reading-list
    """
    from helicarrier.lineage.content.actions import delete as remove

    rows = remove(settings_of(data_dir), name, annotation=annotation, dry_run=dry_run)
    if as_json:
        print_json({"deleted": rows, "dryRun": dry_run})
    else:
        what = "annotation" if annotation else "versions"
        click.echo(f"{'would delete' if dry_run else 'deleted'} {rows} {what} of {name}")


@content.command()
@_limit
@json_option
@data_dir_option
def refused(*, limit: int, as_json: bool, data_dir: Path | None) -> None:
    """List refused records, newest first; the raw bytes stay in the warehouse file.

    \b
    EXAMPLES
      helicarrier content refused
      helicarrier content refused --json --limit 5
    """
    from helicarrier.lineage.content.duckdb_repository import DuckDbContentRepository

    entries = DuckDbContentRepository(_warehouse(data_dir)).refused(limit=limit)
    if as_json:
        print_json({"entries": entries})
        return
    for entry in entries:
        click.echo(
            f"{entry['sourceUri']}:{entry['sourceLine']}  {entry['errorCode']}  "
            f"{entry['errorMessage']} ({entry['attempts']}x, {entry['bytes']} bytes)"
        )
    if not entries:
        click.echo("nothing was refused", err=True)


@content.command()
@json_option
@data_dir_option
def verify(*, as_json: bool, data_dir: Path | None) -> None:
    """Verify every type of document, orphans, JSON, and that the constraints are there and hold.

    Nothing is changed: the constraints are tried on empty copies of the tables in memory. Ends
    with 7 when a promise is broken. Where there are no rows it says `no data`.

    \b
    EXAMPLES
      helicarrier content verify
      helicarrier content verify --json
    """
    from helicarrier.ledger.runs import run_store
    from helicarrier.lineage.content.verify import State
    from helicarrier.lineage.content.verify import verify as verified
    from helicarrier.store.warehouse import WarehouseStore

    settings = settings_of(data_dir)
    warehouse = WarehouseStore(settings.warehouse_path)
    report = verified(warehouse, run_store(settings, warehouse).run_ids())
    if as_json:
        print_json(report.as_json())
    else:
        _print_verification(report)
    if report.state is State.BROKEN:
        broken = [f for f in report.findings if f.state is State.BROKEN]
        raise VerificationFailed(
            f"{len(broken)} of {len(report.findings)} promises are broken, the first: "
            f"{broken[0].promise} of {broken[0].subject}",
            hint=broken[0].remedy,
        )


def _warehouse(data_dir: Path | None) -> "WarehouseStore":
    from helicarrier.store.warehouse import WarehouseStore

    return WarehouseStore(settings_of(data_dir).warehouse_path)


def _line(document: "Document", width: int) -> str:
    said = document.title or document.filename or ""
    state = document.status.value if document.status else ""
    return f"{document.created_at:%Y-%m-%d}  {document.id:<{width}}  {state:<9}  {said}".rstrip()


def _print_report(report: "ContentReport") -> None:
    counts, rows = report.counts.as_json(), report.counts.rows
    click.echo(
        f"{'would have ' if report.dry_run else ''}read {counts['read']:,} records of "
        f"{report.files:,} files in {report.seconds:.2f} s"
    )
    click.echo(
        f"  written {counts['written']:,}, duplicate {counts['duplicate']:,}, "
        f"skipped {counts['skipped']:,}, refused {counts['refused']:,}"
    )
    click.echo("  rows: " + ", ".join(f"{name} {n:,}" for name, n in rows.items()))


def _print_verification(report: "Verification") -> None:
    for finding in report.findings:
        counted = (
            f"{finding.failing:,} of {finding.checked:,} fail"
            if finding.failing
            else (f"{finding.checked:,}" if finding.checked else "")
        )
        click.echo(
            f"{finding.state.value:<8} {finding.promise.value:<12} {finding.subject:<19} "
            f"{counted:<14} {finding.detail}".rstrip()
        )
    click.echo(f"{report.state.value}; {report.refused:,} records are in quarantine")

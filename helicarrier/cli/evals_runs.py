"""Where the eval commands find a run: in a report file or in the store.

A file of records stands for a run as well where only its records are asked for. What is no file is
the id of a stored run.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from helicarrier import times
from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.evals import evaluation, samples
from helicarrier.evals.evaluation import Baseline, Evaluation, Origin, Rules
from helicarrier.evals.readers.registry import read_file
from helicarrier.evals.report_file import is_report, read_report
from helicarrier.evals.repository import EvalRepository
from helicarrier.settings import Settings
from helicarrier.store.addresses import SqliteFile, parse_address
from helicarrier.store.query import open_query

if TYPE_CHECKING:
    from helicarrier.store.operational import OperationalStore


def store_exists(settings: Settings) -> bool:
    """Whether there is a database to write to; one on a server counts as there."""
    address = parse_address(settings.url)
    return not isinstance(address, SqliteFile) or address.path.exists()


@contextmanager
def repository_of(settings: Settings) -> Iterator[EvalRepository]:
    """The stored runs.

    Raises:
        NotReady: there is no database, or it is not at the schema of this version.
    """
    from helicarrier.evals.sql_repository import SqlEvalRepository

    with _store_of(settings) as store:
        yield SqlEvalRepository(store)


@contextmanager
def _store_of(settings: Settings) -> "Iterator[OperationalStore]":
    from helicarrier.store.operational import OperationalStore

    with open_query(settings.url) as query:
        query.ready()
    with closing(OperationalStore(settings.url)) as store:
        yield store


def whole_run(target: str, settings: Settings) -> Evaluation:
    """A judged run with all that belongs to it.

    Raises:
        InputRejected: the file is no report with samples, or there is no such run.
        VerificationFailed: the stored run holds no decision.
    """
    if _is_file(target):
        return read_report(Path(target))
    with repository_of(settings) as repository:
        run = repository.run(target)
        if run is None:
            raise _unknown(target)
        return evaluation.load(repository, run)


def records_of(
    target: str, settings: Settings, *, format_name: str | None, outcomes: Mapping[str, str]
) -> Baseline:
    """The records of a report, a file of eval results or a stored run, with the id of the run.

    A file of records has an id that follows from its content.

    Raises:
        InputRejected: the file is refused, or there is no such run.
    """
    path = Path(target)
    if not _is_file(target):
        with repository_of(settings) as repository:
            if repository.run(target) is None:
                raise _unknown(target)
            return Baseline(run_id=target, records=repository.records(target))
    if is_report(path):
        found = read_report(path)
        return Baseline(
            run_id=found.run.run_id, records=[sample.record for sample in found.samples]
        )
    records = read_file(path, format_name=format_name, outcomes=outcomes)
    return Baseline(run_id=samples.content_id(records), records=records)


def save(
    found: Evaluation, rules: Rules, origin: Origin, settings: Settings, *, source: str
) -> None:
    """Store a run with its decision, and its baseline where that is not there: a replay needs both.

    Raises:
        NotReady: the store is not at the schema of this version.
        StorageUnavailable: it cannot be written.
        VerificationFailed: it passes, and judging it again does not.
    """
    from helicarrier.evals import recording
    from helicarrier.evals.sql_repository import SqlEvalRepository
    from helicarrier.ledger.runs import run_store

    with _store_of(settings) as store:
        repository, before = SqlEvalRepository(store), found.baseline
        judged = None
        if before is not None and repository.run(before.run_id) is None:
            judged = evaluation.judge(
                before.records, rules, replace(origin, run_id=before.run_id, dataset_ref="baseline")
            )
        with run_store(settings).run(recording.ASSET_KEY) as run:
            recording.record(store, found, run, source=source, now=times.now(), baseline=judged)


def _is_file(target: str) -> bool:
    """What looks like an id is one; anything else is a path, there or not."""
    try:
        UUID(target)
    except ValueError:
        return True
    return Path(target).exists()


def _unknown(run_id: str) -> InputRejected:
    return InputRejected(
        f"there is no eval run {run_id}",
        code=ErrorCode.NOT_FOUND,
        hint="`helicarrier evals list` shows the stored runs.",
    )

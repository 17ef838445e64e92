"""Runs as OpenLineage events: a START for each run, and a COMPLETE or FAIL for each that has ended.

The events are those of the standard's own Python library. Tables carry their columns from the
contracts, partitions of the lake are the files that they are, a run carries its code, its
configuration's hash and its parent. What the standard has no name for is in the facet
`helicarrier_run`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, UUID, uuid5

from helicarrier import times
from helicarrier.governance.contract import TableContract
from helicarrier.ingest.service import FILE
from helicarrier.ledger import tables as ledger
from helicarrier.lineage.openlineage_facets import HelicarrierRunFacet
from helicarrier.settings import Settings
from helicarrier.store.addresses import PostgresDatabase, parse_address
from helicarrier.store.run_model import Edge, RunRecord, RunStatus
from helicarrier.usage import tables as usage

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent
    from openlineage.client.facet_v2 import DatasetFacet, JobFacet, RunFacet
    from openlineage.client.generated.schema_dataset import SchemaDatasetFacetFields

NAMESPACE = "helicarrier"
PRODUCER = "https://pypi.org/project/helicarrier"
_ROOT = Path(__file__).resolve().parents[2]
_CONTRACTS = {
    contract.name: contract for contract in (*ledger.CONTRACTS, *usage.CONTRACTS, *usage.FACTS)
}
_LAKE = frozenset(contract.name for contract in usage.FACTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where datasets are: the namespace of the tables, the folder of the lake."""

    tables: str
    lake: Path

    @classmethod
    def of(cls, settings: Settings) -> "Places":
        """The places that these settings mean."""
        address = parse_address(settings.url)
        if isinstance(address, PostgresDatabase):
            tables = f"postgres://{address.name}"
        else:
            tables = f"sqlite://{address.path}"
        return cls(tables=tables, lake=settings.lake_dir.absolute())


def events(
    runs: Sequence[RunRecord],
    inputs: Mapping[str, Sequence[Edge]],
    outputs: Mapping[str, Sequence[Edge]],
    places: Places,
) -> "Iterator[RunEvent]":
    """The events of runs, in their order; edges by run."""
    from openlineage.client.event_v2 import RunEvent, RunState

    names = {run.run_id: run.asset_key for run in runs}
    for record in runs:
        job, run = _job(record), _run(record, names)
        yield RunEvent(
            eventTime=times.utc_text(record.started_at),
            eventType=RunState.START,
            run=run,
            job=job,
            producer=PRODUCER,
        )
        if record.finished_at is None:
            continue
        failed = record.status is RunStatus.FAILED
        yield RunEvent(
            eventTime=times.utc_text(record.finished_at),
            eventType=RunState.FAIL if failed else RunState.COMPLETE,
            run=run,
            job=job,
            producer=PRODUCER,
            inputs=[_input(edge, places) for edge in _merged(inputs.get(record.run_id, ()))],
            outputs=[_output(edge, places) for edge in _merged(outputs.get(record.run_id, ()))],
        )


def _job(record: RunRecord) -> "Job":
    from openlineage.client.event_v2 import Job
    from openlineage.client.facet_v2 import job_type_job, source_code_location_job

    facets: dict[str, JobFacet] = {
        "jobType": job_type_job.JobTypeJobFacet(
            processingType="BATCH", integration="HELICARRIER", jobType="ASSET"
        ),
        "sourceCodeLocation": source_code_location_job.SourceCodeLocationJobFacet(
            type="git", url=_ROOT.as_uri(), version=record.code_ref
        ),
    }
    return Job(namespace=NAMESPACE, name=record.asset_key, facets=facets)


def _run(record: RunRecord, names: Mapping[str, str]) -> "Run":
    from openlineage.client.event_v2 import Run
    from openlineage.client.facet_v2 import error_message_run, parent_run

    facets: dict[str, RunFacet] = {
        "helicarrier_run": HelicarrierRunFacet(
            partition=record.partition_key,
            codeRef=record.code_ref,
            configHash=record.config_hash,
            inputFingerprint=record.input_fingerprint,
            host=record.host,
            pid=record.pid,
            rowsIn=record.rows_in,
            rowsOut=record.rows_out,
            tokens=record.tokens,
            llmCalls=record.llm_calls,
        )
    }
    if record.error is not None:
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message=record.error, programmingLanguage="PYTHON"
        )
    parent = record.parent_run_id or record.dagster_run_id
    if parent is not None:
        known = names.get(parent)
        facets["parent"] = parent_run.ParentRunFacet(
            run=parent_run.Run(runId=_uuid(parent)),
            job=parent_run.Job(
                namespace=NAMESPACE if record.parent_run_id else "dagster", name=known or "run"
            ),
        )
    return Run(runId=_uuid(record.run_id), facets=facets)


def _merged(edges: Sequence[Edge]) -> list[Edge]:
    """Partitions of a table are the table: one entry, its rows together, for each."""
    found: dict[tuple[str, str], Edge] = {}
    for edge in edges:
        whole = edge.dataset not in _LAKE and edge.dataset != FILE
        key = (edge.dataset, "" if whole else edge.partition_key)
        before = found.get(key)
        if before is None:
            found[key] = Edge(
                dataset=key[0], partition_key=key[1], fingerprint=edge.fingerprint, rows=edge.rows
            )
        else:
            rows = (
                None if None in (before.rows, edge.rows) else (before.rows or 0) + (edge.rows or 0)
            )
            found[key] = Edge(dataset=key[0], partition_key=key[1], rows=rows)
    return list(found.values())


def _input(edge: Edge, places: Places) -> "InputDataset":
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.facet_v2 import input_statistics_input_dataset as statistics

    namespace, name = _named(edge, places)
    counted = statistics.InputStatisticsInputDatasetFacet(rowCount=edge.rows)
    return InputDataset(
        namespace=namespace,
        name=name,
        facets=_facets(edge),
        inputFacets={} if edge.rows is None else {"inputStatistics": counted},
    )


def _output(edge: Edge, places: Places) -> "OutputDataset":
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

    namespace, name = _named(edge, places)
    counted = statistics.OutputStatisticsOutputDatasetFacet(rowCount=edge.rows)
    return OutputDataset(
        namespace=namespace,
        name=name,
        facets=_facets(edge),
        outputFacets={} if edge.rows is None else {"outputStatistics": counted},
    )


def _named(edge: Edge, places: Places) -> tuple[str, str]:
    if edge.dataset == FILE:
        return "file", edge.partition_key
    if edge.dataset in _LAKE:
        return "file", str(places.lake / edge.dataset / f"day={edge.partition_key}")
    return places.tables, edge.dataset


def _facets(edge: Edge) -> "dict[str, DatasetFacet]":
    from openlineage.client.facet_v2 import dataset_version_dataset, schema_dataset

    facets: dict[str, DatasetFacet] = {}
    contract = _CONTRACTS.get(edge.dataset)
    if contract is not None:
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields=_fields(contract))
    if edge.fingerprint is not None:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(
            datasetVersion=edge.fingerprint
        )
    return facets


def _fields(contract: TableContract) -> "list[SchemaDatasetFacetFields]":
    from openlineage.client.facet_v2 import schema_dataset

    return [
        schema_dataset.SchemaDatasetFacetFields(
            name=column.name,
            type=column.kind.value,
            description=column.meaning,
            ordinal_position=place,
        )
        for place, column in enumerate(contract.columns, start=1)
    ]


def _uuid(run_id: str) -> str:
    """The standard wants a UUID; another id becomes one, always the same."""
    try:
        return str(UUID(run_id))
    except ValueError:
        return str(uuid5(NAMESPACE_URL, f"{NAMESPACE}:{run_id}"))

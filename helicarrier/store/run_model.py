"""Runs as values: what is written about a run, and what a running block tells about itself."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from helicarrier.canonical import JSONValue, canonical_bytes, sha256


class RunStatus(StrEnum):
    """How a run stands or ended."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What a run read or wrote: a dataset, one partition of it (empty: all), its content."""

    dataset: str
    partition_key: str = ""
    fingerprint: str | None = None
    rows: int | None = None


def fingerprint_of(edges: Iterable[Edge]) -> str:
    """SHA-256 over datasets, partitions, fingerprints and row counts, whatever their order."""
    rows: list[JSONValue] = [
        [dataset, partition, fingerprint, count]
        for dataset, partition, fingerprint, count in sorted(
            (
                edge.dataset,
                edge.partition_key,
                edge.fingerprint or "",
                -1 if edge.rows is None else edge.rows,
            )
            for edge in edges
        )
    ]
    return sha256(canonical_bytes(rows))


def no_beat() -> None:
    """The sign of life of a run that nobody waits for."""


@dataclass(slots=True, kw_only=True)
class Run:
    """A run in progress: the block that does the work counts and notes here.

    `rows_in`, `rows_out`, `llm_calls` and `tokens` are plain counters. `input_fingerprint` is made
    from the inputs where the block gives none. `beat` is a sign of life, as often as one likes.
    `begun` is the record of its start, where this process wrote it.
    """

    run_id: str
    started_at: datetime
    rows_in: int = 0
    rows_out: int = 0
    llm_calls: int = 0
    tokens: int = 0
    input_fingerprint: str | None = None
    attrs: dict[str, object] = field(default_factory=dict)
    inputs: list[Edge] = field(default_factory=list)
    outputs: list[Edge] = field(default_factory=list)
    beat: Callable[[], None] = field(default=no_beat, repr=False, compare=False)
    begun: "RunRecord | None" = field(default=None, repr=False, compare=False)

    def note(self, **attrs: object) -> None:
        """Keeps facts about the run (JSON values) in its `attrs`; a later one wins."""
        self.attrs.update(attrs)

    def reads(self, edge: Edge) -> None:
        """The run read this; of several of one partition the last counts."""
        self.inputs.append(edge)

    def writes(self, edge: Edge) -> None:
        """The run wrote this; of several of one partition the last counts."""
        self.outputs.append(edge)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run as it is stored."""

    run_id: str
    dagster_run_id: str | None
    asset_key: str
    partition_key: str | None
    parent_run_id: str | None
    status: RunStatus
    started_at: datetime
    finished_at: datetime | None
    duration_seconds: float | None
    host: str
    pid: int
    process_started_at: datetime
    heartbeat_at: datetime
    rows_in: int
    rows_out: int
    llm_calls: int
    tokens: int
    input_fingerprint: str | None
    code_ref: str
    config_hash: str
    error: str | None
    attrs: Mapping[str, JSONValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What markers beside the rows say of a run: all of it committed, and which partitions."""

    complete: bool
    outputs: tuple[Edge, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The number of events and the newest link at one time, kept outside of the run store."""

    count: int
    head: str
    anchored_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """An event as it is stored: `content` is what its own link covers, with the link before it.

    `details` is the hash of the run, its inputs and outputs at that moment; None for events of
    versions that did not keep it.
    """

    content: Mapping[str, str | int | None]
    previous: str
    link: str

    @property
    def run_id(self) -> str:
        """The run."""
        return str(self.content["run_id"])

    @property
    def details(self) -> str | None:
        """The hash of the run as it was."""
        found = self.content.get("details_sha256")
        return None if found is None else str(found)

"""Runs as values: what is written about a run, and what a running block tells about itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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


@dataclass(slots=True, kw_only=True)
class Run:
    """A run in progress: the block that does the work counts and notes here.

    `rows_in`, `rows_out`, `llm_calls` and `tokens` are plain counters.
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
    rows_in: int
    rows_out: int
    llm_calls: int
    tokens: int
    input_fingerprint: str | None
    code_ref: str
    config_hash: str
    error: str | None
    attrs: Mapping[str, object]

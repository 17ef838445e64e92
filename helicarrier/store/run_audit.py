"""The audit of the run store: is everything as it was written?

Three things hold each other: the chain (each event covers the one before), the events (each covers
the run as it was), the anchors (the length and the head of the chain, kept outside at the end of
every run). Whoever edits one of them without the others is found.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from helicarrier.store import event_chain
from helicarrier.store.run_model import Anchor, Edge, RunEvent, RunRecord
from helicarrier.store.run_rows import details_hash


class FindingKind(StrEnum):
    """What is wrong."""

    BROKEN_LINK = "broken_link"
    CUT_TAIL = "cut_tail"
    ANCHOR_DIFFERS = "anchor_differs"
    RUN_DIFFERS = "run_differs"
    RUN_WITHOUT_EVENT = "run_without_event"
    EVENT_WITHOUT_RUN = "event_without_run"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One thing that is not as it was written: `subject` is an event's place or a run."""

    kind: FindingKind
    subject: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was looked at, and what is wrong with it; `findings` are in a fixed order."""

    events: int
    runs: int
    anchors: int
    head: str
    findings: tuple[Finding, ...]

    @property
    def not_anchored(self) -> bool:
        """Whether nothing outside holds the length of the chain: a cut tail would not show."""
        return bool(self.events) and not self.anchors


def audit(
    events: Sequence[RunEvent],
    runs: Sequence[RunRecord],
    inputs: Mapping[str, Sequence[Edge]],
    outputs: Mapping[str, Sequence[Edge]],
    anchors: Sequence[Anchor],
) -> Audit:
    """Hold events, runs with their edges (by run) and anchors against each other."""
    findings = [
        *_links(events),
        *_anchored(events, anchors),
        *_told(events, runs, inputs, outputs),
    ]
    return Audit(
        events=len(events),
        runs=len(runs),
        anchors=len(anchors),
        head=events[-1].link if events else event_chain.FIRST,
        findings=tuple(sorted(findings)),
    )


def _links(events: Sequence[RunEvent]) -> Iterable[Finding]:
    chain = ((event.previous, event.link, event.content) for event in events)
    for place in event_chain.broken(chain):
        yield Finding(
            kind=FindingKind.BROKEN_LINK,
            subject=f"event {place:09}",
            message="was edited or moved, or its neighbour was removed or inserted",
        )


def _anchored(events: Sequence[RunEvent], anchors: Sequence[Anchor]) -> Iterable[Finding]:
    for anchor in anchors:
        at = anchor.anchored_at.isoformat(timespec="seconds")
        if anchor.count > len(events):
            yield Finding(
                kind=FindingKind.CUT_TAIL,
                subject=f"event {anchor.count:09}",
                message=f"there were {anchor.count} events at {at}, now there are {len(events)}",
            )
        elif anchor.count and events[anchor.count - 1].link != anchor.head:
            yield Finding(
                kind=FindingKind.ANCHOR_DIFFERS,
                subject=f"event {anchor.count:09}",
                message=f"was another one at {at}: the chain was made anew",
            )


def _told(
    events: Sequence[RunEvent],
    runs: Sequence[RunRecord],
    inputs: Mapping[str, Sequence[Edge]],
    outputs: Mapping[str, Sequence[Edge]],
) -> Iterable[Finding]:
    last = {event.run_id: event for event in events}
    for run in runs:
        event = last.pop(run.run_id, None)
        if event is None:
            yield Finding(
                kind=FindingKind.RUN_WITHOUT_EVENT,
                subject=f"run {run.run_id}",
                message="no event tells of it",
            )
        elif _differs(run, event, inputs.get(run.run_id, ()), outputs.get(run.run_id, ())):
            yield Finding(
                kind=FindingKind.RUN_DIFFERS,
                subject=f"run {run.run_id}",
                message="is not as its last event saw it, or its inputs and outputs are not",
            )
    for run_id in last:
        yield Finding(
            kind=FindingKind.EVENT_WITHOUT_RUN,
            subject=f"run {run_id}",
            message="has events and is gone",
        )


def _differs(
    run: RunRecord, event: RunEvent, inputs: Iterable[Edge], outputs: Iterable[Edge]
) -> bool:
    if event.details is not None:
        try:
            return event.details != details_hash(run, inputs, outputs)
        except ValueError:  # Canonical JSON cannot hold it: it was never written so.
            return True
    told = event.content
    mine = (run.status.value, run.rows_in, run.rows_out, run.llm_calls, run.tokens, run.error)
    names = ("status", "rows_in", "rows_out", "llm_calls", "tokens", "error")
    return mine != tuple(told[name] for name in names)

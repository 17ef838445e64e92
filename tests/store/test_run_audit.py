"""The audit of the run store: whatever is changed, by whom so ever, is found."""

import random
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helicarrier.errors import StorageUnavailable
from helicarrier.store.event_chain import FIRST, link
from helicarrier.store.run_audit import Audit, FindingKind, audit
from helicarrier.store.run_database import WarehouseRuns
from helicarrier.store.run_model import Anchor, Edge, RunEvent, RunRecord
from helicarrier.store.run_rows import edges_of, record_of
from helicarrier.store.run_statements import ALL_INPUTS, ALL_OUTPUTS, ALL_RUNS, SELECT_RUN
from helicarrier.store.run_store import RunStore
from helicarrier.store.warehouse import WarehouseStore

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RUNS = 4


@dataclass(frozen=True)
class Kept:
    """A sound run store: its events, runs, edges, and the anchors of every end."""

    events: tuple[RunEvent, ...]
    runs: tuple[RunRecord, ...]
    inputs: dict[str, list[Edge]]
    outputs: dict[str, list[Edge]]
    anchors: tuple[Anchor, ...]

    def audit(self) -> Audit:
        """What the audit says of it."""
        return audit(self.events, self.runs, self.inputs, self.outputs, self.anchors)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Four runs, the last of them failed."""
    path = tmp_path_factory.mktemp("runs") / "warehouse.duckdb"
    anchors = []
    with closing(WarehouseStore(path)) as warehouse:
        runs = RunStore(warehouse)
        for number in range(RUNS):
            run = runs.start_run("import", run_id=f"run-{number}", started_at=NOW)
            run.rows_in = run.rows_out = number
            run.reads(Edge(dataset="file", partition_key="/a", fingerprint="f", rows=number))
            run.writes(Edge(dataset="session_usage", rows=number))
            error = "ValueError: no" if number == RUNS - 1 else None
            runs.end_run(run, finished_at=NOW + timedelta(seconds=number), error=error)
            count, head = runs.chain_head()
            anchors.append(Anchor(count=count, head=head, anchored_at=NOW))
        with WarehouseRuns(warehouse).read() as statements:
            return Kept(
                tuple(runs.events()),
                tuple(map(record_of, statements.rows(SELECT_RUN + ALL_RUNS))),
                edges_of(statements.rows(ALL_INPUTS)),
                edges_of(statements.rows(ALL_OUTPUTS)),
                tuple(anchors),
            )


def kinds(found: Audit) -> set[FindingKind]:
    """The kinds of what was found."""
    return {finding.kind for finding in found.findings}


def rechained(contents: Sequence[object]) -> tuple[RunEvent, ...]:
    """A chain made anew over these contents, as somebody who knows how would."""
    made, previous = [], FIRST
    for place, content in enumerate(contents, start=1):
        told = dict(content) | {"seq": place}  # type: ignore[call-overload]
        made.append(RunEvent(content=told, previous=previous, link=link(previous, told)))
        previous = made[-1].link
    return tuple(made)


def test_a_sound_store_has_no_findings(kept: Kept) -> None:
    """And the audit says how much it looked at."""
    found = kept.audit()
    assert found.findings == ()
    assert (found.events, found.runs, found.anchors) == (2 * RUNS, RUNS, RUNS)
    assert found.head == kept.events[-1].link


@given(st.data())
def test_an_edited_removed_inserted_or_moved_event_is_found(
    kept: Kept, data: st.DataObject
) -> None:
    """Wherever it is, and whatever of it was changed."""
    events = list(kept.events)
    place = data.draw(st.integers(0, len(events) - 1), label="place")
    match data.draw(st.sampled_from(["edit", "remove", "insert", "move"]), label="forgery"):
        case "edit":
            event = events[place]
            name = data.draw(st.sampled_from(sorted(event.content)), label="field")
            old = event.content[name]
            fresh = st.integers(0, 2**53) if isinstance(old, int) else st.text(max_size=20)
            new = data.draw(fresh.filter(lambda value: value != old), label="value")
            events[place] = replace(event, content={**event.content, name: new})
        case "remove":
            del events[place]
        case "insert":
            at = data.draw(st.integers(0, len(events)), label="at")
            events.insert(at, events[place])
        case _:
            other = data.draw(
                st.integers(0, len(events) - 1).filter(lambda n: n != place), label="other"
            )
            events[place], events[other] = events[other], events[place]
    assert replace(kept, events=tuple(events)).audit().findings


@given(st.integers(1, 2 * RUNS))
def test_a_cut_tail_is_found(kept: Kept, cut: int) -> None:
    """With the runs that it told of, or without: the anchors know how long the chain was."""
    events = kept.events[:-cut]
    told = {event.run_id for event in events}
    runs = tuple(run for run in kept.runs if run.run_id in told)
    assert FindingKind.CUT_TAIL in kinds(replace(kept, events=events, runs=runs).audit())


@given(st.integers(0, 2 * RUNS - 1), st.integers(1, 1000))
def test_a_chain_made_anew_is_found(kept: Kept, place: int, more: int) -> None:
    """All links fit again; the anchors do not."""
    contents = [dict(event.content) for event in kept.events]
    contents[place]["rows_out"] = int(str(contents[place]["rows_out"])) + more
    found = replace(kept, events=rechained(contents)).audit()
    assert FindingKind.BROKEN_LINK not in kinds(found)
    assert FindingKind.ANCHOR_DIFFERS in kinds(found)


@given(st.data())
def test_an_edited_run_is_found(kept: Kept, data: st.DataObject) -> None:
    """Its last event covers every column but the signs of life."""
    place = data.draw(st.integers(0, RUNS - 1))
    covered = [field.name for field in fields(RunRecord) if field.name != "heartbeat_at"]
    name = data.draw(st.sampled_from(covered))
    run = kept.runs[place]
    old = getattr(run, name)
    match old:
        case dict():
            new: object = {"config": "another"}
        case int() | float():
            new = old + 1
        case datetime():
            new = old + timedelta(microseconds=1)
        case _:
            new = "another"
    runs = list(kept.runs)
    runs[place] = replace(run, **{name: new})
    assert kinds(replace(kept, runs=tuple(runs)).audit()) & {
        FindingKind.RUN_DIFFERS,
        FindingKind.EVENT_WITHOUT_RUN,
    }


@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_an_edited_or_removed_edge_is_found(kept: Kept, side: str) -> None:
    """Inputs and outputs belong to what the event covers."""
    edges = dict(getattr(kept, side))
    for forged in ([], [replace(edges["run-1"][0], rows=99)]):
        found = replace(kept, **{side: edges | {"run-1": forged}}).audit()
        assert kinds(found) == {FindingKind.RUN_DIFFERS}


def test_runs_and_events_without_each_other_are_found(kept: Kept) -> None:
    """A run that was removed, and one that nobody started."""
    stranger = replace(kept.runs[0], run_id="stranger")
    found = replace(kept, runs=(*kept.runs[1:], stranger)).audit()
    assert kinds(found) == {FindingKind.EVENT_WITHOUT_RUN, FindingKind.RUN_WITHOUT_EVENT}


def test_events_of_the_first_version_are_judged_by_their_counters(kept: Kept) -> None:
    """They cover no details; what they tell must still agree with the run."""
    contents = [
        {name: value for name, value in event.content.items() if name != "details_sha256"}
        for event in kept.events
    ]
    older = replace(kept, events=rechained(contents), anchors=())
    assert older.audit().findings == ()
    runs = (replace(kept.runs[0], rows_out=77), *kept.runs[1:])
    assert kinds(replace(older, runs=runs).audit()) == {FindingKind.RUN_DIFFERS}


def test_values_that_were_never_written_so_are_found_and_no_crash(kept: Kept) -> None:
    """A number beyond canonical JSON in an event, in a run, in an edge."""
    huge = 2**60
    event = replace(kept.events[2], content={**kept.events[2].content, "tokens": huge})
    events = (*kept.events[:2], event, *kept.events[3:])
    assert FindingKind.BROKEN_LINK in kinds(replace(kept, events=events).audit())
    runs = (replace(kept.runs[0], tokens=huge), *kept.runs[1:])
    assert kinds(replace(kept, runs=runs).audit()) == {FindingKind.RUN_DIFFERS}
    edges = kept.inputs | {"run-1": [replace(kept.inputs["run-1"][0], rows=huge)]}
    assert kinds(replace(kept, inputs=edges).audit()) == {FindingKind.RUN_DIFFERS}


def test_bits_flipped_in_the_file_are_told_or_change_nothing(tmp_path: Path) -> None:
    """Each is refused as damage, or lies where nothing is kept: never a wrong answer or a crash."""
    path = tmp_path / "warehouse.duckdb"
    with closing(WarehouseStore(path)) as warehouse:
        runs = RunStore(warehouse)
        for number in range(RUNS):
            with runs.run("import", new_id=lambda number=number: f"run-{number}") as run:
                run.writes(Edge(dataset="session_usage", rows=number))
    sound, whole = path.read_bytes(), runs.audit()
    seed = random.randrange(2**32)
    sys.stderr.write(f"seed {seed}\n")
    chance = random.Random(seed)
    told = 0
    for _ in range(60):
        spoiled = bytearray(sound)
        spoiled[chance.randrange(len(spoiled))] ^= 1 << chance.randrange(8)
        path.write_bytes(spoiled)
        with closing(WarehouseStore(path)) as warehouse:
            try:
                assert RunStore(warehouse).audit() == whole
            except StorageUnavailable:
                told += 1
    assert told

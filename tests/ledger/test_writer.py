"""The writer keeps one copy of everything, whatever comes when, and marks the days it touched."""

import itertools
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from helicarrier.ledger.model import Batch, Call, Envelope, Session, Winner
from helicarrier.ledger.outcomes import BatchOutcome, EnvelopeStatus, Tally
from helicarrier.ledger.tables import (
    session_events,
    session_ledger,
    session_usage,
    usage_cost_history,
)
from tests.ingest import logs
from tests.ledger.stores import Ledger

Files = dict[str, Sequence[object]]
Import = Callable[[Ledger, Path, Files, Sequence[str]], None]


def _together(ledger: Ledger, folder: Path, files: Files, order: Sequence[str]) -> None:
    """All files in one transaction."""
    for name in order:
        logs.write(folder / name, *files[name])
    ledger.read(folder)


def _apart(ledger: Ledger, folder: Path, files: Files, order: Sequence[str]) -> None:
    """One import for each file."""
    for name in order:
        ledger.read(logs.write(folder / name, *files[name]))


def _every_way(
    ledger: Ledger, folder: Path, files: Files, judge: Callable[[Ledger], object]
) -> set[object]:
    """What `judge` says after importing the files in every order, together and apart."""
    found = set()
    for way, order in enumerate(itertools.permutations(files)):
        for how in (_apart, _together):
            ledger.wipe()
            how(ledger, folder / f"{way}-{how.__name__}", files, order)
            found.add(judge(ledger))
    return found


def _usage(ledger: Ledger, *names: str) -> tuple[tuple[object, ...], ...]:
    return tuple(tuple(row[name] for name in names) for row in ledger.rows(session_usage))


# New, known and better ----------------------------------------------------------------------------


def test_what_is_new_is_counted_and_written(ledger: Ledger, tmp_path: Path) -> None:
    """One session, two calls, three events; the rows say which run and line they are of."""
    path = logs.write(
        tmp_path / "a.jsonl",
        logs.ask(),
        logs.answer(content=[{"type": "text", "text": "x"}]),
        logs.answer("msg_2", 2, content=[{"type": "tool_use", "id": "t", "name": "Bash"}]),
    )
    progress = ledger.read(path, run_id="first")
    assert progress.rows == Tally(sessions_new=1, calls_new=2, events_new=3)
    assert progress.records.written == 3
    for table in (session_ledger, session_usage, session_events):
        assert {row["run_id"] for row in ledger.rows(table)} == {"first"}
        assert {row["source_uri"] for row in ledger.rows(table)} == {str(path)}
    assert _usage(ledger, "source_line", "seq") == ((2, 2), (3, 3))
    session = ledger.row(session_ledger)
    assert (session["runtime_ms"], session["model_id"]) == (120_000, "claude-sonnet-4-5")


def test_what_is_known_is_left_alone(ledger: Ledger, tmp_path: Path) -> None:
    """To the last column, the run id included."""
    path = logs.write(tmp_path / "a.jsonl", logs.ask(), logs.answer())
    ledger.read(path, run_id="first")
    ledger.clean()
    before = ledger.whole_dump()
    ledger.forget_files()
    progress = ledger.read(path, run_id="second", now="2026-11-02T00:00:00.000000Z")
    assert progress.rows == Tally()
    assert (progress.records.read, progress.records.duplicate) == (2, 2)
    assert ledger.whole_dump() == before


def test_a_fuller_copy_in_a_later_import_changes_the_row(ledger: Ledger, tmp_path: Path) -> None:
    """It is priced anew, the first price is kept, both days are dirty, the change is counted."""
    early, late = logs.at(5, "2026-10-05"), logs.at(5, "2026-10-06")
    ledger.read(logs.write(tmp_path / "a.jsonl", logs.answer(timestamp=early, output=10)))
    first = ledger.row(session_usage)
    ledger.clean()
    progress = ledger.read(
        logs.write(tmp_path / "b.jsonl", logs.answer(timestamp=late, output=500)), run_id="later"
    )
    after = ledger.row(session_usage)
    assert progress.rows == Tally(sessions_changed=1, calls_changed=1)
    assert (progress.records.written, progress.records.duplicate) == (1, 0)
    assert (after["completion_tokens"], after["run_id"]) == (500, "later")
    assert (after["cost_usd"] or 0) > (first["cost_usd"] or 0)
    for day in ("2026-10-05", "2026-10-06"):
        assert {("usage_facts", day), ("daily_usage_agg", day)} <= ledger.marked()
    history = ledger.rows(usage_cost_history)
    assert [(row["seq"], row["cost_usd"]) for row in history] == [
        (0, first["cost_usd"]),
        (1, after["cost_usd"]),
    ]


def test_a_lesser_copy_in_a_later_import_changes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """A partial snapshot of a checkpoint, for example."""
    ledger.read(logs.write(tmp_path / "b.jsonl", logs.answer(output=500)))
    ledger.clean()
    before = ledger.whole_dump()
    progress = ledger.read(logs.write(tmp_path / "a.jsonl", logs.answer(output=10)))
    assert progress.rows.calls_changed == 0
    assert progress.records.duplicate == 1
    assert ledger.whole_dump()["session_usage"] == before["session_usage"]
    assert ledger.marked() == set()


def test_the_first_event_of_a_codex_call_stays_the_call(ledger: Ledger, tmp_path: Path) -> None:
    """A later one with the same counts may say what it likes."""
    total = logs.counts(100, 0, 10)
    files: Files = {
        "a.jsonl": [logs.meta(), logs.turn(), logs.tokens(5, total, logs.counts(900, 0, 90))],
        "b.jsonl": [logs.meta(), logs.turn(), logs.tokens(4, total)],
    }
    found = _every_way(ledger, tmp_path, files, lambda it: _usage(it, "prompt_tokens"))
    assert found == {((100,),)}


def test_one_copy_of_an_event_is_kept(ledger: Ledger, tmp_path: Path) -> None:
    """That of the smallest file and line, in every order."""
    content = [{"type": "tool_use", "id": "t", "name": "Bash"}]
    files: Files = {
        "a.jsonl": [logs.ask(uuid="u"), logs.ask(uuid="u"), logs.answer(content=content)],
        "b.jsonl": [logs.ask(uuid="u"), logs.answer(content=content)],
    }

    def places(it: Ledger) -> object:
        rows = it.rows(session_events)
        return tuple((Path(str(row["source_uri"])).name, row["source_line"]) for row in rows)

    assert _every_way(ledger, tmp_path, files, places) == {(("a.jsonl", 3), ("a.jsonl", 1))}


def test_the_model_of_a_session_is_the_one_with_most_tokens(ledger: Ledger, tmp_path: Path) -> None:
    """Of equal ones the smaller name; it follows what comes later."""
    path = logs.write(
        tmp_path / "a.jsonl",
        logs.answer("m1", model="claude-sonnet-4-5", output=10),
        logs.answer("m2", model="claude-haiku-4-5", output=10),
    )
    ledger.read(path)
    assert ledger.row(session_ledger)["model_id"] == "claude-haiku-4-5"
    ledger.read(logs.grow(path, logs.answer("m3", model="claude-sonnet-4-5", output=1)))
    assert ledger.row(session_ledger)["model_id"] == "claude-sonnet-4-5"


def test_a_session_without_calls_has_no_model(ledger: Ledger, tmp_path: Path) -> None:
    """It is a session nevertheless."""
    ledger.read(logs.write(tmp_path / "a.jsonl", logs.ask()))
    assert ledger.row(session_ledger)["model_id"] == "unknown"


# The owner of a call ------------------------------------------------------------------------------


def _copies(one: tuple[str, float], other: tuple[str, float]) -> Files:
    """Two sessions (id, start) that hold the same call, the second with one of its own."""
    return {
        "a.jsonl": [logs.ask(minute=one[1], session=one[0]), logs.answer(minute=9, session=one[0])],
        "b.jsonl": [
            logs.ask(minute=other[1], session=other[0]),
            logs.answer(minute=9, session=other[0]),
            logs.answer("msg_2", 10, session=other[0]),
        ],
    }


@pytest.mark.parametrize(
    ("one", "other", "owner"),
    [
        (("s1", 1), ("s2", 2), "s1"),
        (("s1", 2), ("s2", 1), "s2"),
        (("s1", 1), ("s2", 1), "s1"),
        (("s2", 1), ("s1", 1), "s1"),
    ],
    ids=["first", "second", "smaller id first", "smaller id second"],
)
def test_a_copied_call_belongs_to_the_session_that_started_first(
    one: tuple[str, float], other: tuple[str, float], owner: str, ledger: Ledger, tmp_path: Path
) -> None:
    """Then to the smaller id, whatever was imported first."""
    found = _every_way(
        ledger, tmp_path, _copies(one, other), lambda it: _usage(it, "usage_id", "session_id")
    )
    assert found == {
        (
            ("claude_code:msg_1:req_1", owner),
            ("claude_code:msg_2:req_1", other[0]),
        )
    }


def test_a_call_that_finds_its_owner_later_is_counted_as_changed(
    ledger: Ledger, tmp_path: Path
) -> None:
    """So is the line that changed it; both sessions' days and the call's are dirty."""
    later = [logs.ask(session="late", minute=5), logs.answer(minute=9, session="late")]
    ledger.read(logs.write(tmp_path / "a.jsonl", *later))
    ledger.clean()
    early = [
        logs.ask(session="early", timestamp="2026-10-03T00:00:00.000Z"),
        logs.answer(minute=9, session="early"),
    ]
    progress = ledger.read(logs.write(tmp_path / "b.jsonl", *early))
    assert _usage(ledger, "session_id") == (("early",),)
    assert (progress.rows.calls_new, progress.rows.calls_changed) == (0, 1)
    assert (progress.records.written, progress.records.duplicate) == (2, 0)
    assert {
        ("usage_facts", "2026-10-05"),
        ("session_facts", "2026-10-05"),
        ("session_facts", "2026-10-03"),
    } <= ledger.marked()


def test_a_session_that_loses_its_only_call_loses_its_model(ledger: Ledger, tmp_path: Path) -> None:
    """As if the owner had been imported first."""
    files: Files = {
        "a.jsonl": [logs.ask(minute=1, session="s1"), logs.answer(minute=9, session="s1")],
        "b.jsonl": [logs.ask(minute=2, session="s2"), logs.answer(minute=9, session="s2")],
    }

    def models(it: Ledger) -> object:
        return tuple((row["session_id"], row["model_id"]) for row in it.rows(session_ledger))

    found = _every_way(ledger, tmp_path, files, models)
    assert found == {(("s1", "claude-sonnet-4-5"), ("s2", "unknown"))}


def test_a_call_follows_a_session_whose_start_turns_out_earlier(
    ledger: Ledger, tmp_path: Path
) -> None:
    """The file that shows the earlier start need not hold the call."""
    files: Files = {
        "a.jsonl": [logs.ask(minute=5, session="s1"), logs.answer(minute=9, session="s1")],
        "b.jsonl": [logs.ask(minute=4, session="s2"), logs.answer(minute=9, session="s2")],
        "c.jsonl": [logs.ask("before", minute=1, session="s1")],
    }
    found = _every_way(ledger, tmp_path, files, lambda it: _usage(it, "session_id"))
    assert found == {(("s1",),)}


def test_a_call_finds_the_first_of_many_sessions_that_hold_it(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Also when a session that was passed over turns out to have started first of all."""
    files: Files = {
        "a.jsonl": [logs.ask(minute=5, session="s1"), logs.answer(minute=9, session="s1")],
        "b.jsonl": [logs.ask(minute=4, session="s2"), logs.answer(minute=9, session="s2")],
        "c.jsonl": [logs.ask("before", minute=1, session="s1")],
        "d.jsonl": [logs.ask(minute=0, session="s2"), logs.answer("msg_2", 8, session="s2")],
    }
    found = _every_way(ledger, tmp_path, files, lambda it: _usage(it, "usage_id", "session_id"))
    assert {owner for ((_, owner), *_) in found} == {"s2"}
    assert len(found) == 1


def test_titles_of_several_files_do_not_depend_on_their_order(
    ledger: Ledger, tmp_path: Path
) -> None:
    """The last file that gives one wins, the first request is that of the first file."""
    files: Files = {
        "a.jsonl": [logs.ask("first", minute=1), logs.title("one")],
        "b.jsonl": [logs.answer(minute=2), logs.title("two")],
        "c.jsonl": [logs.answer("msg_2", minute=3)],
    }

    def texts(it: Ledger) -> object:
        row = it.row(session_ledger)
        return row["task_title"], row["task_text"], Path(str(row["source_uri"])).name

    assert _every_way(ledger, tmp_path, files, texts) == {("two", "first", "c.jsonl")}


@pytest.mark.parametrize("lines", [2, 3], ids=["replayed", "replayed and gone on"])
def test_a_fork_leaves_its_history_to_its_parent(
    lines: int, ledger: Ledger, tmp_path: Path
) -> None:
    """Whatever is imported first; what the fork did itself is its own."""
    one, two = logs.counts(100, 0, 10), logs.counts(250, 0, 30)
    step = logs.counts(150, 0, 20)
    history = [logs.turn(), logs.tokens(1, one)]
    fork = [logs.tokens(21, two, step)][: lines - 2]
    files: Files = {
        "a.jsonl": [
            logs.meta("child", 20, forked_from_id="parent"),
            logs.meta("parent"),
            *history,
            *fork,
        ],
        "b.jsonl": [logs.meta("parent"), *history, logs.tokens(2, logs.counts(300, 0, 30), step)],
    }
    found = _every_way(ledger, tmp_path, files, lambda it: _usage(it, "session_id", "total_tokens"))
    own = (("child", 170),) if fork else ()
    assert found == {(("parent", 110), *own, ("parent", 170))}


# Sidechains ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", ["msg_1", "gen:1:a"], ids=["plain id", "id with colons"])
@pytest.mark.parametrize("request_id", ["req_side", None], ids=["request", "no request"])
def test_a_sidechain_call_gives_way_to_its_parent(
    message: str, request_id: str | None, ledger: Ledger, tmp_path: Path
) -> None:
    """Also when it has more tokens, another request or comes in another import."""
    files: Files = {
        "a.jsonl": [logs.ask(), logs.answer(message, 5, output=3)],
        "b.jsonl": [
            logs.ask(),
            logs.answer(message, 4, output=99, isSidechain=True, request=request_id),
        ],
    }
    found = _every_way(ledger, tmp_path, files, lambda it: _usage(it, "completion_tokens"))
    assert found == {((3,),)}


def test_a_sidechain_call_without_a_parent_counts(ledger: Ledger, tmp_path: Path) -> None:
    """The largest of its copies, however they come."""
    files: Files = {
        "a.jsonl": [logs.answer(output=3, isSidechain=True)],
        "b.jsonl": [logs.answer(output=9, isSidechain=True), logs.answer("msg_10", output=1)],
    }
    found = _every_way(ledger, tmp_path, files, lambda it: _usage(it, "completion_tokens"))
    assert found == {((1,), (9,))}


def test_a_sub_agents_file_repeats_the_progress_lines_of_its_parent(
    ledger: Ledger, tmp_path: Path
) -> None:
    """The calls count once, as those of the parent's lines."""
    files: Files = {
        "s1.jsonl": [logs.ask(), logs.progress("msg_9", 2, output=7)],
        "s1/subagents/agent-a.jsonl": [
            logs.answer("msg_9", 2, request="req_9", output=7, isSidechain=True)
        ],
    }
    found = _every_way(ledger, tmp_path, files, lambda it: _usage(it, "usage_id"))
    assert found == {(("claude_code:msg_9:req_9",),)}


def test_a_parent_that_comes_later_makes_the_sidechains_days_dirty(
    ledger: Ledger, tmp_path: Path
) -> None:
    """The day of the call that goes and of the session that loses it."""
    side = logs.answer(timestamp="2026-10-02T00:00:00.000Z", session="side", isSidechain=True)
    ledger.read(logs.write(tmp_path / "a.jsonl", side))
    ledger.clean()
    ledger.read(logs.write(tmp_path / "b.jsonl", logs.answer(minute=1)))
    assert {("usage_facts", "2026-10-02"), ("session_facts", "2026-10-02")} <= ledger.marked()
    models = {row["session_id"]: row["model_id"] for row in ledger.rows(session_ledger)}
    assert models == {"side": "unknown", "s1": "claude-sonnet-4-5"}


# Dirty days ---------------------------------------------------------------------------------------


def test_a_session_marks_its_day_and_a_call_its_own(ledger: Ledger, tmp_path: Path) -> None:
    """A session that crosses midnight; windows end on its day and the 29 after it, to today."""
    ledger.read(
        logs.write(
            tmp_path / "a.jsonl",
            logs.ask(timestamp="2026-10-30T23:59:00.000Z"),
            logs.answer(timestamp="2026-10-31T00:01:00.000Z"),
        ),
        now="2026-11-01T12:00:00.000000Z",
    )
    assert ledger.marked() == {
        ("usage_facts", "2026-10-31"),
        ("daily_usage_agg", "2026-10-31"),
        ("session_facts", "2026-10-30"),
        ("daily_usage_agg", "2026-10-30"),
        ("model_perf_agg", "2026-10-30"),
        ("model_perf_agg", "2026-10-31"),
        ("model_perf_agg", "2026-11-01"),
    }


def test_a_session_whose_start_moves_marks_both_days(ledger: Ledger, tmp_path: Path) -> None:
    """It leaves the one and comes to the other."""
    ledger.read(logs.write(tmp_path / "a.jsonl", logs.ask(timestamp="2026-10-20T00:00:00.000Z")))
    ledger.clean()
    ledger.read(logs.write(tmp_path / "b.jsonl", logs.ask(timestamp="2026-10-18T00:00:00.000Z")))
    days = {day for dataset, day in ledger.marked() if dataset == "session_facts"}
    assert days == {"2026-10-18", "2026-10-20"}


# Envelopes ----------------------------------------------------------------------------------------


def _envelope(
    session: str = "n1",
    content: str = "one",
    *,
    key: str | None = None,
    revision: int = 0,
    day: str = "2026-10-05",
    line: int = 1,
    calls: int = 1,
) -> Envelope:
    return Envelope(
        session=Session(
            session_id=session,
            agent_id="agent",
            started_at=f"{day}T00:00:00.000000Z",
            source="hook",
            source_uri="/n.jsonl",
            idempotency_key=key or session,
            model_id="gpt-5.5",
            task_title=content,
            payload_sha256=content,
            revision=revision,
        ),
        calls=[
            Call(
                usage_id=f"native:{session}:{content}-{n}",
                session_id=session,
                line=line,
                seq=n,
                occurred_at=f"{day}T00:01:00.000000Z",
                provider="openai",
                model_id="gpt-5.5",
                prompt=10,
                reported_cost=Decimal("0.25"),
            )
            for n in range(calls)
        ],
        events=[],
        fingerprint=content,
        line=line,
    )


def _write(ledger: Ledger, *envelopes: Envelope) -> tuple[Tally, BatchOutcome]:
    batch = Batch(source_uri="/n.jsonl", winner=Winner.MOST_TOKENS, envelopes=list(envelopes))
    tally, (outcome,) = ledger.write(batch)
    return tally, outcome


CREATED, DUPLICATE = EnvelopeStatus.CREATED, EnvelopeStatus.DUPLICATE
UPDATED, CONFLICT = EnvelopeStatus.UPDATED, EnvelopeStatus.CONFLICT
OUTDATED = EnvelopeStatus.OUTDATED


@pytest.mark.parametrize("together", [False, True], ids=["apart", "together"])
@pytest.mark.parametrize(
    ("second", "status", "title"),
    [
        (_envelope(), DUPLICATE, "one"),
        (_envelope(revision=3), DUPLICATE, "one"),
        (_envelope(content="two"), OUTDATED, "one"),
        (_envelope(content="two", revision=1), CONFLICT, "one"),
        (_envelope(content="two", revision=2), UPDATED, "two"),
        (_envelope(content="two", key="other"), CONFLICT, "one"),
        (_envelope(key="other"), CONFLICT, "one"),
        (_envelope("n2", key="n1"), CONFLICT, "one"),
        (_envelope("n2", key="n1", revision=9), CONFLICT, "one"),
    ],
    ids=[
        "same",
        "same, higher revision",
        "other content, lower revision",
        "other content, same revision",
        "other content, higher revision",
        "other content and key",
        "other key",
        "key of another session",
        "key of another session, higher revision",
    ],
)
def test_an_envelope_meets_the_one_that_is_stored(
    second: Envelope, status: EnvelopeStatus, title: str, together: bool, ledger: Ledger
) -> None:
    """By its key, its fingerprint and its revision (the stored one has revision 1)."""
    first = _envelope(revision=1)
    if together:
        _, outcome = _write(ledger, first, second)
        assert outcome.envelopes == [CREATED, status]
    else:
        assert _write(ledger, first)[1].envelopes == [CREATED]
        assert _write(ledger, second)[1].envelopes == [status]
    session = ledger.row(session_ledger)
    assert (session["session_id"], session["task_title"]) == ("n1", title)
    assert [row["usage_id"] for row in ledger.rows(session_usage)] == [f"native:n1:{title}-0"]


def test_a_duplicate_and_a_conflict_write_nothing(ledger: Ledger) -> None:
    """Not a column, and no day becomes dirty."""
    _write(ledger, _envelope())
    ledger.clean()
    before = ledger.whole_dump()
    tally, outcome = _write(ledger, _envelope(), _envelope(content="two"))
    assert (tally, outcome.changed_lines) == (Tally(), set())
    assert ledger.whole_dump() == before


def test_a_higher_revision_replaces_all_of_a_session(ledger: Ledger) -> None:
    """Calls that are no longer told go; the old days and the new ones are dirty."""
    _write(ledger, _envelope(day="2026-10-05", calls=3))
    ledger.clean()
    tally, _ = _write(ledger, _envelope(content="two", revision=1, day="2026-10-07"))
    assert (tally.sessions_new, tally.sessions_changed, tally.calls_new) == (0, 1, 1)
    assert [row["usage_id"] for row in ledger.rows(session_usage)] == ["native:n1:two-0"]
    for dataset in ("usage_facts", "session_facts"):
        days = {day for name, day in ledger.marked() if name == dataset}
        assert days == {"2026-10-05", "2026-10-07"}


def test_a_higher_revision_leaves_what_logs_tell_of_its_session(
    ledger: Ledger, tmp_path: Path
) -> None:
    """As if the log had come last: its calls and events are not the envelope's."""
    _write(ledger, _envelope("s1"))
    ledger.read(logs.write(tmp_path / "a.jsonl", logs.ask(), logs.answer()))
    events = len(ledger.rows(session_events))
    _write(ledger, _envelope("s1", content="two", revision=1))
    assert [row["usage_id"] for row in ledger.rows(session_usage)] == [
        "claude_code:msg_1:req_1",
        "native:s1:two-0",
    ]
    assert len(ledger.rows(session_events)) == events


def test_a_session_that_comes_and_is_replaced_at_once_is_new(ledger: Ledger) -> None:
    """What is counted is what changed in the ledger."""
    tally, outcome = _write(ledger, _envelope(line=1), _envelope(content="two", revision=1, line=2))
    assert (tally.sessions_new, tally.sessions_changed, tally.calls_new) == (1, 0, 1)
    assert outcome.changed_lines == {1, 2}


def test_a_session_of_a_log_is_not_taken_over_by_an_envelope(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Its id is taken: that is a conflict."""
    ledger.read(logs.write(tmp_path / "a.jsonl", logs.ask(), logs.answer()))
    before = ledger.whole_dump()
    assert _write(ledger, _envelope("s1"))[1].envelopes == [CONFLICT]
    assert ledger.whole_dump() == before


def test_a_log_does_not_take_the_key_of_an_envelope(ledger: Ledger, tmp_path: Path) -> None:
    """The envelope is still known as what it was."""
    _write(ledger, _envelope("s1"))
    ledger.read(logs.write(tmp_path / "a.jsonl", logs.ask(), logs.answer()))
    assert _write(ledger, _envelope("s1"))[1].envelopes == [DUPLICATE]


def test_an_envelope_with_the_key_of_a_log_does_not_stop_an_import(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Whatever key a producer chooses, logs can be imported."""
    _write(ledger, _envelope("n1", key="claude_code:s1"))
    ledger.read(logs.write(tmp_path / "a.jsonl", logs.ask(), logs.answer()))
    assert {row["session_id"] for row in ledger.rows(session_ledger)} == {"n1", "s1"}


def test_a_reported_cost_is_stored_exactly(ledger: Ledger) -> None:
    """With its source and confidence."""
    _write(ledger, _envelope())
    row = ledger.row(session_usage)
    assert (row["cost_usd"], row["pricing_version"]) == (Decimal("0.25"), "provider_native")
    assert (row["cost_source"], row["cost_confidence"]) == ("provider_reported", "high")


def test_an_unknown_price_leaves_the_cost_empty(ledger: Ledger, tmp_path: Path) -> None:
    """Not zero, and it says that it is missing."""
    ledger.read(logs.write(tmp_path / "a.jsonl", logs.answer(model="claude-experimental-x")))
    row = ledger.row(session_usage)
    assert (row["cost_usd"], row["pricing_version"]) == (None, None)
    assert (row["cost_source"], row["cost_confidence"]) == ("missing", "unknown")


def test_an_empty_batch_writes_nothing(ledger: Ledger) -> None:
    """A stretch in which nothing was for the ledger."""
    tally, (outcome,) = ledger.write(Batch(source_uri="/a", winner=Winner.FIRST))
    assert (tally, outcome) == (Tally(), BatchOutcome())
    assert ledger.marked() == set()


def test_instants_come_back_in_utc(ledger: Ledger, tmp_path: Path) -> None:
    """With their milliseconds, on either engine."""
    ledger.read(
        logs.write(tmp_path / "a.jsonl", logs.ask(timestamp="2026-10-05T23:30:00.125-02:00"))
    )
    started = ledger.row(session_ledger)["started_at"]
    assert str(started) == "2026-10-06 01:30:00.125000+00:00"
    assert ("session_facts", date(2026, 10, 6).isoformat()) in ledger.marked()

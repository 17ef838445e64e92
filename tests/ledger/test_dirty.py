"""Dirty days: what a write makes out of date, and how a refresh clears exactly what it saw."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from helicarrier.ledger import dirty
from helicarrier.ledger.enums import Dataset
from helicarrier.ledger.tables import dirty_days
from tests.ledger.stores import Ledger

DAY = date(2026, 10, 5)
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def mark(ledger: Ledger, *marks: dirty.Mark, now: datetime = NOW) -> None:
    """Mark in a transaction of its own."""
    with ledger.store.write() as connection:
        dirty.mark_days(connection, marks, run_id="run", now=now)


def marked(ledger: Ledger, dataset: Dataset) -> dict[date, int]:
    """The dirty days of a dataset."""
    with ledger.store.read() as connection:
        return dirty.dirty(connection, dataset)


def claim(ledger: Ledger, dataset: Dataset, *days: date) -> dict[date, int]:
    """Claim in a transaction of its own."""
    with ledger.store.write() as connection:
        return dirty.claim(connection, dataset, days)


def clear(ledger: Ledger, dataset: Dataset, seen: dict[date, int]) -> None:
    """Clear in a transaction of its own."""
    with ledger.store.write() as connection:
        dirty.clear(connection, dataset, seen)


def test_a_call_makes_its_day_dirty_in_the_facts_and_the_daily_aggregate() -> None:
    """Windows of performance are computed from sessions alone."""
    marks = dirty.marks_of(call_days=[DAY], session_days=[], today=date(2026, 11, 1))
    assert marks == {(Dataset.USAGE_FACTS, DAY), (Dataset.DAILY_USAGE_AGG, DAY)}


def test_a_session_reaches_every_window_that_its_day_lies_in() -> None:
    """The longest window has thirty days, the session's day included."""
    marks = dirty.marks_of(call_days=[], session_days=[DAY], today=date(2027, 1, 1))
    windows = {day for dataset, day in marks if dataset is Dataset.MODEL_PERF_AGG}
    assert windows == {DAY + timedelta(days=n) for n in range(30)}
    assert {(Dataset.SESSION_FACTS, DAY), (Dataset.DAILY_USAGE_AGG, DAY)} <= marks


@pytest.mark.parametrize(("today", "windows"), [(DAY, 1), (date(2026, 10, 7), 3)])
def test_windows_that_have_not_come_yet_are_not_marked(today: date, windows: int) -> None:
    """They are computed when their day comes."""
    marks = dirty.marks_of(call_days=[], session_days=[DAY], today=today)
    assert sum(dataset is Dataset.MODEL_PERF_AGG for dataset, _ in marks) == windows


def test_marks_are_read_back_by_dataset_in_the_order_of_days(ledger: Ledger) -> None:
    """Each dataset has a list of its own."""
    later = DAY + timedelta(days=1)
    mark(ledger, (Dataset.USAGE_FACTS, later), (Dataset.USAGE_FACTS, DAY))
    mark(ledger, (Dataset.SESSION_FACTS, later))
    assert list(marked(ledger, Dataset.USAGE_FACTS)) == [DAY, later]
    assert list(marked(ledger, Dataset.SESSION_FACTS)) == [later]


def test_a_mark_after_a_claim_raises_the_generation(ledger: Ledger) -> None:
    """Also where the clock stands still or runs back."""
    seen = []
    for now in (NOW, NOW, NOW - timedelta(days=1), NOW + timedelta(days=1)):
        mark(ledger, (Dataset.USAGE_FACTS, DAY), now=now)
        seen.append(claim(ledger, Dataset.USAGE_FACTS, DAY)[DAY])
    assert seen == sorted(set(seen))


def test_a_mark_that_nobody_has_claimed_stands_as_it_is(ledger: Ledger) -> None:
    """So a day that is written to all the time costs its writers one look."""
    mark(ledger, (Dataset.USAGE_FACTS, DAY))
    before = ledger.rows(dirty_days)
    mark(ledger, (Dataset.USAGE_FACTS, DAY), now=NOW + timedelta(hours=1))
    assert ledger.rows(dirty_days) == before


def test_a_claim_names_the_dirty_ones_of_its_days(ledger: Ledger) -> None:
    """Other days and other datasets stay unclaimed."""
    later = DAY + timedelta(days=1)
    mark(ledger, (Dataset.USAGE_FACTS, DAY), (Dataset.USAGE_FACTS, later))
    mark(ledger, (Dataset.SESSION_FACTS, DAY))
    claimed = claim(ledger, Dataset.USAGE_FACTS, DAY, DAY - timedelta(days=1))
    assert list(claimed) == [DAY]
    rows = ledger.rows(dirty_days)
    assert {
        (row["dataset"], row["bucket_date"])
        for row in rows
        if row["seen_generation"] == row["generation"]
    } == {("usage_facts", DAY)}


def test_a_day_is_cleared_at_the_generation_that_was_claimed(ledger: Ledger) -> None:
    """Nothing came in between, so the day is clean."""
    mark(ledger, (Dataset.USAGE_FACTS, DAY), (Dataset.SESSION_FACTS, DAY))
    clear(ledger, Dataset.USAGE_FACTS, claim(ledger, Dataset.USAGE_FACTS, DAY))
    assert marked(ledger, Dataset.USAGE_FACTS) == {}
    assert list(marked(ledger, Dataset.SESSION_FACTS)) == [DAY]


def test_a_write_in_between_keeps_the_day_dirty(ledger: Ledger) -> None:
    """What the refresh read is older than the mark."""
    mark(ledger, (Dataset.USAGE_FACTS, DAY))
    seen = claim(ledger, Dataset.USAGE_FACTS, DAY)
    mark(ledger, (Dataset.USAGE_FACTS, DAY))
    clear(ledger, Dataset.USAGE_FACTS, seen)
    assert list(marked(ledger, Dataset.USAGE_FACTS)) == [DAY]


def test_a_refresh_that_died_leaves_a_mark_that_the_next_write_raises(ledger: Ledger) -> None:
    """Its claim outlives it, which costs one write and loses nothing."""
    mark(ledger, (Dataset.USAGE_FACTS, DAY))
    dead = claim(ledger, Dataset.USAGE_FACTS, DAY)
    mark(ledger, (Dataset.USAGE_FACTS, DAY))
    assert marked(ledger, Dataset.USAGE_FACTS)[DAY] > dead[DAY]


def test_a_claim_waits_for_a_write_that_found_its_day_marked(ledger: Ledger) -> None:
    """Else the refresh would not see the rows of that write, and would clear the day."""
    mark(ledger, (Dataset.USAGE_FACTS, DAY))
    order: list[str] = []

    def refresh() -> None:
        claim(ledger, Dataset.USAGE_FACTS, DAY)
        order.append("claimed")

    with ThreadPoolExecutor(1) as pool:
        with ledger.store.write() as connection:
            dirty.mark_days(connection, [(Dataset.USAGE_FACTS, DAY)], run_id="run", now=NOW)
            waiting = pool.submit(refresh)
            done, _ = wait([waiting], timeout=0.2)
            order.append("written")
        waiting.result(30)
    assert not done
    assert order == ["written", "claimed"]


def test_a_slow_refresh_does_not_clear_a_day_that_was_clean_in_between(ledger: Ledger) -> None:
    """A generation never comes twice, although the row was gone."""
    mark(ledger, (Dataset.USAGE_FACTS, DAY))
    slow = claim(ledger, Dataset.USAGE_FACTS, DAY)
    clear(ledger, Dataset.USAGE_FACTS, slow)
    mark(ledger, (Dataset.USAGE_FACTS, DAY), now=NOW + timedelta(seconds=1))
    clear(ledger, Dataset.USAGE_FACTS, slow)
    assert list(marked(ledger, Dataset.USAGE_FACTS)) == [DAY]


def test_a_mark_is_undone_with_its_transaction(ledger: Ledger) -> None:
    """A day is dirty exactly when the rows that made it so are there."""

    def fail() -> None:
        with ledger.store.write() as connection:
            dirty.mark_days(connection, [(Dataset.USAGE_FACTS, DAY)], run_id="run", now=NOW)
            raise IntegrityError("a row was refused", None, ValueError())

    with pytest.raises(IntegrityError):
        fail()
    assert marked(ledger, Dataset.USAGE_FACTS) == {}


def test_a_mark_names_the_run_that_made_the_day_dirty(ledger: Ledger) -> None:
    """The first one after the last claim, if there were several."""
    mark(ledger, (Dataset.USAGE_FACTS, DAY))
    claim(ledger, Dataset.USAGE_FACTS, DAY)
    with ledger.store.write() as connection:
        dirty.mark(
            connection,
            call_days=[DAY],
            session_days=[],
            today=DAY,
            run_id="later",
            now=NOW,
        )
    runs = {row["run_id"] for row in ledger.rows(dirty_days)}
    assert runs == {"later"}

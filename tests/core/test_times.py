"""Every time is UTC in one fixed-width text, so that the order of texts is that of times."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helicarrier import times

OFFSETS = st.timedeltas(
    min_value=timedelta(hours=-23, minutes=-59), max_value=timedelta(hours=23, minutes=59)
).map(lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1))))
AWARE = st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30), timezones=OFFSETS)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-07-29T05:29:50.448Z", "2026-07-29T05:29:50.448000Z"),
        ("2026-07-29T05:29:50.448123Z", "2026-07-29T05:29:50.448123Z"),
        ("2026-07-29T05:29:50Z", "2026-07-29T05:29:50.000000Z"),
        ("2026-07-29T05:29:50.4Z", "2026-07-29T05:29:50.400000Z"),
        ("2026-07-29T05:29:50,448Z", "2026-07-29T05:29:50.448000Z"),
        ("2026-07-29 05:29:50.448Z", "2026-07-29T05:29:50.448000Z"),
        ("2026-07-29T05:29:50.448+00:00", "2026-07-29T05:29:50.448000Z"),
        ("2026-07-29T05:29:50.448+05:30", "2026-07-28T23:59:50.448000Z"),
        ("2026-01-01T00:30:00.000+01:00", "2025-12-31T23:30:00.000000Z"),
        ("2026-12-31T23:30:00.000-01:00", "2027-01-01T00:30:00.000000Z"),
        ("2024-02-29T23:59:59.999Z", "2024-02-29T23:59:59.999000Z"),
        ("2024-03-01T00:00:00.000+00:01", "2024-02-29T23:59:00.000000Z"),
        ("2023-03-01T00:00:00.000+00:01", "2023-02-28T23:59:00.000000Z"),
        ("2000-02-29T12:00:00.000Z", "2000-02-29T12:00:00.000000Z"),
        ("1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000000Z"),
        ("2199-12-31T23:59:59.999999Z", "2199-12-31T23:59:59.999999Z"),
        ("20260729T052950.448Z", "2026-07-29T05:29:50.448000Z"),
        ("2026-W31-3T05:29:50Z", "2026-07-29T05:29:50.000000Z"),
        ("2026-W31-3T05:29:50.448Z", "2026-07-29T05:29:50.448000Z"),
        ("2026-W31-3T05:29:50.448123Z", "2026-07-29T05:29:50.448123Z"),
    ],
)
def test_a_time_has_one_text(text: str, canonical: str) -> None:
    """Offsets, leap days, missing fractions and the basic form all end in the same form."""
    assert times.canonical(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Z",
        "now",
        "2026-07-29",
        "2026-07-29T05:29:50",
        "2026-07-29T05:29:50.448",
        "2023-02-29T00:00:00.000Z",
        "1900-02-29T00:00:00.000Z",
        "2026-13-01T00:00:00.000Z",
        "2026-07-32T00:00:00.000Z",
        "2026-07-29T25:00:00.000Z",
        "2026-07-29T05:60:00.000Z",
        "2026-07-29T05:29:61.000Z",
        "2026-07-29T05:29:50.448Z ",
        "2026-07-29T05:29:50.448z0",
        "2026-07-29T05:29:50.44éZ",
        "1753767000",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "1969-12-31T23:59:59.999Z",
        "2200-01-01T00:00:00.000Z",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_is_no_placed_time_is_refused(text: str) -> None:
    """A time without a zone, a day that does not exist, a time too far off to be meant."""
    with pytest.raises(
        ValueError, match=r"zone|Invalid isoformat|must be in|out of range|lies before 1970"
    ):
        times.canonical(text)


def test_midnight_at_the_end_of_a_day_is_refused_or_the_next_day() -> None:
    """Later Pythons read hour 24; its text must not sort into the day that ended."""
    try:
        text = times.canonical("2026-07-29T24:00:00.000Z")
    except ValueError:
        text = "2026-07-30T00:00:00.000000Z"
    assert text == "2026-07-30T00:00:00.000000Z"


@pytest.mark.parametrize("at", [datetime(2026, 7, 29), datetime(1, 1, 1)])  # noqa: DTZ001
def test_a_naive_time_is_refused(at: datetime) -> None:
    """Its zone would have to be guessed."""
    with pytest.raises(ValueError, match="zone"):
        times.utc_text(at)
    with pytest.raises(ValueError, match="zone"):
        times.parse(at.isoformat())


@given(AWARE)
def test_the_text_is_27_characters_and_reads_back_to_the_same_instant(at: datetime) -> None:
    """Nothing is lost at microseconds, whatever the offset."""
    text = times.utc_text(at)
    assert len(text) == 27
    assert times.parse(text) == at
    assert times.parse(text).tzinfo is UTC
    assert times.canonical(text) == text


@given(AWARE, AWARE)
def test_the_order_of_texts_is_the_order_of_times(one: datetime, other: datetime) -> None:
    """So SQLite can sort and compare instants as text."""
    assert (times.utc_text(one) < times.utc_text(other)) == (one < other)


@given(AWARE)
def test_every_spelling_of_an_instant_has_the_same_canonical_text(at: datetime) -> None:
    """The short cut for the usual forms gives what the long way gives."""
    utc = at.astimezone(UTC)
    for timespec in ("seconds", "milliseconds", "microseconds"):
        local, zulu = at.isoformat(timespec=timespec), utc.isoformat(timespec=timespec)
        expected = times.utc_text(datetime.fromisoformat(local))
        assert times.canonical(local) == expected
        assert times.canonical(zulu.replace("+00:00", "Z")) == expected
        assert times.canonical(zulu.replace("T", " ")) == expected


@given(st.text("0123456789-:T.Z+, W", min_size=20, max_size=28) | AWARE.map(datetime.isoformat))
def test_what_the_short_cut_accepts_is_canonical(text: str) -> None:
    """Any text either is refused or gives the text of the instant that Python reads in it."""
    try:
        canonical = times.canonical(text)
    except (ValueError, IndexError):
        return
    assert canonical == times.utc_text(datetime.fromisoformat(text))


@pytest.mark.parametrize("year", [1, 33, 999])
def test_early_years_have_four_digits(year: int) -> None:
    """The first ten characters are the day, also before the year 1000."""
    at = datetime(year, 1, 2, tzinfo=UTC)
    text = times.utc_text(at)
    assert (len(text), text[:10]) == (27, at.date().isoformat())


def test_a_duration_is_whole_milliseconds_and_can_be_negative() -> None:
    """A clock that ran backwards is visible to the caller."""
    start, end = "2026-07-29T05:29:50.448999Z", "2026-07-29T05:29:51.450000Z"
    assert times.milliseconds_between(start, end) == 1_001
    assert times.milliseconds_between(end, start) == -1_002
    assert times.milliseconds_between(start, start) == 0


def test_days_include_both_ends_and_cross_a_leap_day() -> None:
    """A range that runs backwards is empty."""
    found = times.days(date(2024, 2, 28), date(2024, 3, 1))
    assert found == [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]
    assert times.days(date(2024, 3, 1), date(2024, 3, 1)) == [date(2024, 3, 1)]
    assert times.days(date(2024, 3, 1), date(2024, 2, 28)) == []


def test_the_clock_is_aware_and_in_utc() -> None:
    """The edges never hand a local time to the core."""
    assert times.now().tzinfo is UTC

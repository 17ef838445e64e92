"""Rollout: Unleash's choice, independent by feature, and never taking anybody back."""

import math
import uuid

import mmh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helicarrier.advisory.rollout import BUCKETS, bucket, eligible
from helicarrier.advisory.tables import FEATURE

SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835
VECTORS = [("123", "gr1", 73), ("999", "groupX", 25)]


@pytest.fixture(scope="module")
def subjects() -> list[str]:
    """100,000 ids, the same ones every time."""
    return [str(uuid.UUID(int=n * SPREAD % 2**128)) for n in range(100_000)]


@pytest.mark.parametrize(
    ("text", "seed", "expected"),
    [
        ("", 0, 0x00000000),
        ("", 1, 0x514E28B7),
        ("test", 0, 0xBA6BD213),
        ("Hello, world!", 0, 0xC0363E43),
        ("The quick brown fox jumps over the lazy dog", 0, 0x2E4FF723),
        ("aaaa", 0x9747B28C, 0x5A97808A),
    ],
)
def test_the_library_gives_the_published_hashes(text: str, seed: int, expected: int) -> None:
    """MurmurHash3, x86, 32 bits."""
    assert mmh3.hash(text, seed, signed=False) == expected


@pytest.mark.parametrize(("subject", "group", "normalized"), VECTORS)
def test_whole_percents_choose_as_unleash_does(subject: str, group: str, normalized: int) -> None:
    """The normalized values that Unleash's clients for Node, Java and Go test themselves by."""
    assert mmh3.hash(f"{group}:{subject}", 0, signed=False) % 100 + 1 == normalized
    assert not eligible(group, subject, normalized - 1)
    assert eligible(group, subject, normalized)


@given(st.text(max_size=40), st.text(max_size=40), st.integers(1, 99))
def test_a_share_is_that_of_the_normalized_value(feature: str, subject: str, percent: int) -> None:
    """For any names, at any whole percentage."""
    normalized = mmh3.hash(f"{feature}:{subject}", 0, signed=False) % 100 + 1
    assert eligible(feature, subject, percent) == (normalized <= percent)
    assert 0 <= bucket(feature, subject) < BUCKETS


@given(st.text(max_size=40), st.text(max_size=40), st.integers(0, 100), st.integers(0, 100))
def test_raising_the_percentage_never_removes_a_subject(
    feature: str, subject: str, one: int, other: int
) -> None:
    """Nobody at 0%, everybody at 100%, and each step only adds."""
    low, high = sorted((one, other))
    assert eligible(feature, subject, high) or not eligible(feature, subject, low)
    assert not eligible(feature, subject, 0)
    assert eligible(feature, subject, 100)


def test_the_share_at_ten_percent_is_ten_percent(subjects: list[str]) -> None:
    """Of 100,000 subjects, within four standard errors; the buckets are used evenly."""
    places = [bucket(FEATURE, subject) for subject in subjects]
    chosen = sum(place < BUCKETS // 10 for place in places)
    error = math.sqrt(0.1 * 0.9 * len(subjects))
    assert abs(chosen - len(subjects) / 10) < 4 * error
    assert chosen == sum(eligible(FEATURE, subject, 10) for subject in subjects)
    expected = len(subjects) / 100
    by_percent = [0] * 100
    for place in places:
        by_percent[place // 100] += 1
    chi_square = sum((found - expected) ** 2 / expected for found in by_percent)
    assert chi_square < 160  # 99 degrees of freedom: the 99.99th percentile
    assert len(set(places)) > 0.99 * BUCKETS


def test_two_features_do_not_choose_the_same_subjects(subjects: list[str]) -> None:
    """At 10% each, a tenth of the one's subjects are the other's."""
    some = subjects[:20_000]
    first = {subject for subject in some if eligible(FEATURE, subject, 10)}
    second = {subject for subject in some if eligible("another_feature", subject, 10)}
    both = len(first & second)
    expected = len(some) / 100
    assert abs(both - expected) < 5 * math.sqrt(expected)

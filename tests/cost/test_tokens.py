"""Token counts add up to a total in which no token appears twice."""

from helicarrier.cost import TokenCounts

COUNTS = TokenCounts(
    prompt=1,
    cache_read=20,
    cache_write_5m=300,
    cache_write_1h=4_000,
    completion=50_000,
    reasoning=40_000,
)


def test_total_counts_reasoning_once() -> None:
    """Reasoning is a part of the completion, so it does not add to the total."""
    assert COUNTS.total == 54_321


def test_context_is_every_input_token() -> None:
    """The context is prompt, cache read and both cache writes, without any output."""
    assert COUNTS.context == 4_321

"""Counts of lines that an edit adds and removes.

Most edits touch one place. What is common before and behind it is found by comparing bytes, and
where what remains needs no alignment the counts follow; only the rest asks a real diff. A file is
binary when it has a NUL in its first 8,000 bytes, as git decides.
"""

from collections.abc import Callable

Align = Callable[[bytes, bytes], tuple[int, int]]
"""Two texts -> lines added and removed by a shortest edit."""

_SNIFFED = 8_000
_SMALL = 4_096  # bytes; up to here comparing line by line is as fast
_UNFINISHED = b"\n\\"  # no line contains a newline, so a last line without one differs from all


def is_binary(content: bytes) -> bool:
    """Whether git would not show it as text."""
    return b"\0" in content[:_SNIFFED]


def count_changed(old: bytes, new: bytes, align: Align) -> tuple[int, int] | None:
    """Lines added and removed between two contents; None where one of them is binary.

    A last line without a newline is another line than the same with one, as in git.
    """
    if is_binary(old) or is_binary(new):
        return None
    before, after = old, new
    if len(old) > _SMALL:
        start = old.rfind(b"\n", 0, _common_start(old, new)) + 1
        before, after = _without_common_end(old[start:], new[start:])
    removed, added = _lines(before), _lines(after)
    _drop_common(removed, added)
    if not removed or not added:
        return len(added), len(removed)
    if len(removed) == 1:
        kept = removed[0] in added
        return len(added) - kept, 1 - kept
    if len(added) == 1:
        kept = added[0] in removed
        return 1 - kept, len(removed) - kept
    return align(old, new)


def _common_start(one: bytes, other: bytes) -> int:
    """How many bytes are equal from the start, by halving: comparing slices is what is fast."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _without_common_end(one: bytes, other: bytes) -> tuple[bytes, bytes]:
    """Both without the whole lines that they share at their ends."""
    low, high = 0, min(len(one), len(other)) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if one.endswith(other[len(other) - middle : len(other) - low], 0, len(one) - low):
            low = middle
        else:
            high = middle
    line = one.find(b"\n", len(one) - low)
    if line < 0:
        return one, other
    shared = len(one) - line - 1
    return one[: len(one) - shared], other[: len(other) - shared]


def _lines(content: bytes) -> list[bytes]:
    lines = content.split(b"\n")
    last = lines.pop()
    if last:
        lines.append(last + _UNFINISHED)
    return lines


def _drop_common(one: list[bytes], other: list[bytes]) -> None:
    shared, same, last = min(len(one), len(other)), 0, 0
    while same < shared and one[same] == other[same]:
        same += 1
    while last < shared - same and one[-1 - last] == other[-1 - last]:
        last += 1
    one[:] = one[same : len(one) - last]
    other[:] = other[same : len(other) - last]

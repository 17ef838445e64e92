"""A chain of hashes: each link covers its content and the link before it.

Whoever edits, removes, inserts or moves an event would have to make every later link anew; the
newest link and the number of links, kept elsewhere, then show even that, and a tail that was cut.
"""

from collections.abc import Iterable, Mapping

from helicarrier.canonical import canonical_bytes, sha256

FIRST = "0" * 64
"""What the first event names as the link before it."""

Content = Mapping[str, str | int | None]


def link(previous: str, content: Content) -> str:
    """SHA-256 over the previous link and the content in canonical JSON (RFC 8785)."""
    return sha256(previous.encode(), canonical_bytes(dict(content)))


def broken(events: Iterable[tuple[str, str, Content]]) -> list[int]:
    """Places (from 1) of events, given as (previous, own link, content), that do not fit."""
    places = []
    expected = FIRST
    for place, (previous, own, content) in enumerate(events, start=1):
        if previous != expected or not _covers(own, previous, content) or content["seq"] != place:
            places.append(place)
        expected = own
    return places


def _covers(own: str, previous: str, content: Content) -> bool:
    """A content that canonical JSON cannot hold was never written by this program."""
    try:
        return own == link(previous, content)
    except ValueError:
        return False

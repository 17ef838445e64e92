"""The chain of events: whatever is changed behind its back shows."""

from collections.abc import Callable

import pytest

from helicarrier.store.event_chain import FIRST, Content, broken, link

Event = tuple[str, str, Content]


def chain(length: int) -> list[Event]:
    """A sound chain."""
    events: list[Event] = []
    previous = FIRST
    for seq in range(1, length + 1):
        content: Content = {"seq": seq, "status": "running", "error": None}
        own = link(previous, content)
        events.append((previous, own, content))
        previous = own
    return events


def edited(events: list[Event]) -> list[Event]:
    """The content of the third was changed."""
    previous, own, content = events[2]
    return [*events[:2], (previous, own, {**content, "status": "completed"}), *events[3:]]


def relinked(events: list[Event]) -> list[Event]:
    """The third was changed and its own link made anew."""
    previous, _, content = events[2]
    changed = {**content, "status": "completed"}
    return [*events[:2], (previous, link(previous, changed), changed), *events[3:]]


def removed(events: list[Event]) -> list[Event]:
    """The third is gone."""
    return [*events[:2], *events[3:]]


def swapped(events: list[Event]) -> list[Event]:
    """The second and the third changed places."""
    return [events[0], events[2], events[1], *events[3:]]


def inserted(events: list[Event]) -> list[Event]:
    """The third stands there twice."""
    return [*events[:3], *events[2:]]


def headless(events: list[Event]) -> list[Event]:
    """The first is gone."""
    return events[1:]


def test_a_sound_chain_has_no_broken_place() -> None:
    """Neither has an empty one."""
    assert broken(chain(5)) == []
    assert broken([]) == []


@pytest.mark.parametrize("forge", [edited, relinked, removed, swapped, inserted, headless])
def test_a_forged_chain_shows_where(forge: Callable[[list[Event]], list[Event]]) -> None:
    """At the forged place or right behind it."""
    found = broken(forge(chain(5)))
    assert found
    assert found[0] <= 4


def test_a_link_covers_content_and_predecessor() -> None:
    """Each alone changes it; the order of the names does not."""
    base = link(FIRST, {"seq": 1, "error": None})
    assert link(FIRST, {"error": None, "seq": 1}) == base
    assert link(FIRST, {"seq": 1, "error": ""}) != base
    assert link(base, {"seq": 1, "error": None}) != base

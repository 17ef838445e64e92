"""Counters: what happened in decisions, counted in the process, and when too much of it failed."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from helicarrier.advisory.enums import Event

FAILURE_LIMIT = 0.05
"""More failed attempts than this share are worth an alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """How many computations were attempted, and how many of them failed."""

    attempted: int
    failed: int

    @property
    def alarming(self) -> bool:
        """Whether more failed than may; nothing attempted is nothing failed."""
        return self.failed > self.attempted * FAILURE_LIMIT


class Counters:
    """Events by kind; may be shared by threads."""

    def __init__(self) -> None:
        self._counts: Counter[Event] = Counter()
        self._lock = threading.Lock()

    def add(self, *events: Event) -> None:
        """Count events."""
        with self._lock:
            self._counts.update(events)

    def counts(self) -> Mapping[Event, int]:
        """Every event in the order of the path, those that never happened included."""
        with self._lock:
            return {event: self._counts[event] for event in Event}

    def attempts(self) -> Attempts:
        """What became of the computations."""
        counts = self.counts()
        return Attempts(
            attempted=counts[Event.COMPUTE_ATTEMPTED],
            failed=counts[Event.COMPUTE_ERROR] + counts[Event.CONTRACT_VIOLATION],
        )

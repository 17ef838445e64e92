"""What writing does, as it is counted and told: of envelopes, of batches, of a whole import."""

from dataclasses import dataclass, field
from enum import StrEnum


class EnvelopeStatus(StrEnum):
    """What became of an envelope."""

    CREATED = "created"
    DUPLICATE = "duplicate"
    UPDATED = "updated"
    CONFLICT = "conflict"
    OUTDATED = "outdated"  # of a lower revision than the stored one: nothing new in a file's copy


@dataclass(slots=True, kw_only=True)
class BatchOutcome:
    """What one batch did to the ledger."""

    changed_lines: set[int] = field(default_factory=set)
    envelopes: list[EnvelopeStatus] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Tally:
    """Rows that came into being or changed; adds up over transactions."""

    sessions_new: int = 0
    sessions_changed: int = 0
    calls_new: int = 0
    calls_changed: int = 0
    events_new: int = 0
    events_changed: int = 0

    @property
    def total(self) -> int:
        """All rows that came into being or changed."""
        return sum(getattr(self, name) for name in self.__slots__)

    def add(self, other: "Tally") -> None:
        """Add another tally to this one."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

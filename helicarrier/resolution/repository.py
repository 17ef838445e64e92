"""Mismatches and plans as the deciding code sees them, whatever stores them.

Saving twice is saving once. A change of a plan is a rule that is applied to the plan as it is at
that moment, and a step of its status is taken by exactly one of all who try.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from helicarrier.canonical import JSONValue
from helicarrier.resolution.enums import (
    Environment,
    MismatchStatus,
    MismatchType,
    ResolutionStatus,
)
from helicarrier.resolution.plans import Change
from helicarrier.resolution.records import Decision, Mismatch, Plan, Review, RollbackBlob


class MismatchRepository(Protocol):
    """What differs."""

    def save(self, mismatches: Sequence[Mismatch]) -> int:
        """Store those that are not there; returns how many that were.

        Raises:
            Conflict: one is there about other artefacts or of another type.
        """
        ...

    def get(self, mismatch_id: str) -> Mismatch | None:
        """One mismatch."""
        ...

    def find(
        self,
        *,
        mismatch_type: MismatchType | None = None,
        status: MismatchStatus | None = None,
        run_id: str | None = None,
        limit: int = 100,
    ) -> list[Mismatch]:
        """The newest that fit, by time and id."""
        ...

    def move(
        self,
        mismatch_id: str,
        to: MismatchStatus,
        *,
        now: datetime,
        error: tuple[str, str] | None = None,
    ) -> Mismatch:
        """Take one step of the table of transitions; being there already is fine.

        Args: mismatch_id; to; now; error, a code and a sentence.

        Raises:
            UsageError: NOT_FOUND.
            Conflict: the step is not in the table.
        """
        ...


class PlanRepository(Protocol):
    """What may be done."""

    def save(self, plans: Sequence[Plan]) -> int:
        """Store those that are not there; returns how many that were. A stored plan stays."""
        ...

    def get(self, plan_id: str) -> Plan:
        """One plan.

        Raises:
            UsageError: NOT_FOUND.
        """
        ...

    def find(
        self,
        *,
        status: ResolutionStatus | None = None,
        environment: Environment | None = None,
        mismatch_id: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[Plan]:
        """The newest that fit, by time and id."""
        ...

    def change(self, plan_id: str, rule: Change, *, decision: Decision | None = None) -> Plan:
        """Apply a rule to the plan as it is; two changes at once happen one after the other.

        A decision is logged with the change, in one transaction, where the plan really changes.

        Raises:
            UsageError: NOT_FOUND.
        """
        ...

    def take(
        self,
        plan: Plan,
        to: ResolutionStatus,
        *,
        outcome: Mapping[str, JSONValue],
        applied_at: datetime | None,
        decision: Decision,
    ) -> bool:
        """Move a plan that is still as given to a status; False for all but one who try."""
        ...

    def expire(self, now: datetime) -> list[str]:
        """Reject the plans whose approvals timed out; returns their ids."""
        ...

    def keep(self, blob: RollbackBlob) -> None:
        """Keep the bytes that an action is about to replace; those of a first try stay."""
        ...

    def blobs(self, plan_id: str) -> list[RollbackBlob]:
        """What a plan replaced, by artefact."""
        ...

    def mark_rolled_back(self, plan_id: str, now: datetime) -> None:
        """Note that the bytes are back."""
        ...

    def drop_blobs(self, now: datetime) -> int:
        """Forget the bytes whose time is over; returns how many."""
        ...


class ReviewRepository(Protocol):
    """What people say of outcomes, and the log of decisions."""

    def add(self, review: Review) -> bool:
        """Store a review; False where the reviewer said the same before.

        Raises:
            UsageError: NOT_FOUND, there is no such plan.
        """
        ...

    def reviews(self, environment: Environment, *, since: datetime) -> list[Review]:
        """The reviews of an environment's plans, oldest first."""
        ...

    def log(self, decision: Decision) -> None:
        """Add a line to the decision log."""
        ...

    def decisions(self, entity_id: str, *, limit: int = 100) -> list[Decision]:
        """What was decided about something, newest first."""
        ...

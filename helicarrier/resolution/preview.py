"""What a plan would do to the bytes: steps, their diffs and their impact, without doing any of it.

A step starts from the bytes that the plan names by hash and ends with those that it names; done
again it changes nothing. What does not come out so is refused before anything is touched.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from helicarrier.canonical import JSONValue, sha256
from helicarrier.errors import Conflict, VerificationFailed
from helicarrier.resolution.enums import Action
from helicarrier.resolution.model import Artifact
from helicarrier.resolution.records import Plan, PlannedAction
from helicarrier.resolution.transforms import TRANSFORMS, transform

_MOST_LINES = 5_000
"""Comparing longer texts line by line could take minutes; what changed is then told in numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """How much an action changes."""

    bytes_before: int
    bytes_after: int
    lines_added: int
    lines_removed: int
    destructive: bool

    def as_json(self) -> dict[str, JSONValue]:
        """As an outcome holds it."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One action on one artefact, with the bytes on both sides of it."""

    action: PlannedAction
    before: bytes
    after: bytes
    diff: str
    impact: Impact

    @property
    def changes(self) -> bool:
        """Whether any byte differs."""
        return self.before != self.after


def changed_by(action: Action, before: Artifact) -> bytes:
    """The bytes after an action; actions on the record alone leave them as they are.

    Raises:
        InputRejected: the action cannot be done to these bytes, or would change what it may not.
    """
    match action:
        case Action.IGNORE_MISMATCH | Action.UPDATE_METADATA:
            return before.content
        case _:
            return transform(action, before)


def preview(plan: Plan, artifacts: Mapping[str, Artifact]) -> tuple[Step, ...]:
    """The steps of a plan from artefacts as they are now.

    Raises:
        Conflict: an artefact is not what the plan was made for.
        InputRejected: an action cannot be done.
        VerificationFailed: an action does not give what the plan says, or does not come to rest.
    """
    now = dict(artifacts)
    steps = []
    for action in plan.actions:
        before = now[action.artifact_id]
        if action.before_hash is not None and before.content_hash != action.before_hash:
            raise Conflict(
                f"the artefact {action.artifact_id} is not what {plan.plan_id} was made for",
                hint="Plan again: somebody changed it since.",
            )
        after = replace(before, content=changed_by(action.action, before))
        if action.after_hash is not None and after.content_hash != action.after_hash:
            raise VerificationFailed(
                f"{action.action} gives other bytes than {plan.plan_id} was approved for",
                hint="Plan again with this version of the program.",
            )
        if changed_by(action.action, after) != after.content:
            raise VerificationFailed(f"{action.action} changes {action.artifact_id} twice")
        steps.append(step(action, before.content, after.content))
        now[action.artifact_id] = after
    return tuple(steps)


def planned(actions: tuple[Action, ...], before: Artifact) -> tuple[PlannedAction, ...]:
    """Actions on one artefact as a plan holds them, with the hashes on both sides of each.

    Raises:
        InputRejected: one of them cannot be done.
    """
    found = []
    for action in actions:
        after = replace(before, content=changed_by(action, before))
        touches = action in TRANSFORMS
        found.append(
            PlannedAction(
                action=action,
                artifact_id=before.artifact_id,
                before_hash=before.content_hash if touches else None,
                after_hash=after.content_hash if touches else None,
            )
        )
        before = after
    return tuple(found)


def step(action: PlannedAction, before: bytes, after: bytes) -> Step:
    """A step with its diff and impact."""
    lines = diff(before, after)
    added = sum(line.startswith("+") for line in lines[2:])
    removed = sum(line.startswith("-") for line in lines[2:])
    return Step(
        action=action,
        before=before,
        after=after,
        diff="".join(lines),
        impact=Impact(
            bytes_before=len(before),
            bytes_after=len(after),
            lines_added=added,
            lines_removed=removed,
            destructive=action.action.destructive,
        ),
    )


def diff(before: bytes, after: bytes) -> list[str]:
    """A unified diff, line by line; what is no UTF-8 is shown with marks in its place."""
    if before == after:
        return []
    old, new = _lines(before), _lines(after)
    if max(len(old), len(new)) > _MOST_LINES:
        hashes = f"{len(old)} lines {sha256(before)}", f"{len(new)} lines {sha256(after)}"
        return ["--- before\n", "+++ after\n", f"-{hashes[0]}\n", f"+{hashes[1]}\n"]
    return [
        line if line.endswith("\n") else f"{line}\n"
        for line in difflib.unified_diff(old, new, "before", "after")
    ]


def _lines(content: bytes) -> list[str]:
    return content.decode(errors="replace").splitlines(keepends=True)

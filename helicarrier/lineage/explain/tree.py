"""The tree in which an explanation is told: titled nodes with facts, for people and machines."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Fact = str | int | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A thing that is explained. A fact that is None is unknown and is said to be."""

    title: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    children: tuple["Node", ...] = ()

    def as_json(self) -> dict[str, object]:
        """The tree as plain values."""
        return {
            "title": self.title,
            "facts": dict(self.facts),
            "children": [child.as_json() for child in self.children],
        }

    def lines(self) -> Iterator[str]:
        """The tree as lines of text; nothing is cut, so that paths and keys can be copied."""
        yield self.title
        parts = [[f"{name}: {_shown(value)}"] for name, value in self.facts.items()]
        parts += [list(child.lines()) for child in self.children]
        for place, part in enumerate(parts, start=1):
            branch, below = ("└─ ", "   ") if place == len(parts) else ("├─ ", "│  ")
            for number, line in enumerate(part):
                yield f"{branch if number == 0 else below}{line}"


def _shown(value: Fact) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case str():
            return value

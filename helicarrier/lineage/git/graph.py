"""The commit graph in memory: which commit a reference had at a time, as git itself says it.

`git rev-list -1 --before=T REF` walks from the tip, always on to the commit with the latest commit
time that it has met, and stops at the first that is no later than T. With clocks that run backwards
that is not the newest commit before T, but it is what git says, so it is done the same way here:
commits of one time come in the order in which they were met. The walk does not depend on T, so one
walk answers every T: the answer is where its running minimum first falls to T or below.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple


class Node(NamedTuple):
    """A commit: whole seconds since 1970 of its commit time, its parents in their order."""

    time: int
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """The commits of a repository by hash. Parents that a shallow clone left out are not in it."""

    nodes: Mapping[str, Node]
    _walks: dict[tuple[str, bool], "Walk"] = field(default_factory=dict)

    def before(self, tip: str, seconds: int, *, first_parent: bool = False) -> str | None:
        """The commit that `tip` had at a time (whole seconds); None when none is that old."""
        walk = self._walks.get((tip, first_parent))
        if walk is None:
            order = self.first_parents(tip) if first_parent else self.by_date(tip)
            walk = self._walks[tip, first_parent] = Walk(self.nodes, order)
        return walk.before(seconds)

    def by_date(self, tip: str) -> Iterator[str]:
        """Every commit that `tip` leads to, in the order of git's walk."""
        met = {tip}
        waiting = [(-self.nodes[tip].time, 0, tip)]
        while waiting:
            sha = heappop(waiting)[2]
            yield sha
            for parent in self.nodes[sha].parents:
                node = self.nodes.get(parent)
                if node is not None and parent not in met:
                    heappush(waiting, (-node.time, len(met), parent))
                    met.add(parent)

    def first_parents(self, tip: str) -> Iterator[str]:
        """The commits of the branch itself: from each to its first parent."""
        sha: str | None = tip
        while sha is not None:
            yield sha
            parents = self.nodes[sha].parents
            sha = parents[0] if parents and parents[0] in self.nodes else None


class Walk:
    """A walk through commits, taken only as far as the times asked for need it."""

    def __init__(self, nodes: Mapping[str, Node], order: Iterator[str]) -> None:
        """Args: the commits; their order."""
        self._nodes = nodes
        self._order = order
        self._newness: list[int] = []  # times of the running minimum, negated: ascending
        self._commits: list[str] = []

    def before(self, seconds: int) -> str | None:
        """The first commit of the walk that is no later; None when there is none."""
        while not self._newness or -self._newness[-1] > seconds:
            sha = next(self._order, None)
            if sha is None:
                return None
            time = self._nodes[sha].time
            if not self._newness or time < -self._newness[-1]:
                self._newness.append(-time)
                self._commits.append(sha)
        return self._commits[bisect_left(self._newness, -seconds)]


def content_at(
    graph: Graph, commit: str, changes: Mapping[str, str | None]
) -> tuple[str | None, str | None]:
    """The content of a path in a commit, and the commit that brought it; None where absent.

    Args: graph; commit; changes of the path: commit -> content after it, None where it ended. Since
    each commit's changes are those against its first parent, the last on that way says it.
    """
    for sha in graph.first_parents(commit) if changes else ():
        if sha in changes:
            return changes[sha], sha
    return None, None


def is_own_content(graph: Graph, merge: str, changes: Mapping[str, str | None]) -> bool:
    """Whether a merge gave a path content that none of its parents has.

    Args: graph; merge, a commit that changed the path; changes, as for `content_at`.
    """
    return all(
        content_at(graph, parent, changes)[0] != changes[merge]
        for parent in graph.nodes[merge].parents
        if parent in graph.nodes
    )

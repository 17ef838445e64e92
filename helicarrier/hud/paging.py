"""Windows on long lists: which rows are shown, and where the neighbours begin."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Rows `offset` to `end` (excluded) of `total`, `size` at most."""

    offset: int
    size: int
    total: int

    @property
    def end(self) -> int:
        """One past the last row."""
        return min(self.total, self.offset + self.size)

    @property
    def earlier(self) -> int | None:
        """Where the window before begins; None at the beginning."""
        return max(0, self.offset - self.size) if self.offset else None

    @property
    def later(self) -> int | None:
        """Where the next window begins; None at the end."""
        return self.end if self.end < self.total else None

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing beside it."""
        return self.earlier is None and self.later is None

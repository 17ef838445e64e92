"""Differences of trees, read from their bytes: which paths two commits hold with other content.

A tree names its entries with the hash of their content, so equal folders are recognised without
looking into them. Working on the raw entries is several times faster than building a library's
diff for each commit. Layout of a tree: git's documentation, "Git Internals - Objects".
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

Read = Callable[[bytes], bytes]
"""Raw hash (20 bytes) of a tree -> its content."""

_ENTRIES = re.compile(rb"(?s)[0-7]+ [^\0]+\0.{20}").findall
_HASH = 20
_FOLDER = b"40000"
SUBMODULE = b"160000"
_KEPT_TREES = 8_192


class Side(NamedTuple):
    """A file on one side of a difference: its mode as octal text, its raw hash."""

    mode: bytes
    oid: bytes


class Difference(NamedTuple):
    """A path whose mode or content differs; a side that does not have it is None."""

    path: bytes
    old: Side | None
    new: Side | None


class TreeDiff:
    """Compares trees of one repository; entries of trees seen lately are kept."""

    def __init__(self, read: Read) -> None:
        """Args: how to read a tree."""

        @lru_cache(_KEPT_TREES)
        def entries(oid: bytes) -> list[bytes]:
            return _ENTRIES(read(oid))

        self._entries = entries

    def between(self, old: bytes | None, new: bytes | None) -> list[Difference]:
        """Files that differ between two trees (None: the empty one), in order of their paths."""
        found: list[Difference] = []
        if old != new:
            self._compare(old, new, b"", found)
        return sorted(found, key=_path)

    def _compare(
        self, old: bytes | None, new: bytes | None, folder: bytes, found: list[Difference]
    ) -> None:
        before = self._entries(old) if old else []
        after = self._entries(new) if new else []
        if len(before) == len(after):  # Most edits: the same names, one other hash.
            pairs = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
            before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        gone = dict(map(_named, before))
        for name, side in map(_named, after):
            was = gone.pop(name, None)
            if was != side:
                self._settle(folder + name, was, side, found)
        for name, was in gone.items():
            self._settle(folder + name, was, None, found)

    def _settle(
        self, path: bytes, old: Side | None, new: Side | None, found: list[Difference]
    ) -> None:
        """A folder on either side is looked into; what is a file on the other side stands alone."""
        old_folder = old is not None and old.mode == _FOLDER
        new_folder = new is not None and new.mode == _FOLDER
        if old_folder or new_folder:
            self._compare(
                old.oid if old and old_folder else None,
                new.oid if new and new_folder else None,
                path + b"/",
                found,
            )
        old_file, new_file = None if old_folder else old, None if new_folder else new
        if old_file or new_file:
            found.append(Difference(path, old_file, new_file))


def _path(difference: Difference) -> bytes:
    return difference.path


def _named(entry: bytes) -> tuple[bytes, Side]:
    mode, _, name = entry[: -_HASH - 1].partition(b" ")
    return name, Side(mode, entry[-_HASH:])

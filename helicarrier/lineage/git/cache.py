"""Answers that were given before: looked up together, written together, bounded in age and number.

An entry is the answer for a reference as it stood; a sync takes away the entries of references that
moved, and what was found from an older tip is not written any more. Too old entries go first, then
those that were not used for the longest time.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from helicarrier.lineage.git.repository import GitReader, instant

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

_LOOK_UP = """
SELECT asked.seq, cached.commit_sha, cached.blob_sha, epoch_us(cached.expires_at)
FROM asked JOIN git_cache AS cached
  ON cached.repo = asked.repo AND cached.ref = asked.ref AND cached.path = asked.path
  AND cached."at" = asked."at"
WHERE cached.expires_at > $now
"""
_WRITE = """
INSERT INTO git_cache BY NAME
SELECT incoming.* EXCLUDE (seq, tip, ref_name)
FROM incoming LEFT JOIN git_refs
  ON git_refs.repo = incoming.repo AND git_refs.ref_name = incoming.ref_name
WHERE incoming.tip = incoming.ref_name OR incoming.tip = git_refs.commit_sha
ON CONFLICT (repo, ref, path, "at") DO UPDATE SET
  commit_sha = excluded.commit_sha, blob_sha = excluded.blob_sha,
  hits = hits + excluded.hits, last_accessed = excluded.last_accessed,
  expires_at = excluded.expires_at
"""
_EXPIRE = "DELETE FROM git_cache WHERE expires_at <= $now"
_SHRINK = """
DELETE FROM git_cache WHERE rowid IN (
  SELECT rowid FROM git_cache ORDER BY last_accessed DESC, rowid DESC OFFSET $capacity
)
"""


class Key(NamedTuple):
    """What an answer is filed under."""

    repo: str
    ref: str
    path: str
    at: datetime


class Answer(NamedTuple):
    """Commit and content; `expires_at` once it was filed."""

    commit_sha: str | None
    blob_sha: str | None
    expires_at: datetime | None = None


class AnswerCache:
    """The answers of the table, and those given since the last write."""

    def __init__(self, *, time_to_live: timedelta, capacity: int) -> None:
        """Args: how long an answer counts; how many are kept."""
        self._time_to_live = time_to_live
        self._capacity = capacity
        self._given: dict[Key, tuple[Answer, str, datetime]] = {}
        self._hits: Counter[Key] = Counter()

    @property
    def has_news(self) -> bool:
        """Whether there is something to write."""
        return bool(self._given)

    def known(
        self, reader: GitReader, asked: Mapping[Key, str], now: datetime
    ) -> dict[Key, Answer]:
        """The answers that are there and count, to keys with the tips they are asked for."""
        found: dict[Key, Answer] = {}
        open_: list[tuple[Key, str]] = []
        for key, tip in asked.items():
            given = self._given.get(key)
            if given is not None and given[1] == tip and (given[0].expires_at or now) > now:
                found[key] = given[0]
            else:
                open_.append((key, tip))
        if open_:
            rows = reader.rows(_LOOK_UP, {"now": now}, asked=_table(open_))
            for seq, commit, blob, expires in rows:
                found[open_[seq][0]] = Answer(commit, blob, instant(expires))
        return found

    def asked(
        self,
        found: Mapping[Key, Answer],
        known: Mapping[Key, Answer],
        tips: Mapping[Key, str],
        now: datetime,
    ) -> None:
        """Keep in mind what was answered: new answers, and that known ones were used."""
        for key, answer in found.items():
            filed = answer._replace(expires_at=now + self._time_to_live)
            self._given[key] = filed, tips[key], now
        for key, answer in known.items():
            self._given[key] = answer, tips[key], now
            self._hits[key] += 1

    def write(self, connection: "DuckDBPyConnection", now: datetime) -> None:
        """File what was given, and let go of what is too old or too much."""
        import pyarrow as pa

        rows = list(self._given.items())
        table = _table([(key, tip) for key, (_, tip, _) in rows])
        stamp = pa.timestamp("us", tz="UTC")
        for name, kind, values in (
            ("commit_sha", pa.string(), [answer.commit_sha for _, (answer, _, _) in rows]),
            ("blob_sha", pa.string(), [answer.blob_sha for _, (answer, _, _) in rows]),
            ("hits", pa.int64(), [self._hits[key] for key, _ in rows]),
            ("last_accessed", stamp, [used for _, (_, _, used) in rows]),
            ("expires_at", stamp, [answer.expires_at for _, (answer, _, _) in rows]),
        ):
            table = table.append_column(name, pa.array(values, type=kind))
        connection.register("incoming", table)
        connection.execute(_WRITE)
        connection.unregister("incoming")
        connection.execute(_EXPIRE, {"now": now})
        connection.execute(_SHRINK, {"capacity": self._capacity})
        self._given.clear()
        self._hits.clear()


def _table(asked: Sequence[tuple[Key, str]]) -> "pa.Table":
    import pyarrow as pa

    return pa.table(
        {
            "seq": pa.array(range(len(asked)), type=pa.int64()),
            "repo": [key.repo for key, _ in asked],
            "ref": [key.ref for key, _ in asked],
            "ref_name": [key.ref.removesuffix("^1") for key, _ in asked],
            "path": [key.path for key, _ in asked],
            "at": pa.array([key.at for key, _ in asked], type=pa.timestamp("us", tz="UTC")),
            "tip": [tip for _, tip in asked],
        }
    )

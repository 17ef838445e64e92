"""Hot reload: the configuration in force, read anew whenever its file changes.

A file that is refused changes nothing: what was in force stays, also over a restart, since every
reading that came into force is kept in the store. Both are logged, each change once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import yaml
from sqlalchemy import insert, select

from helicarrier import logs
from helicarrier.canonical import sha256
from helicarrier.errors import UsageError
from helicarrier.resolution import runtime
from helicarrier.resolution.decision_enums import ConfigOutcome
from helicarrier.resolution.rows import json_text
from helicarrier.resolution.runtime import RuntimeConfig
from helicarrier.resolution.tables import runtime_config_version
from helicarrier.store.operational import OperationalStore

_GONE = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A reading of the file: `reason` where it was refused, else `document`, which is JSON."""

    source: str
    content_hash: str
    at: datetime
    reason: str | None = None
    document: str | None = None

    @property
    def outcome(self) -> ConfigOutcome:
        """Whether it came into force."""
        return ConfigOutcome.ACCEPTED if self.reason is None else ConfigOutcome.REFUSED


class Readings(Protocol):
    """Where readings are kept."""

    def add(self, reading: Reading) -> None:
        """Keep a reading, unless the last one of its file was the same."""
        ...

    def last_accepted(self, source: str) -> str | None:
        """The document that last came into force from a file."""
        ...


class RuntimeWatch:
    """The configuration in force; `current` is asked at every decision."""

    def __init__(self, path: Path, readings: Readings, *, clock: Callable[[], datetime]) -> None:
        """Args: path of the file; readings; clock, of the edge that decides."""
        self._path = path
        self._readings = readings
        self._clock = clock
        self._seen: str | None = None
        self._good: RuntimeConfig | None = None

    def current(self) -> RuntimeConfig:
        """What holds now. A file that is away, or refused, leaves what held before."""
        body = self._body()
        digest = sha256(body)
        if digest != self._seen or self._good is None:
            self._good = self._settle(body, digest)
            self._seen = digest
        return self._good

    def _settle(self, body: bytes, digest: str) -> RuntimeConfig:
        source = str(self._path)
        try:
            found = runtime.parse(body)
        except UsageError as error:
            logs.warning("resolution.config.refused", source=source, reason=error.message)
            self._keep(digest, reason=error.message)
            return self._good or self._last_good()
        logs.info("resolution.config.accepted", source=source, content_hash=digest)
        self._keep(digest, document=json_text(yaml.safe_load(body)))
        return found

    def _keep(self, digest: str, *, reason: str | None = None, document: str | None = None) -> None:
        self._readings.add(
            Reading(
                source=str(self._path),
                content_hash=digest,
                at=self._clock(),
                reason=reason,
                document=document,
            )
        )

    def _last_good(self) -> RuntimeConfig:
        """What was in force before this process began; as shipped where nothing ever was."""
        stored = self._readings.last_accepted(str(self._path))
        return runtime.shipped() if stored is None else runtime.parse(stored.encode())

    def _body(self) -> bytes:
        try:
            return self._path.read_bytes()
        except OSError:
            return _GONE


class SqlReadings:
    """`Readings` in the operational store."""

    def __init__(self, store: OperationalStore, *, new_id: Callable[[], object]) -> None:
        """Args: a store at the newest schema; new_id makes the ids of rows."""
        self._store = store
        self._new_id = new_id

    def add(self, reading: Reading) -> None:
        """See `Readings.add`."""
        columns = runtime_config_version.c
        last = (
            select(columns.content_hash, columns.outcome)
            .where(columns.source == reading.source)
            .order_by(columns.loaded_at.desc(), columns.id)
            .limit(1)
        )
        with self._store.write() as connection:
            there = connection.execute(last).one_or_none()
            if there is not None and tuple(there) == (reading.content_hash, reading.outcome.value):
                return
            connection.execute(
                insert(runtime_config_version).values(
                    id=str(self._new_id()),
                    source=reading.source,
                    content_hash=reading.content_hash,
                    outcome=reading.outcome.value,
                    reason=reading.reason,
                    body=reading.document,
                    loaded_at=reading.at,
                )
            )

    def last_accepted(self, source: str) -> str | None:
        """See `Readings.last_accepted`."""
        columns = runtime_config_version.c
        query = (
            select(columns.body)
            .where(columns.source == source)
            .where(columns.outcome == ConfigOutcome.ACCEPTED.value)
            .order_by(columns.loaded_at.desc(), columns.id)
            .limit(1)
        )
        with self._store.read() as connection:
            found: str | None = connection.execute(query).scalar_one_or_none()
        return found

"""A ledger on each engine with a lake beside it, and sessions that are quickly written."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Self

import pytest

from helicarrier.ledger.enums import SessionStatus
from helicarrier.ledger.model import Batch, Call, Session, Winner
from helicarrier.store.lake import Lake
from helicarrier.times import utc_text
from helicarrier.usage.refresh import Refresher
from tests.ledger.stores import Contents, Ledger

DAY = date(2026, 10, 5)
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def instant(day: date, hour: float = 12) -> str:
    """Canonical text of an hour of a day."""
    return utc_text(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour))


@dataclass(kw_only=True)
class Usage:
    """A ledger, a lake and a refresher under one clock."""

    ledger: Ledger
    lake: Lake
    refresher: Refresher
    made: int = field(default=0)

    def session(
        self,
        name: str,
        *calls: Call,
        at: str = instant(DAY, 11),
        runtime_ms: int | None = 60_000,
        status: SessionStatus = SessionStatus.SUCCESS,
        agent: str = "scout",
        model: str = "rocket",
        category: str = "triage",
    ) -> None:
        """Write a session with these calls; the writer marks what became dirty."""
        ended = None
        if runtime_ms is not None:
            start = datetime.fromisoformat(at)
            ended = utc_text(start + timedelta(milliseconds=runtime_ms))
        session = Session(
            session_id=name,
            agent_id=agent,
            started_at=at,
            ended_at=ended,
            model_id=model,
            task_category=category,
            status=status,
            source="test",
            source_uri="test:",
            idempotency_key=name,
        )
        owned = [_of_session(call, name) for call in calls]
        batch = Batch(source_uri="test:", winner=Winner.FIRST, sessions=[session], calls=owned)
        self.ledger.write(batch, now=utc_text(NOW))

    def call(
        self,
        *,
        at: str = instant(DAY),
        cost: str | None = "0.25",
        model: str = "rocket",
        prompt: int = 100,
        provider: str = "acme",
    ) -> Call:
        """A call with a key of its own; `cost` is what the provider reported."""
        self.made += 1
        return Call(
            usage_id=f"call-{self.made:06d}",
            session_id="",
            line=self.made,
            seq=self.made,
            occurred_at=at,
            provider=provider,
            model_id=model,
            prompt=prompt,
            cache_read=20,
            cache_write_5m=3,
            cache_write_1h=4,
            completion=50,
            reasoning=5,
            reported_cost=None if cost is None else Decimal(cost),
        )

    def refresh(self, days: Sequence[date]) -> None:
        """Every step for these days, in order."""
        self.refresher.refresh_facts(days, "run")
        self.refresher.refresh_daily(days, "run")
        self.refresher.refresh_performance(days, "run")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What a ledger and its lake held when days had been computed: putting it back is quicker."""

    rows: Contents
    lake: Path
    made: int

    @classmethod
    def of(cls, usage: Usage) -> Self:
        """The rows of now; the lake stays where it is."""
        return cls(rows=usage.ledger.contents(), lake=usage.lake.root, made=usage.made)

    def into(self, usage: Usage) -> Usage:
        """The same in an empty ledger and lake."""
        usage.ledger.fill(self.rows)
        shutil.copytree(self.lake, usage.lake.root, dirs_exist_ok=True)
        usage.made = self.made
        return usage


@contextmanager
def computing(migrated: Path, folder: Path) -> Iterator[Usage]:
    """A ledger on SQLite for the length of the block, to compute what is then kept."""
    path = folder / "ledger.sqlite"
    shutil.copyfile(migrated, path)
    ledger = Ledger(f"sqlite:///{path}")
    try:
        yield _usage(ledger, folder)
    finally:
        ledger.store.close()


def _of_session(call: Call, session: str) -> Call:
    import msgspec

    return msgspec.structs.replace(call, session_id=session)


@pytest.fixture
def usage(ledger: Ledger, tmp_path: Path) -> Usage:
    """An empty ledger, on SQLite and on Postgres, and an empty lake."""
    return _usage(ledger, tmp_path)


@pytest.fixture
def sqlite_usage(sqlite_ledger: Ledger, tmp_path: Path) -> Usage:
    """An empty ledger on SQLite alone, for what does not depend on the engine."""
    return _usage(sqlite_ledger, tmp_path)


def _usage(ledger: Ledger, folder: Path) -> Usage:
    lake = Lake(folder / "lake")
    return Usage(ledger=ledger, lake=lake, refresher=Refresher(ledger.store, lake, lambda: NOW))

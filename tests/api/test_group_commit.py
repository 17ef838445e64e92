"""Group commit: what waits together is written together, and nobody waits for ever."""

import asyncio
import json
from collections.abc import Callable

import pytest

from helicarrier import times
from helicarrier.api import group_commit
from helicarrier.api.group_commit import GroupCommit
from helicarrier.cost.governed import Pricer
from helicarrier.cost.prices import PriceBook
from helicarrier.errors import ErrorCode, StorageUnavailable
from helicarrier.ingest.envelope import accept
from helicarrier.ledger.model import Envelope
from helicarrier.ledger.outcomes import EnvelopeStatus, Tally
from helicarrier.ledger.writer import LedgerWriter
from tests.api.services import sessions
from tests.ingest import logs
from tests.ledger.stores import Ledger


def envelope(number: int) -> Envelope:
    """One session."""
    body = logs.v2(logs.run(f"s-{number}"), calls=[logs.call(f"c-{number}")])
    return accept(json.dumps(body).encode(), uri="test")


def group_commit_of(ledger: Ledger, on_commit: Callable[[Tally], None]) -> GroupCommit:  # type: ignore[type-arg]
    """A writer of the ledger that is not started."""
    pricer = Pricer(PriceBook())
    return GroupCommit(
        ledger.store,
        lambda: LedgerWriter(run_id="run", now=times.utc_text(times.now()), pricer=pricer),
        on_commit=on_commit,
    )


def test_requests_of_one_turn_of_the_loop_share_a_transaction(sqlite_ledger: Ledger) -> None:
    """Also the first of them, which finds the writer idle."""
    groups: list[int] = []

    async def send() -> list[list[EnvelopeStatus]]:
        writer = group_commit_of(sqlite_ledger, lambda tally: groups.append(tally.sessions_new))
        writer.start()
        answers = await asyncio.gather(
            *(writer.write([envelope(n)], source_uri="test") for n in range(20))
        )
        await writer.close()
        return answers

    assert asyncio.run(send()) == [[EnvelopeStatus.CREATED]] * 20
    assert groups == [20]


def test_a_long_line_is_written_in_short_transactions(
    sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that other writers get in between; every request is answered."""
    monkeypatch.setattr(group_commit, "GROUP_LIMIT", 4)
    groups: list[int] = []

    async def send() -> None:
        writer = group_commit_of(sqlite_ledger, lambda tally: groups.append(tally.sessions_new))
        writer.start()
        requests = [[envelope(3 * n + k) for k in range(3)] for n in range(5)]
        await asyncio.gather(*(writer.write(request, source_uri="test") for request in requests))
        await writer.close()

    asyncio.run(send())
    assert groups == [6, 6, 3]
    assert sessions(sqlite_ledger.store) == 15


def test_too_long_a_line_is_refused_and_the_rest_is_written(
    sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Instead of growing without end; what was taken is answered, also while it stops."""
    monkeypatch.setattr(group_commit, "WAITING_LIMIT", 3)

    async def send() -> list[list[EnvelopeStatus] | BaseException]:
        writer = group_commit_of(sqlite_ledger, lambda _: None)
        writer.start()
        with sqlite_ledger.store.write():
            waiting = [
                asyncio.create_task(writer.write([envelope(n)], source_uri="test"))
                for n in range(5)
            ]
            await asyncio.sleep(0)
        await writer.close()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        with pytest.raises(StorageUnavailable):
            await writer.write([envelope(9)], source_uri="test")
        return answers

    answers = asyncio.run(send())
    assert answers[:3] == [[EnvelopeStatus.CREATED]] * 3
    for answer in answers[3:]:
        assert isinstance(answer, StorageUnavailable)
        assert answer.code is ErrorCode.STORAGE_BUSY
    assert sessions(sqlite_ledger.store) == 3

"""A controller over a real ledger, with small scripts as agents."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from helicarrier.control.controller import Controller
from helicarrier.control.folder import Limits, folders_in
from helicarrier.ledger.model import Batch, Envelope, Winner
from helicarrier.ledger.outcomes import EnvelopeStatus
from helicarrier.ledger.tables import session_ledger
from tests.ledger.stores import Ledger

MakeController = Callable[..., Controller]


def script(text: str) -> tuple[str, ...]:
    """A Python program as an agent's command."""
    return (sys.executable, "-I", "-S", "-c", text)


AGENTS: Mapping[str, tuple[str, ...]] = {
    "quick": script("print('done')"),
    "echo": script("import sys; print(sys.stdin.read())"),
    "arguments": (*script("import sys; print(sys.argv[1:])"), "--", "{prompt}", "{sessionId}"),
    "fails": script("raise SystemExit(3)"),
    "sleeps": script("import time; print('up', flush=True); time.sleep(60)"),
    "missing": ("/nowhere/agent",),
}


@pytest.fixture
def make(sqlite_ledger: Ledger, tmp_path: Path) -> Iterator[MakeController]:
    """Makes controllers of one data folder; ends whatever they leave running."""
    place = tmp_path / "control"

    def record(envelope: Envelope) -> EnvelopeStatus:
        batch = Batch(
            source_uri=envelope.session.source_uri,
            winner=Winner.MOST_TOKENS,
            envelopes=[envelope],
        )
        _, (outcome,) = sqlite_ledger.write(batch)
        return outcome.envelopes[0]

    def made(agents: Mapping[str, tuple[str, ...]] = AGENTS, **limits: float) -> Controller:
        return Controller(
            commands=agents,
            place=place,
            store=sqlite_ledger.store,
            record=record,
            limits=Limits(**({"grace_seconds": 5.0} | limits)),  # type: ignore[arg-type]
        )

    yield made
    for folder in folders_in(place / "processes"):
        folder.stop()
        eventually(lambda folder=folder: not folder.is_alive())


def eventually(condition: Callable[[], bool], seconds: float = 300) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("it did not come to be")
        time.sleep(0.01)


def settled(controller: Controller) -> None:
    """Wait until nothing runs."""
    eventually(lambda: controller.look() == 0)


def row(ledger: Ledger, session_id: str) -> dict[str, object]:
    """The session in the ledger."""
    (found,) = [one for one in ledger.rows(session_ledger) if one["session_id"] == session_id]
    return found

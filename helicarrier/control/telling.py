"""What the ledger is told of a process: an envelope when it starts and one when it has ended.

They are envelopes like any producer's and go through the same contract. The first is revision 0,
the last revision 1; an agent that writes its own record of the session, with its calls, gives it
a revision of 2 or more, and that one stands. What nobody saw is left unknown: a process whose end
nobody saw has failed, at no time.
"""

from dataclasses import dataclass

import msgspec

from helicarrier.control.folder import End, ended_text
from helicarrier.ingest.envelope import accept
from helicarrier.ingest.limits import TEXT_LENGTH
from helicarrier.ledger.enums import UNKNOWN_MODEL, EventType, SessionStatus
from helicarrier.ledger.model import Envelope

SOURCE = "control"
_FIRST, _LAST = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A session that control started; `started_at` is canonical text."""

    session_id: str
    agent_id: str
    task: str
    started_at: str


def running(started: Started, *, uri: str) -> Envelope:
    """The session as it starts. Args: started; uri, the source that the ledger notes."""
    return _envelope(started, uri, _FIRST, SessionStatus.RUNNING, {}, [_running(started)])


def ended(started: Started, end: End, *, uri: str) -> Envelope:
    """The session with its end."""
    at = max(started.started_at, ended_text(end))
    if end.stopped:
        state, code, message = SessionStatus.KILLED, "KILLED", "the process was told to end"
    elif end.signal is not None:
        state, code = SessionStatus.FAILED, "SIGNAL"
        message = f"signal {end.signal} ended the process"
    elif end.code:
        state, code = SessionStatus.FAILED, "EXIT_CODE"
        message = f"the process ended with the exit code {end.code}"
    else:
        state, code, message = SessionStatus.SUCCESS, None, None
    event = _state(at, {"state": state.value, "exitCode": end.code, "signal": end.signal})
    more = {"endedAt": at} | _error(code, message)
    return _envelope(started, uri, _LAST, state, more, [_running(started), event])


def never_started(started: Started, *, uri: str) -> Envelope:
    """The session of a command that could not be started."""
    more = {"endedAt": started.started_at} | _error(
        "START_FAILED", "the command of the agent could not be started"
    )
    return _envelope(started, uri, _LAST, SessionStatus.FAILED, more, [])


def lost(started: Started, *, uri: str) -> Envelope:
    """The session of a process whose end nobody saw."""
    more = _error("LOST", "the process is gone and nobody saw how it ended")
    return _envelope(started, uri, _LAST, SessionStatus.FAILED, more, [_running(started)])


def _running(started: Started) -> dict[str, object]:
    return _state(started.started_at, {"state": SessionStatus.RUNNING.value})


def _state(at: str, payload: dict[str, object]) -> dict[str, object]:
    return {"eventType": EventType.STATE_TRANSITION.value, "eventTs": at, "payload": payload}


def _error(code: str | None, message: str | None) -> dict[str, object]:
    return {} if code is None else {"errorCode": code, "errorMessage": message}


def _envelope(
    started: Started,
    uri: str,
    revision: int,
    state: SessionStatus,
    more: dict[str, object],
    timeline: list[dict[str, object]],
) -> Envelope:
    run = {
        "sessionId": started.session_id,
        "agentId": started.agent_id,
        "modelId": UNKNOWN_MODEL,
        "startedAt": started.started_at,
        "state": state.value,
        "task": started.task[:TEXT_LENGTH],
        **more,
    }
    envelope = {
        "envelope_version": "v2",
        "revision": revision,
        "source": SOURCE,
        "payload": {"run": run, "timeline": timeline, "calls": []},
    }
    return accept(msgspec.json.encode(envelope), uri=uri)

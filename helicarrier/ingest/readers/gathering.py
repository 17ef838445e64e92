"""What the parsers of session logs share: gathering sessions, calls and events line by line.

A log tells a session piece by piece. `Gathered` keeps, for each session of a file, its first and
last sign and whatever describes it; the first request makes title and text where the log has no
title of its own.
"""

import msgspec

from helicarrier import times
from helicarrier.ingest.limits import LOG_KEY, TEXT_LENGTH, TITLE_LENGTH, title_of
from helicarrier.ingest.readers.base import BadLine
from helicarrier.ledger.enums import UNKNOWN_MODEL, EventType, SessionStatus
from helicarrier.ledger.merge import rank
from helicarrier.ledger.model import Batch, Call, Event, Session, Winner


class SessionSoFar(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known of a session up to the current line; kept over an interrupted import."""

    session_id: str
    started_at: str
    ended_at: str
    title: str | None = None
    text: str | None = None
    asked: bool = False
    """The first request has been seen; it need not be remembered, for the ledger has it."""
    status: SessionStatus = SessionStatus.SUCCESS
    error_code: str | None = None
    error_message: str | None = None
    version: str | None = None
    cwd: str | None = None
    git_branch: str | None = None
    git_commit: str | None = None


class Gathered:
    """The rows of one file since the last `drain`, and the sessions they belong to."""

    def __init__(
        self, *, reader: str, agent_id: str, agent_label: str, uri: str, winner: Winner
    ) -> None:
        """Args: name of the reader, the agent that writes such logs, the file, the winner rule."""
        self.reader = reader
        self.agent_id = agent_id
        self.agent_label = agent_label
        self.uri = uri
        self.winner = winner
        self.sessions: dict[str, SessionSoFar] = {}
        self._calls: dict[tuple[str, str], Call] = {}
        self.events: list[Event] = []
        self._touched: set[str] = set()
        self._session_lines: dict[str, list[int]] = {}

    def session(self, session_id: str, at: str) -> SessionSoFar:
        """The session, stretched to the time `at` (canonical text)."""
        so_far = self.sessions.get(session_id)
        if so_far is None:
            so_far = SessionSoFar(session_id=session_id, started_at=at, ended_at=at)
            self.sessions[session_id] = so_far
        elif at > so_far.ended_at:
            so_far.ended_at = at
        elif at < so_far.started_at:
            so_far.started_at = at
        self._touched.add(session_id)
        return so_far

    def remembered(self, session_id: str) -> SessionSoFar | None:
        """A session for the parser's state: without the texts, which the ledger keeps."""
        so_far = self.sessions.get(session_id)
        return so_far and msgspec.structs.replace(so_far, title=None, text=None)

    def describe(
        self, so_far: SessionSoFar, line: int, *, title: str | None = None, text: str | None = None
    ) -> None:
        """Give a session its own title (the last one counts) or its first request."""
        if title:
            so_far.title = title.strip()[:TITLE_LENGTH] or so_far.title
        if text and not so_far.asked:
            so_far.text, so_far.asked = text[:TEXT_LENGTH], True
        self._touched.add(so_far.session_id)
        self._session_lines.setdefault(so_far.session_id, []).append(line)

    def call(self, call: Call) -> None:
        """Add a call; of several copies in one stretch each session keeps its winner.

        Which of the sessions owns the call is for the ledger to say, so it has to know them all.
        """
        key = call.usage_id, call.session_id
        other = self._calls.get(key)
        if other is None or self._rank(call) < self._rank(other):
            self._calls[key] = call

    def _rank(self, call: Call) -> tuple[int, str, str, int]:
        return rank(self.winner, call.total, call.occurred_at, self.uri, call.line)

    def event(
        self,
        event_id: str,
        session_id: str,
        line: int,
        event_type: EventType,
        at: str,
        payload_json: str,
    ) -> None:
        """Add one event; its id is unique within the session."""
        self.events.append(
            Event(f"{session_id}/{event_id}", session_id, line, line, event_type, at, payload_json)
        )

    def drain(self) -> Batch:
        """Hand over the gathered rows; what is known of the sessions stays."""
        batch = Batch(
            source_uri=self.uri,
            winner=self.winner,
            sessions=[self._canonical(self.sessions[key]) for key in sorted(self._touched)],
            calls=list(self._calls.values()),
            events=self.events,
            session_lines=self._session_lines,
        )
        self._calls, self.events = {}, []
        self._touched, self._session_lines = set(), {}
        return batch

    def _canonical(self, so_far: SessionSoFar) -> Session:
        title = so_far.title or (title_of(so_far.text) if so_far.text else None)
        return Session(
            session_id=so_far.session_id,
            agent_id=self.agent_id,
            agent_label=self.agent_label,
            started_at=so_far.started_at,
            ended_at=so_far.ended_at,
            source=self.reader,
            source_uri=self.uri,
            idempotency_key=f"{LOG_KEY}{self.reader}:{so_far.session_id}",
            model_id=UNKNOWN_MODEL,
            task_title=title,
            task_text=so_far.text,
            status=so_far.status,
            error_code=so_far.error_code,
            error_message=so_far.error_message,
            source_version=so_far.version,
            cwd=so_far.cwd,
            git_branch=so_far.git_branch,
            git_commit=so_far.git_commit,
        )


def canonical_time(text: str | None) -> str:
    """A log's timestamp in canonical form.

    Raises:
        BadLine: it is missing or no time.
    """
    if text is None:
        raise BadLine("TIMESTAMP_MISSING", "the line has no timestamp")
    try:
        return times.canonical(text)
    except (ValueError, IndexError, OverflowError):
        raise BadLine("TIMESTAMP_INVALID", "the timestamp is not ISO 8601 with a zone") from None

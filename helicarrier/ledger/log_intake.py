"""Logs into the ledger: sessions, calls and events of files, of which many may tell the same.

What is the same already is left alone. A session is put together from all files that tell of it, of
a call the best copy is kept under the session that started first, of an event that of the smallest
source position. The rules themselves are those of `merge`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from helicarrier.ledger import merge, rows
from helicarrier.ledger.enums import UNKNOWN_MODEL
from helicarrier.ledger.envelope_intake import SESSIONS
from helicarrier.ledger.model import Batch, Call, Event, Session
from helicarrier.ledger.outcomes import BatchOutcome
from helicarrier.ledger.pending import Pending
from helicarrier.ledger.sink import Row

_CALLS = (
    "SELECT u.usage_id, u.session_id, u.source_uri, u.source_line, u.occurred_at,"
    " u.total_tokens, s.started_at, u.cost_usd FROM session_usage u"
    " JOIN session_ledger s ON s.session_id = u.session_id WHERE u.usage_id IN {keys}"
)
_TELLINGS = (
    "SELECT session_id, source_uri, telling_json FROM session_tellings WHERE session_id IN {keys}"
)
_EVENTS = "SELECT event_id, source_uri, source_line FROM session_events WHERE event_id IN {keys}"
_DROP_CALLS = "DELETE FROM session_usage WHERE usage_id IN {keys}"
_SIDECHAIN = ":sidechain"


@dataclass(slots=True)
class _Candidate:
    """The best copy of a call in this transaction, and every session that has a copy."""

    call: Call
    batch: int
    sessions: set[str]


class LogIntake:
    """Takes the sessions, calls and events of one transaction in, in this order."""

    def __init__(self, pending: Pending) -> None:
        """Args: pending, to be filled."""
        self._pending = pending
        self._sessions: dict[str, Session] = {}

    def take_sessions(self, batches: Sequence[Batch], outcomes: list[BatchOutcome]) -> None:
        """Put the sessions of logs together from all files that tell of them."""
        seen: dict[str, dict[str, Session]] = {}
        for batch in batches:
            for session in batch.sessions:
                tellings = seen.setdefault(session.session_id, {})
                other = tellings.get(session.source_uri)
                tellings[session.source_uri] = merge.grown(other, session) if other else session
        if not seen:
            return
        stored = {
            session.session_id: session
            for session in map(rows.session_of, self._pending.sink.lookup(SESSIONS, seen))
        }
        known: dict[str, dict[str, Session]] = {}
        for session_id, uri, telling in self._pending.sink.lookup(_TELLINGS, stored):
            known.setdefault(str(session_id), {})[str(uri)] = rows.telling_of(str(telling))
        for session_id, tellings in seen.items():
            before = self._pending.session_rows.get(session_id) or stored.get(session_id)
            merged = self._merged(before, known.get(session_id), tellings)
            self._sessions[session_id] = merged
            if merged == before:
                continue
            self._pending.session_rows[session_id] = merged
            self._pending.session_times.add(merged.started_at)
            self._pending.totals.session(merged.started_at)
            if before is None:
                self._pending.new_sessions.add(session_id)
                self._pending.tally.sessions_new += 1
            else:
                self._pending.tally.sessions_changed += 1
                self._pending.session_times.add(before.started_at)
                self._pending.totals.session(before.started_at, -1)
                if merged.started_at != before.started_at:
                    self._pending.moved.add(session_id)
        for batch, outcome in zip(batches, outcomes, strict=True):
            for session_id, lines in batch.session_lines.items():
                if session_id in self._pending.session_rows:
                    outcome.changed_lines.update(lines)

    def _merged(
        self,
        before: Session | None,
        known: dict[str, Session] | None,
        seen: dict[str, Session],
    ) -> Session:
        """A session as all files tell it.

        An envelope vouches for its session as a whole, so a log of it only adds calls and events.
        While one file alone tells of a session, the session's row is the telling.
        """
        if before is None:
            tellings = seen
        elif before.payload_sha256 is not None:
            return before
        else:
            known = known or {before.source_uri: replace(before, model_id=UNKNOWN_MODEL)}
            tellings = known | {
                uri: merge.grown(known[uri], telling) if uri in known else telling
                for uri, telling in seen.items()
            }
        if len(tellings) > 1:
            stored = known if known is not None and len(known) > 1 else {}
            self._pending.tellings += [
                rows.telling_row(telling, self._pending.run_id)
                for uri, telling in tellings.items()
                if telling != stored.get(uri)
            ]
        merged = merge.told(tellings.values())
        # Which model is the primary one is for the calls to say.
        return merged if before is None else replace(merged, model_id=before.model_id)

    def take_calls(self, batches: Sequence[Batch], outcomes: list[BatchOutcome]) -> None:
        """Keep one copy of each call, under the session that started first."""
        candidates = self._candidates(batches)
        if not candidates:
            return
        self._settle_sidechains(candidates)
        stored = {
            call.usage_id: call
            for call in (
                merge.StoredCall(*row)  # type: ignore[arg-type]
                for row in self._pending.sink.lookup(_CALLS, candidates)
            )
        }
        for usage_id, candidate in candidates.items():
            batch = batches[candidate.batch]
            before = stored.get(usage_id)
            owner = self._owner(candidate, before)
            holders = candidate.sessions | ({before.session_id} if before else set())
            if len(holders) > 1:
                self._pending.shared[usage_id] = holders
            call = candidate.call
            if before is None:
                self._pending.tally.calls_new += 1
            elif merge.beats_stored(batch.winner, call, batch.source_uri, before):
                self._pending.tally.calls_changed += 1
                self._pending.touch(before.session_id, before.owner_started_at, before.occurred_at)
                self._pending.take_off(before.occurred_at, before.total_tokens, before.cost_nanos)
            elif owner != before.session_id:
                self._pending.tally.calls_changed += 1
                self._pending.touch(before.session_id, before.owner_started_at, before.occurred_at)
                self._pending.touch(owner, self._sessions[owner].started_at, before.occurred_at)
                self._pending.moves.append((owner, self._pending.run_id, usage_id))
                if call.line is not None:
                    outcomes[candidate.batch].changed_lines.add(call.line)
                continue
            else:
                continue
            row = self._call_row(call, owner, batch.source_uri)
            (self._pending.new_calls if before is None else self._pending.changed_calls).append(row)
            self._pending.touch(owner, self._started(owner, before), call.occurred_at)
            if call.line is not None:
                outcomes[candidate.batch].changed_lines.add(call.line)

    def _candidates(self, batches: Sequence[Batch]) -> dict[str, _Candidate]:
        found: dict[str, _Candidate] = {}
        for position, batch in enumerate(batches):
            for call in batch.calls:
                other = found.get(call.usage_id)
                if other is None:
                    found[call.usage_id] = _Candidate(call, position, {call.session_id})
                    continue
                other.sessions.add(call.session_id)
                if _rank(batch, call) < _rank(batches[other.batch], other.call):
                    other.call, other.batch = call, position
        return found

    def _settle_sidechains(self, candidates: dict[str, _Candidate]) -> None:
        """A sidechain copy of a message gives way to its parent, here and in the store."""
        keys = {c.call.message_key for c in candidates.values() if c.call.message_key}
        if not keys:
            return
        parents = {c.call.message_key for c in candidates.values() if not c.call.sidechain}
        superseded: set[str] = set()
        for usage_id, session_id, started_at, *call in self._pending.sink.copies(sorted(keys)):
            name = str(usage_id)
            key = ":".join(name.split(":")[:2])
            if not name.endswith(_SIDECHAIN):
                parents.add(key)
            elif key in parents:
                superseded.add(name)
                self._pending.touch(str(session_id), str(started_at), str(call[0]))
                self._pending.take_off(*call)
        if superseded:
            self._pending.sink.execute(_DROP_CALLS, superseded)
        lost = [
            usage_id
            for usage_id, candidate in candidates.items()
            if candidate.call.sidechain and candidate.call.message_key in parents
        ]
        for usage_id in lost:
            del candidates[usage_id]

    def _owner(self, candidate: _Candidate, stored: merge.StoredCall | None) -> str:
        """The session that started earliest, then the smaller id."""
        starts = [(self._sessions[key].started_at, key) for key in candidate.sessions]
        if stored is not None and stored.session_id not in candidate.sessions:
            starts.append((self._started(stored.session_id, stored), stored.session_id))
        return min(starts)[1]

    def _started(self, session_id: str, stored: merge.StoredCall | None) -> str:
        if session_id in self._sessions:
            return self._sessions[session_id].started_at
        return stored.owner_started_at if stored is not None else self._pending.now

    def take_events(self, batches: Sequence[Batch], outcomes: list[BatchOutcome]) -> None:
        """Keep one copy of each event: that of the smallest source position."""
        found: dict[str, tuple[Event, int]] = {}
        for position, batch in enumerate(batches):
            for event in batch.events:
                other = found.get(event.event_id)
                if other is None or (batch.source_uri, event.line or 0) < (
                    batches[other[1]].source_uri,
                    other[0].line or 0,
                ):
                    found[event.event_id] = (event, position)
        if not found:
            return
        stored = {
            str(key): (str(uri), int(line or 0))
            for key, uri, line in self._pending.sink.lookup(_EVENTS, found)
        }
        for event_id, (event, position) in found.items():
            uri = batches[position].source_uri
            before = stored.get(event_id)
            if before is None:
                self._pending.tally.events_new += 1
            elif (uri, event.line or 0) < before:
                self._pending.tally.events_changed += 1
            else:
                continue
            row = rows.event_row(event, uri, self._pending.run_id)
            (self._pending.new_events if before is None else self._pending.changed_events).append(
                row
            )
            if event.line is not None:
                outcomes[position].changed_lines.add(event.line)

    def _call_row(self, call: Call, owner: str, uri: str) -> Row:
        return rows.call_row(
            call,
            owner,
            uri,
            pricer=self._pending.pricer,
            now=self._pending.now,
            run_id=self._pending.run_id,
        )


def _rank(batch: Batch, call: Call) -> tuple[int, str, str, int]:
    return merge.rank(batch.winner, call.total, call.occurred_at, batch.source_uri, call.line)

"""The ledger's writer: batches of canonical sessions into one transaction.

Whatever is the same already is left alone: the writer looks up what is stored, decides with the
pure rules of `merge` what is new or better, prices and writes only that, and marks the days that
thereby became dirty. It reports for each batch the lines that gave or changed a row, so that every
source record is accounted for. It never commits: the caller owns the transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from msgspec.structs import replace
from sqlalchemy import Connection

from helicarrier import times
from helicarrier.cost.governed import Pricer
from helicarrier.ledger import dirty, history, merge, ownership, rows, run_markers
from helicarrier.ledger.enums import UNKNOWN_MODEL
from helicarrier.ledger.model import Batch, Call, Envelope, Event, Session
from helicarrier.ledger.outcomes import BatchOutcome, EnvelopeStatus, Tally
from helicarrier.ledger.sink import Row, Scalar, Sink, sink_of
from helicarrier.ledger.tables import (
    call_copies,
    session_events,
    session_ledger,
    session_tellings,
    session_usage,
)
from helicarrier.ledger.totals import DayTotals

_SESSIONS = (
    f"SELECT {', '.join(rows.SESSION_FIELDS)} FROM session_ledger"  # noqa: S608 - constants
    " WHERE session_id IN {keys}"
)
_KEYS = (
    "SELECT idempotency_key, session_id, payload_sha256, revision FROM session_ledger"
    " WHERE idempotency_key IN {keys} OR session_id IN {keys}"
)
_CALLS = (
    "SELECT u.usage_id, u.session_id, u.source_uri, u.source_line, u.occurred_at,"
    " u.total_tokens, s.started_at, u.cost_usd FROM session_usage u"
    " JOIN session_ledger s ON s.session_id = u.session_id WHERE u.usage_id IN {keys}"
)
_TELLINGS = (
    "SELECT session_id, source_uri, telling_json FROM session_tellings WHERE session_id IN {keys}"
)
_EVENTS = "SELECT event_id, source_uri, source_line FROM session_events WHERE event_id IN {keys}"
_OF_ENVELOPE = (  # and not of a log that tells of the same session
    " WHERE session_id IN {keys} AND source_uri = (SELECT s.source_uri FROM session_ledger s"
    " WHERE s.session_id = {table}.session_id)"
)
_CALLS_OF_ENVELOPE = _OF_ENVELOPE.replace("{table}", "session_usage")
_SESSION_CALLS = (
    "SELECT usage_id, occurred_at, total_tokens, cost_usd FROM session_usage"  # noqa: S608
    + _CALLS_OF_ENVELOPE
)
_DROP_CALLS = "DELETE FROM session_usage WHERE usage_id IN {keys}"
_DROP_SESSION_CALLS = "DELETE FROM session_usage" + _CALLS_OF_ENVELOPE  # noqa: S608 - constants
_DROP_SESSION_EVENTS = (
    "DELETE FROM session_events"  # noqa: S608
    + _OF_ENVELOPE.replace("{table}", "session_events")
)
_SET_OWNER = "UPDATE session_usage SET session_id = ?, run_id = ? WHERE usage_id = ?"
_SET_MODEL = (
    "UPDATE session_ledger SET model_id = COALESCE((SELECT u.model_id FROM session_usage u"  # noqa: S608 - constants
    " WHERE u.session_id = session_ledger.session_id GROUP BY u.model_id"
    f" ORDER BY SUM(u.total_tokens) DESC, u.model_id LIMIT 1), '{UNKNOWN_MODEL}')"
    " WHERE session_id IN {keys}"
)
_SIDECHAIN = ":sidechain"


class LedgerWriter:
    """Writes batches under one run."""

    def __init__(self, *, run_id: str, now: str, pricer: Pricer) -> None:
        """Args: run_id of the run store, now as canonical UTC text, pricer."""
        self._run_id = run_id
        self._now = now
        self._pricer = pricer
        self._prepared: dict[int, rows.EnvelopeRows] = {}

    def prepare(self, batches: Sequence[Batch]) -> None:
        """Make the rows of envelopes ahead of `write`, while other writers have the store.

        Nearly all envelopes are new. What `write` is given beyond them it makes itself.
        """
        for batch in batches:
            for envelope in batch.envelopes:
                self._prepared[id(envelope)] = rows.of_envelope(
                    envelope, pricer=self._pricer, run_id=self._run_id, now=self._now
                )

    def write(
        self, connection: Connection, batches: Sequence[Batch]
    ) -> tuple[Tally, list[BatchOutcome]]:
        """Write batches into an open transaction; one outcome for each, in order."""
        sink = sink_of(connection)
        sink.serialize()
        work = _Work(sink, self._pricer, self._run_id, self._now, self._prepared)
        outcomes = [BatchOutcome() for _ in batches]
        work.take_envelopes(batches, outcomes)
        work.take_sessions(batches, outcomes)
        work.take_calls(batches, outcomes)
        work.take_events(batches, outcomes)
        work.flush()
        dirty.mark(
            connection,
            call_days=_days(work.call_times),
            session_days=_days(work.session_times),
            today=date.fromisoformat(self._now[:10]),
            run_id=self._run_id,
            now=times.parse(self._now),
        )
        now = times.parse(self._now)
        work.totals.save(connection, run_id=self._run_id, now=now)
        run_markers.mark(connection, self._run_id, _marks(work.tally), now=now)
        return work.tally, outcomes


def _marks(tally: Tally) -> dict[tuple[str, str], int]:
    """Rows that were written, by table."""
    counts = {
        session_ledger.name: tally.sessions_new + tally.sessions_changed,
        session_usage.name: tally.calls_new + tally.calls_changed,
        session_events.name: tally.events_new + tally.events_changed,
    }
    return {(table, ""): count for table, count in counts.items() if count}


def _days(instants: Iterable[str]) -> set[date]:
    return {date.fromisoformat(day) for day in {instant[:10] for instant in instants}}


@dataclass(slots=True)
class _Candidate:
    """The best copy of a call in this transaction, and every session that has a copy."""

    call: Call
    batch: int
    sessions: set[str]


class _Work:
    """The state of one transaction: what is stored, what will be written, which days it hits."""

    def __init__(
        self,
        sink: Sink,
        pricer: Pricer,
        run_id: str,
        now: str,
        prepared: Mapping[int, rows.EnvelopeRows],
    ) -> None:
        self._prepared = prepared
        self._sink = sink
        self._pricer = pricer
        self._run_id = run_id
        self._now = now
        self.tally = Tally()
        self.totals = DayTotals()
        self.call_times: set[str] = set()
        self.session_times: set[str] = set()
        self._sessions: dict[str, Session] = {}
        self._session_rows: dict[str, Session] = {}
        self._new_sessions: set[str] = set()
        self._new_calls: list[Row] = []
        self._changed_calls: list[Row] = []
        self._new_events: list[Row] = []
        self._changed_events: list[Row] = []
        self._remodel: set[str] = set()
        self._tellings: list[Row] = []
        self._shared: dict[str, set[str]] = {}
        self._moved: set[str] = set()
        self._repriced: list[str] = []
        self._moves: list[Row] = []

    # Envelopes ------------------------------------------------------------------------------

    def take_envelopes(self, batches: Sequence[Batch], outcomes: list[BatchOutcome]) -> None:
        """Accept, recognise or refuse each envelope by its key, fingerprint and revision."""
        envelopes = [envelope for batch in batches for envelope in batch.envelopes]
        if not envelopes:
            return
        by_key, by_session = self._stored_keys(envelopes)
        known = frozenset(by_session)
        replaced: set[str] = set()
        accepted: dict[str, Envelope] = {}
        for batch, outcome in zip(batches, outcomes, strict=True):
            for envelope in batch.envelopes:
                session = envelope.session
                mine = (session.session_id, envelope.fingerprint, session.revision)
                stored = by_key.get(session.idempotency_key)
                if stored is None and session.session_id not in by_session:
                    status = EnvelopeStatus.CREATED
                elif stored is not None and stored[:2] == mine[:2]:
                    status = EnvelopeStatus.DUPLICATE
                elif (
                    stored is not None
                    and stored[0] == mine[0]
                    and (mine[2] > stored[2] or envelope.grows)
                ):
                    status = EnvelopeStatus.UPDATED
                    replaced.add(session.session_id)
                elif stored is not None and stored[0] == mine[0] and mine[2] < stored[2]:
                    status = EnvelopeStatus.OUTDATED
                else:
                    status = EnvelopeStatus.CONFLICT
                outcome.envelopes.append(status)
                if status in {EnvelopeStatus.CREATED, EnvelopeStatus.UPDATED}:
                    by_key[session.idempotency_key] = mine
                    by_session.add(session.session_id)
                    accepted[session.session_id] = envelope
                    if envelope.line is not None:
                        outcome.changed_lines.add(envelope.line)
        self._clear(replaced)
        for envelope in accepted.values():
            self._add_envelope(envelope, is_new=envelope.session.session_id not in known)

    def _stored_keys(
        self, envelopes: Sequence[Envelope]
    ) -> tuple[dict[str, tuple[str, str | None, int]], set[str]]:
        keys = {envelope.session.idempotency_key for envelope in envelopes}
        keys |= {envelope.session.session_id for envelope in envelopes}
        by_key: dict[str, tuple[str, str | None, int]] = {}
        by_session: set[str] = set()
        for key, session_id, fingerprint, revision in self._sink.lookup(_KEYS, keys):
            by_key[str(key)] = (
                str(session_id),
                None if fingerprint is None else str(fingerprint),
                int(revision or 0),
            )
            by_session.add(str(session_id))
        return by_key, by_session

    def _clear(self, session_ids: set[str]) -> None:
        """A higher revision replaces a session whole; its old days become dirty."""
        if not session_ids:
            return
        for usage_id, *call in self._sink.lookup(_SESSION_CALLS, session_ids):
            self._repriced.append(str(usage_id))
            self._take_off(*call)
        for row in self._sink.lookup(_SESSIONS, session_ids):
            started_at = rows.session_of(row).started_at
            self.session_times.add(started_at)
            self.totals.session(started_at, -1)
        self._moved |= session_ids
        history.keep_first(self._sink, self._repriced)
        self._sink.execute(_DROP_SESSION_CALLS, session_ids)
        self._sink.execute(_DROP_SESSION_EVENTS, session_ids)

    def _take_off(self, occurred_at: Scalar, total_tokens: Scalar, cost: Scalar) -> None:
        """A stored call goes; its day becomes dirty."""
        self.call_times.add(str(occurred_at))
        nanos = None if cost is None else int(cost)
        self.totals.call(str(occurred_at), int(total_tokens or 0), nanos, -1)

    def _add_envelope(self, envelope: Envelope, *, is_new: bool) -> None:
        session = envelope.session
        self._session_rows[session.session_id] = session
        self.session_times.add(session.started_at)
        self.totals.session(session.started_at)
        calls, events = self._prepared.get(id(envelope)) or rows.of_envelope(
            envelope, pricer=self._pricer, run_id=self._run_id, now=self._now
        )
        self._new_calls += calls
        self._new_events += events
        self.call_times.update([call.occurred_at for call in envelope.calls])
        if is_new:
            self._new_sessions.add(session.session_id)
        self.tally.sessions_new += is_new
        self.tally.sessions_changed += not is_new
        self.tally.calls_new += len(envelope.calls)
        self.tally.events_new += len(envelope.events)

    # Logs -----------------------------------------------------------------------------------

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
            for session in map(rows.session_of, self._sink.lookup(_SESSIONS, seen))
        }
        known: dict[str, dict[str, Session]] = {}
        for session_id, uri, telling in self._sink.lookup(_TELLINGS, stored):
            known.setdefault(str(session_id), {})[str(uri)] = rows.telling_of(str(telling))
        for session_id, tellings in seen.items():
            before = self._session_rows.get(session_id) or stored.get(session_id)
            merged = self._merged(before, known.get(session_id), tellings)
            self._sessions[session_id] = merged
            if merged == before:
                continue
            self._session_rows[session_id] = merged
            self.session_times.add(merged.started_at)
            self.totals.session(merged.started_at)
            if before is None:
                self._new_sessions.add(session_id)
                self.tally.sessions_new += 1
            else:
                self.tally.sessions_changed += 1
                self.session_times.add(before.started_at)
                self.totals.session(before.started_at, -1)
                if merged.started_at != before.started_at:
                    self._moved.add(session_id)
        for batch, outcome in zip(batches, outcomes, strict=True):
            for session_id, lines in batch.session_lines.items():
                if session_id in self._session_rows:
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
            self._tellings += [
                rows.telling_row(telling, self._run_id)
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
                for row in self._sink.lookup(_CALLS, candidates)
            )
        }
        for usage_id, candidate in candidates.items():
            batch = batches[candidate.batch]
            before = stored.get(usage_id)
            owner = self._owner(candidate, before)
            holders = candidate.sessions | ({before.session_id} if before else set())
            if len(holders) > 1:
                self._shared[usage_id] = holders
            call = candidate.call
            if before is None:
                self.tally.calls_new += 1
            elif merge.beats_stored(batch.winner, call, batch.source_uri, before):
                self.tally.calls_changed += 1
                self._touch(before.session_id, before.owner_started_at, before.occurred_at)
                self._take_off(before.occurred_at, before.total_tokens, before.cost_nanos)
            elif owner != before.session_id:
                self.tally.calls_changed += 1
                self._touch(before.session_id, before.owner_started_at, before.occurred_at)
                self._touch(owner, self._sessions[owner].started_at, before.occurred_at)
                self._moves.append((owner, self._run_id, usage_id))
                if call.line is not None:
                    outcomes[candidate.batch].changed_lines.add(call.line)
                continue
            else:
                continue
            row = self._call_row(call, owner, batch.source_uri)
            (self._new_calls if before is None else self._changed_calls).append(row)
            self._touch(owner, self._started(owner, before), call.occurred_at)
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
        for usage_id, session_id, started_at, *call in self._sink.copies(sorted(keys)):
            name = str(usage_id)
            key = ":".join(name.split(":")[:2])
            if not name.endswith(_SIDECHAIN):
                parents.add(key)
            elif key in parents:
                superseded.add(name)
                self._touch(str(session_id), str(started_at), str(call[0]))
                self._take_off(*call)
        if superseded:
            self._sink.execute(_DROP_CALLS, superseded)
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

    def _settle_owners(self) -> None:
        """A session whose start moved may win calls from others that hold them, or lose them."""
        found = ownership.moves(self._sink, self._moved)
        for move in found:
            for holder in (move.before, move.after):
                self._touch(holder.session_id, holder.started_at, move.occurred_at)
        moves: list[Row] = [(m.after.session_id, self._run_id, m.usage_id) for m in found]
        self._sink.execute_each(_SET_OWNER, moves)
        self.tally.calls_changed += len(found)

    def _started(self, session_id: str, stored: merge.StoredCall | None) -> str:
        if session_id in self._sessions:
            return self._sessions[session_id].started_at
        return stored.owner_started_at if stored is not None else self._now

    def _touch(self, session_id: str, started_at: str, occurred_at: str) -> None:
        self._remodel.add(session_id)
        self.session_times.add(started_at)
        self.call_times.add(occurred_at)

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
            for key, uri, line in self._sink.lookup(_EVENTS, found)
        }
        for event_id, (event, position) in found.items():
            uri = batches[position].source_uri
            before = stored.get(event_id)
            if before is None:
                self.tally.events_new += 1
            elif (uri, event.line or 0) < before:
                self.tally.events_changed += 1
            else:
                continue
            row = rows.event_row(event, uri, self._run_id)
            (self._new_events if before is None else self._changed_events).append(row)
            if event.line is not None:
                outcomes[position].changed_lines.add(event.line)

    def _call_row(self, call: Call, owner: str, uri: str) -> Row:
        return rows.call_row(
            call, owner, uri, pricer=self._pricer, now=self._now, run_id=self._run_id
        )

    # Writing --------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write the rows: sessions first, for the foreign keys."""
        sink, now, run_id = self._sink, self._now, self._run_id
        self.totals.calls(self._new_calls)
        self.totals.calls(self._changed_calls)
        for write, sessions in (
            (sink.insert, self._session_rows.keys() & self._new_sessions),
            (sink.upsert, self._session_rows.keys() - self._new_sessions),
        ):
            found = [self._session_rows[session_id] for session_id in sorted(sessions)]
            write(session_ledger, [rows.session_row(s, now=now, run_id=run_id) for s in found])
        sink.insert(session_usage, self._new_calls)
        changed = [str(row[0]) for row in self._changed_calls]
        history.keep_first(sink, changed)
        sink.upsert(session_usage, self._changed_calls)
        history.append(sink, changed, reason=history.Reason.FULLER_COPY)
        history.append(sink, self._repriced, reason=history.Reason.REVISION)
        sink.execute_each(_SET_OWNER, self._moves)
        sink.upsert(session_tellings, self._tellings)
        sink.insert(call_copies, ownership.new_copies(sink, self._shared, run_id))
        self._settle_owners()
        sink.insert(session_events, self._new_events)
        sink.upsert(session_events, self._changed_events)
        if self._remodel:
            sink.execute(_SET_MODEL, sorted(self._remodel))


def _rank(batch: Batch, call: Call) -> tuple[int, str, str, int]:
    return merge.rank(batch.winner, call.total, call.occurred_at, batch.source_uri, call.line)

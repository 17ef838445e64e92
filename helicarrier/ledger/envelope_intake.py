"""Envelopes into the ledger: each is accepted, recognised or refused as a whole.

The key, the fingerprint and the revision decide: the same again is a duplicate, a higher revision
replaces its session whole, another content under the same key is a conflict.
"""

from collections.abc import Mapping, Sequence

from helicarrier.ledger import history, rows
from helicarrier.ledger.model import Batch, Envelope
from helicarrier.ledger.outcomes import BatchOutcome, EnvelopeStatus
from helicarrier.ledger.pending import Pending

SESSIONS = (
    f"SELECT {', '.join(rows.SESSION_FIELDS)} FROM session_ledger"  # noqa: S608 - constants
    " WHERE session_id IN {keys}"
)
_KEYS = (
    "SELECT idempotency_key, session_id, payload_sha256, revision FROM session_ledger"
    " WHERE idempotency_key IN {keys} OR session_id IN {keys}"
)
_OF_ENVELOPE = (  # and not of a log that tells of the same session
    " WHERE session_id IN {keys} AND source_uri = (SELECT s.source_uri FROM session_ledger s"
    " WHERE s.session_id = {table}.session_id)"
)
_CALLS_OF_ENVELOPE = _OF_ENVELOPE.replace("{table}", "session_usage")
_SESSION_CALLS = (
    "SELECT usage_id, occurred_at, total_tokens, cost_usd FROM session_usage"  # noqa: S608
    + _CALLS_OF_ENVELOPE
)
_DROP_SESSION_CALLS = "DELETE FROM session_usage" + _CALLS_OF_ENVELOPE  # noqa: S608 - constants
_DROP_SESSION_EVENTS = (
    "DELETE FROM session_events"  # noqa: S608
    + _OF_ENVELOPE.replace("{table}", "session_events")
)


Stored = tuple[str, str | None, int]
"""What a key is taken by: session id, fingerprint, revision."""


def judged(envelope: Envelope, stored: Stored | None, *, known_session: bool) -> EnvelopeStatus:
    """What becomes of an envelope.

    Args: envelope; stored under its key, if anything is; known_session: its session is in the
    ledger, under whichever key.
    """
    session = envelope.session
    if stored is None:
        return EnvelopeStatus.CONFLICT if known_session else EnvelopeStatus.CREATED
    if stored[0] != session.session_id:
        return EnvelopeStatus.CONFLICT
    if stored[1] == envelope.fingerprint:
        return EnvelopeStatus.DUPLICATE
    if session.revision > stored[2] or envelope.grows:
        return EnvelopeStatus.UPDATED
    return EnvelopeStatus.OUTDATED if session.revision < stored[2] else EnvelopeStatus.CONFLICT


class EnvelopeIntake:
    """Takes the envelopes of one transaction in."""

    def __init__(self, pending: Pending, prepared: Mapping[int, rows.EnvelopeRows]) -> None:
        """Args: pending, to be filled; prepared, rows by the identity of their envelope."""
        self._pending = pending
        self._prepared = prepared

    def take(self, batches: Sequence[Batch], outcomes: list[BatchOutcome]) -> None:
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
                known_session = session.session_id in by_session
                status = judged(envelope, stored, known_session=known_session)
                if status is EnvelopeStatus.UPDATED:
                    replaced.add(session.session_id)
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

    def _stored_keys(self, envelopes: Sequence[Envelope]) -> tuple[dict[str, Stored], set[str]]:
        keys = {envelope.session.idempotency_key for envelope in envelopes}
        keys |= {envelope.session.session_id for envelope in envelopes}
        by_key: dict[str, Stored] = {}
        by_session: set[str] = set()
        for key, session_id, fingerprint, revision in self._pending.sink.lookup(_KEYS, keys):
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
        for usage_id, *call in self._pending.sink.lookup(_SESSION_CALLS, session_ids):
            self._pending.repriced.append(str(usage_id))
            self._pending.take_off(*call)
        for row in self._pending.sink.lookup(SESSIONS, session_ids):
            started_at = rows.session_of(row).started_at
            self._pending.session_times.add(started_at)
            self._pending.totals.session(started_at, -1)
        self._pending.moved |= session_ids
        history.keep_first(self._pending.sink, self._pending.repriced)
        self._pending.sink.execute(_DROP_SESSION_CALLS, session_ids)
        self._pending.sink.execute(_DROP_SESSION_EVENTS, session_ids)

    def _add_envelope(self, envelope: Envelope, *, is_new: bool) -> None:
        session = envelope.session
        self._pending.session_rows[session.session_id] = session
        self._pending.session_times.add(session.started_at)
        self._pending.totals.session(session.started_at)
        calls, events = self._prepared.get(id(envelope)) or rows.of_envelope(
            envelope,
            pricer=self._pending.pricer,
            run_id=self._pending.run_id,
            now=self._pending.now,
        )
        self._pending.new_calls += calls
        self._pending.new_events += events
        self._pending.call_times.update([call.occurred_at for call in envelope.calls])
        if is_new:
            self._pending.new_sessions.add(session.session_id)
        self._pending.tally.sessions_new += is_new
        self._pending.tally.sessions_changed += not is_new
        self._pending.tally.calls_new += len(envelope.calls)
        self._pending.tally.events_new += len(envelope.events)

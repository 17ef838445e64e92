"""The ledger's writer: batches of canonical sessions into one transaction.

Whatever is the same already is left alone: `envelope_intake` and `log_intake` look up what is
stored and decide what is new or better, `pending` prices and writes only that, and the days that
thereby became dirty are marked. The writer reports for each batch the lines that gave or changed a
row, so that every source record is accounted for. It never commits: the caller owns the
transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Connection

from helicarrier import times
from helicarrier.cost.governed import Pricer
from helicarrier.ledger import dirty, rows, run_markers
from helicarrier.ledger.envelope_intake import EnvelopeIntake
from helicarrier.ledger.log_intake import LogIntake
from helicarrier.ledger.model import Batch, Envelope
from helicarrier.ledger.outcomes import BatchOutcome, Tally
from helicarrier.ledger.pending import Pending
from helicarrier.ledger.sink import Row, sink_of
from helicarrier.ledger.tables import session_events, session_ledger, session_usage


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

    def rows_of(self, envelope: Envelope) -> tuple[Row, list[Row], list[Row]]:
        """The rows of an envelope's session, calls and events, in the order of their columns."""
        calls, events = rows.of_envelope(
            envelope, pricer=self._pricer, run_id=self._run_id, now=self._now
        )
        session = rows.session_row(
            envelope.session,
            known_cost=rows.known_costs(calls).get(envelope.session.session_id),
            now=self._now,
            run_id=self._run_id,
        )
        return session, calls, events

    def write(
        self, connection: Connection, batches: Sequence[Batch]
    ) -> tuple[Tally, list[BatchOutcome]]:
        """Write batches into an open transaction; one outcome for each, in order."""
        sink = sink_of(connection)
        sink.serialize()
        pending = Pending(sink=sink, pricer=self._pricer, run_id=self._run_id, now=self._now)
        outcomes = [BatchOutcome() for _ in batches]
        EnvelopeIntake(pending, self._prepared).take(batches, outcomes)
        logs = LogIntake(pending)
        logs.take_sessions(batches, outcomes)
        logs.take_calls(batches, outcomes)
        logs.take_events(batches, outcomes)
        pending.flush()
        dirty.mark(
            connection,
            call_days=_days(pending.call_times),
            session_days=_days(pending.session_times),
            today=date.fromisoformat(self._now[:10]),
            run_id=self._run_id,
            now=times.parse(self._now),
        )
        now = times.parse(self._now)
        pending.totals.save(connection, run_id=self._run_id, now=now)
        run_markers.mark(connection, self._run_id, _marks(pending.tally), now=now)
        return pending.tally, outcomes


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

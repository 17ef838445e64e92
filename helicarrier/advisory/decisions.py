"""The decision path: switch, rollout, cache, budget, compute, keep; the order is the contract.

The switch is read at every decision, and while it is off nothing else is read or written. Each step
holds the database for as long as its own statement takes, and never while a model computes. No
error leaves: a failure is counted, logged and ends the decision, and what it had taken of the
budget is given back.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime

from helicarrier import logs
from helicarrier.advisory import budget, rollout, switch
from helicarrier.advisory.budget import Account
from helicarrier.advisory.counters import Counters
from helicarrier.advisory.enums import Event, Outcome, SignalType
from helicarrier.advisory.model import Advice, Decision, Model
from helicarrier.advisory.session import AdvisoryStore, tables_are_gone
from helicarrier.advisory.signal_store import Cached, cache_key, keep, look_up
from helicarrier.advisory.signals import MODEL_VERSION, MODELS
from helicarrier.advisory.tables import FEATURE
from helicarrier.canonical import canonical_bytes
from helicarrier.matches.model import MatchResult

MAX_PAYLOAD_BYTES = 16 * 1024


class ContractViolation(ValueError):
    """A model said something that a signal may not say."""


class Advisor:
    """Decides about one signal after the other; for any number of threads."""

    def __init__(
        self,
        store: AdvisoryStore,
        *,
        daily_limit: int,
        models: Mapping[SignalType, Model] = MODELS,
        model_version: str = MODEL_VERSION,
        counters: Counters | None = None,
        new_id: Callable[[], object] = uuid.uuid4,
    ) -> None:
        """Nothing is opened yet.

        Args: store; daily_limit of signals by resume and day; models; their version; counters;
        new_id, makes the ids of rows.
        """
        self.counters = counters or Counters()
        self._store = store
        self._limit = daily_limit
        self._models = models
        self._version = model_version
        self._new_id = new_id

    def decide(
        self, result: MatchResult, kind: SignalType, *, now: datetime, day: date
    ) -> Decision:
        """Whether there is a signal of this kind for a match result, computing it where it may be.

        Args: result; kind; now, when it is decided; day, the UTC day whose budget is used.
        """
        try:
            cached = self._before(result, kind, now)
            if isinstance(cached, Decision):
                return cached
            account = Account(resume_id=result.resume_id, day=day, limit=self._limit)
            with self._store.write() as connection:
                granted = budget.grant(connection, account, now=now, new_id=self._new_id)
        except Exception as error:  # noqa: BLE001 - no error leaves the area
            return self._end(error, kind)
        if not granted:
            self.counters.add(Event.BUDGET_EXHAUSTED)
            return Decision(outcome=Outcome.EXHAUSTED)
        self.counters.add(Event.BUDGET_GRANTED)
        decision = self._compute(result, kind, cached, now)
        if decision.outcome is not Outcome.COMPUTED:
            self._refund(account)
        return decision

    def _before(
        self, result: MatchResult, kind: SignalType, now: datetime
    ) -> Decision | Cached | None:
        """The steps that only read: how the decision ends there, or what was cached before."""
        key = cache_key(result.result_id, kind, self._version)
        with self._store.read() as connection:
            state = switch.read(connection)
            if state is None or not state.on:
                self.counters.add(Event.DISABLED_NOOP)
                return Decision(outcome=Outcome.DISABLED)
            if not rollout.eligible(FEATURE, result.resume_id, state.rollout_percent):
                self.counters.add(Event.ROLLOUT_INELIGIBLE)
                return Decision(outcome=Outcome.INELIGIBLE)
            cached = look_up(connection, key, now)
        if cached is not None and cached.holds:
            self.counters.add(Event.CACHE_HIT)
            return Decision(outcome=Outcome.CACHED, signal_id=cached.signal_id)
        self.counters.add(Event.CACHE_MISS)
        return cached

    def _compute(
        self, result: MatchResult, kind: SignalType, cached: Cached | None, now: datetime
    ) -> Decision:
        self.counters.add(Event.COMPUTE_ATTEMPTED)
        try:
            advice = self._models[kind](result, now)
            if advice is not None:
                require_contract(advice, now)
        except ContractViolation as violation:
            self.counters.add(Event.CONTRACT_VIOLATION)
            logs.warning("advisory.contract_violation", kind=kind.value, reason=str(violation))
            return Decision(outcome=Outcome.FAILED)
        except Exception as error:  # noqa: BLE001 - no error leaves the area
            self.counters.add(Event.COMPUTE_ERROR)
            logs.warning("advisory.compute_error", kind=kind.value, error=type(error).__name__)
            return Decision(outcome=Outcome.FAILED)
        if advice is None:
            self.counters.add(Event.COMPUTE_SUCCESS)
            return Decision(outcome=Outcome.NO_SIGNAL)
        return self._keep(result, kind, advice, cached, now)

    def _keep(
        self,
        result: MatchResult,
        kind: SignalType,
        advice: Advice,
        cached: Cached | None,
        now: datetime,
    ) -> Decision:
        try:
            with self._store.write() as connection:
                signal_id = keep(
                    connection,
                    result,
                    kind,
                    advice,
                    model_version=self._version,
                    before=cached,
                    now=now,
                    new_id=self._new_id,
                )
        except Exception as error:  # noqa: BLE001 - no error leaves the area
            gone = tables_are_gone(error)
            self.counters.add(Event.COMPUTE_SUCCESS if gone else Event.COMPUTE_ERROR)
            return self._end(error, kind)
        self.counters.add(Event.COMPUTE_SUCCESS)
        if signal_id is None:
            return Decision(outcome=Outcome.LOST_RACE)
        return Decision(outcome=Outcome.COMPUTED, signal_id=signal_id)

    def _refund(self, account: Account) -> None:
        try:
            with self._store.write() as connection:
                budget.refund(connection, account)
        except Exception as error:  # noqa: BLE001 - no error leaves the area
            if not tables_are_gone(error):
                logs.warning("advisory.refund_failed", error=type(error).__name__)

    def _end(self, error: Exception, kind: SignalType) -> Decision:
        """Tables that are gone are a switch that is off; anything else is a failure."""
        if tables_are_gone(error):
            self.counters.add(Event.DISABLED_NOOP)
            return Decision(outcome=Outcome.DISABLED)
        logs.warning("advisory.failed", kind=kind.value, error=type(error).__name__)
        return Decision(outcome=Outcome.FAILED)


def require_contract(advice: Advice, now: datetime) -> None:
    """Passes advice that may be stored.

    Raises:
        ContractViolation: what is wrong with it.
    """
    confidence = advice.confidence
    if not (confidence.is_finite() and 0 <= confidence <= 1):
        raise ContractViolation("the confidence is not from 0 to 1")
    if not advice.summary.strip():
        raise ContractViolation("there is no summary")
    if advice.expires_at is not None and advice.expires_at <= now:
        raise ContractViolation("it has expired before it is stored")
    try:
        body = canonical_bytes({"summary": advice.summary, "details": dict(advice.details)})
    except (TypeError, ValueError, AttributeError) as error:
        raise ContractViolation("the details are not JSON") from error
    if len(body) > MAX_PAYLOAD_BYTES:
        raise ContractViolation(f"it has more than {MAX_PAYLOAD_BYTES} bytes")

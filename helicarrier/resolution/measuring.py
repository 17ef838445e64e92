"""What the breakers look at, measured from the store: None wherever there is nothing to measure.

Rates count the reviews of an environment's plans that say whether a resolution was right. Failures
are counted back from the newest outcome in the decision log to the last one that held. Complaints
and satisfaction are those of seven days; confidence is that of the last day beside the week before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean

from sqlalchemy import func, select

from helicarrier.resolution.budgets import Amounts, Budgets
from helicarrier.resolution.decision_enums import Breaker, DecisionType, ReviewVerdict
from helicarrier.resolution.enums import Environment
from helicarrier.resolution.records import Decision, Review
from helicarrier.resolution.rows import decision_of
from helicarrier.resolution.sql_mismatches import SqlReviewRepository
from helicarrier.resolution.tables import ai_decision_log, mismatch
from helicarrier.store.operational import OperationalStore

AGREEMENT = "rater_agreement"
"""The entity under which the agreement of raters stands in the decision log."""

WEEK, DAY, HOUR = timedelta(days=7), timedelta(days=1), timedelta(hours=1)
_LOOKED_BACK = 1_000
_HELD = frozenset({"applied", "would_apply"})
_FAILED = frozenset({"failed", "rolled_back"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far raters agreed when it was last measured."""

    kappa: float | None
    ci_lower: float | None
    gate_open: bool
    items: int
    at: datetime


def measure(
    store: OperationalStore,
    environment: Environment,
    *,
    budgets: Budgets,
    limits: Amounts,
    now: datetime,
) -> Mapping[Breaker, float | None]:
    """Breaker -> what there is to judge it by."""
    repository = SqlReviewRepository(store)
    reviews = repository.reviews(environment, since=now - WEEK)
    agreement = latest_agreement(store)
    satisfied = [one.satisfaction for one in reviews if one.satisfaction is not None]
    shares = budgets.used(environment, now.date()).shares(limits)
    return {
        Breaker.FP_RATE_7D: false_positive_rate(reviews),
        Breaker.FP_RATE_24H: false_positive_rate(
            [one for one in reviews if one.reviewed_at > now - DAY]
        ),
        Breaker.CONSECUTIVE_FAILURES: failures_in_a_row(store, environment),
        Breaker.KAPPA_OVERALL: None if agreement is None else agreement.kappa,
        Breaker.KAPPA_CI_LOWER: None if agreement is None else agreement.ci_lower,
        Breaker.CONFIDENCE_DROP: confidence_drop(store, now),
        Breaker.COST_SPIKE_1H: float(budgets.spent_since(environment, now, HOUR)),
        Breaker.COST_SPIKE_1D: float(budgets.spent_since(environment, now, DAY)),
        Breaker.BUDGET: max(shares.values()),
        Breaker.COMPLAINTS: float(sum(one.verdict is ReviewVerdict.COMPLAINT for one in reviews)),
        Breaker.SATISFACTION: fmean(satisfied) if satisfied else None,
    }


def false_positive_rate(reviews: list[Review]) -> float | None:
    """The share of false positives among the reviews that say right or wrong."""
    said = [one.verdict for one in reviews if one.verdict is not ReviewVerdict.COMPLAINT]
    wrong = sum(verdict is ReviewVerdict.FALSE_POSITIVE for verdict in said)
    return wrong / len(said) if said else None


def failures_in_a_row(store: OperationalStore, environment: Environment) -> float:
    """How many of the newest outcomes failed before one held."""
    failed = 0
    for decision in _outcomes(store):
        if decision.data.get("environment") != environment.value:
            continue
        outcome = decision.data.get("outcome")
        if outcome in _HELD:
            break
        failed += outcome in _FAILED
    return float(failed)


def confidence_drop(store: OperationalStore, now: datetime) -> float | None:
    """How far the mean confidence of the last day lies below that of the week before."""
    columns = mismatch.c

    def mean(since: datetime, until: datetime) -> float | None:
        query = (
            select(func.avg(columns.confidence_score))
            .where(columns.created_at > since)
            .where(columns.created_at <= until)
        )
        with store.read() as connection:
            found: float | None = connection.execute(query).scalar_one()
        return found

    recent, before = mean(now - DAY, now), mean(now - DAY - WEEK, now - DAY)
    return None if recent is None or before is None else before - recent


def latest_agreement(store: OperationalStore) -> Agreement | None:
    """The agreement that was last measured."""
    found = SqlReviewRepository(store).decisions(AGREEMENT, limit=1)
    if not found:
        return None
    data = found[0].data
    return Agreement(
        kappa=_number(data.get("kappa")),
        ci_lower=_number(data.get("ci_lower")),
        gate_open=data.get("gate_open") is True,
        items=int(_number(data.get("items")) or 0),
        at=found[0].at,
    )


def _outcomes(store: OperationalStore) -> list[Decision]:
    columns = ai_decision_log.c
    query = (
        select(ai_decision_log)
        .where(columns.decision_type == DecisionType.RESOLUTION.value)
        .order_by(columns.created_at.desc(), columns.id)
        .limit(_LOOKED_BACK)
    )
    with store.read() as connection:
        return [decision_of(row) for row in connection.execute(query)]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value is not True else None

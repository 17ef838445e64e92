"""The weekly report: how often reviewers found a resolution wrong, week by week, by environment.

A week begins on Monday, UTC. A rate is None where nobody said right or wrong: plans that nobody
reviewed are counted beside it, so that silence does not look like success.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import fmean

from helicarrier.canonical import JSONValue
from helicarrier.resolution.decision_enums import ReviewVerdict
from helicarrier.resolution.enums import Environment
from helicarrier.resolution.measuring import false_positive_rate
from helicarrier.resolution.records import Plan, Review
from helicarrier.resolution.repository import PlanRepository, ReviewRepository

_WEEK = timedelta(days=7)
_MOST_PLANS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A week of an environment; `plans` are those made in it, `unreviewed` those among them."""

    environment: Environment
    begins: date
    plans: int
    unreviewed: int
    correct: int
    false_positives: int
    complaints: int
    rate: float | None
    satisfaction: float | None


def weekly(
    plans: PlanRepository,
    reviews: ReviewRepository,
    environments: Iterable[Environment],
    *,
    weeks: int,
    now: datetime,
) -> list[Week]:
    """The last weeks, the one that is not over included: by environment, oldest first."""
    this = monday(now.date())
    begins = [this - n * _WEEK for n in reversed(range(weeks))]
    since = datetime.combine(begins[0], time(), UTC)
    found = []
    for environment in environments:
        made = plans.find(environment=environment, since=since, limit=_MOST_PLANS)
        said = reviews.reviews(environment, since=since)
        found += [_week(environment, begin, made, said) for begin in begins]
    return found


def as_json(weeks: Iterable[Week]) -> list[JSONValue]:
    """Weeks as the report holds them."""
    return [
        {
            "environment": one.environment.value,
            "begins": one.begins.isoformat(),
            "plans": one.plans,
            "unreviewed": one.unreviewed,
            "correct": one.correct,
            "false_positives": one.false_positives,
            "complaints": one.complaints,
            "rate": one.rate,
            "satisfaction": one.satisfaction,
        }
        for one in weeks
    ]


def monday(day: date) -> date:
    """The day on which its week began."""
    return day - timedelta(days=day.weekday())


def _week(environment: Environment, begins: date, plans: list[Plan], reviews: list[Review]) -> Week:
    said = [one for one in reviews if monday(one.reviewed_at.date()) == begins]
    made = {one.plan_id for one in plans if monday(one.created_at.date()) == begins}
    seen = {one.plan_id for one in reviews}
    satisfied = [one.satisfaction for one in said if one.satisfaction is not None]
    return Week(
        environment=environment,
        begins=begins,
        plans=len(made),
        unreviewed=len(made - seen),
        correct=_count(said, ReviewVerdict.CORRECT),
        false_positives=_count(said, ReviewVerdict.FALSE_POSITIVE),
        complaints=_count(said, ReviewVerdict.COMPLAINT),
        rate=false_positive_rate(said),
        satisfaction=fmean(satisfied) if satisfied else None,
    )


def _count(reviews: list[Review], verdict: ReviewVerdict) -> int:
    return sum(one.verdict is verdict for one in reviews)

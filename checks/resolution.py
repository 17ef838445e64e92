"""Checks of resolution: rows keep their contracts, plans their policy, analyzers their promises.

Whether raters agree and how often a resolution was wrong are judged here as well. What nobody
measured is a warning and no pass.
"""

import dagster as dg

from assets.resolution import AGREEMENT, MISMATCHES, OUTCOMES, PLANS
from assets.runs import as_dagster_failures
from checks.factory import governance_check
from helicarrier import times
from helicarrier.resolution.enums import Environment
from helicarrier.resolution.tables import AI_DECISION_LOG, MISMATCH, RESOLUTION_PLAN
from resources import OperationalResource, SettingsResource

_NAMED = 20
_MOST = 10_000


@dg.asset_check(
    asset=PLANS,
    name="policy_conformance",
    blocking=True,
    description="No plan was applied against the policy in force, and open ones keep it.",
)
def policy_conformance(operational: OperationalResource) -> dg.AssetCheckResult:
    """An applied plan that breaks the policy is an error, an open one a warning."""
    from helicarrier.resolution.conformance import nonconforming
    from helicarrier.resolution.sql_documents import SqlDocuments
    from helicarrier.resolution.sql_mismatches import SqlMismatchRepository
    from helicarrier.resolution.sql_plans import SqlPlanRepository

    with as_dagster_failures(), operational.store() as store:
        policy = SqlDocuments(store).active_policy()
        plans = SqlPlanRepository(store).find(limit=_MOST)
        found = nonconforming(plans, SqlMismatchRepository(store), policy)
    applied = [one for one in found if one.applied]
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.ERROR if applied else dg.AssetCheckSeverity.WARN,
        description=f"of {len(plans)} plans {len(found)} break the policy in force",
        metadata={
            "policy": f"{policy.policy_id} v{policy.version}",
            "plans": len(plans),
            "breaking": [f"{one.plan_id}: {'; '.join(one.reasons)}" for one in found[:_NAMED]],
        },
    )


@dg.asset_check(
    asset=MISMATCHES,
    name="golden_packs",
    blocking=True,
    description="Every golden and adversarial pair is judged as it has to be, without any model.",
)
def golden_packs() -> dg.AssetCheckResult:
    """A case that fails is an error; one that is called equivalent and is not comes first."""
    from helicarrier.resolution import packs

    with as_dagster_failures():
        cases = [*packs.read_packs(packs.GOLDENS), *packs.read_packs(packs.ADVERSARIAL)]
        outcomes = packs.run(cases)
    failed = sorted(
        (one for one in outcomes if one.failures),
        key=lambda one: (not one.false_equivalent, one.case.test_id),
    )
    return dg.AssetCheckResult(
        passed=bool(outcomes) and not failed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{len(outcomes) - len(failed)} of {len(outcomes)} cases come out right",
        metadata={
            "cases": len(outcomes),
            "failed": [f"{one.case.test_id}: {'; '.join(one.failures)}" for one in failed[:_NAMED]],
        },
    )


@dg.asset_check(
    asset=AGREEMENT,
    name="agreement_gate",
    description="At least 200 items, and the lower end of the interval is no lower than 0.75.",
)
def agreement_gate(operational: OperationalResource) -> dg.AssetCheckResult:
    """Too few items are a warning, too little agreement is an error."""
    from helicarrier.resolution.agreement import ENOUGH_ITEMS
    from helicarrier.resolution.measuring import latest_agreement

    with as_dagster_failures(), operational.store() as store:
        found = latest_agreement(store)
    if found is None:
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description="the agreement of raters was never measured",
        )
    enough = found.items >= ENOUGH_ITEMS
    return dg.AssetCheckResult(
        passed=found.gate_open,
        severity=dg.AssetCheckSeverity.ERROR if enough else dg.AssetCheckSeverity.WARN,
        description=f"the gate is {'open' if found.gate_open else 'shut'} at {found.items} items",
        metadata={
            "kappa": "undefined" if found.kappa is None else found.kappa,
            "ci_lower": "undefined" if found.ci_lower is None else found.ci_lower,
            "items": found.items,
            "measured_at": times.utc_text(found.at),
        },
    )


@dg.asset_check(
    asset=OUTCOMES,
    name="false_positive_rate",
    description="Of the resolutions reviewed in seven days fewer than the limit are wrong.",
)
def false_positive_rate(
    settings: SettingsResource, operational: OperationalResource
) -> dg.AssetCheckResult:
    """Without a review nothing is known, which is a warning."""
    from helicarrier.resolution import measuring
    from helicarrier.resolution.service import Resolution, edge

    current = settings.load()
    environment = Environment(current.resolution_environment)
    with as_dagster_failures(), operational.store() as store:
        area = Resolution(current, store, edge())
        reviews = area.reviews.reviews(environment, since=times.now() - measuring.WEEK)
        limit = area.board.runtime(environment).circuit_breakers.fp_rate_7d
    rate = measuring.false_positive_rate(reviews)
    known = rate is not None
    return dg.AssetCheckResult(
        passed=rate is not None and rate < limit,
        severity=dg.AssetCheckSeverity.ERROR if known else dg.AssetCheckSeverity.WARN,
        description=f"{rate:.2%} of the reviewed are wrong" if known else "nobody reviewed any",
        metadata={
            "environment": environment.value,
            "reviews": len(reviews),
            "limit": limit,
            "rate": "unknown" if rate is None else rate,
        },
    )


JUDGED = [policy_conformance, golden_packs, agreement_gate, false_positive_rate]
CHECKS = [
    governance_check(MISMATCHES, MISMATCH, day="created_at"),
    governance_check(PLANS, RESOLUTION_PLAN, day="created_at"),
    governance_check(OUTCOMES, AI_DECISION_LOG, day="created_at"),
    *JUDGED,
]

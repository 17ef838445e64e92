"""Resolution assets: pairs of outputs, what differs in them, what may be done, what came of it.

Reading, judging and planning are one step, since a plan follows from an analysis that is not
stored. What belongs here: the steps and what they tell. What does not: whether anything may be
applied, which the switchboard of the package answers at every decision; as shipped it says no.
"""

from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path

import dagster as dg
from pydantic import Field

from assets.declarations import OWNERS, WAREHOUSE_POOL, definition_metadata, table_spec
from assets.runs import explain_command, recorded
from helicarrier import times
from helicarrier.errors import Conflict, InputRejected
from helicarrier.resolution.enums import Environment
from helicarrier.resolution.tables import AI_DECISION_LOG, MISMATCH, RESOLUTION_PLAN
from helicarrier.store.run_model import Edge
from resources import OperationalResource, SettingsResource, WarehouseResource

GROUP = "resolution"
PAIRS, MISMATCHES, PLANS = "output_pairs", "mismatches", "resolution_plans"
OUTCOMES, AGREEMENT, REPORT = "resolution_outcomes", "rater_agreement", "false_positive_report"
_MOST_PLANS = 1_000
_LOOKED_BACK = timedelta(days=14)

SPECS = [
    dg.AssetSpec(
        PAIRS,
        description=(
            "One row per pair of a golden output and a candidate, in the files that "
            "HELICARRIER_RESOLUTION_PAIRS names, with the sessions of the ledger that made them."
        ),
        deps=["session_ledger"],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"json"},
        tags={"area": GROUP},
        code_version="1",
    ),
    table_spec(
        MISMATCH,
        name=MISMATCHES,
        description="What differs, of which type, and by which proof it is equivalent or not.",
        group=GROUP,
        kinds={"python", "table"},
        deps=[PAIRS],
    ),
    table_spec(
        RESOLUTION_PLAN,
        name=PLANS,
        description="What the policy allows to be done, and whose approval it takes.",
        group=GROUP,
        kinds={"python", "table"},
        deps=[MISMATCHES],
    ),
]


class PairsConfig(dg.Config):
    """What to judge."""

    paths: list[str] = Field(
        default=[], description="Files or folders of pairs; none: HELICARRIER_RESOLUTION_PAIRS."
    )


@dg.multi_asset(name="judge_output_pairs", specs=SPECS, pool=WAREHOUSE_POOL)
def judge_output_pairs(
    context: dg.AssetExecutionContext,
    config: PairsConfig,
    settings: SettingsResource,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> Iterator[dg.MaterializeResult]:
    """One row per mismatch and one per plan. Missing or broken pairs are an error, never a pass."""
    from helicarrier.canonical import sha256
    from helicarrier.resolution.pair_folder import read_place
    from helicarrier.resolution.service import Resolution, edge, summary

    current = settings.load()
    environment = Environment(current.resolution_environment)
    with (
        recorded(context, warehouse, PLANS, []) as run,
        operational.store() as store,
    ):
        places = [Path(path) for path in config.paths] or list(current.resolution_pair_files)
        if not places:
            raise InputRejected(
                "there are no pairs to judge",
                hint="Set HELICARRIER_RESOLUTION_PAIRS or the config's paths.",
            )
        pairs = []
        for place in places:
            found = read_place(place)
            said = "".join(one.golden.content_hash + one.candidate.content_hash for one in found)
            fingerprint = sha256(said.encode())
            run.reads(
                Edge(
                    dataset=PAIRS,
                    partition_key=place.name,
                    fingerprint=fingerprint,
                    rows=len(found),
                )
            )
            pairs += found
        area = Resolution(current, store, edge())
        search = area.search(pairs, environment, run_id=run.run_id)
        new_mismatches = area.keep(search)
        proposals = area.propose(search, environment, run_id=run.run_id)
        new_plans = area.plans.save([one.plan for one in proposals if one.plan is not None])
        manifest = area.write_manifest(
            search, environment, run_id=run.run_id, started_at=run.started_at
        )
        run.rows_in, run.rows_out = len(pairs), new_mismatches + new_plans
        run.writes(Edge(dataset=MISMATCH.name, rows=new_mismatches))
        run.writes(Edge(dataset=RESOLUTION_PLAN.name, rows=new_plans))
        run.note(environment=environment.value, manifest=str(manifest))
    for name in search.unknown_sessions:
        context.log.warning("the ledger has no session %s", name)
    told = {"run_store_id": run.run_id, "explain": explain_command(run.run_id)}
    yield dg.MaterializeResult(
        asset_key=PAIRS,
        metadata={
            **told,
            "dagster/row_count": search.pairs,
            "equal": search.equal,
            "unknown_sessions": list(search.unknown_sessions),
            "dagster/uri": manifest.as_uri(),
        },
    )
    yield dg.MaterializeResult(
        asset_key=MISMATCHES,
        metadata={
            **told,
            "dagster/table_name": MISMATCH.name,
            "rows_new": new_mismatches,
            "by_type": dict(summary(search)),
        },
    )
    lines = [
        f"| {one.mismatch.mismatch_type} | {one.mismatch.artifact_ids[1]} "
        f"| {one.plan.status if one.plan else 'no plan'} | {'; '.join(one.refusals)} |"
        for one in proposals[:20]
    ]
    yield dg.MaterializeResult(
        asset_key=PLANS,
        metadata={
            **told,
            "dagster/table_name": RESOLUTION_PLAN.name,
            "rows_new": new_plans,
            "preview": dg.MetadataValue.md(
                "\n".join(["| type | candidate | plan | why not |", "|---|---|---|---|", *lines])
            ),
        },
    )


@dg.asset(
    name=OUTCOMES,
    deps=[PLANS],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "table"},
    tags={"area": GROUP},
    code_version="1",
    metadata=definition_metadata(AI_DECISION_LOG),
    pool=WAREHOUSE_POOL,
)
def resolution_outcomes(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> dg.MaterializeResult:
    """One row per decision: what was done about each open plan, or would have been, and why not.

    Plans whose approvals timed out are rejected first, and rollback data whose time is over goes.
    """
    from helicarrier.resolution.enums import ResolutionStatus
    from helicarrier.resolution.service import Resolution, edge

    current = settings.load()
    environment = Environment(current.resolution_environment)
    now = times.now()
    counts: dict[str, int] = {}
    with (
        recorded(context, warehouse, OUTCOMES, []) as run,
        operational.store() as store,
    ):
        area = Resolution(current, store, edge())
        expired = area.plans.expire(now)
        dropped = area.plans.drop_blobs(now)
        applier = area.applier()
        for status in (ResolutionStatus.APPROVED, ResolutionStatus.PROPOSED):
            for plan in area.plans.find(
                status=status,
                environment=environment,
                since=now - _LOOKED_BACK,
                limit=_MOST_PLANS,
            ):
                try:
                    found = applier.apply(plan.plan_id, actor="dagster", run_id=run.run_id)
                except Conflict as conflict:
                    context.log.warning("left to another worker: %s", conflict.message)
                    continue
                counts[found.outcome] = counts.get(found.outcome, 0) + 1
        run.rows_in = run.rows_out = sum(counts.values())
        run.reads(Edge(dataset=RESOLUTION_PLAN.name, rows=run.rows_in))
        run.writes(Edge(dataset=AI_DECISION_LOG.name, rows=run.rows_out))
    return dg.MaterializeResult(
        metadata={
            "environment": environment.value,
            "outcomes": dict(sorted(counts.items())),
            "expired": len(expired),
            "rollback_data_dropped": dropped,
            "dagster/table_name": AI_DECISION_LOG.name,
            "run_store_id": run.run_id,
            "explain": explain_command(run.run_id),
        }
    )


@dg.asset(
    name=AGREEMENT,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python"},
    tags={"area": GROUP},
    code_version="1",
    pool=WAREHOUSE_POOL,
)
def rater_agreement(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> dg.MaterializeResult:
    """One row per measurement, in the decision log: how far raters agree, and if that will do."""
    from helicarrier.resolution.agreement import measure
    from helicarrier.resolution.labels import read_labels
    from helicarrier.resolution.service import Resolution, edge

    current = settings.load()
    with (
        recorded(context, warehouse, AGREEMENT, []) as run,
        operational.store() as store,
    ):
        if current.resolution_labels is None:
            raise InputRejected(
                "there are no labels to measure", hint="Set HELICARRIER_RESOLUTION_LABELS."
            )
        items = read_labels(current.resolution_labels)
        found = measure(items)
        Resolution(current, store, edge()).keep_agreement(found, run_id=run.run_id)
        run.reads(
            Edge(dataset="labels", partition_key=current.resolution_labels.name, rows=len(items))
        )
        run.rows_in, run.rows_out = len(items), 1
    return dg.MaterializeResult(
        metadata={
            "kappa": "undefined" if found.kappa is None else found.kappa,
            "bca": f"{found.bca.low} to {found.bca.high}",
            "items": found.items,
            "gate": "open" if found.gate_open else "shut",
            "why": found.reason,
            "run_store_id": run.run_id,
        }
    )


@dg.asset(
    name=REPORT,
    deps=[OUTCOMES],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"json"},
    tags={"area": GROUP},
    code_version="1",
    pool=WAREHOUSE_POOL,
)
def false_positive_report(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    operational: OperationalResource,
    warehouse: WarehouseResource,
) -> dg.MaterializeResult:
    """One row per environment and week, as a file: how often reviewers found a resolution wrong."""
    from helicarrier.resolution.false_positives import as_json, weekly
    from helicarrier.resolution.manifest import write_json
    from helicarrier.resolution.service import Resolution, edge

    current = settings.load()
    now = times.now()
    with (
        recorded(context, warehouse, REPORT, []) as run,
        operational.store() as store,
    ):
        area = Resolution(current, store, edge())
        weeks = weekly(area.plans, area.reviews, Environment, weeks=4, now=now)
        path = current.reports_dir / f"false_positives_{now.astimezone(UTC):%G-W%V}.json"
        write_json({"run_id": run.run_id, "weeks": as_json(weeks)}, path)
        run.rows_out = len(weeks)
    lines = [
        f"| {one.begins} | {one.environment} | {one.plans} | {one.unreviewed} "
        f"| {'' if one.rate is None else f'{one.rate:.1%}'} | {one.complaints} |"
        for one in weeks
    ]
    head = "| week | environment | plans | unreviewed | wrong | complaints |"
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(weeks),
            "dagster/uri": path.absolute().as_uri(),
            "preview": dg.MetadataValue.md("\n".join([head, "|---" * 6 + "|", *lines])),
            "run_store_id": run.run_id,
        }
    )


ASSETS = [judge_output_pairs, resolution_outcomes, rater_agreement, false_positive_report]

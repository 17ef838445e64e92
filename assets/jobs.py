"""Jobs: the selections that schedules, sensors and the command line run.

A refresh audits the rows of the ledger that it reads, for its own days, so its cost follows what
changed and not what there is. An audit without partitions reads everything.
"""

import dagster as dg

from assets import advisory, alerts, evals, git, ledger, lineage, resolution
from helicarrier.alerts.tables import ALERT_STATE
from helicarrier.evals.enums import Gate
from helicarrier.ledger.enums import Dataset

_IMPORT = dg.AssetSelection.assets(*(spec.key for spec in ledger.SPECS))
_CONTENT = dg.AssetSelection.assets(*(spec.key for spec in lineage.SPECS))
_GIT = dg.AssetSelection.assets(*(spec.key for spec in git.SPECS))
_LEDGER_CHECKS = dg.AssetSelection.checks_for_assets("session_ledger", "session_usage")
_DAILY = dg.AssetSelection.assets(
    "usage_facts", "session_facts", "daily_usage_agg", "daily_provenance_agg", "daily_subtotals_agg"
)
_EVALS = dg.AssetSelection.assets(
    *(spec.key for spec in evals.SPECS), evals.SUMMARY, evals.DECISION, evals.REMOTE
)
_GATES = dg.AssetSelection.checks(
    *(dg.AssetCheckKey(dg.AssetKey(evals.SUMMARY), gate.value) for gate in Gate)
)
_PAIRS = dg.AssetSelection.assets(*(spec.key for spec in resolution.SPECS), resolution.OUTCOMES)
_AGREEMENT = dg.AssetSelection.assets(resolution.AGREEMENT)
_RESOLUTION_JUDGED = dg.AssetSelection.checks(
    *(
        dg.AssetCheckKey(dg.AssetKey(asset), name)
        for asset, name in (
            (resolution.PLANS, "policy_conformance"),
            (resolution.MISMATCHES, "golden_packs"),
            (resolution.AGREEMENT, "agreement_gate"),
            (resolution.OUTCOMES, "false_positive_rate"),
        )
    )
)
_PERFORMANCE = dg.AssetSelection.assets("model_perf_agg")

import_sessions = dg.define_asset_job(
    "import_sessions",
    selection=_IMPORT.without_checks(),
    description="Import session files. The tables' own CHECKs hold back rows that break a rule.",
)

import_content = dg.define_asset_job(
    "import_content",
    selection=_CONTENT,
    description="Import documents, messages and annotations, and check all of them.",
)

sync_git = dg.define_asset_job(
    "sync_git",
    selection=_GIT,
    description="Read what is new in git repositories, link the sessions, and check all of it.",
)

refresh_usage = dg.define_asset_job(
    "refresh_usage",
    selection=_DAILY | _LEDGER_CHECKS,
    description="Facts and daily aggregates of a day or a range, and the checks of these days.",
)

refresh_performance = dg.define_asset_job(
    "refresh_performance",
    selection=_PERFORMANCE,
    description="The trailing windows that end with a day or with each day of a range.",
)

nightly_usage = dg.define_asset_job(
    "nightly_usage",
    selection=_DAILY | _LEDGER_CHECKS | _PERFORMANCE,
    description="A day that is over: facts, daily aggregates, and the windows that end with it.",
)

reprice_usage = dg.define_asset_job(
    "reprice_usage",
    selection=dg.AssetSelection.assets("usage_repricing").without_checks(),
    description="Calls of a day or a range under the price list of today; their days get dirty.",
)

drop_old_rows = dg.define_asset_job(
    "drop_old_rows",
    selection=dg.AssetSelection.assets("retention").without_checks(),
    description="Raw events and aggregates whose term is over, up to the partition's day.",
)

eval_gate = dg.define_asset_job(
    "eval_gate",
    selection=_EVALS,
    description="Eval records through every gate; what is inconclusive is a warning.",
)

release_gate = dg.define_asset_job(
    "release_gate",
    selection=_EVALS,
    config={
        "ops": {f"{evals.SUMMARY}_{gate}": {"config": {"release": True}} for gate in Gate},
    },
    description="The same before a release: what is inconclusive blocks.",
)

evaluate_alerts = dg.define_asset_job(
    "evaluate_alerts",
    selection=dg.AssetSelection.assets(*(spec.key for spec in alerts.SPECS)).without_checks()
    | dg.AssetSelection.checks_for_assets(ALERT_STATE.name),
    description="Every alert rule in force, and the checks of the states that come out.",
)

resolve_pairs = dg.define_asset_job(
    "resolve_pairs",
    selection=_PAIRS,
    description="Pairs of outputs: what differs, what may be done, what came of it, in shadow.",
)

measure_agreement = dg.define_asset_job(
    "measure_agreement",
    selection=_AGREEMENT,
    description="How far raters agree, and whether that is enough.",
)

report_false_positives = dg.define_asset_job(
    "report_false_positives",
    selection=dg.AssetSelection.assets(resolution.REPORT),
    description="How often reviewers found a resolution wrong, week by week.",
)

import_matches = dg.define_asset_job(
    "import_matches",
    selection=dg.AssetSelection.assets(advisory.analysis_results.key),
    description="Import match results, and check all of them.",
)

advise = dg.define_asset_job(
    "advise",
    selection=dg.AssetSelection.assets(advisory.p3_advisory_signal.key),
    description="Advice on the match results of a day or a range; nothing while it is off.",
)

audit = dg.define_asset_job(
    "audit",
    selection=dg.AssetSelection.all_asset_checks() - _GATES - _RESOLUTION_JUDGED,
    description="Every check on everything that is stored.",
)

DATASETS = {
    refresh_usage.name: (Dataset.USAGE_FACTS, Dataset.SESSION_FACTS, Dataset.DAILY_USAGE_AGG),
    refresh_performance.name: (Dataset.MODEL_PERF_AGG,),
}
"""The jobs that clean dirty days, in their order, and the datasets whose days they clean."""

JOBS = [
    import_sessions,
    import_content,
    sync_git,
    refresh_usage,
    refresh_performance,
    nightly_usage,
    reprice_usage,
    drop_old_rows,
    eval_gate,
    release_gate,
    evaluate_alerts,
    resolve_pairs,
    measure_agreement,
    report_false_positives,
    import_matches,
    advise,
    audit,
]

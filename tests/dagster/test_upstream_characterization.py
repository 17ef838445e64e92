"""What Dagster does where the project leans on a beta feature or on what no page promises.

When one of these fails after an upgrade, look at what leans on it before anything else.
"""

import dagster as dg
import pytest

from assets.partitions import DAILY, range_tags
from tests.dagster.conftest import FIRST, LAST

pytestmark = pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")
ONE_RUN = dg.BackfillPolicy.single_run()
SPAN = {"tags": range_tags(FIRST, LAST)}


def test_one_run_gets_all_days_of_its_range(instance: dg.DagsterInstance) -> None:
    """A single-run backfill is one step with all partition keys (beta)."""
    seen: list[list[str]] = []

    @dg.asset(partitions_def=DAILY, backfill_policy=ONE_RUN)
    def days(context: dg.AssetExecutionContext) -> None:
        seen.append(list(context.partition_keys))

    assert dg.materialize([days], instance=instance, **SPAN).success
    assert [(keys[0], keys[-1], len(keys)) for keys in seen] == [(str(FIRST), str(LAST), 14)]


def test_metadata_of_a_partition_stays_with_it(instance: dg.DagsterInstance) -> None:
    """What is added for one key of a range is not on the events of the others."""

    @dg.asset(partitions_def=DAILY, backfill_policy=ONE_RUN)
    def days(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        context.add_asset_metadata({"mine": 1}, partition_key=str(FIRST))
        return dg.MaterializeResult(metadata={"everybody's": 2})

    result = dg.materialize([days], instance=instance, **SPAN)
    found = {
        event.materialization.partition: set(event.materialization.metadata)
        for event in result.get_asset_materialization_events()
    }
    assert found.pop(str(FIRST)) == {"mine", "everybody's"}
    assert set(map(frozenset, found.values())) == {frozenset({"everybody's"})}


def test_check_of_a_range_is_filed_under_no_partition(instance: dg.DagsterInstance) -> None:
    """It sees the range, but its result does not say so: hence the days in its metadata."""
    seen: list[dg.PartitionKeyRange] = []

    @dg.asset(partitions_def=DAILY, backfill_policy=ONE_RUN)
    def days() -> None:
        pass

    @dg.asset_check(asset=days)
    def look(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        seen.append(context.partition_key_range)
        return dg.AssetCheckResult(passed=True)

    result = dg.materialize([days, look], instance=instance, **SPAN)
    (found,) = result.get_asset_check_evaluations()
    assert seen == [dg.PartitionKeyRange(str(FIRST), str(LAST))]
    assert found.partition is None


@pytest.mark.parametrize(
    ("severity", "downstream"),
    [(dg.AssetCheckSeverity.ERROR, 0), (dg.AssetCheckSeverity.WARN, 1)],
    ids=["an error blocks", "a warning does not"],
)
def test_check_without_its_asset_holds_back_what_follows(
    instance: dg.DagsterInstance, severity: dg.AssetCheckSeverity, downstream: int
) -> None:
    """A blocking check guards the next asset also where its own asset is not in the run."""

    @dg.asset
    def ledger() -> None:
        pass

    @dg.asset_check(asset=ledger, blocking=True)
    def look() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, severity=severity)

    @dg.asset(deps=[ledger], partitions_def=DAILY)
    def facts() -> None:
        pass

    selection = dg.AssetSelection.assets(facts) | dg.AssetSelection.checks_for_assets(ledger)
    result = dg.materialize(
        [ledger, look, facts],
        selection=selection,
        instance=instance,
        partition_key=str(FIRST),
        raise_on_error=False,
    )
    assert len(result.get_asset_materialization_events()) == downstream

"""Runs: the block in which an asset does its work, recorded in the run store.

Every row that the block writes names the run. A failure that trying again cannot mend (a row that
breaks its contract, a store of the wrong version) ends the step at once; anything else is left to
the step's retry policy.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date

import dagster as dg

from assets.partitions import span_name
from helicarrier.errors import HelicarrierError, StorageUnavailable
from helicarrier.store.run_model import Run
from resources import WarehouseResource


@contextmanager
def recorded(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    asset: str,
    days: Sequence[date],
) -> Iterator[Run]:
    """A run of `asset` over these days, with the configuration of the step.

    Raises:
        dagster.Failure: with retries for a store that is away or busy, else without.
    """
    with (
        as_dagster_failures(),
        warehouse.runs().run(
            asset,
            partition_key=span_name(list(days)) if days else None,
            dagster_run_id=context.run.run_id,
            config=_step_config(context),
        ) as run,
    ):
        yield run


def explain_command(run_id: str) -> dg.MarkdownMetadataValue:
    """The command that tells all about a run, to be copied from a materialization."""
    return dg.MetadataValue.md(f"`helicarrier lineage explain runs {run_id}`")


def _step_config(context: dg.AssetExecutionContext) -> dict[str, object]:
    """What somebody chose for this step: its own configuration, where it has one."""
    config = context.op_execution_context.op_config
    return {"step": config} if config else {}


@contextmanager
def as_dagster_failures() -> Iterator[None]:
    """Turns the package's errors into failures, of which only a store's absence is tried again.

    The failure keeps the error's class, code and remedy, so that a command can end as the package
    itself would have.
    """
    try:
        yield
    except HelicarrierError as error:
        raise dg.Failure(
            description=error.message,
            metadata={
                "error": type(error).__name__,
                "code": str(error.code),
                "remedy": error.hint,
            },
            allow_retries=isinstance(error, StorageUnavailable),
        ) from error

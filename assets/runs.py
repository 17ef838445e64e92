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
    """A run of `asset` over these days.

    Raises:
        dagster.Failure: without retries, for a failure that is permanent.
        StorageUnavailable: a store is away or busy; nothing more was written.
    """
    with (
        permanent_failures(),
        warehouse.runs() as runs,
        runs.run(
            asset, partition_key=span_name(list(days)), dagster_run_id=context.run_id
        ) as run,
    ):
        yield run


@contextmanager
def permanent_failures() -> Iterator[None]:
    """Turns the package's errors into failures that are not tried again, transient ones apart."""
    try:
        yield
    except StorageUnavailable:
        raise
    except HelicarrierError as error:
        raise dg.Failure(
            description=f"{error.message} [{error.code}]",
            metadata={"code": str(error.code), "remedy": error.hint},
            allow_retries=False,
        ) from error

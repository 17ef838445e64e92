"""The sample sessions, imported and refreshed with runs, without Dagster."""

from pathlib import Path

from helicarrier import times
from helicarrier.ingest.service import import_sessions
from helicarrier.ledger.enums import Dataset
from helicarrier.ledger.runs import run_store
from helicarrier.settings import Settings
from helicarrier.store.lake import Lake
from helicarrier.store.operational import OperationalStore
from helicarrier.store.run_model import Edge
from helicarrier.usage.refresh import Refresher

SAMPLES = Path(__file__).parents[2] / "examples" / "sessions"


def refreshed(folder: Path) -> Settings:
    """A data folder with the samples in it, everything computed."""
    settings = Settings(data_dir=folder)
    import_sessions(settings, [SAMPLES], workers=1)
    store, lake, runs = OperationalStore(settings.url), Lake(settings.lake_dir), run_store(settings)
    refresher = Refresher(store, lake)
    days = sorted(refresher.dirty(Dataset.DAILY_USAGE_AGG))
    span = f"{days[0]}..{days[-1]}"
    with runs.run("usage_facts", partition_key=span) as run:
        for dataset, counts in refresher.refresh_facts(days, run.run_id).rows.items():
            for day, rows in counts.items():
                run.writes(
                    Edge(
                        dataset=dataset,
                        partition_key=day.isoformat(),
                        fingerprint=lake.sha256(dataset, day),
                        rows=rows,
                    )
                )
    for asset, refresh in (
        ("daily_usage_agg", refresher.refresh_daily),
        ("model_perf_agg", refresher.refresh_performance),
    ):
        with runs.run(asset, partition_key=span) as run:
            for table, counts in refresh(days, run.run_id).rows.items():
                for day, rows in counts.items():
                    run.writes(Edge(dataset=table, partition_key=day.isoformat(), rows=rows))
            for day in times.days(days[0], days[-1]):
                for dataset in ("usage_facts", "session_facts"):
                    run.reads(Edge(dataset=dataset, partition_key=day.isoformat()))
    store.close()
    return settings

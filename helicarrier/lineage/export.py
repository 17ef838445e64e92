"""The export of runs as OpenLineage events, to a file of JSON Lines or to an HTTP endpoint.

A file appears under its name when it is complete. An endpoint gets one event after the other in
their order; sending again is harmless, since a receiver knows events by run, type and time.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

from helicarrier.errors import InputRejected, StorageUnavailable
from helicarrier.ledger.runs import run_store
from helicarrier.settings import Settings

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

_DEFAULT_ENDPOINT = "api/v1/lineage"
_SECONDS = 10.0


def export(
    settings: Settings, target: str, *, run_id: str | None = None, dry_run: bool = False
) -> int:
    """Export runs; returns how many events there were.

    Args: settings; target, a file or an http(s) URL; run_id of the only run to export; dry_run to
    count alone.

    Raises:
        InputRejected: there is no such run.
        StorageUnavailable: the file or the endpoint took it not; what an endpoint has it keeps.
    """
    from helicarrier.lineage.openlineage import Places, events

    runs, inputs, outputs = run_store(settings).graph()
    if run_id is not None:
        runs = [run for run in runs if run.run_id == run_id]
        if not runs:
            raise InputRejected("there is no run of that id", hint="`helicarrier lineage runs`")
    made = list(events(runs, inputs, outputs, Places.of(settings)))
    if dry_run:
        return len(made)
    if target.startswith(("http://", "https://")):
        _send(made, target)
    else:
        _write(made, Path(target))
    return len(made)


def _write(made: "Iterable[RunEvent]", path: Path) -> None:
    from openlineage.client.serde import Serde

    part = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with part.open("x", encoding="utf-8") as file:
            file.writelines(f"{Serde.to_json(event)}\n" for event in made)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageUnavailable(
            f"the file {path} could not be written",
            hint="Name a file in a folder that exists and can be written.",
        ) from error


def _send(made: "Iterable[RunEvent]", url: str) -> None:
    import requests
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    parts = urlsplit(url)
    endpoint = parts.path.lstrip("/") or _DEFAULT_ENDPOINT
    config = HttpConfig(
        url=f"{parts.scheme}://{parts.netloc}",
        endpoint=endpoint,
        timeout=_SECONDS,
        retry={"total": 2},
    )
    transport = HttpTransport(config)
    try:
        for event in made:
            transport.emit(event)
    except requests.RequestException as error:
        raise StorageUnavailable(
            f"the endpoint at {parts.hostname} did not take an event: {type(error).__name__}",
            hint="Look whether it runs and speaks OpenLineage, then export again.",
        ) from error
    finally:
        transport.close()

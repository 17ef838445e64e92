"""What the alert commands share: times as people write them, the run of an operator's action."""

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import click

from helicarrier import times
from helicarrier.alerts.enums import AlertMetric
from helicarrier.alerts.messages import shown
from helicarrier.settings import Settings

if TYPE_CHECKING:
    from helicarrier.alerts.steps import Writing

ACTOR = "cli"
RUN_NAME = "alert_actions"
"""The run store's name for what an operator does from the command line."""

_DURATION = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Duration(click.ParamType[timedelta]):
    """A length of time as 90s, 30m, 2h or 1d."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Text -> length; a usage error otherwise."""
        if isinstance(value, timedelta):
            return value
        found = _DURATION.fullmatch(str(value))
        if found is None or int(found[1]) == 0:
            self.fail("expected a length of time as 90s, 30m, 2h or 1d", param, ctx)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


class Instant(click.ParamType[datetime]):
    """A time in ISO 8601 with a zone."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Text -> aware UTC time; a usage error otherwise."""
        if isinstance(value, datetime):
            return value
        try:
            return times.parse(times.canonical(str(value)))
        except ValueError:
            self.fail("expected a time as 2026-10-05T12:00:00Z", param, ctx)


@contextmanager
def writing(settings: Settings, *, dry_run: bool) -> Iterator["Writing"]:
    """What an operator's action writes with: a run of its own, unless nothing is written."""
    from helicarrier.alerts.steps import Writing
    from helicarrier.ledger.runs import run_store
    from helicarrier.notify.dispatcher import channels_of

    def made(run_id: str) -> Writing:
        return Writing(
            run_id=run_id,
            now=times.now(),
            new_id=lambda: str(uuid.uuid4()),
            channels=channels_of(settings),
        )

    if dry_run:
        yield made("")
        return
    with run_store(settings).run(RUN_NAME) as run:
        yield made(run.run_id)


def state_line(row: Mapping[str, object]) -> str:
    """How a scope stands, in one line."""
    told = shown(AlertMetric(str(row["metric"])), cast("float | None", row["value"]))
    state = row["lifecycle"] if row["lifecycle"] == "suppressed" else row["status"]
    data = "" if row["dataState"] == "ok" else "  too little data"
    return (
        f"{state!s:<10} {row['ruleId']}  {row['scopeKey']}  {row['metric']} {told} "
        f"in {row['timeWindow']}{data}"
    )

"""Watching a canary: windows from telemetry, verdicts into the store, and what is done.

A window is judged once, when it is over. Its verdicts are stored with what was done about it, and
only a window that is judged for the first time may act, so that evaluating again changes nothing.
Quality comes from the samples of canary runs, latency and stand-ins from the generations.
"""

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Connection, Select, func, insert, select

from helicarrier import times
from helicarrier.canonical import JSONValue, canonical_bytes
from helicarrier.errors import UsageError
from helicarrier.evals.canary.model import (
    WINDOW,
    ActingRule,
    CanaryWindow,
    Count,
    Guardrail,
    WindowVerdict,
)
from helicarrier.evals.canary.rules import judge
from helicarrier.evals.enums import CanaryVerdict, EvalEnvironment, ExampleSource, RunType
from helicarrier.evals.routing.repository import ProviderChange, RoutingRepository
from helicarrier.evals.tables import (
    ai_eval_runs,
    ai_eval_samples,
    ai_provider_configs,
    ai_training_examples,
    canary_windows,
)
from helicarrier.ledger import run_markers
from helicarrier.notify.model import Channel, Message
from helicarrier.notify.outbox import enqueue
from helicarrier.store.operational import OperationalStore
from helicarrier.store.run_store import RunStore

CANDIDATE = "custom"
"""The provider whose share is cut where latency or stand-ins get out of hand."""

ACTOR = "canary"
RUN_NAME = "canary_windows"
"""The run store's and Dagster's name for judging windows."""

ACTIONS = frozenset(
    {CanaryVerdict.REDUCE_WEIGHT, CanaryVerdict.DISABLE_PROVIDER, CanaryVerdict.ROLLBACK}
)
"""Verdicts that change providers, and of which people are told."""

_LOOK_BACK = timedelta(days=1)
_QUALITY = {
    Guardrail.SCHEMA_VALID_RATE: "schema_valid",
    Guardrail.PATCH_APPLY_SUCCESS: "patch_apply_success",
    Guardrail.SAFETY_HTML_TAILWIND_COMPLIANCE: "safety_html_tailwind_compliant",
}


@dataclass(slots=True)
class _Seen:
    """What is counted of one window."""

    requests: int = 0
    samples: int = 0
    fallbacks: int = 0
    failures: dict[Guardrail, int] = field(default_factory=dict)
    latencies: list[int] = field(default_factory=list)


def watch(
    store: OperationalStore,
    routing: RoutingRepository,
    environment: EvalEnvironment,
    *,
    runs: RunStore | None,
    now: datetime,
    acting: ActingRule = ActingRule.EPROCESS,
    baseline_schema_rate: float | None = None,
    channels: Sequence[Channel] = (),
) -> list[WindowVerdict]:
    """Judge the windows that are over and were not judged yet; act on the newest of them.

    Args: store; routing, whose providers are changed; environment; runs, None for a dry run that
    stores nothing and acts on nothing; now; acting; baseline_schema_rate; channels that are told
    when something is done.

    Returns: the verdicts that are new, in order.
    """
    with store.read() as connection:
        begin = _begin(connection, environment, now)
        windows = collect(connection, begin, now)
        known = _known(connection, environment, begin)
    verdicts = judge(windows, acting=acting, baseline_schema_rate=baseline_schema_rate)
    new = [verdict for verdict in verdicts if verdict.window.start not in known]
    if runs is None or not new:
        return new
    with runs.run(
        RUN_NAME,
        partition_key=environment.value,
        config={"acting": acting.value, "baselineSchemaRate": baseline_schema_rate},
    ) as run:
        rows = [_row(verdict, environment, now, run.run_id) for verdict in new]
        with store.write() as connection:
            connection.execute(insert(canary_windows), rows)
            marks = {(canary_windows.name, environment.value): len(rows)}
            run_markers.mark(connection, run.run_id, marks, now=now, last=True)
            if new[-1].acted in ACTIONS:
                told = _message(new[-1], environment, run.run_id)
                enqueue(connection, told, channels, now=now, new_id=lambda: str(uuid.uuid4()))
        run.rows_in = sum(window.requests + window.samples for window in windows)
        run.rows_out = len(rows)
        run.note(acted=new[-1].acted.value, reason=new[-1].reason)
        _act(routing, environment, new[-1], now)
    return new


def _message(verdict: WindowVerdict, environment: EvalEnvironment, run_id: str) -> Message:
    """What people are told when a canary changes its providers: once for each window."""
    start = times.utc_text(verdict.window.start)
    return Message(
        dedup_key=f"canary-{environment.value}-{start}",
        kind="canary.acted",
        subject=f"canary in {environment.value}: {verdict.acted.value}: {verdict.reason}",
        data={
            "environment": environment.value,
            "windowStart": start,
            "acted": verdict.acted.value,
            "reason": verdict.reason,
            "breaches": [guardrail.value for guardrail in verdict.breaches],
            "requests": verdict.window.requests,
            "runId": run_id,
        },
    )


def judged(
    store: OperationalStore, environment: EvalEnvironment, *, limit: int
) -> list[dict[str, JSONValue]]:
    """The windows that were judged, newest first, as they go on the wire."""
    columns = canary_windows.c
    query = (
        select(canary_windows)
        .where(columns.environment == environment.value)
        .order_by(columns.window_start.desc())
        .limit(limit)
    )
    with store.read() as connection:
        return [
            {
                "windowStart": times.utc_text(row.window_start),
                "requests": row.requests,
                "samples": row.samples,
                "dataState": row.data_state,
                "breaches": json.loads(row.breaches),
                "eValue": row.e_value,
                "windowsVerdict": row.windows_verdict,
                "eprocessVerdict": row.eprocess_verdict,
                "immediateVerdict": row.immediate_verdict,
                "acted": row.acted,
                "runId": row.run_id,
            }
            for row in connection.execute(query)
        ]


def collect(connection: Connection, begin: datetime, now: datetime) -> list[CanaryWindow]:
    """The windows from `begin` that are over at `now`, those without data included."""
    number = max(0, (now - begin) // WINDOW)
    end = begin + number * WINDOW
    seen = [_Seen() for _ in range(number)]

    def at(instant: datetime) -> _Seen:
        return seen[(instant - begin) // WINDOW]

    made = ai_training_examples.c
    generations = select(made.created_at, made.fallback_used, made.latency_ms).where(
        made.source == ExampleSource.GENERATION.value,
        made.created_at >= begin,
        made.created_at < end,
    )
    for created_at, fallback_used, latency_ms in connection.execute(generations):
        window = at(created_at)
        window.requests += 1
        window.fallbacks += fallback_used
        if latency_ms is not None:
            window.latencies.append(latency_ms)
    for row in connection.execute(_samples(begin, end)).mappings():
        window = at(row["created_at"])
        window.samples += 1
        for guardrail, column in _QUALITY.items():
            failed = 1 - row[column]
            window.failures[guardrail] = window.failures.get(guardrail, 0) + failed
    return [_window(begin + place * WINDOW, window) for place, window in enumerate(seen)]


def _samples(begin: datetime, end: datetime) -> Select[tuple[object, ...]]:
    columns = ai_eval_samples.c
    return (
        select(columns.created_at, *(columns[name] for name in _QUALITY.values()))
        .join(ai_eval_runs, ai_eval_runs.c.run_id == columns.run_id)
        .where(
            ai_eval_runs.c.run_type == RunType.CANARY.value,
            columns.created_at >= begin,
            columns.created_at < end,
        )
    )


def _window(start: datetime, seen: _Seen) -> CanaryWindow:
    counts = {
        guardrail: Count(failures=failures, trials=seen.samples)
        for guardrail, failures in seen.failures.items()
    }
    if seen.requests:
        counts[Guardrail.FALLBACK_RATE] = Count(failures=seen.fallbacks, trials=seen.requests)
    return CanaryWindow(
        start=start,
        end=start + WINDOW,
        requests=seen.requests,
        samples=seen.samples,
        counts=counts,
        latencies=tuple(seen.latencies),
    )


def _begin(connection: Connection, environment: EvalEnvironment, now: datetime) -> datetime:
    """The canary began with the last change of its providers, a day ago at the earliest."""
    columns = ai_provider_configs.c
    changed = connection.execute(
        select(func.max(columns.updated_at)).where(columns.environment == environment.value)
    ).scalar_one()
    earliest = datetime.combine((now - _LOOK_BACK).date(), time(), UTC)
    begin = earliest if changed is None else max(earliest, changed)
    midnight = datetime.combine(begin.date(), time(), UTC)
    return midnight - (midnight - begin) // WINDOW * WINDOW  # the next full window


def _known(
    connection: Connection, environment: EvalEnvironment, begin: datetime
) -> frozenset[datetime]:
    columns = canary_windows.c
    query = select(columns.window_start).where(
        columns.environment == environment.value, columns.window_start >= begin
    )
    return frozenset(connection.execute(query).scalars())


def _act(
    routing: RoutingRepository,
    environment: EvalEnvironment,
    verdict: WindowVerdict,
    now: datetime,
) -> None:
    match verdict.acted:
        case CanaryVerdict.CONTINUE | CanaryVerdict.WARN:
            return
        case CanaryVerdict.REDUCE_WEIGHT:
            _cut(routing, environment, now, lambda weight: ProviderChange(weight=weight // 2))
        case CanaryVerdict.DISABLE_PROVIDER:
            _cut(routing, environment, now, lambda _: ProviderChange(enabled=False, weight=0))
        case CanaryVerdict.ROLLBACK:
            routing.roll_back(environment, actor=ACTOR, reason=verdict.reason, now=now)


def _cut(
    routing: RoutingRepository,
    environment: EvalEnvironment,
    now: datetime,
    change: Callable[[int], ProviderChange],
) -> None:
    """Change the candidate; where it is the default there is nothing to fall back to."""
    for config in routing.configs(environment):
        if config.provider == CANDIDATE:
            try:
                routing.set(CANDIDATE, environment, change(config.weight), actor=ACTOR, now=now)
            except UsageError:
                return


def _row(
    verdict: WindowVerdict, environment: EvalEnvironment, now: datetime, run_id: str
) -> dict[str, object]:
    window = verdict.window

    def success(guardrail: Guardrail) -> float | None:
        rate = window.count(guardrail).rate
        return None if rate is None else 1 - rate

    breaches: Sequence[JSONValue] = [guardrail.value for guardrail in verdict.breaches]
    return {
        "environment": environment.value,
        "window_start": window.start,
        "window_end": window.end,
        "requests": window.requests,
        "samples": window.samples,
        "data_state": verdict.data_state.value,
        "schema_valid_rate": success(Guardrail.SCHEMA_VALID_RATE),
        "patch_apply_success": success(Guardrail.PATCH_APPLY_SUCCESS),
        "safety_html_tailwind_compliance": success(Guardrail.SAFETY_HTML_TAILWIND_COMPLIANCE),
        "fallback_rate": window.count(Guardrail.FALLBACK_RATE).rate,
        "p95_latency_ms": verdict.p95_latency_ms,
        "breaches": canonical_bytes(list(breaches)).decode(),
        "consecutive_breaches": verdict.consecutive_breaches,
        "e_value": verdict.e_value,
        "windows_verdict": verdict.windows_verdict.value,
        "eprocess_verdict": verdict.eprocess_verdict.value,
        "immediate_verdict": verdict.immediate_verdict.value,
        "acted": verdict.acted.value,
        "evaluated_at": now,
        "run_id": run_id,
    }

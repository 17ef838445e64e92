"""Writes the native envelopes: runs of small production agents, in contract v1 and v2.

v1 is one indented file per session with totals only, which a reader turns into one call. v2
is one envelope a line with every call. One v2 line is repeated byte for byte (the same
session, nothing new) and one has a field that the contract does not know (refused whole).
"""

from dataclasses import dataclass
from datetime import datetime

from generator.facts import Call, Defects, Generated
from generator.jsonl import Row, join, line, pretty
from generator.native_agents import V1_AGENTS, V2_AGENTS, Agent, Model
from generator.native_texts import ERRORS
from generator.source import DAYS, Clock, Source, moment, stamp

# Spellings that the contract maps to success, failed, killed and cancelled.
STATES = (
    "success", "completed", "success", "failed", "success", "success", "killed", "done",
    "success", "error", "success", "cancelled",
)  # fmt: skip
FAILED = frozenset({"failed", "error"})
STOPPED = frozenset({"killed", "cancelled"})


@dataclass(slots=True, kw_only=True)
class _Run:
    """One run while it is written."""

    agent: Agent
    source: Source
    clock: Clock
    session_id: str
    state: str
    subject: str
    model: Model
    started: datetime
    events: list[Row]


def generate_v1(source: Source) -> Generated:
    """Return the v1 envelopes below `native/v1/`, one a file."""
    files: dict[str, bytes] = {}
    calls: list[Call] = []
    for run in _runs(V1_AGENTS, source):
        for _ in range(source.between(*run.agent.calls)):
            _step(run)
        call, cost = _draw_call(run.source, run.model, scale=3)
        calls.append(call)
        session = _session_fields(run)
        session |= {
            "promptTokens": call.prompt,
            "completionTokens": call.completion,
            "cacheReadTokens": call.cache_read,
            "cacheWriteTokens": call.cache_write,
            "totalTokens": call.prompt + call.completion + call.cache_read + call.cache_write,
        }
        if call.reasoning:
            session["reasoningTokens"] = call.reasoning
        if run.source.chance(45):
            session["billedCostUsd"] = cost
        if run.state == "killed":
            session["terminalAt"] = session.pop("endedAt")
        envelope: Row = {
            "envelope_version": "v1",
            "idempotency_key": f"{run.agent.name}:{run.session_id}",
            "source": run.agent.worker,
            "payload": {"session": session, "events": run.events},
        }
        name = f"{run.agent.name}-{run.started:%Y%m%dT%H%M}.json"
        files[f"native/v1/{name}"] = pretty(envelope)
    return Generated(files=files, sessions=len(files), calls=tuple(calls), defects=Defects())


def generate_v2(source: Source) -> Generated:
    """Return the v2 envelopes below `native/v2/`, one file an agent, one envelope a line."""
    lines: dict[str, list[str]] = {agent.name: [] for agent in V2_AGENTS}
    calls: list[Call] = []
    sessions = 0
    for run in _runs(V2_AGENTS, source):
        envelope, run_calls = _v2_envelope(run)
        lines[run.agent.name].append(line(envelope))
        calls += run_calls
        sessions += 1
    triage, invoices = lines["support-triage"], lines["invoice-extractor"]
    triage.insert(7, triage[3])
    invoices.insert(5, _invalid_line(source.child()))
    return Generated(
        files={f"native/v2/{name}.jsonl": join(texts) for name, texts in lines.items()},
        sessions=sessions,
        calls=tuple(calls),
        defects=Defects(duplicate_envelopes=1, invalid_envelopes=1),
    )


def _runs(agents: tuple[Agent, ...], source: Source) -> list[_Run]:
    """Return the runs of the period in order, fewer on weekends, with a fixed mix of states."""
    runs: list[_Run] = []
    for agent in agents:
        for day in range(DAYS):
            for time in agent.times(day):
                state = STATES[len(runs) % len(STATES)]
                runs.append(_begin(agent, source.child(), moment(day, time), state))
    return runs


def _begin(agent: Agent, source: Source, start: datetime, state: str) -> _Run:
    clock = Clock(source, start)
    return _Run(
        agent=agent,
        source=source,
        clock=clock,
        session_id=source.uuid4(),
        state=state,
        subject=source.pick(agent.subjects),
        model=source.pick(agent.models),
        started=clock.now,
        events=[_event(1, "state_transition", clock, {"from": "queued", "to": "running"})],
    )


def _event(seq: int, kind: str, clock: Clock, payload: Row) -> Row:
    return {"seq": seq, "eventType": kind, "eventTs": clock.stamp, "payload": payload}


def _note(run: _Run, kind: str, payload: Row) -> None:
    run.events.append(_event(len(run.events) + 1, kind, run.clock, payload))


def _step(run: _Run) -> int:
    """Let time pass for one model call and note the tool it used; return the call's ms."""
    before = run.clock.now
    run.clock.tick(700, 25_000)
    spent = int((run.clock.now - before).total_seconds() * 1000)
    if run.source.chance(70):
        duration = run.source.skewed(20, 1_800)
        payload: Row = {"tool": run.source.pick(run.agent.tools), "durationMs": duration}
        _note(run, "tool_call", payload)
    return spent


def _draw_call(source: Source, model: Model, *, scale: int = 1) -> tuple[Call, float]:
    """Draw one call's tokens; return it with the dollars that its provider would bill."""
    completion = source.skewed(60, 900) * scale
    cached = source.skewed(1_024, 7_000) * scale if source.chance(60) else 0
    writes = model.provider == "anthropic" and source.chance(50)
    call = Call(
        model=model.name,
        prompt=source.skewed(400, 5_200) * scale,
        completion=completion,
        cache_read=cached,
        cache_write=source.skewed(1_024, 4_000) * scale if writes else 0,
        reasoning=completion * source.between(0, 60) // 100 if model.reasons else 0,
    )
    # Nano-dollars, so that the sum is exact; cached tokens at a tenth, cache writes at 5/4.
    nano = call.prompt * model.input_nano + call.completion * model.output_nano
    nano += call.cache_read * model.input_nano // 10 + call.cache_write * model.input_nano * 5 // 4
    return call, nano // 1_000 / 1_000_000


def _session_fields(run: _Run) -> Row:
    """End the run; return the fields that v1 `session` and v2 `run` share."""
    agent, source, clock = run.agent, run.source, run.clock
    artifacts = 0
    failure: Row = {}
    clock.tick(300, 2_500)
    if run.state in FAILED:
        code, message = source.pick(ERRORS)
        failure = {"errorCode": code, "errorMessage": message}
        _note(run, "error", {"code": code, "message": message})
    elif run.state not in STOPPED:
        artifacts = source.between(1, 2)
        for number in range(1, artifacts + 1):
            name = agent.artifact.format(number=number)
            _note(run, "artifact", {"name": name, "bytes": source.skewed(300, 48_000)})
    _note(run, "state_transition", {"from": "running", "to": run.state})
    return {
        "sessionId": run.session_id,
        "runId": f"{agent.name}-{source.hexadecimal(10)}",
        "agentId": agent.name,
        "agentLabel": agent.label,
        "title": agent.title.format(subject=run.subject),
        "task": agent.task.format(subject=run.subject),
        "taskCategory": agent.category,
        "state": run.state,
        "modelId": run.model.name,
        "provider": run.model.provider,
        "startedAt": stamp(run.started),
        "endedAt": clock.stamp,
        "artifactCount": artifacts,
        **failure,
        "sourceVersion": agent.version,
    }


def _v2_envelope(run: _Run) -> tuple[Row, list[Call]]:
    """Return the envelope of `run` and the calls in it."""
    source = run.source
    billed = source.chance(40)
    rows: list[Row] = []
    calls: list[Call] = []
    for _ in range(source.between(*run.agent.calls)):
        occurred = run.clock.stamp
        spent = _step(run)
        call, cost = _draw_call(source, run.model)
        calls.append(call)
        row: Row = {
            "callId": source.token("call_", 20),
            "occurredAt": occurred,
            "modelId": call.model,
            "provider": run.model.provider,
            "promptTokens": call.prompt,
            "completionTokens": call.completion,
        }
        if call.cache_read:
            row["cacheReadTokens"] = call.cache_read
        if call.cache_write:
            row["cacheWriteTokens"] = call.cache_write
        if call.reasoning:
            row["reasoningTokens"] = call.reasoning
        row["runtimeMs"] = spent
        if billed:
            row["costUsd"] = cost
        rows.append(row)
    fields = _session_fields(run)
    payload: Row = {"run": fields, "timeline": run.events, "calls": rows}
    return {"envelope_version": "v2", "source": run.agent.worker, "payload": payload}, calls


def _invalid_line(source: Source) -> str:
    """Return an otherwise good envelope with one member that the contract does not know."""
    agent = next(a for a in V2_AGENTS if a.name == "invoice-extractor")
    envelope, _ = _v2_envelope(_begin(agent, source, moment(3, "12:12"), "success"))
    return line({**envelope, "costCenter": "finance-emea"})

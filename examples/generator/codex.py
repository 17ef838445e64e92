"""Writes the Codex CLI sessions: turns of tool calls with cumulative token counts.

The format names no call: a reader knows one by the cumulative total that follows it. So a
count is sometimes repeated unchanged, a session that was picked up again repeats its whole
file, and one file ends in the middle of a count, which is then no call yet. `input_tokens`
includes the cached ones, `output_tokens` includes reasoning.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from generator import texts
from generator.facts import Call, Defects, Generated
from generator.jsonl import Row, join, line
from generator.source import Clock, Source, moment
from generator.texts import CHANGING, SUMMARIES, Project

CONTEXT_WINDOW = 272_000
FOLLOW_UP = "Looks right. Now cover the two edge cases you mentioned."
COMMANDS = (
    ("rg -n '{symbol}' {file}", "42: {symbol}\n117: {symbol}"),
    ("sed -n '1,60p' {file}", "module of 58 lines, two functions"),
    ("{test}", "38 run, 0 failed"),
    ("git diff -- {file}", "1 file changed, 7 insertions, 5 deletions"),
    ("git status --short", " M {file}"),
)
NUMBERS = (
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
    "total_tokens",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One session: `turns` is the number of calls after each prompt, `models` one per turn.

    `copied`: the file was saved after the first turn too. `cut`: the last line is partial.
    """

    day: int
    time: str
    project: Project
    prompt: str
    models: tuple[str, ...]
    turns: tuple[int, ...]
    ending: Literal["task_complete", "turn_aborted"] = "task_complete"
    copied: bool = False
    cut: bool = False


PLANS = (
    Plan(
        day=0, time="11:17", project=texts.METERFLOW,
        prompt="Split the reader into a decoder and a source. No change in behaviour.",
        models=("gpt-5.5",), turns=(16,),
    ),
    Plan(
        day=1, time="15:44", project=texts.ORDERDESK,
        prompt="Add an index for the open orders query and show the plan before and after.",
        models=("gpt-5.4",), turns=(9,),
    ),
    Plan(
        day=3, time="08:52", project=texts.PARCEL,
        prompt="Write a table test for quotes across zone borders.",
        models=("gpt-5.3-codex", "gpt-5.3-codex"), turns=(10, 7), copied=True,
    ),
    Plan(
        day=4, time="13:36", project=texts.FIELDNOTES,
        prompt="The build takes two minutes. Measure which step takes the time.",
        models=("gpt-5.4-mini",), turns=(6,),
    ),
    Plan(
        day=6, time="18:20", project=texts.METERFLOW,
        prompt="Try a smaller batch size and report the throughput.",
        models=("gpt-5.4",), turns=(5,), ending="turn_aborted",
    ),
    Plan(
        day=8, time="14:05", project=texts.ORDERDESK,
        prompt="Make the order states an enum and reject unknown ones at the border.",
        models=("gpt-5.4", "gpt-5.5"), turns=(12, 6),
    ),
    Plan(
        day=10, time="09:31", project=texts.PARCEL,
        prompt="Replace the hand-written retry by one helper with a limit.",
        models=("gpt-5.3-codex",), turns=(21,),
    ),
    Plan(
        day=11, time="16:48", project=texts.METERFLOW,
        prompt="Find out why the last window of a month is written twice.",
        models=("gpt-5.5",), turns=(9,), cut=True,
    ),
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Rollout:
    """A session while it is written."""

    plan: Plan
    source: Source
    clock: Clock
    session_id: str
    lines: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    cumulative: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NUMBERS, 0))
    context: int = 0

    def add(self, kind: str, payload: Row) -> None:
        """Append a line of type `kind`."""
        self.lines.append(line({"timestamp": self.clock.stamp, "type": kind, "payload": payload}))


def generate(source: Source) -> Generated:
    """Return all Codex files below `codex/sessions/`."""
    files: dict[str, bytes] = {}
    calls: list[Call] = []
    for plan in PLANS:
        rollout = _start(plan, source.child())
        for number, (count, model) in enumerate(zip(plan.turns, plan.models, strict=True)):
            _turn(rollout, FOLLOW_UP if number else plan.prompt, model, count)
            if plan.copied and number == 0:
                files[_path(rollout, rollout.clock.now)] = join(rollout.lines)
        content = join(rollout.lines)
        files[_path(rollout, rollout.clock.now)] = content + _cut_count(rollout)
        calls += rollout.calls
    return Generated(
        files=files,
        sessions=len(PLANS),
        calls=tuple(calls),
        defects=Defects(partial_last_lines=sum(plan.cut for plan in PLANS)),
    )


def _path(rollout: _Rollout, saved: datetime) -> str:
    """Return the file's path: its day folder, the time it was saved, the session id."""
    name = f"rollout-{saved:%Y-%m-%dT%H-%M-%S}-{rollout.session_id}.jsonl"
    return f"codex/sessions/{saved:%Y/%m/%d}/{name}"


def _start(plan: Plan, source: Source) -> _Rollout:
    clock = Clock(source, moment(plan.day, plan.time))
    session_id = source.uuid7(clock.now)
    rollout = _Rollout(plan=plan, source=source, clock=clock, session_id=session_id)
    rollout.context = source.between(9_000, 16_000)
    rollout.add(
        "session_meta",
        {
            "id": session_id,
            "timestamp": clock.stamp,
            "cwd": plan.project.cwd,
            "originator": "codex-tui",
            "cli_version": "0.157.0",
            "source": "cli",
            "model_provider": "openai",
            "git": {"branch": plan.project.branch},
        },
    )
    return rollout


def _turn(rollout: _Rollout, prompt: str, model: str, count: int) -> None:
    source, clock, plan = rollout.source, rollout.clock, rollout.plan
    turn_id, started = source.uuid7(clock.now), clock.now
    clock.tick(50, 400)
    window = {"model_context_window": CONTEXT_WINDOW}
    rollout.add("event_msg", {"type": "task_started", "turn_id": turn_id, **window})
    effort = source.pick(("medium", "high"))
    context: Row = {"turn_id": turn_id, "cwd": plan.project.cwd, "model": model, "effort": effort}
    rollout.add("turn_context", context)
    content = [{"type": "input_text", "text": prompt}]
    rollout.add("response_item", {"type": "message", "role": "user", "content": content})
    rollout.add("event_msg", {"type": "user_message", "message": prompt})
    # Before the first answer only the limits of the account are known.
    rollout.add("event_msg", {"type": "token_count", "info": None, "rate_limits": _limits(source)})
    summary = source.pick(SUMMARIES)
    for number in range(count):
        clock.tick(4_000, 70_000)
        closing = number == count - 1 and plan.ending == "task_complete"
        _call(rollout, model, summary if closing else None)
    duration = int((clock.now - started).total_seconds() * 1000)
    ending: Row = {"type": plan.ending, "turn_id": turn_id, "duration_ms": duration}
    if plan.ending == "turn_aborted":
        ending["reason"] = "interrupted"
    else:
        ending["last_agent_message"] = summary
    rollout.add("event_msg", ending)
    clock.tick(30_000, 600_000)


def _call(rollout: _Rollout, model: str, summary: str | None) -> None:
    """Log one call: thoughts, tool calls or the closing message, then its token count."""
    source, clock = rollout.source, rollout.clock
    rollout.add("response_item", {"type": "reasoning", "summary": []})
    if summary is not None:
        content = [{"type": "output_text", "text": summary}]
        rollout.add("response_item", {"type": "message", "role": "assistant", "content": content})
    elif source.chance(35):
        rollout.add("event_msg", {"type": "agent_message", "message": source.pick(CHANGING)})
    for _ in range(0 if summary else source.skewed(1, 3)):
        _tool(rollout)
    last = _draw_usage(rollout)
    rollout.calls.append(
        Call(
            model=model,
            prompt=last["input_tokens"] - last["cached_input_tokens"],
            cache_read=last["cached_input_tokens"],
            completion=last["output_tokens"],
            reasoning=last["reasoning_output_tokens"],
        )
    )
    count = _count(rollout, last)
    rollout.add("event_msg", count)
    if source.chance(18):
        clock.tick(200, 3_000)
        rollout.add("event_msg", count)


def _tool(rollout: _Rollout) -> None:
    source, clock, project = rollout.source, rollout.clock, rollout.plan.project
    command, output = source.pick(COMMANDS)
    values = {
        "file": source.pick(project.files),
        "symbol": project.symbol,
        "test": project.test_command,
    }
    call_id = source.token("call_", 24)
    arguments = json.dumps({"cmd": command.format(**values), "workdir": project.cwd})
    name: Row = {"type": "function_call", "name": "exec_command"}
    rollout.add("response_item", {**name, "arguments": arguments, "call_id": call_id})
    clock.tick(60, 40_000)
    text = f"Exit code: {int(source.chance(9))}\n{output.format(**values)}"
    result: Row = {"type": "function_call_output", "call_id": call_id, "output": text}
    rollout.add("response_item", result)


def _draw_usage(rollout: _Rollout) -> dict[str, int]:
    """Draw the next call's usage, add it to the cumulative one and let the context grow."""
    source = rollout.source
    first = not rollout.calls
    # The provider caches whole blocks of 128 tokens and misses now and then.
    cached = 0 if first or source.chance(8) else rollout.context // 128 * 128
    grown = rollout.context + (0 if first else source.skewed(200, 4_800))
    output = source.skewed(40, 1_900)
    reasoning = output * source.between(0, 70) // 100
    numbers = (grown, cached, output, reasoning, grown + output)
    last = dict(zip(NUMBERS, numbers, strict=True))
    rollout.cumulative = {name: rollout.cumulative[name] + last[name] for name in NUMBERS}
    rollout.context = grown + output - reasoning
    return last


def _count(rollout: _Rollout, last: dict[str, int]) -> Row:
    info = {
        "total_token_usage": rollout.cumulative,
        "last_token_usage": last,
        "model_context_window": CONTEXT_WINDOW,
    }
    return {"type": "token_count", "info": info, "rate_limits": _limits(rollout.source)}


def _limits(source: Source) -> Row:
    used = source.between(4, 61)
    return {"primary": {"used_percent": float(used), "window_minutes": 300}, "plan_type": "team"}


def _cut_count(rollout: _Rollout) -> bytes:
    """Return the beginning of one more token count, or nothing: that call is not written yet."""
    if not rollout.plan.cut:
        return b""
    count = _count(rollout, _draw_usage(rollout))
    whole = line({"timestamp": rollout.clock.stamp, "type": "event_msg", "payload": count})
    return whole[: len(whole) * 4 // 5].encode()

"""Writes the Claude Code sessions: a tool loop per turn, sub-agents, resumed copies, flaws.

A session's calls are noted once, when their tokens are drawn. What happens to them on the
way into the file (snapshots, a copy in the session that resumes it, a line cut short) must
not change the totals, which is exactly what a reader has to get right.
"""

from dataclasses import dataclass

from generator.claude_log import (
    ClaudeLog,
    Context,
    Usage,
    answer,
    api_error,
    progress,
    tool_result,
    tool_use,
    user_text,
)
from generator.claude_plan import HAIKU, PLANS, Plan
from generator.facts import Call, Defects, Generated
from generator.jsonl import Row, join, line
from generator.source import Clock, Source, moment
from generator.texts import (
    CHANGE,
    CHANGING,
    EXPLORE,
    LOOKING,
    SUMMARIES,
    SURVEYS,
    THOUGHTS,
    Project,
    Step,
)

# The call of the first turn that sends a sub-agent out, where a plan has one.
SURVEYED_CALL = 2
VERSIONS = ("2.1.233", "2.1.236", "2.1.240")
SURVEY = Step(
    tool="Task",
    key="prompt",
    value="{survey}",
    result="Four places read it; one of them is a nightly job. The list is above.",
    failure="The sub-agent stopped early.",
)


@dataclass(slots=True, kw_only=True)
class _Session:
    """A session while it is written: its plan, its log, its context and the calls so far."""

    plan: Plan
    session_id: str
    log: ClaudeLog
    context: Context
    calls: list[Call]
    side_files: dict[str, bytes]


def generate(source: Source) -> Generated:
    """Return all Claude Code files below `claude/projects/`."""
    sessions: list[_Session] = []
    files: dict[str, bytes] = {}
    defects = Defects()
    for plan in PLANS:
        earlier = next((s for s in sessions if s.plan.task is plan.resumes), None)
        session = _write(plan, source.child(), earlier)
        sessions.append(session)
        folder = f"claude/projects/{plan.project.slug}"
        files[f"{folder}/{session.session_id}.jsonl"] = join(_flawed_lines(session))
        for name, content in session.side_files.items():
            files[f"{folder}/{session.session_id}/subagents/{name}"] = content
        defects += Defects(
            broken_lines=int(plan.flaw == "broken_line"),
            joined_lines=int(plan.flaw == "joined_lines"),
        )
    return Generated(
        files=files,
        sessions=len(sessions),
        calls=tuple(call for session in sessions for call in session.calls),
        defects=defects,
    )


def _write(plan: Plan, source: Source, earlier: _Session | None) -> _Session:
    session_id = source.uuid4()
    log = ClaudeLog(
        source=source,
        clock=Clock(source, moment(plan.day, plan.time)),
        project=plan.project,
        session_id=session_id,
        version=source.pick(VERSIONS),
    )
    session = _Session(
        plan=plan,
        session_id=session_id,
        log=log,
        context=Context(source, (14_000, 31_000)),
        calls=[],
        side_files={},
    )
    prompts = [plan.task.prompt, *plan.task.more]
    if earlier is None:
        log.rows.append(_snapshot_row(source))
    else:
        _replay(session, earlier)
        prompts = list(plan.task.more)
    for number, (calls, model) in enumerate(zip(plan.turns, plan.models, strict=True)):
        _turn(session, prompts[number], model, calls, first=number == 0)
    _finish(session)
    return session


def _snapshot_row(source: Source) -> Row:
    return {
        "type": "file-history-snapshot",
        "messageId": source.uuid4(),
        "snapshot": {},
        "isSnapshotUpdate": False,
    }


def _replay(session: _Session, earlier: _Session) -> None:
    """Copy the earlier session's rows under the new session id, times and call ids kept."""
    log = session.log
    title = earlier.plan.task.title
    log.rows.append({"type": "summary", "summary": title, "leafUuid": earlier.log.parent})
    for row in earlier.log.rows:
        if "sessionId" in row:
            log.rows.append({**row, "sessionId": session.session_id})
    log.parent = earlier.log.parent
    session.context = earlier.context
    session.context.expire()


def _turn(session: _Session, prompt: str, model: str, calls: int, *, first: bool) -> None:
    log, plan = session.log, session.plan
    started = log.clock.now
    log.add(user_text(prompt))
    cut_short = plan.ending != "done"
    for number in range(calls):
        step = _next_step(log.source, number, calls)
        if number == calls - 1 and not cut_short:
            step = None
        elif number == SURVEYED_CALL and first and plan.subagent is not None:
            step = SURVEY
        _call(session, model, step)
        log.clock.tick(5_000, 60_000)
    if not cut_short:
        spent = (log.clock.now - started).total_seconds()
        log.add({"type": "system", "subtype": "turn_duration", "durationMs": int(spent * 1000)})
        log.clock.tick(20_000, 400_000)


def _next_step(source: Source, number: int, calls: int) -> Step | None:
    """Return a step of looking around in the first third of a turn, then of changing things."""
    return source.pick(EXPLORE if number * 3 < calls else CHANGE)


def _call(session: _Session, model: str, step: Step | None) -> None:
    """Log one call, its snapshots, and the result of the tool that it asked for."""
    log, source = session.log, session.log.source
    usage = session.context.call(session.plan.cache, closing=step is None)
    session.calls.append(usage.as_call(model))
    tool_id = source.token("toolu_01")
    survey = source.pick(SURVEYS)
    values = {**_values(source, session.plan.project), "survey": survey}
    blocks = _blocks(source, step, session.plan)
    if step is not None:
        blocks.append(tool_use(tool_id, step, values))
    _log_blocks(log, model, usage, blocks, partial=session.plan.partial)
    if step is None:
        return
    log.clock.tick(80, 40_000)
    if step is SURVEY:
        _survey(session, tool_id, survey)
    failed = step is not SURVEY and source.chance(11)
    result = step.failure if failed else step.result
    log.add(tool_result(tool_id, result.format(**values), failed=failed))


def _values(source: Source, project: Project) -> dict[str, str]:
    """Return what the steps' templates name, with one file of the project."""
    return {
        "cwd": project.cwd,
        "file": source.pick(project.files),
        "symbol": project.symbol,
        "excerpt": project.excerpt,
        "test": project.test_command,
    }


def _blocks(source: Source, step: Step | None, plan: Plan) -> list[Row]:
    """Return the content before the tool call: thoughts and a remark, or the closing summary."""
    blocks: list[Row] = []
    if not plan.terse and source.chance(15):
        thought: Row = {"type": "thinking", "thinking": source.pick(THOUGHTS), "signature": ""}
        blocks.append(thought)
    if step is None:
        blocks.append({"type": "text", "text": source.pick(SUMMARIES)})
    elif not plan.terse and source.chance(80 if plan.partial else 30):
        remarks = CHANGING if step in CHANGE else LOOKING
        blocks.append({"type": "text", "text": source.pick(remarks)})
    return blocks


def _log_blocks(
    log: ClaudeLog, model: str, usage: Usage, blocks: list[Row], *, partial: bool
) -> None:
    """Append a row per block; of a streamed answer only the last one has all output tokens."""
    ids = (log.source.token("msg_01"), log.source.token("req_011C", 20))
    kind = "end_turn" if blocks[-1]["type"] == "text" else "tool_use"
    for number, block in enumerate(blocks, start=1):
        log.clock.tick(500, 20_000)
        last = number == len(blocks)
        output = usage.completion
        if partial and not last:
            output = 1 + number * output // (9 * len(blocks))
        log.add(
            answer(
                model=model,
                ids=ids,
                block=block,
                usage=usage.as_row(output),
                stop_reason=kind if last or not partial else None,
            )
        )


def _survey(session: _Session, tool_id: str, prompt: str) -> None:
    """Let a sub-agent look around: a short loop of a small model with its own context."""
    source, plan = session.log.source, session.plan
    context = Context(source, (6_000, 12_000))
    agent_id = source.hexadecimal(7)
    side = ClaudeLog(
        source=source,
        clock=session.log.clock,
        project=plan.project,
        session_id=session.session_id,
        version=source.pick(VERSIONS),
    )
    side.agent_id = agent_id
    side.add(user_text(prompt))
    for number in range(source.between(4, 6)):
        step = EXPLORE[number % len(EXPLORE)]
        usage = context.call(plan.cache, closing=False)
        session.calls.append(usage.as_call(HAIKU))
        inner_id = source.token("toolu_01")
        values = _values(source, plan.project)
        remark: Row = {"type": "text", "text": source.pick(LOOKING)}
        blocks = [remark, tool_use(inner_id, step, values)]
        result = tool_result(inner_id, step.result.format(**values), failed=False)
        if plan.subagent == "file":
            _log_blocks(side, HAIKU, usage, blocks, partial=True)
            side.clock.tick(80, 3_000)
            side.add(result)
            continue
        ids = (source.token("msg_01"), source.token("req_011C", 20))
        for block, output in zip(blocks, (2, usage.completion), strict=True):
            session.log.clock.tick(300, 2_000)
            inner = answer(
                model=HAIKU, ids=ids, block=block, usage=usage.as_row(output), stop_reason=None
            )
            progress(session.log, inner=inner, tool_id=tool_id, agent_id=agent_id, prompt=prompt)
        progress(session.log, inner=result, tool_id=tool_id, agent_id=agent_id, prompt=prompt)
    if plan.subagent == "file":
        session.side_files[f"agent-{agent_id}.jsonl"] = join(line(row) for row in side.rows)


def _finish(session: _Session) -> None:
    log, plan = session.log, session.plan
    if plan.titled:
        title: Row = {"customTitle": plan.task.title, "sessionId": session.session_id}
        log.rows.append({"type": "custom-title", **title})
    if plan.ending == "api_error":
        log.clock.tick(30_000, 90_000)
        log.add(api_error("API Error: 529 the service is overloaded", log.source.uuid4()))
    elif plan.ending == "interrupted":
        log.add(user_text("[Request interrupted by user]"))


def _flawed_lines(session: _Session) -> list[str]:
    """Return the file's lines with the plan's flaw, put at a row that carries usage."""
    lines = [line(row) for row in session.log.rows]
    answers = [i for i, row in enumerate(session.log.rows) if row["type"] == "assistant"]
    middle = answers[len(answers) // 2]
    if session.plan.flaw == "broken_line":
        # A write that was cut short and repeated: the whole row follows on the next line.
        lines.insert(middle, lines[middle][: len(lines[middle]) * 3 // 5])
    elif session.plan.flaw == "joined_lines":
        lines[middle : middle + 2] = ["".join(lines[middle : middle + 2])]
    return lines

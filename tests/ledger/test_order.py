"""The same files give the same ledger, in whatever order and in how many pieces they come."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.ingest import logs
from tests.ledger.stores import Ledger

EACH_ENGINE = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
SESSIONS = ["s1", "s2", "s3"]
MINUTES = st.integers(1, 6)
TEXTS = st.sampled_from(["one", "two", "three"])


class Step(NamedTuple):
    """A file as it stands at one moment: its first lines."""

    file: str
    lines: int


@st.composite
def _claude_line(draw: st.DrawFn, session: str) -> object:
    message, minute = draw(st.sampled_from(["m1", "m2", "m3"])), draw(MINUTES)
    kind = draw(st.sampled_from(["answer", "answer", "side", "progress", "ask", "error", "title"]))
    match kind:
        case "answer" | "side":
            return logs.answer(
                message,
                minute,
                session=session,
                request=draw(st.sampled_from(["r1", "r2", None])),
                output=draw(st.integers(1, 3)),
                model=draw(st.sampled_from(["claude-sonnet-4-5", "claude-haiku-4-5", "odd"])),
                isSidechain=kind == "side",
                content=[{"type": "tool_use", "id": f"t-{message}", "name": "Bash"}],
            )
        case "progress":
            return logs.progress(
                message, minute, session=session, request="r1", output=draw(st.integers(1, 3))
            )
        case "ask":
            return logs.ask(draw(TEXTS), minute, session=session)
        case "title":
            return logs.title(draw(TEXTS), session)
        case _:
            return logs.answer(
                None, minute, session=session, model="<synthetic>", isApiErrorMessage=True
            )


@st.composite
def _claude_file(draw: st.DrawFn) -> list[object]:
    """Up to two sessions, each of which begins with a request."""
    sessions = draw(st.lists(st.sampled_from(SESSIONS), min_size=1, max_size=2, unique=True))
    lines: list[object] = [
        logs.ask(draw(TEXTS), draw(st.integers(0, 3)), session=session) for session in sessions
    ]
    lines += draw(st.lists(st.sampled_from(sessions).flatmap(_claude_line), max_size=6))
    return lines


@st.composite
def _codex_file(draw: st.DrawFn) -> list[object]:
    """A session or a fork of it, with calls whose cumulative counts repeat."""
    session = draw(st.sampled_from(["c1", "c2"]))
    parent = "c1" if session == "c2" else None
    start = 0 if parent is None else 3
    lines: list[object] = [logs.meta(session, start, forked_from_id=parent)]
    if parent:
        lines.append(logs.meta(parent, 0))
    lines.append(logs.turn())
    for step in draw(st.lists(st.integers(1, 3), max_size=5)):
        minute = start + draw(st.integers(0, 3))
        lines.append(logs.tokens(minute, logs.counts(100 * step), logs.counts(100)))
        if draw(st.booleans()):
            lines.append(logs.event("agent_message", minute, message="x"))
    return lines


@st.composite
def _files(draw: st.DrawFn) -> dict[str, list[object]]:
    """A few logs, and checkpoints of them: copies of their first lines in other files."""
    files: dict[str, list[object]] = {}
    for name in draw(st.permutations(["a", "b", "c", "d"]))[: draw(st.integers(1, 3))]:
        files[f"{name}.jsonl"] = draw(_claude_file() | _codex_file())
    original = draw(st.sampled_from(sorted(files)))
    if draw(st.booleans()):
        copied = files[original][: draw(st.integers(2, 8))]
        files[f"{draw(st.sampled_from(['0', 'z']))}-copy.jsonl"] = copied
    return files


@st.composite
def _steps(draw: st.DrawFn, files: dict[str, list[object]]) -> list[Step]:
    """Every file in up to three steps, which may come between those of the others."""
    steps: list[Step] = []
    for name, lines in files.items():
        ends = draw(st.sets(st.integers(1, len(lines)), max_size=2)) | {len(lines)}
        steps += [Step(name, end) for end in ends]
    shuffled = draw(st.permutations(steps))
    by_file = {name: iter(sorted(s for s in steps if s.file == name)) for name in files}
    return [next(by_file[step.file]) for step in shuffled]


@EACH_ENGINE
@given(data=st.data())
def test_order_and_pieces_of_an_import_make_no_difference(
    data: st.DataObject, ledger: Ledger, tmp_path: Path
) -> None:
    """Only run ids and the times of writing differ."""
    files = data.draw(_files())
    steps = data.draw(_steps(files))
    note(str(steps))
    whole = _import_at_once(ledger, tmp_path, files)
    assert _import_stepwise(ledger, tmp_path, files, steps) == whole


def _empty(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    return folder


def _import_at_once(ledger: Ledger, tmp_path: Path, files: dict[str, list[object]]) -> object:
    ledger.wipe()
    folder = _empty(tmp_path / "logs")
    for name, lines in files.items():
        logs.write(folder / name, *lines)
    ledger.read(folder)
    return ledger.dump()


def _import_stepwise(
    ledger: Ledger, tmp_path: Path, files: dict[str, list[object]], steps: Sequence[Step]
) -> object:
    ledger.wipe()
    folder = _empty(tmp_path / "logs")
    for number, step in enumerate(steps):
        path = folder / step.file
        content = logs.text_of(files[step.file][: step.lines])
        with path.open("ab") as file:
            file.write(content[path.stat().st_size if path.exists() else 0 :])
        ledger.read(path, run_id=f"run-{number}")
    return ledger.dump()


@EACH_ENGINE
@given(data=st.data())
def test_a_second_import_of_everything_writes_nothing(
    data: st.DataObject, ledger: Ledger, tmp_path: Path
) -> None:
    """Though the register of files was lost: every rule recognises its own outcome."""
    files = data.draw(_files())
    _import_at_once(ledger, tmp_path, files)
    before = ledger.whole_dump()
    ledger.forget_files()
    progress = ledger.read(tmp_path / "logs", run_id="again", now="2026-12-01T00:00:00.000000Z")
    assert progress.rows.total == 0
    assert progress.records.written == 0
    assert ledger.whole_dump() == before

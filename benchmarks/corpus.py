"""A large corpus of session logs, made from small ones: fresh ids, texts as long as in the wild.

Raw Claude Code logs average 3.7 KB a line with about one call in ten lines; shared samples have
their texts cut short. Each copy of a file gets ids of its own (so nothing is a duplicate of
another copy), its texts are padded, and lines of running tools are put between until one line in
ten is a call. The padding is text with the occasional escape, as code and diffs have.
"""

import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path

LINE_BYTES = 3_700
LINES_PER_CALL = 10
_WORDS = (
    "def handle(request):\n    return response\n",
    "the parser keeps its order while ",
    'assert totals == expected, "mismatch"\n',
    "diff --git a/src/app.py b/src/app.py\n",
    "+    logger.info('done')\n",
    "    for row in rows:\n        yield row\n",
)
_ID_KEYS = {"uuid", "parentUuid", "sessionId", "requestId", "leafUuid", "promptId"}
_TEXT_KEYS = {"text", "content", "thinking", "stdout", "output", "message"}


def make(sources: list[Path], target: Path, megabytes: int, *, seed: int = 7) -> int:
    """Write about `megabytes` MB of logs under `target`; the bytes that were written."""
    rng = random.Random(seed)
    wanted = megabytes * 1_000_000
    written = copy = 0
    logs = [path.read_bytes().splitlines() for path in sources]
    while written < wanted:
        for source, lines in zip(sources, logs, strict=True):
            folder = target / "projects" / f"-copy-{copy:04d}"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{_fresh(source.stem, copy)}.jsonl"
            body = b"\n".join(_copied(lines, copy, rng)) + b"\n"
            path.write_bytes(body)
            written += len(body)
            if written >= wanted:
                break
        copy += 1
    return written


def _copied(lines: list[bytes], copy: int, rng: random.Random) -> Iterator[bytes]:
    records = list(_readable(lines))
    calls = len({_call_id(record) for record in records} - {None})
    fillers = max(0, calls * LINES_PER_CALL - len(records))
    share = fillers / max(1, len(records))
    due = 0.0
    for record in records:
        yield _line(_with_fresh_ids(record, copy), rng)
        due += share
        while due >= 1:
            due -= 1
            yield _line(_tool_progress(record, copy, rng), rng)


def _readable(lines: list[bytes]) -> Iterator[dict[str, object]]:
    """The samples have a broken line and one with two records on purpose: not in a benchmark."""
    for line in lines:
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def _call_id(record: dict[str, object]) -> str | None:
    message = record.get("message")
    if isinstance(message, dict) and message.get("usage"):
        return str(message.get("id"))
    return None


def _tool_progress(record: dict[str, object], copy: int, rng: random.Random) -> dict[str, object]:
    return {
        "type": "progress",
        "uuid": f"{rng.getrandbits(128):032x}",
        "sessionId": _fresh(str(record.get("sessionId")), copy),
        "timestamp": record.get("timestamp"),
        "data": {"type": "bash_progress", "output": ""},
    }


def _with_fresh_ids(value: object, copy: int) -> object:
    if isinstance(value, dict):
        return {
            key: _fresh(item, copy)
            if key in _ID_KEYS and isinstance(item, str)
            else _fresh(item, copy)
            if key in {"id", "tool_use_id"} and isinstance(item, str)
            else _with_fresh_ids(item, copy)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_with_fresh_ids(item, copy) for item in value]
    return value


def _fresh(identity: str, copy: int) -> str:
    digest = hashlib.sha256(f"{copy}/{identity}".encode()).hexdigest()
    if identity.startswith(("msg_", "req_", "toolu_")):
        return f"{identity.split('_', maxsplit=1)[0]}_{digest[:24]}"
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


def _line(record: object, rng: random.Random) -> bytes:
    short = json.dumps(record, separators=(",", ":"))
    missing = int(rng.expovariate(1 / LINE_BYTES)) - len(short)
    if missing > 0 and _pad(record, "".join(rng.choices(_WORDS, k=1 + missing // 40))):
        short = json.dumps(record, separators=(",", ":"))
    return short.encode()


def _pad(value: object, text: str) -> bool:
    """Append to the first text of a record; False when it has none."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in _TEXT_KEYS and isinstance(item, str):
                value[key] = item + text
                return True
            if _pad(item, text):
                return True
    if isinstance(value, list):
        return any(_pad(item, text) for item in value)
    return False

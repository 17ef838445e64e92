"""The sample sessions are what their seed gives, and their oracle agrees with a naive count.

The count here parses the files with nothing but `json` and the key of each format, so that
neither the generator nor the product's readers judge themselves. It runs on a second seed
too: an oracle that is right only for the committed files would be a coincidence.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SESSIONS = EXAMPLES / "sessions"
UNKNOWN_MODEL = "claude-experimental-x"
MAX_FILE_BYTES = 120_000
MAX_TOTAL_BYTES = 900_000

# Prompt, cache read, cache write, completion, reasoning.
Tokens = tuple[int, int, int, int, int]
Calls = dict[object, tuple[str, Tokens]]
Count = tuple[set[str], Calls]


def generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the generator as a user does."""
    command = [sys.executable, str(EXAMPLES / "generate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module", params=["committed", "other seed"])
def samples(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of samples: the committed ones, then those of another seed."""
    if request.param == "committed":
        return SESSIONS
    folder = tmp_path_factory.mktemp("samples")
    assert generate("--out", str(folder), "--seed", "7").returncode == 0
    return folder


def objects(line: str) -> Iterator[dict[str, Any]]:
    """Yield each JSON object of a line; a broken line has none."""
    decoder = json.JSONDecoder()
    rest = line
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except json.JSONDecodeError:
            return
        yield value
        rest = rest[end:]


def file_objects(path: Path) -> Iterator[dict[str, Any]]:
    """Yield each JSON object of a file in JSON Lines."""
    for line in path.read_text(encoding="utf-8").splitlines():
        yield from objects(line)


def count_claude_code(folder: Path) -> Count:
    """Keep the row with the most tokens of each (message.id, requestId)."""
    sessions: set[str] = set()
    calls: Calls = {}
    for path in folder.glob("claude/projects/**/*.jsonl"):
        for row in file_objects(path):
            if "sessionId" in row:
                sessions.add(row["sessionId"])
            inner = row["data"]["message"] if row["type"] == "progress" else row
            message = inner.get("message", {})
            usage = message.get("usage")
            if usage is None or message["model"] == "<synthetic>":
                continue
            tokens = (
                usage["input_tokens"],
                usage["cache_read_input_tokens"],
                usage["cache_creation_input_tokens"],
                usage["output_tokens"],
                0,
            )
            key = (message["id"], inner["requestId"])
            if key not in calls or sum(tokens) > sum(calls[key][1]):
                calls[key] = (message["model"], tokens)
    return sessions, calls


def count_codex(folder: Path) -> Count:
    """Keep the first count of each (session, cumulative total)."""
    sessions: set[str] = set()
    calls: Calls = {}
    for path in sorted(folder.glob("codex/sessions/**/*.jsonl")):
        session = model = ""
        for row in file_objects(path):
            payload = row["payload"]
            if row["type"] == "session_meta":
                session = payload["id"]
                sessions.add(session)
            elif row["type"] == "turn_context":
                model = payload["model"]
            elif payload["type"] == "token_count" and payload["info"]:
                last = payload["info"]["last_token_usage"]
                cached = last["cached_input_tokens"]
                tokens = (
                    last["input_tokens"] - cached,
                    cached,
                    0,
                    last["output_tokens"],
                    last["reasoning_output_tokens"],
                )
                key = (session, tuple(payload["info"]["total_token_usage"].values()))
                calls.setdefault(key, (model, tokens))
    return sessions, calls


def native_tokens(fields: dict[str, Any]) -> Tokens:
    """Return the tokens of a call or of a session's totals."""
    names = ("prompt", "cacheRead", "cacheWrite", "completion", "reasoning")
    prompt, read, write, completion, reasoning = (fields.get(f"{n}Tokens", 0) for n in names)
    return prompt, read, write, completion, reasoning


def count_native_v1(folder: Path) -> Count:
    """Take each session's totals as one call."""
    calls: Calls = {}
    for path in folder.glob("native/v1/*.json"):
        session = json.loads(path.read_text(encoding="utf-8"))["payload"]["session"]
        calls[session["sessionId"]] = (session["modelId"], native_tokens(session))
    return {str(key) for key in calls}, calls


def count_native_v2(folder: Path) -> Count:
    """Take each call id once, from envelopes that have known members only."""
    sessions: set[str] = set()
    calls: Calls = {}
    for path in folder.glob("native/v2/*.jsonl"):
        for envelope in file_objects(path):
            if envelope.keys() - {"envelope_version", "source", "payload"}:
                continue
            sessions.add(envelope["payload"]["run"]["sessionId"])
            for call in envelope["payload"]["calls"]:
                calls[call["callId"]] = (call["modelId"], native_tokens(call))
    return sessions, calls


COUNTERS = {
    "claude_code": count_claude_code,
    "codex": count_codex,
    "native_v1": count_native_v1,
    "native_v2": count_native_v2,
}


def test_committed_samples_are_what_the_seed_gives() -> None:
    """The check mode accepts the committed files."""
    checked = generate("--check")

    assert (checked.returncode, checked.stderr) == (0, "")


def test_check_names_a_file_that_was_changed(tmp_path: Path) -> None:
    """The check mode fails on one changed byte and says where it is."""
    generate("--out", str(tmp_path))
    changed = tmp_path / "native" / "v2" / "support-triage.jsonl"
    changed.write_bytes(changed.read_bytes().replace(b'"seq":1', b'"seq":2', 1))

    checked = generate("--out", str(tmp_path), "--check")

    assert (checked.returncode, checked.stderr) == (
        1,
        "native/v2/support-triage.jsonl: differs\n",
    )


def test_two_sets_of_samples_are_not_mixed(tmp_path: Path) -> None:
    """Writing another seed into a folder that holds samples is refused and changes nothing."""
    generate("--out", str(tmp_path))

    refused = generate("--out", str(tmp_path), "--seed", "7")

    assert refused.returncode == 1
    assert generate("--out", str(tmp_path), "--check").returncode == 0


@pytest.mark.parametrize(("name", "counter"), COUNTERS.items(), ids=COUNTERS)
def test_oracle_agrees_with_a_naive_count(
    samples: Path, name: str, counter: Callable[[Path], Count]
) -> None:
    """Sessions, calls and tokens of each format equal what its key rule gives on the files."""
    expected = json.loads((samples / "expected.json").read_text(encoding="utf-8"))
    sessions, calls = counter(samples)
    prompt, read, write, completion, reasoning = (
        sum(tokens[position] for _, tokens in calls.values()) for position in range(5)
    )

    counted = {
        "files": expected["formats"][name]["files"],
        "sessions": len(sessions),
        "calls": len(calls),
        "promptTokens": prompt,
        "cacheReadTokens": read,
        "cacheWriteTokens": write,
        "completionTokens": completion,
        "reasoningTokens": reasoning,
        "totalTokens": prompt + read + write + completion,
        "unknownModelCalls": sum(model == UNKNOWN_MODEL for model, _ in calls.values()),
    }
    assert counted == expected["formats"][name]


def test_committed_samples_stay_small() -> None:
    """The repository carries under 900 KB of samples, and no file over 120 KB."""
    sizes = [path.stat().st_size for path in SESSIONS.rglob("*") if path.is_file()]

    assert max(sizes) < MAX_FILE_BYTES
    assert sum(sizes) < MAX_TOTAL_BYTES


def test_defects_are_where_the_oracle_counts_them(samples: Path) -> None:
    """Broken, joined and partial lines, refused and repeated envelopes are all in the files."""
    expected = json.loads((samples / "expected.json").read_text(encoding="utf-8"))
    found = dict.fromkeys(expected["defects"], 0)
    seen: set[str] = set()
    for path in samples.rglob("*.jsonl"):
        text = path.read_text(encoding="utf-8")
        found["partial_last_lines"] += not text.endswith("\n")
        for line in text.splitlines()[: None if text.endswith("\n") else -1]:
            held = len(list(objects(line)))
            found["broken_lines"] += held == 0
            found["joined_lines"] += held > 1
            found["invalid_envelopes"] += '"costCenter"' in line
            found["duplicate_envelopes"] += line in seen and path.parent.name == "v2"
            seen.add(line)
    assert found == expected["defects"]


def test_one_session_crosses_midnight(samples: Path) -> None:
    """Exactly one Claude Code file of a fresh session has calls on two UTC days."""
    crossing = 0
    for path in samples.glob("claude/projects/*/*.jsonl"):
        rows = list(file_objects(path))
        days = {row["timestamp"][:10] for row in rows if row["type"] == "assistant"}
        crossing += len(days) > 1 and rows[0]["type"] != "summary"
    assert crossing == 1


def test_no_call_stands_on_two_days(samples: Path) -> None:
    """All rows of a Claude Code call are on one UTC day, so daily totals have one answer."""
    days: dict[str, set[str]] = {}
    for path in samples.glob("claude/projects/**/*.jsonl"):
        for row in file_objects(path):
            if row["type"] == "assistant":
                days.setdefault(row["message"]["id"], set()).add(row["timestamp"][:10])
    assert {len(found) for found in days.values()} == {1}

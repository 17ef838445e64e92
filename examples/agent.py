"""A sample agent: does some made-up work and leaves a native session file behind.

It shows what a command needs to be started by `POST /api/control/spawn`: it reads its prompt from
the standard input, prints what it does, ends in time when it is told to (TERM), and writes what it
did as a native envelope (v2) into the folder of `HELICARRIER_SESSIONS_DIR`, under the session that
`HELICARRIER_SESSION_ID` names. That record has a revision of 2: it replaces what the service wrote
down when the process started and ended, and brings the model calls along.

    echo "tidy the attic" | python examples/agent.py --steps 3 --seconds 0.1

Nothing of it calls a model: tokens are counted by words.
"""

import argparse
import json
import os
import signal
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

MODEL = "claude-haiku-4-5"
REVISION = 2


class Told(Exception):
    """TERM came."""


def now() -> str:
    """The time as envelopes have it."""
    return datetime.now(tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def work(prompt: str, session_id: str, steps: int, seconds: float) -> list[dict[str, object]]:
    """The calls of the steps; each takes some seconds."""
    calls: list[dict[str, object]] = []
    try:
        for step in range(steps):
            print(f"step {step + 1} of {steps}", flush=True)
            time.sleep(seconds)
            call = {
                "callId": f"{session_id}-{step}",
                "occurredAt": now(),
                "modelId": MODEL,
                "provider": "anthropic",
                "promptTokens": len(prompt.split()),
                "completionTokens": step + 1,
            }
            calls.append(call)
    except Told:
        print("told to end", flush=True)
        raise Stopped(calls) from None
    return calls


class Stopped(Exception):
    """The work was ended early; carries the calls until then."""

    def __init__(self, calls: list[dict[str, object]]) -> None:
        super().__init__()
        self.calls = calls


def envelope(
    session_id: str, prompt: str, started_at: str, state: str, calls: list[dict[str, object]]
) -> dict[str, object]:
    """The session as a native envelope."""
    return {
        "envelope_version": "v2",
        "revision": REVISION,
        "source": "sample_agent",
        "payload": {
            "run": {
                "sessionId": session_id,
                "state": state,
                "agentId": "sample",
                "modelId": MODEL,
                "startedAt": started_at,
                "endedAt": now(),
                "task": prompt,
            },
            "timeline": [],
            "calls": calls,
        },
    }


def on_term(*_: object) -> None:
    """TERM ends the work at once."""
    raise Told


def main() -> int:
    """Work, then write the session file; 1 when asked to fail, 143 when ended by TERM."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each step")
    parser.add_argument("--fail", action="store_true", help="end with the exit code 1")
    options = parser.parse_args()
    started_at = now()
    session_id = os.environ.get("HELICARRIER_SESSION_ID") or str(uuid.uuid4())
    folder = Path(os.environ.get("HELICARRIER_SESSIONS_DIR") or ".")
    signal.signal(signal.SIGTERM, on_term)
    prompt = sys.stdin.read().strip()
    code, state = (1, "failed") if options.fail else (0, "success")
    try:
        calls = work(prompt, session_id, options.steps, options.seconds)
    except Stopped as stopped:
        calls, code, state = stopped.calls, 128 + signal.SIGTERM, "killed"
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    line = json.dumps(envelope(session_id, prompt, started_at, state, calls))
    (folder / f"{session_id}.jsonl").write_text(line + "\n", encoding="utf-8")
    print(f"wrote {len(calls)} calls", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())

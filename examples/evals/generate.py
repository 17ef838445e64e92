"""Writes the sample eval results of this folder; the same bytes every time.

`python examples/evals/generate.py` writes them, `--check` says (exit 1) which differ. The system
is invented: an assistant that generates page patches. `again.jsonl` is a second run of the same
configuration, `regressed.jsonl` one of a later version that breaks patches.
"""

import json
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from random import Random

HERE = Path(__file__).resolve().parent
OUTCOMES = (
    "schema_valid",
    "patch_apply_success",
    "edited_after_generate",
    "published_within_7d",
    "safety_html_tailwind_compliant",
)
ITEMS = 1_000
# How often each outcome is seen to be false, edits and publications true.
FLAKY = (0.0005, 0.01, 0.55, 0.3, 0.0005)
FALLBACKS = 0.05
ODD_DOCUMENT = 3


def records(seed: int, *, broken_patches: float) -> bytes:
    """One record an item; three models take turns."""
    rng = Random(seed)
    lines = []
    for item in range(ITEMS):
        says = [rng.random() >= FLAKY[0], rng.random() >= broken_patches]
        says += [rng.random() < FLAKY[2], rng.random() < FLAKY[3], rng.random() >= FLAKY[4]]
        record = {"record_id": f"r{item:04}", "item_id": f"page-{item:04}"}
        record |= dict(zip(OUTCOMES, says, strict=True))
        record |= {
            "latency_ms": round(rng.lognormvariate(9, 0.6)),
            "fallback_used": rng.random() < FALLBACKS,
            "model_id": ("m-large", "m-large", "m-small")[item % 3],
        }
        lines.append(json.dumps(record, separators=(",", ":")))
    return ("\n".join(lines) + "\n").encode()


def inspect_log() -> dict[str, object]:
    """A log of Inspect AI with one scorer for each outcome."""
    rng = Random(5)
    samples = [
        {
            "id": f"page-{n}",
            "epoch": epoch,
            "input": "Add a table of prices.",
            "target": "",
            "scores": {
                name: {"value": "C" if n or name != "edited_after_generate" else "I"}
                for name in OUTCOMES
            },
            "total_time": round(rng.uniform(2, 9), 3),
        }
        for n in range(6)
        for epoch in (1, 2)
    ]
    return {
        "version": 2,
        "status": "success",
        "eval": {"task": "pages", "model": "openai/m-large", "dataset": {"name": "pages"}},
        "results": {"total_samples": len(samples), "completed_samples": len(samples)},
        "samples": samples,
    }


def inspect_archive() -> bytes:
    """The same log as an `.eval` archive."""
    log = inspect_log()
    samples = log.pop("samples")
    body = BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        members = {f"samples/{s['id']}_epoch_{s['epoch']}.json": s for s in samples}
        for name, value in ({"header.json": log} | members).items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 10, 5, 0, 0, 0)), json.dumps(value))
    return body.getvalue()


def promptfoo() -> dict[str, object]:
    """Results of promptfoo with a metric for each outcome."""
    results = [
        {
            "id": f"result-{test}-{prompt}",
            "testIdx": test,
            "promptIdx": prompt,
            "provider": {"id": ("openai:m-large", "openai:m-small")[prompt], "label": ""},
            "success": True,
            "score": 1,
            "latencyMs": 1_500 + 100 * test,
            "response": {"output": "<table></table>", "cached": False},
            "namedScores": dict.fromkeys(OUTCOMES, 1),
            "gradingResult": {
                "pass": True,
                "score": 1,
                "componentResults": [
                    {"pass": True, "score": 1, "assertion": {"type": "javascript", "metric": name}}
                    for name in OUTCOMES
                ],
            },
        }
        for test in range(5)
        for prompt in range(2)
    ]
    return {"evalId": "eval-pages", "results": {"version": 3, "results": results}, "config": {}}


def lm_eval() -> bytes:
    """Samples of lm-evaluation-harness, scored under two filters."""
    lines = [
        json.dumps(
            {
                "doc_id": doc,
                "doc": {"question": "2 + 2"},
                "target": "4",
                "resps": [["The answer is 4."]],
                "filtered_resps": ["4"],
                "filter": name,
                "metrics": ["exact_match"],
                "exact_match": float(doc != ODD_DOCUMENT or name != "strict-match"),
            }
        )
        for doc in range(8)
        for name in ("strict-match", "flexible-extract")
    ]
    return ("\n".join(lines) + "\n").encode()


FILES = {
    "records.jsonl": lambda: records(1, broken_patches=FLAKY[1]),
    "again.jsonl": lambda: records(2, broken_patches=FLAKY[1]),
    "regressed.jsonl": lambda: records(3, broken_patches=0.09),
    "few.jsonl": lambda: b"".join(records(1, broken_patches=0).splitlines(keepends=True)[:30]),
    "inspect.json": lambda: json.dumps(inspect_log(), indent=1).encode() + b"\n",
    "inspect.eval": inspect_archive,
    "promptfoo.json": lambda: json.dumps(promptfoo(), indent=1).encode() + b"\n",
    "lm_eval_samples.jsonl": lm_eval,
}


def main() -> int:
    """Write the files, or say which are not what they should be."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, make in FILES.items():
        body = make()
        if not check:
            (HERE / name).write_bytes(body)
        elif not (HERE / name).is_file() or (HERE / name).read_bytes() != body:
            stale.append(name)
    for name in stale:
        print(f"stale: {name}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())

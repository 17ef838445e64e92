"""Writes the sample match results of this folder; the same bytes every time.

`python examples/matches/generate.py` writes them, `--check` says (exit 1) whether they differ. The
resumes and postings are invented. Some deadlines are unknown, some have passed, and a few postings
name no qualifications, so that advice has something to leave unsaid.
"""

import json
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

FILE = Path(__file__).resolve().parent / "results.jsonl"
NAMESPACE = uuid.UUID("5f2d1c3e-9d0a-5a43-9a3c-4f4de1a1b0c7")
FIRST = datetime(2026, 10, 5, 8, tzinfo=UTC)
DAYS, RESUMES, POSTINGS = 14, 30, 8
RESULTS = 160
PROVIDERS = (("openai", "m-large"), ("anthropic", "m-careful"), ("azure", "m-large"), ("own", "m"))
WITHOUT_DEADLINE, WITHOUT_QUALIFICATIONS = 0.2, 0.05


def results() -> bytes:
    """One result a line."""
    rng = Random(7)
    pairs = sorted((resume, posting) for resume in range(RESUMES) for posting in range(POSTINGS))
    lines = []
    for number, (resume, posting) in enumerate(sorted(rng.sample(pairs, RESULTS))):
        at = FIRST + timedelta(days=rng.randrange(DAYS), minutes=rng.randrange(600))
        provider, model = rng.choice(PROVIDERS)
        asked = 0 if rng.random() < WITHOUT_QUALIFICATIONS else rng.randint(3, 12)
        met = rng.randint(0, asked)
        until = at + timedelta(days=rng.randint(-2, 30), hours=rng.randrange(24))
        line = {
            "id": f"match-{number:04}",
            "resume_id": str(uuid.uuid5(NAMESPACE, f"resume {resume}")),
            "job_posting_id": str(uuid.uuid5(NAMESPACE, f"posting {posting}")),
            "match_score": round(min(100.0, max(0.0, rng.gauss(62, 20))), 1),
            "qualifications_met": met,
            "qualifications_missing": asked - met,
            "provider": provider,
            "model": model,
            "created_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "application_deadline": (
                None if rng.random() < WITHOUT_DEADLINE else f"{until:%Y-%m-%dT%H:%M:%SZ}"
            ),
        }
        lines.append(json.dumps(line, separators=(",", ":")))
    return ("\n".join(lines) + "\n").encode()


def main() -> int:
    """Write the file, or say whether it is what it should be."""
    body = results()
    if "--check" not in sys.argv[1:]:
        FILE.write_bytes(body)
        return 0
    if FILE.is_file() and FILE.read_bytes() == body:
        return 0
    print(f"stale: {FILE.name}")
    return 1


if __name__ == "__main__":
    sys.exit(main())

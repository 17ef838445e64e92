"""The Postgres script that loads a judged run into another database, as often as one likes.

Rows travel as JSON and Postgres gives them the types of its own columns, so the script fits tables
whose documents are TEXT or JSONB and whose flags are numbers or booleans. What is there already
stays: run, samples and verdicts have keys that follow from their content, and a conflict does
nothing. Everything is one transaction.
"""

from collections.abc import Iterator, Sequence

from helicarrier.canonical import JSONValue, canonical_bytes
from helicarrier.evals import decision as decisions
from helicarrier.evals import samples
from helicarrier.evals.evaluation import Evaluation
from helicarrier.evals.model import EvalSample
from helicarrier.evals.report import run_json
from helicarrier.times import utc_text

_CHUNK = 1_000

RUN_COLUMNS = (
    "run_id",
    "run_type",
    "triggered_by",
    "commit_sha",
    "dataset_ref",
    "thresholds",
    "status",
    "started_at",
    "finished_at",
    "metadata",
)
SAMPLE_COLUMNS = (
    "id",
    "run_id",
    "record_id",
    "request_id",
    "requested_provider",
    "selected_provider",
    "route_strategy",
    "fallback_used",
    "latency_ms",
    "schema_valid",
    "patch_apply_success",
    "edited_after_generate",
    "published_within_7d",
    "safety_html_tailwind_compliant",
    "created_at",
    "metadata",
)


def ingest_sql(found: Evaluation) -> Iterator[str]:
    """The statements of the script, in order; each ends with a semicolon."""
    yield "BEGIN;"
    yield _insert("ai_eval_runs", RUN_COLUMNS, [run_json(found.run)])
    for start in range(0, len(found.samples), _CHUNK):
        chunk = found.samples[start : start + _CHUNK]
        yield _insert("ai_eval_samples", SAMPLE_COLUMNS, [_sample(each) for each in chunk])
    rows = [decisions.verdict_json(row) for row in found.verdicts]
    yield _insert("ai_eval_gate_results", decisions.COLUMNS, rows)
    yield "COMMIT;"


def _sample(found: EvalSample) -> dict[str, JSONValue]:
    # 0 and 1 are what both number and boolean columns take.
    said = {
        name: int(value) if isinstance(value, bool) else value
        for name, value in samples.as_json(found.record).items()
    }
    row: dict[str, JSONValue] = {name: said.get(name) for name in SAMPLE_COLUMNS}
    return row | {
        "id": found.sample_id,
        "run_id": found.run_id,
        "created_at": utc_text(found.created_at),
        "metadata": samples.extras(found.record),
    }


def _insert(table: str, columns: Sequence[str], rows: Sequence[dict[str, JSONValue]]) -> str:
    from psycopg import sql

    statement = sql.SQL(
        "INSERT INTO {table} ({columns})\n"
        "SELECT {columns}\n"
        "FROM jsonb_populate_recordset(NULL::{table}, {rows}::jsonb)\n"
        "ON CONFLICT DO NOTHING;"
    ).format(
        table=sql.Identifier(table),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        rows=sql.Literal(canonical_bytes(list(rows)).decode()),
    )
    return statement.as_string(None)

"""A ledger of any size, made up by the database itself and the same on each: sessions of ten calls.

A year of days, ten agents, eight models, six kinds of task; titles and texts that the search reads.
The running totals are those of the rows, and the aggregates are what a refresh makes of them, but
for the last days, which stay dirty as they do on a day of work.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import create_engine, text

from helicarrier import times
from helicarrier.ledger import dirty
from helicarrier.ledger.enums import Dataset
from helicarrier.ledger.session_costs import KNOWN_COST
from helicarrier.store import migrate
from helicarrier.store.lake import Lake
from helicarrier.store.operational import OperationalStore
from helicarrier.usage.refresh import Refresher

CALLS_PER_SESSION = 10
"""Where nothing else is said; at most that many."""
FIRST, LAST = date(2025, 11, 1), date(2026, 10, 31)
DIRTY_DAYS = 2
NOW = datetime(2026, 10, 31, 23, 59, tzinfo=UTC)
RUN_ID = "00000000-0000-4000-8000-000000000000"

_START = int(datetime.combine(FIRST, datetime.min.time(), UTC).timestamp())
_SECONDS = ((LAST - FIRST).days + 1) * 86_400
_AT_ONCE = 5_000

_NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS "
    "(SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :after) ",
    "postgresql": "WITH numbers AS "
    "(SELECT CAST(generate_series(:first, :after - 1) AS BIGINT) AS n) ",
}
_INSTANT = {
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%S.000000Z', {0}, 'unixepoch')",
    "postgresql": "TO_TIMESTAMP({0})",
}
_NANO_DOLLARS = {"sqlite": "{0}", "postgresql": "({0}) * 0.000000001"}
# Sessions are spread over the year and not in its order, as their ids are.
_STARTED = f"({_START} + (n * 7919) % {_SECONDS - 7200})"
_SESSIONS = """
INSERT INTO session_ledger (session_id, agent_id, model_id, task_title, task_text, task_category,
    status, started_at, ended_at, runtime_ms, source, source_uri, idempotency_key, revision,
    ingested_at, run_id)
SELECT 's-' || n, 'agent-' || (n % 10), 'model-' || (n / 10 % 8),
    'Mend the ' || CASE WHEN n % 100 = 0 THEN 'aqueduct' ELSE 'bridge' END || ' number ' || n,
    'Look at what holds it up, say what it would take, then do the least of it; ticket ' || n,
    'task-' || (n / 80 % 6),
    CASE WHEN n % 20 = 0 THEN 'failed' WHEN n % 50 = 1 THEN 'killed' ELSE 'success' END,
    {started}, {ended}, 1000 * (60 + n * 31 % 3600), 'http', 'benchmark', 'key-' || n, 0,
    {started}, :run_id
FROM numbers
"""
_CALLS = f"""
, positions(k) AS (VALUES {", ".join(f"({k})" for k in range(CALLS_PER_SESSION))})
INSERT INTO session_usage (usage_id, session_id, source_uri, run_id, seq, occurred_at, provider,
    model_id, prompt_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
    completion_tokens, reasoning_tokens, total_tokens, runtime_ms, cost_usd, pricing_version,
    cost_source, cost_confidence, token_source, token_confidence, runtime_source,
    runtime_confidence, computed_at)
SELECT 's-' || n || '/' || k, 's-' || n, 'benchmark', :run_id, k, {{occurred}}, 'provider',
    'model-' || (n / 10 % 8), 1000 + n % 97, 200 + k, 0, 0, 300, 0, 1500 + n % 97 + k, 900,
    {{cost}}, 'benchmark@1', 'derived', 'medium', 'provider_reported', 'high',
    'provider_reported', 'high', {{occurred}}
FROM numbers CROSS JOIN positions WHERE k < :per_session
"""  # noqa: S608 - constants of this module
_TOTALS = """
INSERT INTO ledger_totals (bucket_date, sessions, calls, total_tokens, cost_usd,
    cost_unknown_calls, updated_at, run_id)
SELECT d.day, (SELECT COUNT(*) FROM session_ledger WHERE {of_session} = d.day),
    d.calls, d.tokens, d.cost, 0, :now, :run_id
FROM (
    SELECT {of_call} AS day, COUNT(*) AS calls, SUM(total_tokens) AS tokens, SUM(cost_usd) AS cost
    FROM session_usage GROUP BY {of_call}
) AS d
"""
_COSTS = f"UPDATE session_ledger SET known_cost_usd = ({KNOWN_COST})"  # noqa: S608 - a constant
_DAY = {"sqlite": "SUBSTR({0}, 1, 10)", "postgresql": "CAST({0} AT TIME ZONE 'UTC' AS DATE)"}


def make(
    url: str, folder: Path, calls: int, *, per_session: int = CALLS_PER_SESSION
) -> OperationalStore:
    """A migrated store with so many calls, refreshed but for its last days. `folder`: its data."""
    migrate.upgrade(url, folder / "backups")
    store = OperationalStore(url)
    statements = list(_statements(store.dialect))
    sessions = calls // per_session
    for first in range(0, sessions, _AT_ONCE):
        params = {"first": first, "after": min(first + _AT_ONCE, sessions), "run_id": RUN_ID}
        with store.write() as connection:
            for statement in statements:
                of_calls = {"per_session": per_session} if "per_session" in statement else {}
                connection.execute(text(statement), params | of_calls)
    day = _DAY[store.dialect]
    totals = _TOTALS.format(of_session=day.format("started_at"), of_call=day.format("occurred_at"))
    with store.write() as connection:
        connection.execute(text(_COSTS))
        connection.execute(text(totals), {"now": times.utc_text(NOW), "run_id": RUN_ID})
        days = times.days(FIRST, LAST)
        marks = [(dataset, day) for dataset in Dataset for day in days]
        dirty.mark_days(connection, marks, run_id=RUN_ID, now=NOW)
        connection.execute(text("ANALYZE"))
    refresher = Refresher(store, Lake(folder / "lake"), lambda: NOW)
    clean = days[:-DIRTY_DAYS]
    refresher.refresh_facts(clean, RUN_ID)
    refresher.refresh_daily(clean, RUN_ID)
    refresher.refresh_performance(clean, RUN_ID)
    if store.dialect == "postgresql":
        # What autovacuum does soon after so many rows.
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))
        engine.dispose()
    return store


def _statements(dialect: str) -> Iterator[str]:
    """The inserts: sessions, then calls. A WITH comes before INSERT on both databases' terms."""
    instant, money = _INSTANT[dialect], _NANO_DOLLARS[dialect]
    filled = {
        "started": instant.format(_STARTED),
        "ended": instant.format(f"{_STARTED} + 60 + n * 31 % 3600"),
        "occurred": instant.format(f"{_STARTED} + 5 * k"),
        "cost": money.format("4000000 + n * 37 % 1000003"),
    }
    for statement in (_SESSIONS, _CALLS):
        # The literal percent signs of strftime are none of Python's formatting.
        yield _NUMBERS[dialect] + statement.format(**filled)

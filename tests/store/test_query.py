"""The light read path: equal answers on both engines, one snapshot, no writing."""

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from helicarrier.errors import ErrorCode, NotReady, StorageUnavailable
from helicarrier.ledger.tables import dirty_days, usage_cost_history
from helicarrier.store.operational import OperationalStore
from helicarrier.store.query import open_query, to_pyformat
from helicarrier.store.versions import CORE_HEAD

MOMENT = datetime(2026, 3, 1, 23, 59, 59, 123456, tzinfo=UTC)


def mark_day(store: OperationalStore, dataset: str = "usage_facts") -> None:
    """Writes one row with a day and an instant."""
    with store.write() as connection:
        connection.execute(
            insert(dirty_days).values(
                dataset=dataset,
                bucket_date=date(2026, 3, 1),
                generation=7,
                marked_at=MOMENT,
                run_id="r",
            )
        )


def test_days_instants_and_counts_are_equal_on_both_engines(store: OperationalStore) -> None:
    """Text for days and instants, whatever the driver makes of them."""
    mark_day(store)
    with open_query(store.url) as query:
        rows = query.rows(
            "SELECT * FROM dirty_days WHERE bucket_date = :day", {"day": "2026-03-01"}
        )
    assert rows == [
        {
            "dataset": "usage_facts",
            "bucket_date": "2026-03-01",
            "generation": 7,
            "marked_at": "2026-03-01T23:59:59.123456Z",
            "run_id": "r",
            "seen_generation": 0,
        }
    ]


def test_money_keeps_its_storage_form(store: OperationalStore) -> None:
    """Whole nano-dollars or an exact decimal, never a float."""
    with store.write() as connection:
        connection.execute(
            insert(usage_cost_history).values(
                usage_id="u",
                seq=0,
                pricing_version="v",
                cost_usd=Decimal("0.000000001"),
                reason="first",
                run_id="r",
                computed_at=MOMENT,
            )
        )
    with open_query(store.url) as query:
        (row,) = query.rows("SELECT cost_usd FROM usage_cost_history")
        expected = 1 if query.dialect == "sqlite" else Decimal("0.000000001")
    assert row == {"cost_usd": expected}
    assert type(row["cost_usd"]) is type(expected)


def test_text_that_looks_like_a_parameter_is_text(migrated_url: str) -> None:
    """Quotes, comments, casts and percent signs keep their meaning."""
    with open_query(migrated_url) as query:
        rows = query.rows(
            "SELECT ':no it''s 100%' AS quoted, /* :nor % this */ :value AS \":given\" -- :nor",
            {"value": "50%"},
        )
    assert rows == [{"quoted": ":no it's 100%", ":given": "50%"}]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT :a, :a_1", "SELECT %(a)s, %(a_1)s"),
        ("SELECT :a::TEXT", "SELECT %(a)s::TEXT"),
        ("SELECT 5 % 3", "SELECT 5 %% 3"),
        ("SELECT $$ :a $$, $x$ :b $$ $x$", "SELECT $$ :a $$, $x$ :b $$ $x$"),
        ("SELECT a[1:2]", "SELECT a[1:2]"),
    ],
)
def test_parameters_are_translated_for_postgres(sql: str, expected: str) -> None:
    """Only a colon before a name, outside of text and casts, begins a parameter."""
    assert to_pyformat(sql) == expected


def test_all_statements_of_a_block_see_one_state(store: OperationalStore) -> None:
    """A report must not add up rows of two states."""
    count = "SELECT COUNT(*) AS n FROM dirty_days"
    with open_query(store.url) as query:
        before = query.rows(count)
        mark_day(store)
        assert query.rows(count) == before == [{"n": 0}]
    with open_query(store.url) as query:
        assert query.rows(count) == [{"n": 1}]


def test_a_query_cannot_write(store: OperationalStore) -> None:
    """Not even where the statement is allowed to the user."""
    mark_day(store)
    with pytest.raises(Exception, match="read"), open_query(store.url) as query:
        query.rows("DELETE FROM dirty_days RETURNING run_id")
    with store.read() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM dirty_days")).scalar_one() == 1


def test_a_store_at_the_newest_revision_is_ready(migrated_url: str) -> None:
    """Nothing is raised."""
    with open_query(migrated_url) as query:
        query.ready()
        assert query.current_revision() == CORE_HEAD


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE helicarrier_core_version SET version_num = '0001'", ErrorCode.MIGRATION_PENDING),
        ("DELETE FROM helicarrier_core_version", ErrorCode.MIGRATION_PENDING),
        ("DROP TABLE helicarrier_core_version", ErrorCode.MIGRATION_PENDING),
        ("UPDATE helicarrier_core_version SET version_num = '9999'", ErrorCode.SCHEMA_TOO_NEW),
    ],
)
def test_a_store_at_another_revision_is_not_ready(
    store: OperationalStore, statement: str, code: ErrorCode
) -> None:
    """The code says whether the store or the program is behind."""
    with store.write() as connection:
        connection.execute(text(statement))
    with open_query(store.url) as query, pytest.raises(NotReady) as caught:
        query.ready()
    assert caught.value.code is code


def test_a_database_that_is_not_there_is_pending(sqlite_url: str, tmp_path: Path) -> None:
    """And asking does not make it."""
    with pytest.raises(NotReady) as caught, open_query(sqlite_url):
        pass
    assert caught.value.code is ErrorCode.MIGRATION_PENDING
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    """The message names the place and not the password."""
    url = f"postgresql+psycopg://ann:s3cret@/ledger?host={tmp_path}"
    with pytest.raises(StorageUnavailable) as caught, open_query(url):
        pass
    assert caught.value.code is ErrorCode.STORAGE_UNAVAILABLE
    assert "s3cret" not in caught.value.message + caught.value.hint


def test_reading_sqlite_loads_no_heavy_library(sqlite_store: OperationalStore) -> None:
    """A report has 300 ms: SQLAlchemy, Alembic and psycopg would spend them on imports."""
    program = (
        "import sys; from helicarrier.store.query import open_query\n"
        "with open_query(sys.argv[1]) as query: query.ready()\n"
        "heavy = {'sqlalchemy', 'alembic', 'psycopg', 'duckdb', 'pyarrow', 'structlog'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, sqlite_store.url],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "[]\n"

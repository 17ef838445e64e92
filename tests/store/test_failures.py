"""Failures: what the surroundings do is told from what the caller did, by code, not by text."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from helicarrier.errors import ErrorCode, StorageUnavailable
from helicarrier.store.failures import as_storage_failures, storage_failure
from helicarrier.store.operational import OperationalStore
from tests.postgres import libpq
from tests.store.baseline import FILE


def test_a_wrong_statement_is_not_a_storage_failure(store: OperationalStore) -> None:
    """It is a defect, and its traceback must say so."""
    with pytest.raises(DBAPIError), store.read() as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))


def test_other_errors_pass_unchanged() -> None:
    """Also those that a block raises on purpose."""
    assert storage_failure(ValueError("busy"), "the store") is None
    with pytest.raises(ValueError, match="mine"), as_storage_failures("the store"):
        raise ValueError("mine")


def test_a_damaged_page_is_a_storage_failure(tmp_path: Path) -> None:
    """Reading it names the file and what is wrong."""
    path = tmp_path / "ledger.sqlite"
    content = bytearray(FILE.read_bytes())
    content[4096:40960] = b"\xee" * (40960 - 4096)
    path.write_bytes(content)
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(StorageUnavailable, match="is damaged") as caught,
        as_storage_failures("the store"),
    ):
        connection.execute("SELECT COUNT(*), MAX(task_title) FROM session_ledger").fetchall()
    assert caught.value.code is ErrorCode.STORAGE_UNAVAILABLE


def test_a_lock_on_postgres_is_busy(migrated_postgres_url: str) -> None:
    """Waiting longer may help, so the code says busy."""
    address = libpq(migrated_postgres_url)
    with psycopg.connect(address) as holder, psycopg.connect(address) as waiter:
        holder.execute("LOCK TABLE audit_log IN ACCESS EXCLUSIVE MODE")
        waiter.execute("SET lock_timeout = '50ms'")
        with pytest.raises(StorageUnavailable) as caught, as_storage_failures("the store"):
            waiter.execute("SELECT COUNT(*) FROM audit_log")
    assert caught.value.code is ErrorCode.STORAGE_BUSY


def test_the_drivers_words_stay_reachable(sqlite_store: OperationalStore) -> None:
    """The message is ours and deterministic; the cause hangs on it."""
    with pytest.raises(StorageUnavailable) as caught, sqlite_store.read() as connection:
        connection.execute(text("DELETE FROM audit_log"))
    assert isinstance(caught.value.__cause__, DBAPIError)
    assert caught.value.message.endswith("is read-only")

"""The tests' own Postgres: each source of a server works, and databases are fresh and dropped."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from tests.postgres import (
    SOURCES,
    Cluster,
    PostgresUnavailableError,
    fresh_database,
    libpq,
    private_folder,
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A private folder whose path is short enough for a socket's name."""
    path = private_folder()
    yield path
    shutil.rmtree(path)


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_starts_a_server_that_can_be_stopped_and_started(
    source: str, folder: Path
) -> None:
    """What was committed before a stop is there after the start."""
    try:
        cluster = Cluster(programs=SOURCES[source](folder), folder=folder / "own")
    except PostgresUnavailableError as error:
        pytest.skip(str(error))
    address = libpq(cluster.url.render_as_string())
    cluster.create()
    cluster.start()
    try:
        with psycopg.connect(address) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        cluster.stop()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(address)
        cluster.start()
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    finally:
        cluster.stop()


def test_a_database_answers_through_sqlalchemy(postgres_url: str) -> None:
    """The URL names its driver, so SQLAlchemy takes psycopg 3."""
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_database()")).scalar_one() == (
            make_url(postgres_url).database
        )
        assert connection.dialect.driver == "psycopg"
    engine.dispose()


@pytest.mark.parametrize("visit", ["first", "second"])
def test_a_database_is_empty_at_the_start(visit: str, postgres_url: str) -> None:
    """A table of one test is not seen by the next."""
    with psycopg.connect(libpq(postgres_url)) as connection:
        connection.execute("CREATE TABLE visits (name TEXT)")
        assert connection.execute("SELECT COUNT(*) FROM visits").fetchone() == (0,)


def test_a_database_is_dropped_though_a_connection_is_open(postgres_dsn: str) -> None:
    """A test that forgets a connection leaves no database behind."""
    with fresh_database(postgres_dsn) as url:
        forgotten = psycopg.connect(libpq(url))
    with psycopg.connect(libpq(postgres_dsn)) as connection:
        found = connection.execute(
            "SELECT COUNT(*) FROM pg_database WHERE datname = %s", [make_url(url).database]
        )
        assert found.fetchone() == (0,)
    forgotten.close()

"""Addresses: the two forms of URL, and names that give nothing away."""

import pytest

from helicarrier.errors import ErrorCode, UsageError
from helicarrier.store.addresses import PostgresDatabase, SqliteFile, dialect_of, parse_address


def test_a_sqlite_url_names_an_absolute_file() -> None:
    """Four slashes begin an absolute path; odd characters belong to the name."""
    address = parse_address("sqlite:////var/lib/odd name?#%20.sqlite")
    assert isinstance(address, SqliteFile)
    assert str(address.path) == "/var/lib/odd name?#%20.sqlite"
    assert dialect_of(address) == "sqlite"


def test_a_relative_sqlite_path_is_made_absolute() -> None:
    """A later change of the working directory must not move the store."""
    address = parse_address("sqlite:///data/ledger.sqlite")
    assert isinstance(address, SqliteFile)
    assert address.path.is_absolute()
    assert address.path.parts[-2:] == ("data", "ledger.sqlite")


def test_a_postgres_url_is_given_to_libpq_without_the_driver() -> None:
    """Nothing but the name of SQLAlchemy's driver is taken out."""
    address = parse_address("postgresql+psycopg://ann:pw@db.example:5433/ledger?sslmode=require")
    assert isinstance(address, PostgresDatabase)
    assert address.conninfo == "postgresql://ann:pw@db.example:5433/ledger?sslmode=require"
    assert dialect_of(address) == "postgresql"


def test_a_place_never_holds_the_password() -> None:
    """Messages and logs name the store by its place."""
    address = parse_address("postgresql+psycopg://ann:s3cret@db.example/led%20ger")
    assert address.place == "the Postgres database led ger at db.example"


def test_a_socket_folder_counts_as_the_host() -> None:
    """A URL without a host names it among the options."""
    address = parse_address("postgresql+psycopg://ann@/ledger?host=%2Frun%2Fpg")
    assert address.place == "the Postgres database ledger at /run/pg"


@pytest.mark.parametrize(
    "url",
    ["", "sqlite://", "sqlite:///", "sqlite:///:memory:", "postgresql://h/db", "mysql://h/db"],
)
def test_another_form_is_refused(url: str) -> None:
    """A store in memory forgets, a URL without its driver picks a wrong one."""
    with pytest.raises(UsageError) as caught:
        parse_address(url)
    assert caught.value.code is ErrorCode.SETTING_INVALID

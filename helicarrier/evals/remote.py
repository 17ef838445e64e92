"""Remote ingest: a judged run into another Postgres database, by the script of `ingest_sql`.

It is the same script that `helicarrier evals ingest-sql` prints, so loading a run again, by this or
by hand, changes nothing. Everything is one transaction there: a run arrives whole or not at all.
"""

from dataclasses import dataclass

from helicarrier.errors import StorageUnavailable
from helicarrier.evals.evaluation import Evaluation
from helicarrier.evals.ingest_sql import ingest_sql

CONNECT_SECONDS = 10
_PLACE = "the remote database of HELICARRIER_EVAL_REMOTE_URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """Rows of the run, its samples and verdicts that were not there yet."""

    rows: int


def ingest(url: str, found: Evaluation) -> Ingested:
    """Load a judged run into the database at `url`.

    Args: url, `postgresql://` or with the driver's name; found.

    Raises:
        StorageUnavailable: the database cannot be reached, has no such tables or refuses the rows;
            nothing was loaded. The message never holds the URL.
    """
    import psycopg

    address = url.replace("postgresql+psycopg://", "postgresql://", 1)
    rows = 0
    try:
        with psycopg.connect(
            address, autocommit=True, connect_timeout=CONNECT_SECONDS
        ) as connection:
            for statement in ingest_sql(found):
                rows += max(0, connection.execute(statement.encode()).rowcount)
    except psycopg.OperationalError:
        # Without the cause: a driver's message may repeat the address.
        raise StorageUnavailable(
            f"{_PLACE} cannot be reached or has failed",
            hint="Check the server; the run is stored here and is loaded again by the next try.",
        ) from None
    except psycopg.Error as error:
        raise StorageUnavailable(
            f"{_PLACE} refused the run: {error.diag.message_primary}",
            hint="`helicarrier evals ingest-sql RUN` prints the script that it refused.",
        ) from error
    return Ingested(rows=rows)

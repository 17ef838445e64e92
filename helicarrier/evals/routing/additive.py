"""The additive script: bring somebody else's `ai_training_examples` up to the contract.

For a Postgres that has the table already, with rows that nobody checked. Columns, CHECKs and
indexes are added where they are missing; a CHECK is first added as NOT VALID, so that new rows
keep it at once, and then validated, which fails and says so where old rows break it. Running the
script again changes nothing.
"""

from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex

from helicarrier.evals.tables import AI_TRAINING_EXAMPLES, ai_training_examples
from helicarrier.governance.contract import Column
from helicarrier.store.types import column_type

_TABLE = AI_TRAINING_EXAMPLES.name
_POSTGRES: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


def contract_script() -> str:
    """The script for `psql -f`, one transaction."""
    contract = AI_TRAINING_EXAMPLES
    lines = ["BEGIN;", ""]
    lines += [_column(column) for column in contract.columns]
    lines.append("")
    lines += [_check(f"ck_{_TABLE}_{name}", sql) for name, sql in contract.checks().items()]
    lines += [
        str(CreateIndex(index, if_not_exists=True).compile(dialect=_POSTGRES)) + ";"
        for index in sorted(ai_training_examples.indexes, key=lambda index: str(index.name))
    ]
    return "\n".join([*lines, "", "COMMIT;", ""])


def _column(column: Column) -> str:
    kind = column_type(column.kind).compile(dialect=_POSTGRES)
    default = "" if column.default is None else f" DEFAULT '{column.default}'"
    # A column of a table with rows can only be NOT NULL where there is something to fill in.
    required = " NOT NULL" if default and not column.nullable else ""
    return f"ALTER TABLE {_TABLE} ADD COLUMN IF NOT EXISTS {column.name} {kind}{default}{required};"


def _check(name: str, condition: str) -> str:
    return f"""DO $$ BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_constraint
    WHERE conname = '{name}' AND conrelid = '{_TABLE}'::regclass
  ) THEN
    ALTER TABLE {_TABLE} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID;
  END IF;
END $$;
ALTER TABLE {_TABLE} VALIDATE CONSTRAINT {name};
"""

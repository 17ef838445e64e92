"""Tables of the warehouse file made from contracts, and what a file has instead of them.

Migrations of the warehouse are plain SQL, written by hand and frozen. This module says from the
contracts what the file must hold in the end, so that a test and `content verify` can compare the
two: columns in their order, types, NOT NULL, keys, every CHECK, foreign keys and indexes. DuckDB
forgets the names of CHECKs, so they are compared by their expression as DuckDB itself writes it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helicarrier.governance.contract import Column, ColumnKind, TableContract

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FACTS = {
    "column": """
SELECT table_name, column_name, concat_ws(' ',
  column_index, data_type, CASE WHEN is_nullable THEN 'NULL' ELSE 'NOT NULL' END,
  'DEFAULT ' || column_default)
FROM duckdb_columns() WHERE database_name = current_database()
""",
    "constraint": """
SELECT table_name, constraint_text, '' FROM duckdb_constraints()
WHERE database_name = current_database() AND constraint_type <> 'NOT NULL'
""",
    "index": """
SELECT table_name, index_name, expressions FROM duckdb_indexes()
WHERE database_name = current_database()
""",
}

Fact = tuple[str, str, str, str]
"""Table, kind (column, constraint, index), name or expression, definition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """`column` holds a value of `parent_column` in `parent`, which is declared before.

    Keys of several columns name them separated by commas.
    """

    column: str
    parent: str
    parent_column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseTable:
    """A table of the warehouse file: its contract, foreign keys, and the columns of its indexes."""

    contract: TableContract
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()

    @property
    def name(self) -> str:
        """The name of the table."""
        return self.contract.name

    def ddl(self) -> str:
        """CREATE TABLE and CREATE INDEX in DuckDB's words, each ended by a semicolon."""
        keys = ", ".join(f'"{name}"' for name in self.contract.primary_key)
        lines = [
            *(_column(column) for column in self.contract.columns),
            f"PRIMARY KEY ({keys})",
            *(f"CHECK ({condition})" for condition in self.contract.checks().values()),
            *(
                f"FOREIGN KEY ({key.column}) REFERENCES {key.parent} ({key.parent_column})"
                for key in self.foreign_keys
            ),
        ]
        body = ",\n  ".join(lines)
        indexes = (
            f"CREATE INDEX ix_{self.name}_{'_'.join(columns)} ON {self.name} "
            f"({', '.join(columns)});\n"
            for columns in self.indexes
        )
        return f"CREATE TABLE {self.name} (\n  {body}\n);\n" + "".join(indexes)


def column_type(kind: ColumnKind) -> str:
    """The DuckDB type of a contract's column kind."""
    match kind:
        case ColumnKind.TEXT | ColumnKind.JSON:
            return "VARCHAR"
        case ColumnKind.INTEGER:
            return "BIGINT"
        case ColumnKind.REAL:
            return "DOUBLE"
        case ColumnKind.SCORE:
            return "DECIMAL(5, 4)"
        case ColumnKind.MONEY:
            return "DECIMAL(20, 9)"
        case ColumnKind.TIMESTAMP:
            return "TIMESTAMP WITH TIME ZONE"
        case ColumnKind.DAY:
            return "DATE"
        case ColumnKind.BYTES:
            return "BLOB"


def facts(connection: "DuckDBPyConnection", tables: Iterable[WarehouseTable]) -> set[Fact]:
    """What the default database of a connection says about these tables."""
    names = {table.name for table in tables}
    return {
        (table, kind, subject, definition)
        for kind, query in _FACTS.items()
        for table, subject, definition in connection.execute(query).fetchall()
        if table in names
    }


def declared(tables: Iterable[WarehouseTable]) -> set[Fact]:
    """What a database says in which these tables were made from their contracts."""
    import duckdb

    tables = list(tables)
    with duckdb.connect(":memory:", config={"threads": 1}) as scratch:
        for table in tables:
            scratch.execute(table.ddl())
        return facts(scratch, tables)


def _column(column: Column) -> str:
    # In quotes, since a name of ours may be a word of SQL.
    words = [f'"{column.name}"', column_type(column.kind)]
    if not column.nullable:
        words.append("NOT NULL")
    if column.default is not None:
        words.append(f"DEFAULT {_literal(column.default)}")
    return " ".join(words)


def _literal(value: int | str) -> str:
    return str(value) if isinstance(value, int) else f"'{value}'"


def breaking_rows(
    connection: "DuckDBPyConnection", contract: TableContract, where: str = "TRUE"
) -> tuple[int, dict[str, int]]:
    """How many rows there are, and how many break which rule, in one pass over the table.

    It is the audit that needs no frames: the rules are the SQL of the contract's CHECKs.

    Args: connection; contract; where, a condition of the program that picks the rows.
    """
    tests = {
        f"{column.name}_not_null": f'"{column.name}" IS NULL'
        for column in contract.columns
        if not column.nullable
    } | {name: f"NOT ({condition})" for name, condition in contract.checks().items()}
    counts = ", ".join(f"COUNT(*) FILTER (WHERE {test})" for test in tests.values())
    query = f"SELECT COUNT(*), {counts} FROM {contract.name} WHERE {where}"  # noqa: S608 - the contract's
    total, *broken = connection.execute(query).fetchall()[0]
    found = {rule: int(n) for rule, n in zip(tests, broken, strict=True) if n}
    return int(total), found

"""Contracts as pandera schemas: which rows of a frame break which rule, counted and sampled.

The same contract gives the database its CHECK clauses, so both must agree row by row: a rule
passes where SQL would say NULL. pandera is always run with its switches set here, since its
environment variables can turn it off, and what it raises is never logged: its text holds every
failing value. What leaves this module are counts, a few primary keys and the remedy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from operator import add, and_
from typing import TYPE_CHECKING

from helicarrier.errors import ErrorCode, VerificationFailed
from helicarrier.governance.arrow import arrow_schema
from helicarrier.governance.contract import (
    Column,
    JoinedOf,
    NotBefore,
    NullExactlyWhen,
    RequiredFor,
    Requires,
    Rule,
    SumOf,
    TableContract,
)

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pandera
    import pyarrow as pa
    from pandera.errors import SchemaError

SAMPLE = 10
"""Primary keys that a breach shows at most."""

KEY_RULE = "primary_key_unique"
UNKNOWN_COLUMN_RULE = "columns_known"
_REWRITE = "Write the rows again with what `run_id` says wrote them."


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One rule that rows break: how many, the primary keys of a few, and what to do."""

    rule: str
    failing: int
    sample: tuple[tuple[str, ...], ...]
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaches:
    """The outcome of one validation: `breaches` is empty where every row keeps the contract."""

    contract: str
    rows: int
    breaches: tuple[Breach, ...]

    def raise_if_any(self) -> None:
        """Turn breaches into an error, before a COMMIT.

        Raises:
            VerificationFailed: code GOVERNANCE_BREACH; it names rules and counts, no values.
        """
        if not self.breaches:
            return
        broken = ", ".join(f"{breach.rule} ({breach.failing})" for breach in self.breaches)
        raise VerificationFailed(
            f"{self.contract}: of {self.rows} rows some break the contract: {broken}; "
            "nothing was written",
            code=ErrorCode.GOVERNANCE_BREACH,
            hint=" ".join(dict.fromkeys(breach.remedy for breach in self.breaches)),
        )


def validate(contract: TableContract, frame: "pd.DataFrame | pa.Table") -> Breaches:
    """Hold a frame against its contract.

    Args:
        contract: what each row promised.
        frame: an Arrow table, or a pandas frame with Arrow-backed or plain columns (None, NaN and
            NaT are NULL). Columns in any order; a missing or unknown one is a breach.

    Returns:
        The breaches in the order columns, primary key, rules of the table.
    """
    from pandera.config import ValidationDepth, config_context
    from pandera.errors import SchemaErrors

    rows = _arrow_backed(contract, frame)
    switches = config_context(
        validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA
    )
    with switches:
        try:
            pandera_schema(contract).validate(rows, lazy=True)
        except SchemaErrors as errors:
            failed = _failed(errors.schema_errors)
        else:
            failed = {}
    remedies = remedies_of(contract)
    return Breaches(
        contract=contract.name,
        rows=len(rows),
        breaches=tuple(
            _breach(contract, rows, rule, failed[rule]) for rule in remedies if rule in failed
        ),
    )


def pandera_schema(contract: TableContract) -> "pandera.DataFrameSchema":
    """The pandera schema of a contract, for frames whose columns are all Arrow-backed.

    Every rule is a check under the name that its CHECK clause has in the database; beside them
    stand `<column>_not_null` and `primary_key_unique`, which the database has as NOT NULL and
    PRIMARY KEY.
    """
    import pandas as pd
    import pandera.pandas as pandera

    types = arrow_schema(contract)
    table_checks: list[tuple[str, Callable[[pd.DataFrame], pd.Series]]] = [
        (KEY_RULE, partial(_unique, contract.primary_key)),
        *((rule.name, partial(_keeps, rule)) for rule in contract.rules),
    ]
    return pandera.DataFrameSchema(
        {
            column.name: pandera.Column(
                pd.ArrowDtype(types.field(column.name).type),
                nullable=True,
                checks=[_check(name, passes) for name, passes in _column_checks(column)],
            )
            for column in contract.columns
        },
        checks=[_check(name, passes) for name, passes in table_checks],
        strict=True,
        name=contract.name,
    )


def remedies_of(contract: TableContract) -> dict[str, str]:
    """Rule name -> what to do when rows break it, for every rule that `validate` can report."""
    remedies: dict[str, str] = {}
    for column in contract.columns:
        name = column.name
        remedies[f"{name}_present"] = f"The frame must hold the column {name}."
        remedies[f"{name}_type"] = f"{name} must be {column.kind} of its declared type."
        remedies[f"{name}_not_null"] = f"{name} must have a value. {_REWRITE}"
        remedies[f"{name}_known"] = f"{name} must be one of {', '.join(column.values)}. {_REWRITE}"
        remedies[f"{name}_range"] = f"{name} must be at least {column.at_least}. {_REWRITE}"
        remedies[f"{name}_filled"] = f"{name} must not be an empty text. {_REWRITE}"
        remedies[f"{name}_limit"] = f"{name} must be at most {column.at_most}. {_REWRITE}"
    remedies[UNKNOWN_COLUMN_RULE] = "The frame must hold the contract's columns and no others."
    key = ", ".join(contract.primary_key)
    remedies[KEY_RULE] = f"({key}) must be unique. {_REWRITE}"
    return remedies | {rule.name: rule.remedy for rule in contract.rules}


def _column_checks(column: Column) -> list[tuple[str, "Callable[[pd.Series], pd.Series]"]]:
    checks: list[tuple[str, Callable[[pd.Series], pd.Series]]] = []
    if not column.nullable:
        checks.append((f"{column.name}_not_null", _present))
    if column.values:  # noqa: PD011 - the contract's allowed values, not a frame's
        checks.append((f"{column.name}_known", partial(_known, column.values)))
    if column.at_least is not None:
        checks.append((f"{column.name}_range", partial(_at_least, column.at_least)))
    if column.filled:
        checks.append((f"{column.name}_filled", _filled))
    if column.at_most is not None:
        checks.append((f"{column.name}_limit", partial(_at_most, column.at_most)))
    return checks


def _check(name: str, passes: "Callable[..., pd.Series]") -> "pandera.Check":
    import pandera.pandas as pandera

    # NULL is each check's own affair, and of failing cases pandera copies no more than a sample.
    return pandera.Check(passes, name=name, ignore_na=False, n_failure_cases=SAMPLE)


def _present(values: "pd.Series") -> "pd.Series":
    return values.notna()


def _known(allowed: tuple[str, ...], values: "pd.Series") -> "pd.Series":
    return values.isin(allowed) | values.isna()


def _at_least(bound: int, values: "pd.Series") -> "pd.Series":
    return _or_null(values >= bound)


def _filled(values: "pd.Series") -> "pd.Series":
    return _or_null(values != "")


def _at_most(bound: int, values: "pd.Series") -> "pd.Series":
    return _or_null(values <= bound)


def _or_null(passes: "pd.Series") -> "pd.Series":
    """What a CHECK does with a condition: NULL is no breach."""
    return passes.fillna(True)  # noqa: FBT003 - the value to fill in


def _unique(key: tuple[str, ...], rows: "pd.DataFrame") -> "pd.Series":
    return ~rows.duplicated(list(key), keep=False)


def _keeps(rule: Rule, rows: "pd.DataFrame") -> "pd.Series":
    match rule:
        case Requires():
            present = reduce(and_, (rows[other].notna() for other in rule.others))
            return rows[rule.column].isna() | present
        case NullExactlyWhen():
            return _or_null(rows[rule.column].isna() == (rows[rule.flag] == rule.value))
        case SumOf():
            return _or_null(rows[rule.total] == reduce(add, (rows[part] for part in rule.parts)))
        case NotBefore():
            return _or_null(rows[rule.later] >= rows[rule.earlier])
        case RequiredFor():
            present = reduce(and_, (rows[other].notna() for other in rule.others))
            return _or_null(rows[rule.flag] != rule.value) | present
        case JoinedOf():
            return _or_null(rows[rule.column] == _joined(rule, rows))


def _joined(rule: JoinedOf, rows: "pd.DataFrame") -> "pd.Series":
    import pandas as pd
    import pyarrow as pa

    texts = [rows[part].astype(pd.ArrowDtype(pa.string())) for part in rule.parts]
    return reduce(lambda left, right: left + rule.separator + right, texts)


def _failed(errors: "list[SchemaError]") -> "dict[str, pd.Series | None]":
    """Rule -> which rows pass it; None where the frame has the wrong shape and all rows fail."""
    from pandera.errors import SchemaErrorReason

    shape: dict[str, pd.Series | None] = {}
    rows: dict[str, pd.Series | None] = {}
    for error in errors:
        match error.reason_code:
            case SchemaErrorReason.DATAFRAME_CHECK:
                rows[error.check.name] = error.check_output
            case SchemaErrorReason.WRONG_DATATYPE:
                shape[f"{error.schema.name}_type"] = None
            case SchemaErrorReason.COLUMN_NOT_IN_DATAFRAME:
                shape[f"{error.failure_cases}_present"] = None
            case SchemaErrorReason.COLUMN_NOT_IN_SCHEMA:
                shape[UNKNOWN_COLUMN_RULE] = None
            case _ if not shape:
                # A check that could not run has judged nothing: that is an error, not a breach.
                raise error
            case _:
                pass
    # Rules that were run on a frame of the wrong shape say nothing.
    return shape or rows


def _breach(
    contract: TableContract, rows: "pd.DataFrame", rule: str, passes: "pd.Series | None"
) -> Breach:
    remedy = remedies_of(contract)[rule]
    if passes is None:
        return Breach(rule=rule, failing=len(rows), sample=(), remedy=remedy)
    failing = rows.loc[~passes.to_numpy(dtype=bool)]
    keys = failing.head(SAMPLE)[list(contract.primary_key)]
    return Breach(
        rule=rule,
        failing=len(failing),
        sample=tuple(tuple(map(str, key)) for key in keys.itertuples(index=False)),
        remedy=remedy,
    )


def _arrow_backed(contract: TableContract, frame: "pd.DataFrame | pa.Table") -> "pd.DataFrame":
    """The frame with Arrow-backed columns; a column that cannot become its type stays as it is."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(frame, pa.Table):
        return frame.to_pandas(types_mapper=pd.ArrowDtype)
    types = arrow_schema(contract)
    converted = {
        name: _arrow_column(frame[name], types.field(name).type)
        for name in frame.columns
        if name in contract.by_name and not isinstance(frame[name].dtype, pd.ArrowDtype)
    }
    return frame.assign(**converted) if converted else frame


def _arrow_column(values: "pd.Series", wanted: "pa.DataType") -> "pd.Series":
    import pandas as pd
    import pyarrow as pa

    try:
        array = pa.array(values, wanted, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return values
    return pd.Series(array, index=values.index, dtype=pd.ArrowDtype(wanted))

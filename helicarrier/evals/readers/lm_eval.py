"""Samples of lm-evaluation-harness (`--log_samples`): one JSON Lines file for a task.

A line is a document under one filter, with a number for each metric. An outcome is given by a
metric, as `exact_match,strict-match` where a file has several filters: the lines of a document are
then one record, since they read the same answer. The files name neither model nor latency.
"""

import re
from collections.abc import Mapping
from typing import cast

from helicarrier.canonical import strict_parse
from helicarrier.errors import ContractError
from helicarrier.evals.model import EvalRecord
from helicarrier.evals.readers.base import (
    Gathering,
    Refused,
    Unclear,
    recorded,
    shown,
    truth,
    whole,
)

_START = re.compile(rb'\s*\{\s*"doc_id"\s*:')

Fields = dict[str, object]


class LmEvalReader:
    """Samples of one task."""

    name = "lm-eval"

    def recognises(self, start: bytes) -> bool:
        """A line begins with the document's id."""
        return _START.match(start) is not None

    def read(self, body: bytes, outcomes: Mapping[str, str]) -> list[EvalRecord]:
        """See `Reader.read`."""
        found = Gathering()
        documents: dict[str, dict[str, tuple[int, Fields]]] = {}
        for number, line in enumerate(body.removesuffix(b"\n").split(b"\n"), start=1):
            try:
                _place(documents, number, _line(line))
            except Unclear as error:
                found.wrong(number, f"line {number}", str(error))
        filters = {name for lines in documents.values() for name in lines}
        for source in outcomes.values():
            if len(filters) > 1 and "," not in source:
                problem = f"the file has several filters: name {shown(source)},FILTER"
                raise Refused([*found.problems, whole(problem)])
        for document, lines in documents.items():
            number = min(number for number, _ in lines.values())
            try:
                record = _record(document, lines, outcomes)
            except Unclear as error:
                found.wrong(number, f"line {number}", str(error))
            else:
                found.add(record, number, f"line {number}")
        return found.done()


def _line(line: bytes) -> Fields:
    if not line.strip():
        raise Unclear("the line is empty")
    try:
        value = strict_parse(line).value
    except ContractError as error:
        raise Unclear(error.violations[0].message) from None
    if not isinstance(value, dict):
        raise Unclear("the line is not an object")
    return cast("Fields", value)


def _place(documents: dict[str, dict[str, tuple[int, Fields]]], number: int, line: Fields) -> None:
    document, name = line.get("doc_id"), line.get("filter", "none")
    if isinstance(document, bool) or not isinstance(document, int | str):
        raise Unclear("doc_id is missing")
    if not isinstance(name, str):
        raise Unclear("the filter is not a text")
    lines = documents.setdefault(str(document), {})
    if name in lines:
        raise Unclear(f"the document and filter are those of line {lines[name][0]}")
    lines[name] = number, line


def _record(
    document: str, lines: dict[str, tuple[int, Fields]], outcomes: Mapping[str, str]
) -> EvalRecord:
    def outcome(source: str) -> bool:
        metric, _, name = source.partition(",")
        what = f"the metric {shown(metric)}"
        _, line = lines.get(name, (0, {})) if name else next(iter(lines.values()))
        return truth(line.get(metric), what)

    return recorded(outcomes, outcome, record_id=document, item_id=document)

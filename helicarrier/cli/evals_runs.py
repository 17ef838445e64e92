"""Where the eval commands find a run: in a report file.

A file of records stands for a run as well where only its records are asked for.
"""

from collections.abc import Mapping
from pathlib import Path

from helicarrier.evals import samples
from helicarrier.evals.evaluation import Baseline, Evaluation
from helicarrier.evals.readers.registry import read_file
from helicarrier.evals.report_file import is_report, read_report


def whole_run(target: str) -> Evaluation:
    """A judged run with all that belongs to it.

    Raises:
        InputRejected: the file is missing or no report with samples.
    """
    return read_report(Path(target))


def records_of(target: str, *, format_name: str | None, outcomes: Mapping[str, str]) -> Baseline:
    """The records of a report or of a file of eval results, with the id of their run.

    A file of records has an id that follows from its content.

    Raises:
        InputRejected: the file is missing or refused.
    """
    path = Path(target)
    if is_report(path):
        found = read_report(path)
        return Baseline(
            run_id=found.run.run_id, records=[sample.record for sample in found.samples]
        )
    records = read_file(path, format_name=format_name, outcomes=outcomes)
    return Baseline(run_id=samples.content_id(records), records=records)

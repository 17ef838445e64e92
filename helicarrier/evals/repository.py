"""Eval runs, their samples and verdicts as the gates and the command line see them.

A run is stored whole, in one transaction: there is no verdict whose samples are missing. What is
here loads no database library; `sql_repository` does.
"""

from collections.abc import Sequence
from typing import Protocol

from helicarrier.evals.model import EvalRecord, EvalRun, EvalSample, GateResult


class EvalRepository(Protocol):
    """Runs by id; verdicts and samples in one fixed order."""

    def save(
        self, run: EvalRun, samples: Sequence[EvalSample], verdicts: Sequence[GateResult]
    ) -> bool:
        """Store a run with its samples and verdicts; False when it is stored already.

        Raises:
            Conflict: the run id is taken by a run with other content.
            InputRejected: a run that ended has no samples and is not aborted.
        """
        ...

    def run(self, run_id: str) -> EvalRun | None:
        """One run; None when there is none."""
        ...

    def runs(self, *, limit: int = 50) -> list[EvalRun]:
        """The newest runs, by start and id, newest first."""
        ...

    def samples(self, run_id: str) -> list[EvalSample]:
        """The samples of a run by record id; empty when there is no such run."""
        ...

    def records(self, run_id: str) -> list[EvalRecord]:
        """The records of `samples`."""
        ...

    def verdicts(self, run_id: str) -> list[GateResult]:
        """The verdicts of a run: all samples first, then slices by name, gates in their order."""
        ...

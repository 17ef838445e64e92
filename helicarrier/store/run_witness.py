"""The witness of runs: what another database than the run store's can say about them.

Rows and run store cannot commit together. So whoever writes rows leaves a marker beside them, in
their transaction, and the end of each run leaves the number and the newest link of all events. The
first tells whether a run that died had done its work, the second shows a chain whose tail was cut.
"""

from collections.abc import Sequence
from typing import Protocol

from helicarrier.store.run_model import Anchor, Written


class RunWitness(Protocol):
    """What is kept beside the rows."""

    def written(self, run_id: str) -> Written:
        """What the markers of a run say.

        Raises:
            StorageUnavailable: they cannot be read.
        """
        ...

    def settle(self, run_id: str, anchor: Anchor) -> None:
        """Keep the anchor and let go of the markers: the run has ended and the run store knows.

        Raises:
            NotReady: there is no store to keep it in.
            StorageUnavailable: it cannot be written.
        """
        ...

    def anchors(self) -> Sequence[Anchor]:
        """All anchors, oldest first; none where there is no store."""
        ...

"""The samples of a run as columns: values by gate, items, slices.

Gates read a hundred thousand samples, so records are taken apart once and counted with NumPy. A
value that a record does not have is NaN and is left out of every count. A record without an item id
is an item of its own.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helicarrier.evals.catalog import MEASURES
from helicarrier.evals.enums import ALL, Gate, SliceKey
from helicarrier.evals.model import EvalRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]

_FIELDS = frozenset(key.value for key in SliceKey)

NOT_GIVEN = ""
"""The slice of the records that say nothing about a slice key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFrame:
    """Columns of the same length, in the order of the record ids.

    `values` has NaN where a record says nothing; `items` are codes into `item_names`.
    """

    size: int
    values: "Mapping[Gate, Floats]"
    items: "Codes"
    item_names: Sequence[str]
    records: Sequence[EvalRecord]

    @property
    def repeats(self) -> bool:
        """Whether any item was answered more than once."""
        return len(self.item_names) < self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Slicing:
    """Which slice each sample is in: codes into `names`, which are sorted."""

    key: str
    codes: "Codes"
    names: Sequence[str]


def frame_of(records: Iterable[EvalRecord]) -> SampleFrame:
    """Take records apart."""
    import numpy as np

    ordered = sorted(records, key=lambda record: record.record_id)
    values = {
        gate: np.array([getattr(record, measure.field) for record in ordered], dtype=np.float64)
        for gate, measure in MEASURES.items()
    }
    # An item named like a record of no item must not become that record's.
    keys: list[Hashable] = [
        (record.record_id,) if record.item_id is None else record.item_id for record in ordered
    ]
    codes: dict[Hashable, int] = {}
    items = np.array([codes.setdefault(key, len(codes)) for key in keys], dtype=np.int64)
    return SampleFrame(
        size=len(ordered),
        values=values,
        items=items,
        item_names=[pairing_name(key) for key in codes],
        records=ordered,
    )


def pairing_name(key: Hashable) -> str:
    """The name by which an item is found in another run; records without one pair by their id."""
    return f"record:{key[0]}" if isinstance(key, tuple) else f"item:{key}"


def slicing_of(frame: SampleFrame, key: str, also: Iterable[str] = ()) -> Slicing:
    """Slice the samples by a key; `also` names slices that are expected to have samples."""
    import numpy as np

    found = [label(record, key) for record in frame.records]
    names = sorted({*found, *also})
    place = {name: code for code, name in enumerate(names)}
    codes = np.array([place[name] for name in found], dtype=np.int64)
    return Slicing(key=key, codes=codes, names=names)


def whole(frame: SampleFrame) -> Slicing:
    """All samples as one slice."""
    import numpy as np

    return Slicing(key=ALL, codes=np.zeros(frame.size, dtype=np.int64), names=(ALL,))


def label(record: EvalRecord, key: str) -> str:
    """What a record says about a slice key; `NOT_GIVEN` where it says nothing."""
    if key in _FIELDS:
        return getattr(record, key) or NOT_GIVEN
    return record.slices.get(key, NOT_GIVEN)


def distinct(slices: "Codes", items: "Codes", among: int, count: int) -> "Codes":
    """How many different items are in each of `count` slices; `among` is the number of items."""
    import numpy as np

    pairs = np.unique(slices * max(among, 1) + items)
    return np.bincount(pairs // max(among, 1), minlength=count)

"""Agreement of raters: published values, other programs' values, and a gate that stays shut."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap as scipy_bootstrap
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_kappa

from helicarrier.errors import ContractError, InputRejected
from helicarrier.resolution import agreement
from helicarrier.resolution.agreement import LEAST_KAPPA, bootstrap, fleiss_kappa, measure
from helicarrier.resolution.labels import Label, LabelledItem, read_labels

_PATIENTS = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006
10050 11040 03300 10050 02031 00501 30012 51000 02040 10203
00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""
DIAGNOSES = np.array([[int(count) for count in patient] for patient in _PATIENTS.split()])
"""Thirty patients, six psychiatrists, five diagnoses (Fleiss 1971, table 1)."""

WIKIPEDIA = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)


def item(number: int, *labels: Label | None) -> LabelledItem:
    """An item with the ratings of raters a, b, c; None where one is missing."""
    given_ = zip("abcdef", labels, strict=False)
    return LabelledItem(
        item_id=f"i{number}", ratings={rater: label for rater, label in given_ if label}
    )


YES, NO, UNSURE = Label


def panel(count: int, disagreeing: int) -> list[LabelledItem]:
    """Items on which three raters agree, half of them on each label, but for some."""
    return [
        item(n, YES, YES, NO) if n < disagreeing else item(n, *[YES if n % 2 else NO] * 3)
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("counts", "kappa"), [(DIAGNOSES, 0.43024), (WIKIPEDIA, 0.20993)], ids=["fleiss", "wikipedia"]
)
def test_published_values_come_out(counts: np.ndarray, kappa: float) -> None:
    """To the digits that are published."""
    assert fleiss_kappa(counts) == pytest.approx(kappa, abs=5e-6)


def test_the_labels_of_the_real_data_come_out(realdata: Path) -> None:
    """Eight items open no gate, however well the raters agree."""
    found = measure(read_labels(realdata / "labels" / "phase2_mismatch_labels.jsonl"))
    assert found.kappa == pytest.approx(0.8321678, abs=5e-8)
    assert (found.items, found.raters, found.gate_open) == (8, 3, False)


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(3, 40))
def test_kappa_is_that_of_statsmodels(seed: int, raters: int, items: int) -> None:
    """On random tables with the same number of ratings everywhere."""
    made = np.random.default_rng(seed)
    counts = made.multinomial(raters, [0.5, 0.3, 0.2], size=items)
    ours = fleiss_kappa(counts)
    if ours is None:
        assert (counts.sum(axis=0) > 0).sum() == 1
    else:
        assert ours == pytest.approx(statsmodels_kappa(counts))


def test_the_interval_is_that_of_resampled_items() -> None:
    """Against scipy, which gathers the items of each resample, within Monte-Carlo error."""
    made = np.random.default_rng(3)
    counts = made.multinomial(3, [0.6, 0.3, 0.1], size=120)
    items = [
        item(n, *[label for label, times in zip(Label, row, strict=True) for _ in range(times)])
        for n, row in enumerate(counts)
    ]
    ours = measure(items, resamples=20_000)

    def statistic(*columns: np.ndarray, axis: int) -> np.ndarray:
        table = np.stack(columns, axis=-1)
        flat = table.reshape(-1, *table.shape[-2:])
        kappas = np.array([fleiss_kappa(one) for one in flat])
        return kappas.reshape(table.shape[:-2])

    for method, interval in (("percentile", ours.percentile), ("bca", ours.bca)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = scipy_bootstrap(
                tuple(counts.T),
                statistic,
                paired=True,
                n_resamples=1_500,
                method=method,
                rng=np.random.default_rng(1),
            ).confidence_interval
        assert interval.low == pytest.approx(theirs.low, abs=0.02)
        assert interval.high == pytest.approx(theirs.high, abs=0.02)


def test_the_same_seed_gives_the_same_interval() -> None:
    """And another one another."""
    items = panel(50, 10)
    assert measure(items) == measure(items)
    assert measure(items).percentile != measure(items, seed=2).percentile


def test_resamples_without_a_kappa_are_counted_and_left_out() -> None:
    """They are never taken as 1."""
    counts = np.array([[3, 0, 0]] * 4 + [[0, 3, 0]])
    drawn, undefined = bootstrap(counts, resamples=4_000, seed=1)
    assert undefined / 4_000 == pytest.approx(0.8**5, abs=0.03)
    assert len(drawn) + undefined == 4_000


@pytest.mark.parametrize(
    "items",
    [
        [],
        [item(1, YES)],
        [item(n, YES, YES, YES) for n in range(500)],
    ],
    ids=["none", "one rating", "one category"],
)
def test_without_a_kappa_the_gate_is_shut(items: list[LabelledItem]) -> None:
    """Whatever the number of items."""
    found = measure(items)
    assert (found.kappa, found.gate_open, found.items_needed) == (None, False, None)
    assert found.reason


@pytest.mark.parametrize("disagreeing", [0, 1])
def test_eight_items_never_open_the_gate(disagreeing: int) -> None:
    """Also unanimous ones."""
    found = measure(panel(8, disagreeing))
    assert not found.gate_open
    assert found.items_needed is not None
    assert found.items_needed >= 200
    assert "too few" in found.reason


@pytest.mark.parametrize(("count", "disagreeing", "opened"), [(200, 10, True), (200, 50, False)])
def test_the_gate_asks_for_the_lower_end(count: int, disagreeing: int, opened: bool) -> None:
    """Not for kappa itself, which lies above the limit in the second case nearly so."""
    found = measure(panel(count, disagreeing))
    assert found.gate_open is opened
    assert (found.percentile.low >= LEAST_KAPPA) is opened


def test_the_items_that_are_needed_are_said() -> None:
    """With so many items of the same kind the gate opens; with far fewer it does not."""
    found = measure(panel(200, 29))
    assert not found.gate_open
    assert found.items_needed is not None
    share = 29 / 200
    enough = round(found.items_needed * 1.25)
    assert measure(panel(enough, round(enough * share))).gate_open


def test_missing_ratings_are_counted_and_no_opinion() -> None:
    """Where they leave a pair the item still counts."""
    whole = panel(40, 8)
    gaps = [*whole, item(40, YES, None, YES), item(41, NO)]
    found = measure(gaps)
    assert (found.items, found.single_items, found.missing_ratings) == (41, 1, 3)
    assert found.kappa != measure(whole).kappa


def labels(tmp_path: Path, *lines: object) -> Path:
    """A file of labels."""
    path = tmp_path / "labels.jsonl"
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text(text, encoding="utf-8")
    return path


GOOD = {"id": "i1", "labels": [{"rater_id": "a", "label": "equivalent"}]}


@pytest.mark.parametrize(
    ("line", "pointer", "code"),
    [
        ("{", "/2", "NOT_JSON"),
        ('{"id": "x", "id": "y", "labels": []}', "/2", "DUPLICATE_KEY"),
        ({"id": "x"}, "/2", "INVALID_VALUE"),
        ({"id": "x", "labels": [{"rater_id": "a", "label": "maybe"}]}, "/2", "INVALID_VALUE"),
        ({"id": "x", "labels": GOOD["labels"] * 2}, "/2/labels", "NOT_UNIQUE"),
        (GOOD, "/2/id", "NOT_UNIQUE"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: object, pointer: str, code: str) -> None:
    """And nothing of the file is taken."""
    with pytest.raises(ContractError) as refused:
        read_labels(labels(tmp_path, GOOD, line))
    assert [(v.pointer, v.code) for v in refused.value.violations] == [(pointer, code)]


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """And no empty panel."""
    with pytest.raises(InputRejected):
        read_labels(tmp_path / "nothing.jsonl")


def test_the_seed_is_fixed() -> None:
    """The figures of a gate can be had again."""
    assert agreement.SEED == 20_250_930

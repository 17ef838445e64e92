"""Gates: what passes, what each of them blocks, and that nothing passes without data."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helicarrier.evals.catalog import MEASURES
from helicarrier.evals.enums import ALL, Direction, Gate, Method, Policy, RateInterval, Verdict
from helicarrier.evals.frame import frame_of
from helicarrier.evals.gates import evaluate, passes
from helicarrier.evals.model import DEFAULT_THRESHOLDS, EvalRecord, GateResult
from tests.evals.making import DECISION, judge, record, records

ENOUGH = 1_000
WORST: dict[Gate, object] = {
    gate: measure.direction is Direction.MAX for gate, measure in MEASURES.items()
} | {Gate.P95_LATENCY_MS_MAX: 60_000}
"""A value that counts against each gate."""


def overall(rows: list[GateResult]) -> dict[Gate, GateResult]:
    """The verdicts over all samples."""
    return {row.gate: row for row in rows if row.slice_key == ALL}


def blocked(gate: Gate, count: int = ENOUGH) -> list[EvalRecord]:
    """Samples that are fine but for one gate."""
    return records(count, bad=count * 19 // 20, **{MEASURES[gate].field: WORST[gate]})


def test_run_without_a_flaw_passes_every_gate() -> None:
    """A thousand good samples settle all seven thresholds, in their order."""
    rows = judge(records(ENOUGH))
    assert [row.gate for row in rows] == list(Gate)
    assert passes(rows)
    assert {row.samples_needed for row in rows} == {None}


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize("gate", list(Gate))
def test_each_gate_blocks(gate: Gate, policy: Policy) -> None:
    """A run in which one thing goes wrong fails that gate and no other."""
    rows = judge(blocked(gate), policy=policy)
    assert [row.gate for row in rows if row.verdict is Verdict.FAIL] == [gate]
    assert not passes(rows)


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize("gate", list(Gate))
def test_rate_just_below_its_threshold_does_not_pass(gate: Gate, policy: Policy) -> None:
    """0.98995 is not 0.99: values are compared unrounded."""
    n, threshold = 20_000, DEFAULT_THRESHOLDS[gate]
    share = threshold if MEASURES[gate].direction is Direction.MIN else 1 - threshold
    field, worst = MEASURES[gate].field, WORST[gate]
    if gate is Gate.P95_LATENCY_MS_MAX:
        run = records(n, bad=n, latency_ms=45_001)
    else:
        run = records(n, bad=round(n * (1 - share)) + 1, **{field: worst})
    assert overall(judge(run, policy=policy))[gate].verdict is not Verdict.PASS
    if gate is Gate.SCHEMA_VALID_RATE:
        assert overall(judge(run))[gate].value == 0.98995


@pytest.mark.parametrize("gate", list(Gate))
def test_value_on_its_threshold_passes_as_a_point_and_is_never_settled(gate: Gate) -> None:
    """The threshold itself meets it; no number of samples would tell it from its neighbours."""
    n, threshold = 2_000, DEFAULT_THRESHOLDS[gate]
    share = threshold if MEASURES[gate].direction is Direction.MIN else 1 - threshold
    bad = n if gate is Gate.P95_LATENCY_MS_MAX else round(n * (1 - share))
    worst = 45_000 if gate is Gate.P95_LATENCY_MS_MAX else WORST[gate]
    run = records(n, bad=bad, **{MEASURES[gate].field: worst})
    assert overall(judge(run, policy=Policy.POINT))[gate].verdict is Verdict.PASS
    if MEASURES[gate].is_rate:
        found = overall(judge(run))[gate]
        assert (found.verdict, found.samples_needed) == (Verdict.INCONCLUSIVE, None)


@pytest.mark.parametrize("policy", list(Policy))
def test_empty_run_is_inconclusive(policy: Policy) -> None:
    """No gate passes or fails without samples, and none has a value."""
    rows = judge([], policy=policy)
    assert [row.gate for row in rows] == list(Gate)
    assert {(row.verdict, row.value, row.n, row.method) for row in rows} == {
        (Verdict.INCONCLUSIVE, None, 0, Method.NONE)
    }
    needed = {row.gate: row.samples_needed for row in rows}
    assert needed[Gate.SCHEMA_VALID_RATE] == 381
    assert needed[Gate.SAFETY_HTML_TAILWIND_COMPLIANCE] == 765
    assert not passes(rows)
    assert not passes([])


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize(
    ("gate", "field"),
    [(Gate.P95_LATENCY_MS_MAX, "latency_ms"), (Gate.FALLBACK_RATE_MAX, "fallback_used")],
)
def test_missing_metric_is_inconclusive(gate: Gate, field: str, policy: Policy) -> None:
    """Where no record says it, the gate says so; the others stand."""
    rows = overall(judge(records(ENOUGH, bad=ENOUGH, **{field: None}), policy=policy))
    assert rows[gate].verdict is Verdict.INCONCLUSIVE
    assert rows[gate].value is None
    assert [row.gate for row in rows.values() if row.verdict is not Verdict.PASS] == [gate]


def test_unknown_values_are_left_out_and_not_counted_as_good() -> None:
    """N is the number of samples that say something."""
    run = records(1_000, bad=900, latency_ms=None)
    found = overall(judge(run))[Gate.P95_LATENCY_MS_MAX]
    assert (found.n, found.verdict) == (100, Verdict.PASS)


@pytest.mark.parametrize(("method", "n"), [(RateInterval.WILSON, 381), (RateInterval.EXACT, 299)])
def test_known_number_of_samples_is_the_first_that_passes(method: RateInterval, n: int) -> None:
    """One sample fewer is inconclusive and says that one is missing."""
    gate = Gate.SCHEMA_VALID_RATE
    assert overall(judge(records(n), rate_interval=method))[gate].verdict is Verdict.PASS
    short = overall(judge(records(n - 1), rate_interval=method))[gate]
    assert (short.verdict, short.samples_needed) == (Verdict.INCONCLUSIVE, 1)
    assert short.method.value == method.value


def test_latency_of_few_samples_is_inconclusive() -> None:
    """71 fast answers do not bound a 95th percentile, 72 do."""
    gate = Gate.P95_LATENCY_MS_MAX
    found = overall(judge(records(71)))[gate]
    assert (found.verdict, found.ci_high, found.samples_needed) == (Verdict.INCONCLUSIVE, None, 1)
    assert overall(judge(records(72)))[gate].verdict is Verdict.PASS


def test_repeats_of_an_item_count_once() -> None:
    """Four answers to each of a hundred questions are a hundred observations."""
    run = [record(n, item_id=f"q{n // 4}") for n in range(400)]
    found = overall(judge(run))[Gate.SCHEMA_VALID_RATE]
    assert (found.n, found.verdict, found.samples_needed) == (400, Verdict.INCONCLUSIVE, 281)


def test_each_slice_has_its_verdicts() -> None:
    """A provider that fails is seen although all samples together pass."""
    run = [
        record(n, selected_provider="small" if n < 100 else "big", schema_valid=n >= 20)
        for n in range(10_000)
    ]
    rows = judge(run, slices=("selected_provider",))
    assert overall(rows)[Gate.SCHEMA_VALID_RATE].verdict is Verdict.PASS
    by_slice = {
        row.slice_value: row.verdict
        for row in rows
        if row.slice_key == "selected_provider" and row.gate is Gate.SCHEMA_VALID_RATE
    }
    assert by_slice == {"big": Verdict.PASS, "small": Verdict.FAIL}


@pytest.mark.parametrize("policy", list(Policy))
def test_slice_under_its_minimum_is_inconclusive(policy: Policy) -> None:
    """29 items are not judged, however good or bad they are; the missing number is given."""
    run = [record(n, tenant_id="a" if n < 29 else "b") for n in range(1_000)]
    rows = judge(run, slices=("tenant_id",), policy=policy)
    small = [row for row in rows if row.slice_value == "a"]
    assert {row.verdict for row in small} == {Verdict.INCONCLUSIVE}
    assert small[0].samples_needed == 381 - 29
    assert small[2].samples_needed == 1


@pytest.mark.parametrize("policy", list(Policy))
def test_slice_that_is_asked_for_and_empty_is_inconclusive(policy: Policy) -> None:
    """A provider without samples has rows, and they do not pass."""
    run = [record(n, selected_provider="openai") for n in range(ENOUGH)]
    rows = judge(run, slices=("selected_provider=custom",), policy=policy)
    empty = [row for row in rows if row.slice_value == "custom"]
    assert len(empty) == len(Gate)
    assert {(row.verdict, row.n) for row in empty} == {(Verdict.INCONCLUSIVE, 0)}


def test_records_without_a_label_are_a_slice_of_their_own() -> None:
    """Nobody leaves the verdict by leaving a label out; labels of one's own slice as well."""
    run = [record(n, slices={"locale": "de"} if n % 2 else {}) for n in range(ENOUGH)]
    rows = judge(run, slices=("locale",))
    assert {row.slice_value: row.n for row in rows} == {"all": 1000, "": 500, "de": 500}


def test_no_worse_than_the_baseline_passes() -> None:
    """The difference and its interval stand in the row."""
    run = records(5_000, bad=10, schema_valid=False)
    found = overall(judge(run, baseline=records(5_000)))[Gate.SCHEMA_VALID_RATE]
    assert found.verdict is Verdict.PASS
    assert found.baseline_run_id == "baseline"
    assert found.delta == -0.002
    assert found.delta_ci_low is not None
    assert -0.01 < found.delta_ci_low < -0.002


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize("gate", list(Gate))
def test_each_gate_blocks_a_run_that_is_worse_than_its_baseline(gate: Gate, policy: Policy) -> None:
    """Within the threshold, but far beyond the margin below what there was."""
    n, field = 5_000, MEASURES[gate].field
    thresholds = {**DEFAULT_THRESHOLDS, gate: 0.5 if MEASURES[gate].is_rate else 70_000}
    bad = n if gate is Gate.P95_LATENCY_MS_MAX else n // 5
    run = records(n, bad=bad, **{field: WORST[gate]})
    rows = judge(run, baseline=records(n), thresholds=thresholds, policy=policy)
    assert [row.gate for row in rows if row.verdict is Verdict.FAIL] == [gate]
    without = judge(run, thresholds=thresholds, policy=policy)
    assert passes(without)


def test_few_items_cannot_show_that_nothing_got_worse() -> None:
    """380 samples without any difference leave a loss of one point open."""
    thresholds = {Gate.SCHEMA_VALID_RATE: 0.5}
    for n, verdict in ((380, Verdict.INCONCLUSIVE), (381, Verdict.PASS)):
        (row,) = judge(records(n), baseline=records(n), thresholds=thresholds)
        assert row.verdict is verdict
        assert (row.samples_needed is None) is (verdict is Verdict.PASS)


def test_runs_without_common_items_are_not_compared() -> None:
    """Nothing is paired that does not belong together."""
    others = [replace(each, record_id=f"x{each.record_id}") for each in records(ENOUGH)]
    rows = judge(records(ENOUGH), baseline=others)
    assert {(row.verdict, row.delta) for row in rows} == {(Verdict.INCONCLUSIVE, None)}


def test_slices_compare_the_same_items_however_the_baseline_routed_them() -> None:
    """A new provider's items are held against what the old one made of them."""
    run = [record(n, selected_provider="new", schema_valid=n >= 500) for n in range(5_000)]
    before = [record(n, selected_provider="old") for n in range(5_000)]
    schema = {Gate.SCHEMA_VALID_RATE: 0.5}
    rows = judge(run, baseline=before, slices=("selected_provider",), thresholds=schema)
    found = {row.slice_value: (row.verdict, row.delta) for row in rows}
    assert found["new"] == (Verdict.FAIL, -0.1)


def test_one_slice_of_many_is_not_called_worse_by_chance() -> None:
    """What would fail as the only slice is inconclusive as one of forty."""

    # 8 of 60 items are lost: worse than a margin of one point by itself, p = 0.002 or so.
    def run_with(slices: int) -> list[GateResult]:
        after = [
            record(n, tenant_id=f"t{n // 60:02}", schema_valid=n >= 6) for n in range(60 * slices)
        ]
        return judge(
            after,
            baseline=records(60 * slices),
            slices=("tenant_id",),
            thresholds={Gate.SCHEMA_VALID_RATE: 0.5},
        )

    def first(rows: list[GateResult]) -> GateResult:
        return next(row for row in rows if row.slice_value == "t00")

    assert first(run_with(1)).verdict is Verdict.FAIL
    found = first(run_with(80))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "not as one of 80 slices" in found.reason


@given(seed=st.integers(0, 2**32))
@settings(max_examples=15)
def test_order_of_samples_does_not_matter(seed: int) -> None:
    """The same samples in any order give the same rows, with slices and a baseline."""
    rng = Random(seed)
    run = [
        record(
            n,
            schema_valid=rng.random() < 0.97,
            latency_ms=rng.choice([None, rng.randrange(60_000)]),
            tenant_id=rng.choice([None, "a", "b"]),
            item_id=f"q{n // 2}",
        )
        for n in range(120)
    ]
    before = [replace(each, schema_valid=rng.random() < 0.97) for each in run]
    expected = judge(run, baseline=before, slices=("tenant_id",))
    rng.shuffle(run)
    rng.shuffle(before)
    assert judge(run, baseline=before, slices=("tenant_id",)) == expected


def test_decision_and_baseline_belong_together() -> None:
    """A decision that names a baseline is not taken without it."""
    with pytest.raises(ValueError, match="baseline"):
        evaluate("run", frame_of(records(1)), replace(DECISION, baseline_run_id="b"))

"""The one form of a record: whole, without inventions, independent of order."""

import pytest

from helicarrier.evals import samples
from helicarrier.evals.enums import RouteStrategy
from helicarrier.evals.model import EvalRecord

BARE = EvalRecord(
    record_id="r-1",
    schema_valid=True,
    patch_apply_success=False,
    edited_after_generate=True,
    published_within_7d=False,
    safety_html_tailwind_compliant=True,
)
FULL = EvalRecord(
    record_id="r-0 \N{SNOWMAN}",
    schema_valid=False,
    patch_apply_success=True,
    edited_after_generate=False,
    published_within_7d=True,
    safety_html_tailwind_compliant=False,
    fallback_used=False,
    latency_ms=0,
    requested_provider="openai",
    selected_provider="custom",
    route_strategy=RouteStrategy.FALLBACK,
    request_id="0b8f4c1e-7a43-4b51-9a36-0c8e1a7f2d11",
    tenant_id="t",
    route_id="r",
    model_id="m",
    model_version_id="v",
    item_id="i",
    slices={"locale": "de", "\N{ROCKET}": "x", "\uffff": "y"},
)


def test_what_a_record_does_not_say_is_left_out() -> None:
    """Neither false nor zero nor null stands in for an unknown value."""
    assert set(samples.as_json(BARE)) == {
        "record_id",
        "schema_valid",
        "patch_apply_success",
        "edited_after_generate",
        "published_within_7d",
        "safety_html_tailwind_compliant",
    }


@pytest.mark.parametrize("record", [BARE, FULL], ids=["bare", "full"])
def test_record_comes_back_from_its_columns(record: EvalRecord) -> None:
    """Columns as a database gives them, with 0 and 1, and the metadata make the same record."""
    whole = samples.as_json(record)
    columns = {
        name: int(value) if isinstance(value, bool) else value
        for name, value in whole.items()
        if name not in samples.EXTRAS
    }
    assert samples.from_columns(columns, samples.extras(record)) == record


def test_digest_is_that_of_the_canonical_lines_in_order_of_ids() -> None:
    """The frozen value holds the form in place: a change of it would break every replay."""
    expected = "b7c37c6defa24c77554c253cd8918942ce9c4352b92bf5482966fc9f2e61f81f"
    assert samples.digest([BARE, FULL]) == samples.digest([FULL, BARE])
    assert samples.digest([BARE, FULL]) == expected


def test_sample_id_depends_on_run_and_record() -> None:
    """The same record of the same run has the same id, of another run another one."""
    assert samples.sample_id("run", "r-1") == samples.sample_id("run", "r-1")
    ids = {samples.sample_id("run", "r-1"), samples.sample_id("run", "r-2")}
    assert len(ids | {samples.sample_id("other", "r-1")}) == 3

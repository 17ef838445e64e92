"""What each gate measures: its metric, the field of the record behind it, and its good side.

The metric names are the columns of the summary view, so that a gate, the view and the report speak
of the same number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from helicarrier.evals.enums import Direction, Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """`field` of the record, averaged as `metric`; the latency's metric is its 95th percentile."""

    metric: str
    field: str
    direction: Direction

    @property
    def is_rate(self) -> bool:
        """Whether it is a share of samples from 0 to 1."""
        return self.field != LATENCY


LATENCY = "latency_ms"
PERCENTILE = 0.95

MEASURES: Mapping[Gate, Measure] = MappingProxyType(
    {
        Gate.SCHEMA_VALID_RATE: Measure(
            metric="schema_valid_rate", field="schema_valid", direction=Direction.MIN
        ),
        Gate.PATCH_APPLY_SUCCESS: Measure(
            metric="patch_apply_success", field="patch_apply_success", direction=Direction.MIN
        ),
        Gate.EDIT_AFTER_GENERATE_RATE: Measure(
            metric="edit_after_generate_rate",
            field="edited_after_generate",
            direction=Direction.MIN,
        ),
        Gate.PUBLISH_CONVERSION_PROXY: Measure(
            metric="publish_conversion_proxy",
            field="published_within_7d",
            direction=Direction.MIN,
        ),
        Gate.SAFETY_HTML_TAILWIND_COMPLIANCE: Measure(
            metric="safety_html_tailwind_compliance",
            field="safety_html_tailwind_compliant",
            direction=Direction.MIN,
        ),
        Gate.FALLBACK_RATE_MAX: Measure(
            metric="fallback_rate", field="fallback_used", direction=Direction.MAX
        ),
        Gate.P95_LATENCY_MS_MAX: Measure(
            metric="p95_latency_ms", field=LATENCY, direction=Direction.MAX
        ),
    }
)

OUTCOMES = (
    "schema_valid",
    "patch_apply_success",
    "edited_after_generate",
    "published_within_7d",
    "safety_html_tailwind_compliant",
)
"""What every record has to say."""

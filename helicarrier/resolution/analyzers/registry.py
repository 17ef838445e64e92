"""One analyzer for each mismatch type; a type without one could never be judged."""

from collections.abc import Mapping
from types import MappingProxyType

from helicarrier.resolution.analyzers import (
    infra_env_drift,
    json_ordering,
    markdown_formatting,
    nondeterminism,
    numeric_epsilon,
    policy_violation,
    semantics_code,
    semantics_text,
    whitespace,
)
from helicarrier.resolution.analyzers.base import Analyzer
from helicarrier.resolution.enums import MismatchType

ANALYZERS: Mapping[MismatchType, Analyzer] = MappingProxyType(
    {
        MismatchType.WHITESPACE: whitespace.analyze,
        MismatchType.MARKDOWN_FORMATTING: markdown_formatting.analyze,
        MismatchType.JSON_ORDERING: json_ordering.analyze,
        MismatchType.SEMANTICS_TEXT: semantics_text.analyze,
        MismatchType.SEMANTICS_CODE: semantics_code.analyze,
        MismatchType.NONDETERMINISM: nondeterminism.analyze,
        MismatchType.POLICY_VIOLATION: policy_violation.analyze,
        MismatchType.INFRA_ENV_DRIFT: infra_env_drift.analyze,
        MismatchType.NUMERIC_EPSILON: numeric_epsilon.analyze,
    }
)

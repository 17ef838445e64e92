"""Policies and criteria as JSON documents: held to their JSON Schema before they mean anything.

The default policy and criteria are packaged. A document is refused as a whole, with every place
that breaks the schema; what the schema cannot say (two rules for one type and environment, a type
that no rule names) is checked behind it.
"""

from functools import cache
from pathlib import Path
from typing import Any

from helicarrier.canonical import canonical_bytes, sha256, strict_parse
from helicarrier.errors import ContractError, ErrorCode, Violation
from helicarrier.resolution.enums import (
    Action,
    ArtifactType,
    Environment,
    EquivalenceMethod,
    MismatchType,
    SafetyLevel,
)
from helicarrier.resolution.json_schema import violations_of
from helicarrier.resolution.policy import Criterion, Policy, Rule

DOCUMENTS = Path(__file__).parent / "documents"
POLICY_SCHEMA = "policy_v1.schema.json"
CRITERION_SCHEMA = "criterion_v1.schema.json"
DEFAULT_POLICY = "policy.phase2.default.v1.json"


@cache
def default_policy() -> Policy:
    """The policy that is in force where none was activated."""
    return read_policy(packaged(DEFAULT_POLICY))


@cache
def default_criteria() -> tuple[Criterion, ...]:
    """The packaged criteria, by id."""
    folder = DOCUMENTS / "criteria"
    names = sorted(found.name for found in folder.iterdir() if found.name.endswith(".json"))
    return tuple(read_criterion((folder / name).read_bytes()) for name in names)


def packaged(name: str) -> bytes:
    """A packaged document or schema."""
    return (DOCUMENTS / name).read_bytes()


def read_policy(body: bytes) -> Policy:
    """A policy from its document.

    Raises:
        ContractError: VALIDATION_ERROR, with every place that is wrong.
    """
    found = _valid(body, POLICY_SCHEMA, "policy")
    try:
        policy = Policy(
            policy_id=found["policy_id"],
            version=found["version"],
            rules=tuple(_rule(each) for each in found["rules"]),
        )
    except ValueError as error:
        raise _refused("policy", [_violation("/rules", "NOT_UNIQUE", str(error))]) from None
    if unruled := policy.unruled():
        named = ", ".join(unruled)
        message = f"no rule names {named}; give each type a rule, if one that allows nothing"
        raise _refused("policy", [_violation("/rules", "MISSING_RULE", message)])
    return policy


def read_criterion(body: bytes) -> Criterion:
    """A criterion from its document.

    Raises:
        ContractError: VALIDATION_ERROR, with every place that is wrong.
    """
    found = _valid(body, CRITERION_SCHEMA, "criterion")
    return Criterion(
        criterion_id=found["criterion_id"],
        version=found["version"],
        artifact_type=ArtifactType(found["artifact_type"]),
        mismatch_types=tuple(map(MismatchType, found["mismatch_types"])),
        method=EquivalenceMethod(found["method"]),
        minimum_confidence=float(found["minimum_confidence"]),
    )


def read_either(body: bytes) -> Policy | Criterion:
    """A policy or a criterion, by the id that the document gives itself.

    Raises:
        ContractError: VALIDATION_ERROR, with every place that is wrong.
    """
    value = strict_parse(body).value
    names_criterion = isinstance(value, dict) and "criterion_id" in value
    return read_criterion(body) if names_criterion else read_policy(body)


def stored_form(body: bytes) -> tuple[str, str]:
    """A document as it is stored, canonical, and its SHA-256: layout does not make a version."""
    canonical = canonical_bytes(strict_parse(body).value)
    return canonical.decode(), sha256(canonical)


def _valid(body: bytes, schema: str, what: str) -> dict[str, Any]:
    value = strict_parse(body).value
    violations = list(violations_of(value, DOCUMENTS / schema))
    if violations or not isinstance(value, dict):
        raise _refused(what, violations)
    return value


def _rule(found: dict[str, Any]) -> Rule:
    return Rule(
        mismatch_type=MismatchType(found["mismatch_type"]),
        environments=tuple(map(Environment, found["environments"])),
        allowed_actions=tuple(map(Action, found["allowed_actions"])),
        safety_level=SafetyLevel(found["safety_level"]),
        required_evidence=tuple(found["required_evidence"]),
        minimum_confidence=float(found["minimum_confidence"]),
        dual_key=found["dual_key"],
    )


def _violation(place: str, code: str, message: str) -> Violation:
    return Violation(pointer=place, code=code, message=message)


def _refused(what: str, violations: list[Violation]) -> ContractError:
    return ContractError(
        ErrorCode.VALIDATION_ERROR, f"the {what} breaks its schema or its rules", violations
    )

"""Policy conformance: each type in each environment, thresholds, evidence, levels."""

import json
from dataclasses import replace
from itertools import pairwise, product

import pytest

from helicarrier.canonical import canonical_bytes
from helicarrier.errors import Conflict, ContractError, UsageError
from helicarrier.resolution import policy_documents as documents
from helicarrier.resolution.enums import (
    Action,
    ArtifactType,
    Environment,
    EquivalenceMethod,
    MismatchType,
    SafetyLevel,
)
from helicarrier.resolution.policy import BY_PEOPLE, Policy, Request, Rule, permit, thresholds_of
from helicarrier.resolution.sql_documents import SqlDocuments
from helicarrier.store.operational import OperationalStore
from tests.resolution.deciding import NOW

# type, environments, allowed actions, safety, evidence, minimum confidence, dual key
TABLE = """
json_ordering dev,stage,prod canonicalize_json,reserialize automatic diff.json,equivalence.json .95 no
whitespace dev,stage normalize_whitespace automatic diff.text .98 no
whitespace prod normalize_whitespace advisory diff.text,human_approval .98 no
markdown_formatting dev,stage rewrite_formatting advisory diff.markdown,format_preservation_check .9 no
markdown_formatting prod ignore_mismatch experimental diff.markdown,format_preservation_check .95 yes
semantics_text dev,stage rewrite_formatting experimental llm_rubric,cosine_sim,human_approval .85 yes
semantics_text prod ignore_mismatch experimental llm_rubric,cosine_sim,human_approval .9 yes
semantics_code dev ignore_mismatch experimental ast_diff,test_execution,human_approval,dual_key .95 yes
nondeterminism dev,stage,prod ignore_mismatch experimental pattern_analysis,human_approval .8 no
numeric_epsilon dev,stage,prod ignore_mismatch advisory diff.json,human_approval .95 no
policy_violation dev,stage,prod - experimental security_review,human_approval,dual_key 1 yes
infra_env_drift dev,stage,prod ignore_mismatch experimental env_analysis,human_approval .75 no
""".strip()  # noqa: E501  a row is a row
POLICY = documents.default_policy()
PAIRS = list(product(MismatchType, Environment))


def rows() -> dict[tuple[str, str], tuple[object, ...]]:
    """The table by type and environment."""
    found = {}
    for line in TABLE.splitlines():
        kind, environments, actions, safety, evidence, confidence, dual = line.split()
        for environment in environments.split(","):
            found[kind, environment] = (
                () if actions == "-" else tuple(actions.split(",")),
                safety,
                tuple(evidence.split(",")),
                float(confidence),
                dual == "yes",
            )
    return found


def request(kind: MismatchType, environment: Environment, **changes: object) -> Request:
    """A request that has everything which its rule asks for."""
    rule = POLICY.rule(kind, environment)
    asked = Request(
        mismatch_type=kind,
        environment=environment,
        actions=rule.allowed_actions[:1] if rule else (Action.IGNORE_MISMATCH,),
        confidence=1.0,
        proven=True,
        evidence=frozenset(rule.required_evidence if rule else ()) - BY_PEOPLE,
    )
    return replace(asked, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "environment"), PAIRS)
def test_default_policy_is_the_table(kind: MismatchType, environment: Environment) -> None:
    """Every type in every environment; what the table leaves out has no rule."""
    rule = POLICY.rule(kind, environment)
    found = rule and (
        rule.allowed_actions,
        rule.safety_level,
        rule.required_evidence,
        rule.minimum_confidence,
        rule.dual_key,
    )
    assert found == rows().get((kind.value, environment.value))


@pytest.mark.parametrize(("kind", "environment"), PAIRS)
def test_each_action_is_allowed_exactly_where_its_rule_says(
    kind: MismatchType, environment: Environment
) -> None:
    """No rule, no permission; an action that the rule does not name is refused."""
    rule = POLICY.rule(kind, environment)
    allowed = {
        action
        for action in Action
        if permit(POLICY, request(kind, environment, actions=(action,))).allowed
    }
    assert allowed == set(rule.allowed_actions if rule else ())


@pytest.mark.parametrize("kind", MismatchType)
def test_care_grows_from_environment_to_environment(kind: MismatchType) -> None:
    """From dev over stage to prod: never less confidence, fewer people, a lower level."""
    known = [rule for each in Environment if (rule := POLICY.rule(kind, each)) is not None]
    for before, after in pairwise(known):
        assert after.minimum_confidence >= before.minimum_confidence
        assert after.safety_level.rank >= before.safety_level.rank
        assert after.dual_key >= before.dual_key
    ruled = [POLICY.rule(kind, each) is not None for each in Environment]
    assert ruled == sorted(ruled, reverse=True)


@pytest.mark.parametrize(
    "rule", POLICY.rules, ids=lambda rule: f"{rule.mismatch_type}-{rule.environments[0]}"
)
def test_dual_key_means_two_people(rule: Rule) -> None:
    """Whatever its level, a rule with dual key needs two."""
    needed = rule.safety_level.approvals(dual_key=rule.dual_key)
    assert needed == (2 if rule.dual_key else min(rule.safety_level.rank, 1))


@pytest.mark.parametrize(
    "rule", POLICY.rules, ids=lambda rule: f"{rule.mismatch_type}-{rule.environments[0]}"
)
def test_destructive_actions_are_never_automatic(rule: Rule) -> None:
    """What may lose something waits for people."""
    if rule.safety_level is SafetyLevel.AUTOMATIC:
        assert not any(action.destructive for action in rule.allowed_actions)


def test_nothing_is_automatic_without_a_proof() -> None:
    """A score, however high, gives an advisory plan."""
    asked = request(MismatchType.JSON_ORDERING, Environment.DEV, proven=False)
    found = permit(POLICY, asked)
    assert (found.allowed, found.safety_level) == (True, SafetyLevel.ADVISORY)
    assert permit(POLICY, replace(asked, proven=True)).safety_level is SafetyLevel.AUTOMATIC


def test_stricter_threshold_holds() -> None:
    """Policy, criterion and whatever else: the highest of them."""
    asked = request(MismatchType.JSON_ORDERING, Environment.DEV, confidence=0.97)
    assert permit(POLICY, asked).minimum_confidence == 0.95
    lower = permit(POLICY, replace(asked, thresholds=(0.5, 0.9)))
    assert (lower.allowed, lower.minimum_confidence) == (True, 0.95)
    higher = permit(POLICY, replace(asked, thresholds=(0.99,)))
    assert (higher.allowed, higher.minimum_confidence) == (False, 0.99)


def test_unknown_confidence_and_missing_evidence_are_refused() -> None:
    """No data is never a pass, and each reason is told."""
    asked = request(MismatchType.WHITESPACE, Environment.DEV, confidence=None, actions=())
    found = permit(POLICY, replace(asked, evidence=frozenset()))
    assert found.refusals == (
        "there is nothing to do",
        "the confidence is unknown; 0.98 is needed",
        "evidence is missing: diff.text",
    )


def test_policy_violations_allow_nothing() -> None:
    """A rule without actions is an answer, too."""
    for environment in Environment:
        for action in Action:
            asked = request(MismatchType.POLICY_VIOLATION, environment, actions=(action,))
            assert not permit(POLICY, asked).allowed


def body(**changes: object) -> bytes:
    """The default policy with some members changed."""
    found = json.loads(documents.packaged(documents.DEFAULT_POLICY))
    return canonical_bytes({**found, **changes})


def rule(**changes: object) -> list[object]:
    """The default rules, the first one changed."""
    first, *others = json.loads(body())["rules"]
    return [{**first, **changes}, *others]


@pytest.mark.parametrize(
    ("broken", "pointer"),
    [
        (body(rulez=[]), ""),
        (body(version=0), "/version"),
        (body(rules=[]), "/rules"),
        (body(rules=rule(mismatch_type="colour")), "/rules/0/mismatch_type"),
        (body(rules=rule(safety_level="none")), "/rules/0/safety_level"),
        (body(rules=rule(minimum_confidence=1.1)), "/rules/0/minimum_confidence"),
        (body(rules=rule(dual_key=True)), "/rules/0/dual_key"),
        (body(rules=rule(allowed_actions=["replace_artifact"])), "/rules/0/allowed_actions/0"),
        (body(rules=[*rule(), rule()[0]]), "/rules"),
        (body(rules=rule()[1:]), "/rules"),
        (b"[]", ""),
    ],
    ids=[
        "unknown member",
        "version",
        "no rules",
        "unknown type",
        "unknown level",
        "threshold",
        "automatic with dual key",
        "automatic and destructive",
        "two rules for one place",
        "a type without a rule",
        "no object",
    ],
)
def test_broken_policy_is_refused_with_its_place(broken: bytes, pointer: str) -> None:
    """A document means something as a whole or not at all."""
    with pytest.raises(ContractError) as error:
        documents.read_policy(broken)
    assert pointer in {one.pointer for one in error.value.violations}


def test_schemas_know_the_vocabulary_of_the_code() -> None:
    """An enum that grows and a schema that does not would refuse what the code can do."""
    policy = json.loads(documents.packaged(documents.POLICY_SCHEMA))["$defs"]["rule"]["properties"]
    criterion = json.loads(documents.packaged(documents.CRITERION_SCHEMA))["properties"]
    lists = [
        (policy["mismatch_type"], MismatchType),
        (policy["environments"]["items"], Environment),
        (policy["allowed_actions"]["items"], Action),
        (policy["safety_level"], SafetyLevel),
        (criterion["artifact_type"], ArtifactType),
        (criterion["mismatch_types"]["items"], MismatchType),
        (criterion["method"], EquivalenceMethod),
    ]
    for schema, enum in lists:
        assert schema["enum"] == [member.value for member in enum]
    assert set(policy["required_evidence"]["items"]["enum"]) >= BY_PEOPLE


def test_packaged_criteria_are_valid_and_no_stricter_rule_is_undercut() -> None:
    """Each threshold of a criterion is one that a rule of its types knows."""
    for criterion in documents.default_criteria():
        for kind in criterion.mismatch_types:
            known = [r.minimum_confidence for r in POLICY.rules if r.mismatch_type is kind]
            assert criterion.minimum_confidence >= min(known)
    assert thresholds_of(documents.default_criteria(), MismatchType.JSON_ORDERING) == (0.95,)


def test_stored_policy_is_in_force_once_activated(store: OperationalStore) -> None:
    """One at a time; other content under a known version is refused."""
    repository = SqlDocuments(store)
    assert repository.active_policy() == POLICY
    second = repository.add_policy(body(version=2), now=NOW)
    assert repository.add_policy(body(version=2), now=NOW) == second
    assert repository.active_policy() == POLICY
    repository.activate(POLICY.policy_id, 2, actor="ada", now=NOW)
    assert repository.active_policy() == second
    repository.add_policy(body(), now=NOW)
    repository.activate(POLICY.policy_id, 1, actor="ada", now=NOW)
    assert repository.active_policy() == POLICY
    with pytest.raises(Conflict):
        repository.add_policy(body(version=2, description="other"), now=NOW)
    with pytest.raises(UsageError):
        repository.activate(POLICY.policy_id, 9, actor="ada", now=NOW)
    assert repository.active_policy() == POLICY


def test_newest_criterion_holds(store: OperationalStore) -> None:
    """A stored version stands before the packaged one."""
    repository = SqlDocuments(store)
    packaged = json.loads(documents.packaged("criteria/eqc.json.v1.json"))
    repository.add_criterion(
        canonical_bytes({**packaged, "version": 2, "minimum_confidence": 0.99}), now=NOW
    )
    assert thresholds_of(repository.criteria(), MismatchType.JSON_ORDERING) == (0.99,)
    with pytest.raises(ContractError):
        repository.add_criterion(canonical_bytes({**packaged, "extra": 1}), now=NOW)


def test_no_two_rules_for_one_place() -> None:
    """A policy that could be read in two ways is none."""
    with pytest.raises(ValueError, match="two rules"):
        Policy(policy_id="policy.x", version=1, rules=(POLICY.rules[0], POLICY.rules[0]))

"""Two runs that were made in different surroundings: the diff of their environment manifests.

An artefact is such a manifest where it is JSON with an object `environment`, or with the fields of
one. Analysis only: that surroundings differ explains a mismatch and settles none. Where and by whom
a run was made is named, masked, and does not count as drift.
"""

from collections.abc import Iterator, Mapping

from helicarrier.canonical import JSONValue, plain_bytes
from helicarrier.resolution.analyzers import json_tree
from helicarrier.resolution.analyzers.base import Question, Unreadable
from helicarrier.resolution.enums import EquivalenceMethod, MismatchType
from helicarrier.resolution.model import Analysis, Artifact, Finding, Masked

_FIELDS = {"git_sha", "python_version", "platform"}
_PLACE = {"hostname", "user"}
_QUESTION = Question(
    mismatch_type=MismatchType.INFRA_ENV_DRIFT, method=EquivalenceMethod.CANONICAL_JSON
)

Environment = Mapping[str, JSONValue]


def analyze(golden: Artifact, candidate: Artifact) -> Analysis:
    """Equivalent where both manifests tell of the same surroundings."""
    return _QUESTION.decide(golden, candidate, environment_of, drift)


def drift(golden: Environment, candidate: Environment) -> Analysis:
    """The difference of two environments, each field with its values."""
    elsewhere = sorted(key for key in _PLACE if golden.get(key) != candidate.get(key))
    return _QUESTION.compared(
        _counted(golden),
        _counted(candidate),
        findings=_findings(golden, candidate),
        masked=tuple(
            Masked(kind=key, golden=int(key in golden), candidate=int(key in candidate))
            for key in elsewhere
        ),
    )


def environment_of(one: Artifact) -> Environment:
    """The environment in a manifest.

    Raises:
        Unreadable: no JSON, or NO_MANIFEST.
    """
    tree = json_tree.read(one).value
    inner = tree.get("environment") if isinstance(tree, dict) else None
    found = inner if isinstance(inner, dict) else tree
    if not isinstance(found, dict) or not found.keys() >= _FIELDS:
        raise Unreadable("NO_MANIFEST", "it is no manifest of an environment")
    return found


def _counted(environment: Environment) -> bytes:
    return plain_bytes({key: value for key, value in environment.items() if key not in _PLACE})


def _findings(golden: Environment, candidate: Environment) -> Iterator[Finding]:
    for key in sorted(golden.keys() | candidate.keys()):
        if key in golden and key in candidate and golden[key] == candidate[key]:
            continue
        code = "PLACE" if key in _PLACE else "DRIFT"
        yield Finding(code=code, where=f"/environment/{key}", message="the value is another one")

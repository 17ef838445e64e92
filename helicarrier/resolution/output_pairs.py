"""Output pairs: JSON Lines of a golden artefact and a candidate, and the sessions that made them.

    {"golden": {"artifact_id", "content", "syntax"?, "session_id"?},
     "candidate": {...}, "provenance"?: {"seeds", "model_versions", "checkpoint_id"}}

`syntax` is plain, markdown, json, python or other; without it the content decides, with caution. A
file is taken whole or refused with every bad line named.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from helicarrier.canonical import JSONValue, strict_parse
from helicarrier.errors import ContractError, ErrorCode, InputRejected, Violation
from helicarrier.resolution.enums import ArtifactType, Syntax
from helicarrier.resolution.model import Artifact, artifact
from helicarrier.resolution.syntax import syntax_of_content

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPair:
    """Two outputs that should say the same; the sessions are ids of the ledger, where known."""

    golden: Artifact
    candidate: Artifact
    golden_session: str | None
    candidate_session: str | None
    provenance: dict[str, JSONValue]


class _Side(msgspec.Struct, forbid_unknown_fields=True):
    artifact_id: _Text
    content: str
    syntax: Syntax | None = None
    session_id: _Text | None = None

    def artifact(self) -> Artifact:
        content = self.content.encode()
        syntax = self.syntax or syntax_of_content(ArtifactType.TEXT, content)
        return artifact(self.artifact_id, content, syntax)


class _Pair(msgspec.Struct, forbid_unknown_fields=True):
    golden: _Side
    candidate: _Side
    provenance: dict[str, object] = {}


def read_pairs(path: Path) -> list[OutputPair]:
    """The pairs of a file, in its order.

    Raises:
        InputRejected: NOT_FOUND, there is no such file.
        ContractError: VALIDATION_ERROR, with a violation for each bad line.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        raise InputRejected(
            f"the file {path} cannot be read",
            code=ErrorCode.NOT_FOUND,
            hint="Name a file of JSON Lines with pairs of outputs.",
        ) from None
    pairs: list[OutputPair] = []
    bad: list[Violation] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            pairs.append(_pair(line))
        except (ContractError, msgspec.ValidationError) as error:
            bad.append(_violation(number, error))
    bad += _changed(pairs)
    if bad:
        raise ContractError(ErrorCode.VALIDATION_ERROR, "the pairs cannot be read", bad)
    return pairs


def _pair(line: bytes) -> OutputPair:
    value = strict_parse(line).value
    found = msgspec.convert(value, _Pair)
    provenance = value.get("provenance", {}) if isinstance(value, dict) else {}
    return OutputPair(
        golden=found.golden.artifact(),
        candidate=found.candidate.artifact(),
        golden_session=found.golden.session_id,
        candidate_session=found.candidate.session_id,
        provenance=provenance if isinstance(provenance, dict) else {},
    )


def _changed(pairs: list[OutputPair]) -> Iterator[Violation]:
    """An id stands for the same bytes wherever it is used."""
    hashes: dict[str, str] = {}
    for pair in pairs:
        for one in (pair.golden, pair.candidate):
            if hashes.setdefault(one.artifact_id, one.content_hash) != one.content_hash:
                yield Violation(
                    pointer=f"/{one.artifact_id}",
                    code="NOT_UNIQUE",
                    message="the id stands for two contents",
                )


def _violation(number: int, error: Exception) -> Violation:
    if isinstance(error, ContractError):
        first = error.violations[0]
        return Violation(pointer=f"/{number}", code=first.code, message=first.message)
    return Violation(
        pointer=f"/{number}", code="INVALID_VALUE", message="the pair breaks the contract"
    )

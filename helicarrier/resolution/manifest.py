"""The manifest of a resolution run: made with what, from what, at what cost, with what result.

It is validated by `benchmark/manifests/run_manifest_v1.schema.json` before it is written, whole or
not at all, so that a manifest that exists can be trusted to say everything the schema asks for.
"""

import getpass
import os
import platform
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import msgspec

from helicarrier.canonical import JSONValue, strict_parse
from helicarrier.errors import ContractError, ErrorCode, StorageUnavailable
from helicarrier.money import dollars
from helicarrier.resolution.json_schema import PROJECT_FILES, violations_of
from helicarrier.resolution.model import Artifact
from helicarrier.resolution.runtime import Budgets
from helicarrier.times import utc_text

SCHEMA = PROJECT_FILES / "manifests" / "run_manifest_v1.schema.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Tokens and US dollars of a run; without a model all of it is nothing, and known to be."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    embedding_tokens: int = 0
    analysis_usd: Decimal = Decimal(0)
    judge_usd: Decimal = Decimal(0)
    embeddings_usd: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """How many pairs came out how; `identical` ones had no mismatch."""

    pairs: int
    identical: int
    equivalent: int
    proven: int
    not_equivalent: int
    undecidable: int
    by_type: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunManifest:
    """What is written; `environment` is that of `surroundings`."""

    run_id: UUID
    environment: Mapping[str, str]
    budgets: Budgets
    artifacts: Sequence[Artifact]
    results: Results
    started_at: datetime
    ended_at: datetime
    costs: Costs = Costs()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, JSONValue]:
        """The manifest as JSON, in the order of the schema."""
        costs = self.costs
        return {
            "schema_version": "1",
            "run_id": str(self.run_id),
            "environment": dict(self.environment),
            "budgets": _exact(self.budgets.model_dump()),
            "artifacts": [_artifact(one) for one in self.artifacts],
            "costs": {
                "prompt_tokens": costs.prompt_tokens,
                "completion_tokens": costs.completion_tokens,
                "embedding_tokens": costs.embedding_tokens,
                "usd_total": dollars(costs.analysis_usd + costs.judge_usd + costs.embeddings_usd),
                "usd_breakdown": {
                    "analysis": dollars(costs.analysis_usd),
                    "judge": dollars(costs.judge_usd),
                    "embeddings": dollars(costs.embeddings_usd),
                },
            },
            "created_at": utc_text(self.ended_at),
            "timing": {
                "started_at": utc_text(self.started_at),
                "ended_at": utc_text(self.ended_at),
                "milliseconds": (self.ended_at - self.started_at) // timedelta(milliseconds=1),
            },
            "results": msgspec.to_builtins(self.results),
            "metadata": dict(self.metadata),
        }


def _exact(value: object) -> JSONValue:
    """Settings as JSON, dollars as the decimal strings of the wire."""
    match value:
        case dict():
            return {str(key): _exact(inner) for key, inner in value.items()}
        case Decimal():
            return dollars(value)
        case bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def _artifact(one: Artifact) -> JSONValue:
    return {
        "id": one.artifact_id,
        "type": one.artifact_type.value,
        "hash": one.content_hash,
        "size_bytes": len(one.content),
        "encoding": "binary" if one.syntax is None else "utf-8",
    }


def surroundings(git_sha: str) -> dict[str, str]:
    """The environment of this process. Args: git_sha, of the code that runs."""
    return {
        "git_sha": git_sha,
        "python_version": platform.python_version(),
        "platform": platform.platform(),
        "hostname": socket.gethostname() or "unknown",
        "user": _user(),
    }


def _user() -> str:
    """A container may run under a number that has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def checked(document: JSONValue) -> JSONValue:
    """The document itself, where it keeps the schema.

    Raises:
        ContractError: VALIDATION_ERROR, with every place that breaks it.
    """
    bad = list(violations_of(document, SCHEMA))
    if bad:
        raise ContractError(ErrorCode.VALIDATION_ERROR, "the run manifest breaks its schema", bad)
    return document


def write(manifest: RunManifest, file: Path) -> None:
    """Validate and write, whole or not at all; the folder is made.

    Raises:
        ContractError: the manifest breaks its schema.
        StorageUnavailable: the file cannot be written.
    """
    write_json(checked(manifest.document()), file)


def write_json(document: JSONValue, file: Path) -> None:
    """One JSON file, by way of another name.

    Raises:
        StorageUnavailable: the file cannot be written.
    """
    body = msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(body)
        draft.replace(file)
    except OSError as error:
        raise StorageUnavailable(
            f"{file} cannot be written: {error.strerror}", hint="Name a folder that is writable."
        ) from None


def read(file: Path) -> JSONValue:
    """A manifest that was written, validated again.

    Raises:
        ContractError: no JSON, or it breaks the schema.
    """
    return checked(strict_parse(file.read_bytes()).value)

"""Pairs of artefacts for tests."""

from helicarrier.resolution.enums import Syntax
from helicarrier.resolution.model import Artifact, artifact


def pair(
    golden: str | bytes, candidate: str | bytes, syntax: Syntax | None
) -> tuple[Artifact, Artifact]:
    """Two artefacts of one syntax."""
    return (
        artifact("golden", _bytes(golden), syntax),
        artifact("candidate", _bytes(candidate), syntax),
    )


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content

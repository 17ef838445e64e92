"""Pairs of outputs on disk: two folders side by side, files of JSON Lines, or one such file.

A folder holds `golden/` and `candidate/` with the same file names, files `*.jsonl`, or both. A file
without its counterpart refuses the whole input: what was not compared must not look like a pass.
"""

from pathlib import Path

from helicarrier.errors import ContractError, ErrorCode, InputRejected, Violation
from helicarrier.resolution.model import Artifact
from helicarrier.resolution.output_pairs import OutputPair, read_pairs
from helicarrier.resolution.syntax import syntax_of_name


def read_place(place: Path) -> list[OutputPair]:
    """The pairs of a folder or of a file of JSON Lines, in a fixed order.

    Raises:
        InputRejected: NOT_FOUND, there is nothing there.
        ContractError: VALIDATION_ERROR, with a violation for each thing that is wrong.
    """
    if not place.is_dir():
        return read_pairs(place)
    pairs = [pair for file in sorted(place.glob("*.jsonl")) for pair in read_pairs(file)]
    pairs += _side_by_side(place)
    if not pairs:
        raise InputRejected(
            f"there are no pairs in {place}",
            code=ErrorCode.NOT_FOUND,
            hint="Name a folder with golden/ and candidate/, or a file of JSON Lines.",
        )
    return pairs


def read_pair(golden: Path, candidate: Path) -> OutputPair:
    """Two files as a pair.

    Raises:
        InputRejected: NOT_FOUND, one cannot be read.
    """
    return _pair(read_artifact(golden, str(golden)), read_artifact(candidate, str(candidate)))


def read_artifact(file: Path, artifact_id: str) -> Artifact:
    """A file as an artefact; how it is read follows from its suffix, else from its content.

    Raises:
        InputRejected: NOT_FOUND, it cannot be read.
    """
    try:
        content = file.read_bytes()
    except OSError:
        raise InputRejected(
            f"the file {file} cannot be read", code=ErrorCode.NOT_FOUND, hint="Name a file."
        ) from None
    kind, syntax = syntax_of_name(file.name, content)
    return Artifact(artifact_id=artifact_id, artifact_type=kind, content=content, syntax=syntax)


def _side_by_side(place: Path) -> list[OutputPair]:
    golden, candidate = _files(place / "golden"), _files(place / "candidate")
    alone = [
        Violation(
            pointer=name,
            code="NO_COUNTERPART",
            message=f"only {'golden' if name in golden else 'candidate'} has this file",
        )
        for name in golden.keys() ^ candidate.keys()
    ]
    if alone:
        raise ContractError(ErrorCode.VALIDATION_ERROR, "the pairs cannot be read", alone)
    return [
        _pair(
            read_artifact(golden[name], f"golden/{name}"),
            read_artifact(candidate[name], f"candidate/{name}"),
        )
        for name in sorted(golden)
    ]


def _pair(golden: Artifact, candidate: Artifact) -> OutputPair:
    return OutputPair(
        golden=golden,
        candidate=candidate,
        golden_session=None,
        candidate_session=None,
        provenance={},
    )


def _files(folder: Path) -> dict[str, Path]:
    return {
        file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()
    }

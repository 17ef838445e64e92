"""The schema of rater labels: the real ones keep it, and the analyzers never contradict raters."""

import json
from pathlib import Path

import pytest

from helicarrier.canonical import strict_parse
from helicarrier.resolution.detector import classify
from helicarrier.resolution.enums import ArtifactType, MismatchType
from helicarrier.resolution.json_schema import PROJECT_FILES, violations_of
from helicarrier.resolution.labels import Label
from helicarrier.resolution.model import Artifact
from helicarrier.resolution.syntax import syntax_of_content

SCHEMA = PROJECT_FILES / "labels_v1.schema.json"
LABELS = Path("labels", "phase2_mismatch_labels.jsonl")


def test_the_real_labels_keep_the_schema(realdata: Path) -> None:
    """Every line of them."""
    lines = (realdata / LABELS).read_bytes().splitlines()
    assert [list(violations_of(strict_parse(line).value, SCHEMA)) for line in lines] == [[]] * 8


def test_the_schema_knows_the_vocabularies() -> None:
    """Enums of the package, so that neither moves alone."""
    found = json.loads(SCHEMA.read_bytes())["properties"]
    assert set(found["mismatch_type"]["enum"]) == set(MismatchType)
    assert set(found["artifact_type"]["enum"]) == set(ArtifactType)
    assert set(found["labels"]["items"]["properties"]["label"]["enum"]) == set(Label)


@pytest.mark.parametrize(
    "changed",
    [
        {"surprise": 1},
        {"mismatch_type": "typo"},
        {"labels": [{"rater_id": "a", "label": "maybe"}]},
        {"labels": [{"rater_id": "a", "label": "equivalent", "confidence": 2}]},
        {"created_at_utc": "yesterday"},
    ],
    ids=["member", "type", "label", "confidence", "time"],
)
def test_what_breaks_it_is_named(realdata: Path, changed: dict[str, object]) -> None:
    """One change, one violation."""
    line = json.loads((realdata / LABELS).read_bytes().splitlines()[0]) | changed
    assert len(list(violations_of(line, SCHEMA))) == 1


def test_nothing_is_proven_that_raters_call_different(realdata: Path) -> None:
    """Ids that they call different are equivalent under masks only: a person has to confirm it."""
    for line in (realdata / LABELS).read_bytes().splitlines():
        item = json.loads(line)
        kind = ArtifactType(item["artifact_type"])
        sides = []
        for name in ("golden", "candidate"):
            content = item[name]["excerpt"].encode()
            syntax = syntax_of_content(kind, content)
            sides.append(
                Artifact(artifact_id=name, artifact_type=kind, content=content, syntax=syntax)
            )
        found = classify(*sides)
        assert found is not None
        if item["consensus"]["label"] == Label.NOT_EQUIVALENT:
            assert not found.deciding.proven

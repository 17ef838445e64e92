"""Run manifests: complete, validated before they are written, and refused with every bad place."""

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from helicarrier.errors import ContractError, StorageUnavailable
from helicarrier.resolution import manifest
from helicarrier.resolution.enums import ArtifactType, MismatchType, Syntax
from helicarrier.resolution.manifest import Results, RunManifest
from helicarrier.resolution.model import artifact
from helicarrier.resolution.runtime import Budgets

START = datetime(2026, 11, 21, tzinfo=UTC)
MADE = RunManifest(
    run_id=UUID("7d444840-9dc0-41d1-b245-5ffdce74fad2"),
    environment=manifest.surroundings("unknown"),
    budgets=Budgets(),
    artifacts=[artifact("a", b"{}", Syntax.JSON), artifact("b", b"\x00", None)],
    results=Results(
        pairs=1,
        identical=0,
        equivalent=1,
        proven=1,
        not_equivalent=0,
        undecidable=0,
        by_type={"json_ordering": 1},
    ),
    started_at=START,
    ended_at=START + timedelta(milliseconds=1500),
    metadata={"reason": "test"},
)


def test_a_manifest_is_written_and_read(tmp_path: Path) -> None:
    """With the folder that was missing, and no draft left behind."""
    file = tmp_path / "new" / "manifest.json"
    manifest.write(MADE, file)
    assert [path.name for path in file.parent.iterdir()] == ["manifest.json"]
    found = manifest.read(file)
    assert found == MADE.document()
    assert (found["timing"]["milliseconds"], found["artifacts"][1]["encoding"]) == (1500, "binary")


def test_the_schema_knows_the_vocabularies() -> None:
    """Enums of the package, so that neither moves alone."""
    schema = json.loads(manifest.SCHEMA.read_bytes())
    kinds = schema["properties"]["results"]["properties"]["by_type"]["propertyNames"]["enum"]
    assert set(kinds) == set(MismatchType)
    assert set(schema["$defs"]["artifact"]["properties"]["type"]["enum"]) == set(ArtifactType)


def closed(schema: object) -> bool:
    """Every object with properties takes no others."""
    match schema:
        case dict():
            own = "properties" not in schema or schema.get("additionalProperties") is False
            return own and all(map(closed, schema.values()))
        case list():
            return all(map(closed, schema))
        case _:
            return True


def test_the_schema_takes_no_other_members() -> None:
    """Anywhere in it."""
    assert closed(json.loads(manifest.SCHEMA.read_bytes()))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema_version",), "2"),
        (("run_id",), "run-1"),
        (("created_at",), "yesterday"),
        (("surprise",), 1),
        (("environment", "git_sha"), "main"),
        (("environment", "cuda"), "12"),
        (("artifacts", 0, "hash"), "sha256:" + "0" * 64),
        (("artifacts", 0, "size_bytes"), -1),
        (("costs", "usd_total"), 0.5),
        (("costs", "prompt_tokens"), 1.5),
        (("results", "by_type"), {"typo": 1}),
        (("budgets", "alert_at"), 2),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_what_breaks_the_schema_is_not_written(place: tuple[str | int, ...], value: object) -> None:
    """Each with its place."""
    document = copy.deepcopy(MADE.document())
    inner: object = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(ContractError) as refused:
        manifest.checked(document)
    assert len(refused.value.violations) == 1


def test_budgets_have_no_exponent() -> None:
    """However small or large an amount of the configuration is."""
    budgets = Budgets(
        analyze={"milliseconds": 1, "usd_per_100_kb": 1e-7}, daily={"usd": Decimal("1E+6")}
    )
    found = manifest.checked(replace(MADE, budgets=budgets).document())["budgets"]
    assert found["analyze"]["usd_per_100_kb"] == "0.000000100"
    assert found["daily"]["usd"] == "1000000.000000000"


@pytest.mark.parametrize(
    "name",
    ["schema_version", "run_id", "environment", "budgets", "artifacts", "costs", "created_at"],
)
def test_nothing_that_is_required_may_be_missing(name: str) -> None:
    """The optional parts may."""
    document = MADE.document()
    del document[name]
    with pytest.raises(ContractError):
        manifest.checked(document)
    for optional in ("timing", "results", "metadata"):
        left = MADE.document()
        del left[optional]
        assert manifest.checked(left) == left


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """And nothing is written beside it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable):
        manifest.write(MADE, tmp_path / "file" / "manifest.json")

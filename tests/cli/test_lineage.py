"""`helicarrier lineage`: explain, runs, verify."""

import json
from pathlib import Path

import duckdb
import pytest

from helicarrier.cli.lineage import lineage
from helicarrier.ledger.runs import run_store
from helicarrier.settings import Settings
from tests.cli.conftest import Command
from tests.lineage.samples import refreshed


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The samples, refreshed; not to be changed."""
    return refreshed(tmp_path_factory.mktemp("samples") / "data")


@pytest.fixture
def on_samples(helicarrier: Command, samples: Settings, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Commands on the samples."""
    monkeypatch.setenv("HELICARRIER_DATA_DIR", str(samples.data_dir))
    return helicarrier


@pytest.mark.parametrize("name", ["explain", "runs", "verify"])
def test_the_examples_work(name: str, on_samples: Command) -> None:
    """As they stand in the help, on the samples."""
    lines = str(lineage.commands[name].help).partition("EXAMPLES")[2].split("\n")
    examples = [line.split()[1:] for line in lines if line.strip().startswith("helicarrier")]
    assert examples
    for args in examples:
        ended = on_samples(*args)
        assert (ended.code, bool(ended.out)) == (0, True), ended.err


def test_explain_prints_a_tree_or_one_object(on_samples: Command) -> None:
    """The same content in both."""
    args = ("lineage", "explain", "session_ledger", "agent_id=catalog-tagger", "seq=1")
    assert on_samples(*args).code == 4
    key = json.loads(on_samples("lineage", "runs", "--limit", "1", "--json").out)["runs"][0]
    told = json.loads(on_samples("lineage", "explain", "runs", key["run_id"], "--json").out)
    assert told["facts"]["asset"] == key["asset_key"] == "model_perf_agg"
    tree = on_samples("lineage", "explain", "runs", key["run_id"]).out
    assert tree.splitlines()[0] == f"run {key['run_id']}"
    assert "├─ configuration" in tree


def test_runs_are_filtered_by_table_and_partition(on_samples: Command) -> None:
    """A partition alone names none."""
    found = on_samples(
        "lineage", "runs", "--table", "daily_provenance_agg", "--partition", "2026-10-05", "--json"
    )
    (run,) = json.loads(found.out)["runs"]
    assert (run["asset_key"], run["status"]) == ("daily_usage_agg", "completed")
    assert run["started_at"].endswith("Z")
    refused = on_samples("lineage", "runs", "--partition", "2026-10-05")
    assert (refused.code, refused.out) == (4, "")
    assert "daily_usage_agg" in on_samples("lineage", "runs").out


def test_an_empty_project_has_no_runs_and_nothing_to_verify(helicarrier: Command) -> None:
    """Neither is an error, and neither passes for a proof."""
    listed, verified = helicarrier("lineage", "runs"), helicarrier("lineage", "verify")
    assert (listed.code, listed.out) == (0, "")
    assert verified.code == 0
    assert "nothing to verify" in verified.err


def test_verify_ends_with_7_where_somebody_changed_a_run(
    helicarrier: Command, data_dir: Path
) -> None:
    """It names the run."""
    assert helicarrier("import", str(Path(__file__).parent), "--workers", "1").code == 0
    assert helicarrier("lineage", "verify").code == 0
    with duckdb.connect(str(data_dir / "warehouse.duckdb")) as file:
        file.execute("UPDATE runs SET code_ref = 'another'")
    ended = helicarrier("lineage", "verify")
    assert ended.code == 7
    assert "run_differs: run " in ended.out
    told = json.loads(helicarrier("lineage", "verify", "--json").out)
    assert [finding["kind"] for finding in told["findings"]] == ["run_differs"]


def test_verify_says_where_nothing_is_anchored(
    helicarrier: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a ledger there is no audit log, so a cut tail would not show: that is told."""
    monkeypatch.setenv("HELICARRIER_DATA_DIR", str(tmp_path / "data"))
    with run_store(Settings(data_dir=tmp_path / "data")).run("git_commits"):
        pass
    ended = helicarrier("lineage", "verify", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["not_anchored"] is True
    assert "not_anchored" in ended.err

"""`helicarrier evals`: exit codes, reports that read back, verdicts that come out again."""

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest

from helicarrier.cli.evals import evals
from helicarrier.evals.catalog import MEASURES
from helicarrier.evals.enums import Gate
from helicarrier.evals.report import KEYS
from tests.cli.conftest import Command

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "evals" / "run_offline_eval.py"


def examples(command: click.Command) -> list[list[str]]:
    """The command lines under EXAMPLES in a command's help, without the program's name."""
    _, _, listed = (command.help or "").partition("EXAMPLES")
    return [line.split()[1:] for line in listed.splitlines() if "helicarrier " in line]


EXAMPLES = [line for name in sorted(evals.commands) for line in examples(evals.commands[name])]


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report that the command wrote, of the sample records."""
    path = tmp_path_factory.mktemp("report") / "report.json"
    subprocess.run(
        [sys.executable, SCRIPT, "--input", "examples/evals/records.jsonl", "--output", path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return path


@pytest.fixture
def workplace(
    tmp_path: Path, report: Path, ready_store: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with the examples, a report and an empty store, where the commands run."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "report.json").write_bytes(report.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", EXAMPLES, ids=" ".join)
def test_examples_of_the_help_work(helicarrier: Command, workplace: Path, line: list[str]) -> None:
    """Each example runs as it is written; those whose samples are too few end with 2."""
    blocked = "inspect.json" in " ".join(line) or "--slice" in line
    ended = helicarrier(*line)
    assert ended.code == (2 if blocked else 0)
    assert ended.out or ended.err == "no eval run is stored\n"


def documented() -> list[list[str]]:
    """The eval commands of the how-to page, but for the one that needs another database."""
    page = ROOT / "docs" / "how-to" / "block-a-release-on-evals.md"
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line.split()[1:] for line in lines if "|" not in line]


@pytest.mark.parametrize("line", documented(), ids=" ".join)
def test_commands_of_the_documents_work(
    helicarrier: Command, workplace: Path, line: list[str]
) -> None:
    """Each gives an answer; a gate that does not pass is one."""
    ended = helicarrier(*line)
    assert ended.code in (0, 2)
    assert ended.out


def test_script_is_the_command(report: Path) -> None:
    """The thin file ends like the command: 2 where a gate does not pass."""
    done = subprocess.run(
        [sys.executable, SCRIPT, "--input", "examples/evals/few.jsonl", "--json"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert not json.loads(done.stdout)["overall_pass"]


def test_report_holds_every_key(helicarrier: Command, workplace: Path) -> None:
    """Also where a metric is missing, and with one object on stdout."""
    ended = helicarrier(
        "evals", "run", "--input", "examples/evals/inspect.json", "--policy", "point", "--json"
    )
    body = json.loads(ended.out)
    assert tuple(body) == KEYS
    assert body["policy"] == "point"
    assert body["record_count"] == 12
    assert set(body["metrics"]) == {measure.metric for measure in MEASURES.values()}
    assert set(body["gates"]) == set(body["thresholds"]) == {gate.value for gate in Gate}
    assert body["metrics"]["fallback_rate"] is None
    assert body["gates"]["fallback_rate_max"] is False
    assert ended.code == 2


def test_empty_file_is_a_run_that_does_not_pass(helicarrier: Command, workplace: Path) -> None:
    """It ends aborted, every verdict is inconclusive and the keys are all there."""
    (workplace / "empty.jsonl").touch()
    ended = helicarrier("evals", "run", "--input", "empty.jsonl", "--json")
    body = json.loads(ended.out)
    assert ended.code == 2
    assert tuple(body) == KEYS
    assert body["run"]["status"] == "aborted"
    assert {row["verdict"] for row in body["verdicts"]} == {"inconclusive"}
    assert set(body["metrics"].values()) == {None}


@pytest.mark.parametrize("gate", list(Gate))
def test_threshold_has_its_option(helicarrier: Command, workplace: Path, gate: Gate) -> None:
    """A threshold that cannot be met fails exactly that gate."""
    measure = MEASURES[gate]
    impossible = {"min": "1", "max": "0"}[measure.direction]
    option = f"--{gate.value.replace('_', '-')}"
    ended = helicarrier(
        "evals", "run", "--input", "examples/evals/regressed.jsonl", option, impossible,
        "--patch-apply-success", impossible if "patch" in gate.value else "0.5", "--json",
    )  # fmt: skip
    body = json.loads(ended.out)
    assert ended.code == 2
    assert [row["gate"] for row in body["verdicts"] if row["verdict"] == "fail"] in (
        [gate.value],
        # A single failure among a thousand leaves a rate of 1 open to the exact eye: never passed.
        [],
    )
    assert body["gates"][gate.value] is False


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--input", "nowhere.jsonl"], 4),
        (["--input", "broken.jsonl"], 4),
        (["--input", "examples/evals/few.jsonl", "--baseline", "nowhere.jsonl"], 4),
        (["--input", "examples/evals/few.jsonl", "--policy", "luck"], 64),
        (["--input", "examples/evals/few.jsonl", "--schema-valid-rate", "1.5"], 64),
        (["--input", "examples/evals/few.jsonl", "--schema-valid-rate", "nan"], 64),
        (["--input", "examples/evals/few.jsonl", "--margin", "colour=1"], 64),
        (["--input", "examples/evals/few.jsonl", "--margin", "schema_valid_rate=-1"], 64),
        (["--input", "examples/evals/few.jsonl", "--outcome", "x=y"], 64),
        (["--input", "examples/evals/few.jsonl", "--slice", "all"], 64),
        (["--input", "examples/evals/few.jsonl", "--confidence", "1"], 64),
        (["--json"], 64),
    ],
    ids=str,
)
def test_mistakes_are_told_from_a_gate(
    helicarrier: Command, workplace: Path, options: list[str], code: int
) -> None:
    """Nothing is on stdout, as if a gate had spoken."""
    (workplace / "broken.jsonl").write_text("{\n", encoding="utf-8")
    ended = helicarrier("evals", "run", *options)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err


def test_dry_run_writes_nothing(helicarrier: Command, workplace: Path) -> None:
    """It judges all the same, and leaves neither a file nor a row."""
    line = ["evals", "run", "--input", "examples/evals/records.jsonl", "--output", "new.json"]
    assert helicarrier(*line, "--dry-run").code == 0
    assert not (workplace / "new.json").exists()
    assert helicarrier("evals", "list").out == ""
    assert helicarrier(*line).code == 0
    assert (workplace / "new.json").exists()


def stored_id(err: str) -> str:
    """The id of the run that a command says it has stored."""
    found = re.search(r"stored run (\S+)", err)
    assert found is not None
    return found[1]


def test_run_is_stored_and_found_by_its_id(helicarrier: Command, workplace: Path) -> None:
    """Shown, replayed, compared and exported from the store; the baseline is stored beside it."""
    line = ["evals", "run", "--input", "examples/evals/regressed.jsonl", "--slice", "model_id"]
    first = stored_id(helicarrier(*line).err)
    second = stored_id(helicarrier(*line, "--baseline", "examples/evals/records.jsonl").err)
    third = stored_id(helicarrier(*line, "--baseline", first).err)
    listed = json.loads(helicarrier("evals", "list", "--json").out)["runs"]
    assert len(listed) == 4
    assert {run["run_id"] for run in listed} > {first, second, third}
    assert first in helicarrier("evals", "list").out
    for run in (first, second, third):
        ended = helicarrier("evals", "replay", run, "--json")
        assert (ended.code, json.loads(ended.out)["identical"]) == (0, True)
        assert helicarrier("evals", "show", run).code == 2
        assert run in helicarrier("evals", "ingest-sql", run).out
    rows = json.loads(helicarrier("evals", "show", third, "--json").out)["verdicts"]
    assert {row["baseline_run_id"] for row in rows} == {first}
    assert {row["delta"] for row in rows} == {0.0}
    measures = json.loads(helicarrier("evals", "compare", second, first, "--json").out)["measures"]
    assert {row["finding"] for row in measures} == {"no_difference_shown"}


def test_verdict_that_was_changed_in_the_store_is_found(
    helicarrier: Command, workplace: Path
) -> None:
    """A replay that does not give the stored rows ends with 7, as do changed samples."""
    run = stored_id(helicarrier("evals", "run", "--input", "examples/evals/few.jsonl").err)
    with sqlite3.connect(workplace / "data" / "helicarrier.sqlite") as connection:
        connection.execute("UPDATE ai_eval_gate_results SET verdict = 'pass'")
    ended = helicarrier("evals", "replay", run)
    assert (ended.code, ended.out) == (7, "")
    assert "other verdicts" in ended.err
    with sqlite3.connect(workplace / "data" / "helicarrier.sqlite") as connection:
        connection.execute("UPDATE ai_eval_samples SET latency_ms = 1 WHERE record_id = 'r0001'")
    assert helicarrier("evals", "replay", run).code == 7


def test_unknown_run_ends_with_4(helicarrier: Command, workplace: Path) -> None:
    """The hint says where the ids are."""
    ended = helicarrier("evals", "show", "0b8f4c1e-7a43-4b51-9a36-0c8e1a7f2d11")
    assert ended.code == 4
    assert "helicarrier evals list" in ended.err


def test_without_a_store_the_gates_still_speak(
    helicarrier: Command, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build server has none: the command says so, and no file appears."""
    monkeypatch.chdir(ROOT)
    ended = helicarrier("evals", "run", "--input", "examples/evals/records.jsonl")
    assert ended.code == 0
    assert "not stored" in ended.err
    assert not data_dir.exists()
    assert helicarrier("evals", "list").code == 3


def test_store_of_another_version_is_not_written(helicarrier: Command, workplace: Path) -> None:
    """What cannot be stored is not judged in silence: the command ends with 3."""
    with sqlite3.connect(workplace / "data" / "helicarrier.sqlite") as connection:
        connection.execute("UPDATE helicarrier_core_version SET version_num = '0002'")
    line = ["evals", "run", "--input", "examples/evals/records.jsonl"]
    assert helicarrier(*line).code == 3
    assert helicarrier(*line, "--dry-run").code == 0


def test_output_that_cannot_be_written_ends_with_6(helicarrier: Command, workplace: Path) -> None:
    """The folder is named."""
    ended = helicarrier(
        "evals", "run", "--input", "examples/evals/few.jsonl", "--output", "nowhere/new.json"
    )
    assert ended.code == 6
    assert "nowhere/new.json" in ended.err


def test_regression_is_blocked_by_its_baseline(helicarrier: Command, workplace: Path) -> None:
    """Within a low threshold, but worse than what there was: a report or records will do."""
    line = ["evals", "run", "--input", "examples/evals/regressed.jsonl", "--json"]
    low = ["--patch-apply-success", "0.8", "--safety-html-tailwind-compliance", "0.99"]
    assert helicarrier(*line, *low).code == 0
    for baseline in ("report.json", "examples/evals/records.jsonl"):
        ended = helicarrier(*line, *low, "--baseline", baseline)
        rows = {row["gate"]: row for row in json.loads(ended.out)["verdicts"]}
        assert ended.code == 2
        assert rows["patch_apply_success"]["verdict"] == "fail"
        assert rows["patch_apply_success"]["delta"] == pytest.approx(-0.068)
        assert "worse than the baseline" in rows["patch_apply_success"]["reason"]


def test_replay_gives_the_stored_bytes(helicarrier: Command, workplace: Path) -> None:
    """With slices and a baseline; the digest is that of the canonical rows."""
    helicarrier(
        "evals", "run", "--input", "examples/evals/regressed.jsonl", "--output", "new.json",
        "--baseline", "report.json", "--slice", "model_id", "--interval", "exact",
    )  # fmt: skip
    ended = helicarrier("evals", "replay", "new.json", "--json")
    body = json.loads(ended.out)
    assert (ended.code, body["identical"]) == (0, True)
    stored = json.loads((workplace / "new.json").read_text(encoding="utf-8"))["verdicts"]
    assert body["verdicts"] == stored
    assert len(stored) == 3 * len(Gate)


@pytest.mark.parametrize("command", ["show", "replay", "ingest-sql"])
@pytest.mark.parametrize("part", ["samples", "verdicts", "decision", "json"])
def test_report_that_was_edited_is_refused(
    helicarrier: Command, workplace: Path, command: str, part: str
) -> None:
    """A verdict, a sample or a threshold changed by hand does not go through."""
    body = json.loads((workplace / "report.json").read_text(encoding="utf-8"))
    if part == "samples":
        body["samples"][0]["schema_valid"] = not body["samples"][0]["schema_valid"]
    if part == "verdicts":
        body["verdicts"][0]["verdict"] = "fail"
    if part == "decision":
        body["run"]["metadata"]["decision"]["thresholds"]["schema_valid_rate"] = 0.5
    text = "{" if part == "json" else json.dumps(body, sort_keys=True)
    (workplace / "edited.json").write_text(text, encoding="utf-8")
    ended = helicarrier("evals", command, "edited.json")
    assert (ended.code, ended.out) == (4, "")
    assert "edited.json is refused" in ended.err


def test_comparison_finds_what_changed_and_only_that(helicarrier: Command, workplace: Path) -> None:
    """A second run of the same system shows no difference at all."""
    lines = {
        name: helicarrier(
            "evals", "compare", f"examples/evals/{name}.jsonl", "report.json", "--json"
        )
        for name in ("again", "regressed")
    }
    findings = {
        name: {row["gate"]: row["finding"] for row in json.loads(ended.out)["measures"]}
        for name, ended in lines.items()
    }
    assert set(findings["again"].values()) == {"no_difference_shown"}
    assert findings["regressed"].pop("patch_apply_success") == "worse"
    assert set(findings["regressed"].values()) == {"no_difference_shown"}


def test_table_draws_the_interval(helicarrier: Command, workplace: Path) -> None:
    """Value, interval and threshold stand on one line, and what is missing in words."""
    out = helicarrier("evals", "run", "--input", "examples/evals/few.jsonl").out
    line = next(line for line in out.splitlines() if line.startswith("schema_valid_rate"))
    assert "88.649% to 100.000%" in line
    assert "─┃" in line
    assert line.endswith("●  the interval holds the threshold; 351 more would settle it")
    assert "30 samples; 3 pass, 0 fail, 4 inconclusive." in out


def test_sample_files_are_what_their_generator_gives() -> None:
    """The examples can be made again."""
    script = ROOT / "examples" / "evals" / "generate.py"
    done = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("", 0)

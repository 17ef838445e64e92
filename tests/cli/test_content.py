"""`helicarrier content`: what comes in is listed, shown, remarked on, deleted and verified."""

import json
from pathlib import Path

import duckdb
import pytest

from tests.cli.conftest import ROOT, Command

SAMPLES = ROOT / "examples" / "content"
POST = "post/why-unknown-is-not-zero"
NOTE = "note/reading-list"


@pytest.fixture
def filled(helicarrier: Command, ready_store: Path) -> Command:
    """The command on a data folder that holds the samples."""
    assert helicarrier("content", "import", SAMPLES).code == 0
    return helicarrier


def test_an_import_is_reported_for_people_and_for_scripts(
    helicarrier: Command, ready_store: Path
) -> None:
    """The same figures; the second time everything is a duplicate."""
    first = helicarrier("content", "import", SAMPLES)
    assert "written 13, duplicate 0, skipped 2, refused 0" in first.out
    assert "rows: documents 6, messages 4, annotations 3" in first.out
    second = json.loads(helicarrier("content", "import", SAMPLES, "--json").out)
    assert (second["read"], second["duplicate"], second["outcome"]) == (15, 13, "completed")


def test_a_dry_run_makes_nothing(helicarrier: Command, data_dir: Path) -> None:
    """Not even the data folder."""
    ended = helicarrier("content", "import", SAMPLES, "--dry-run", "--json")
    assert (ended.code, json.loads(ended.out)["written"]) == (0, 13)
    assert not data_dir.exists()


def test_a_refused_record_ends_with_4_and_is_listed(helicarrier: Command, tmp_path: Path) -> None:
    """What was fine is written; the bytes of what was not are shown nowhere."""
    (tmp_path / "a.md").write_text("---\ntype: post\nsecret: x\n---\n")
    (tmp_path / "b.md").write_text("---\ntype: note\n---\nfine\n")
    ended = helicarrier("content", "import", tmp_path)
    assert ended.code == 4
    assert "written 1" in ended.out
    assert f"{tmp_path / 'a.md'}:0: /secret the contract has no such field" in ended.err
    listed = helicarrier("content", "refused")
    assert listed.out.startswith(f"{tmp_path / 'a.md'}:0  VALIDATION_ERROR  /secret")
    (entry,) = json.loads(helicarrier("content", "refused", "--json").out)["entries"]
    assert (entry["attempts"], entry["sourceLine"]) == (1, 0)


def test_documents_are_listed_by_type_and_day_with_their_remarks(filled: Command) -> None:
    """The newest first, one line each."""
    lines = filled("content", "list", "--type", "post", "--annotations").out.splitlines()
    assert [line.split()[1] for line in lines if not line.startswith(" ")] == [
        "post/one-call-counts-once@1",
        f"{POST}@1",
    ]
    assert sum(line.startswith("    ") for line in lines) == 2
    found = json.loads(
        filled("content", "list", "--from", "2026-10-07", "--to", "2026-10-08", "--json").out
    )["documents"]
    assert [one["docKey"] for one in found] == ["post/one-call-counts-once", NOTE]
    assert "annotations" not in found[0]
    nothing = filled("content", "list", "--to", "2020-01-01")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "there are no such documents\n")


def test_a_document_is_shown_by_key_and_by_version(filled: Command) -> None:
    """With its text, versions and remarks; a wrong name says how to find the right one."""
    shown = filled("content", "show", POST)
    assert "versions        post/why-unknown-is-not-zero@1" in shown.out
    assert shown.out.endswith("the report says so.\n")
    found = json.loads(filled("content", "show", f"{POST}@1", "--json").out)
    assert found["document"]["createdAt"] == "2026-10-05T09:00:00.000000Z"
    assert [one["authorId"] for one in found["annotations"]] == ["mina", "jun"]
    assert [one["id"] for one in found["versions"]] == [f"{POST}@1"]
    wrong = filled("content", "show", "post/none")
    assert (wrong.code, "[NOT_FOUND]" in wrong.err) == (4, True)


def test_messages_are_listed_by_conversation(filled: Command) -> None:
    """The newest first."""
    assert len(filled("content", "messages").out.splitlines()) == 4
    found = json.loads(filled("content", "messages", "--thread", "standup", "--json").out)
    assert [one["eventId"] for one in found["messages"]] == ["standup-3", "standup-2", "standup-1"]
    assert filled("content", "messages", "--thread", "x").err == "there are no such messages\n"


def test_a_remark_is_made_once_and_keeps_its_document(filled: Command) -> None:
    """Until it is deleted; a dry run changes nothing."""
    dry = json.loads(
        filled("content", "annotate", NOTE, "More?", "--author", "jun", "--dry-run", "--json").out
    )
    assert (dry["outcome"], dry["dryRun"]) == ("written", True)
    assert json.loads(filled("content", "show", NOTE, "--json").out)["annotations"] == []
    made = json.loads(filled("content", "annotate", NOTE, "More?", "--author", "jun", "--json").out)
    assert made["id"] == dry["id"]
    again = filled("content", "annotate", NOTE, "More?", "--author", "jun")
    assert again.out == f"duplicate: {made['id']}\n"
    for kept in (filled("content", "delete", NOTE), filled("content", "delete", NOTE, "--dry-run")):
        assert (kept.code, "[STILL_REFERENCED]" in kept.err) == (5, True)
    assert filled("content", "delete", "--annotation", made["id"], "--dry-run").code == 0
    assert filled("content", "delete", "--annotation", made["id"]).code == 0
    assert (
        filled("content", "delete", NOTE, "--dry-run").out == f"would delete 1 versions of {NOTE}\n"
    )
    assert json.loads(filled("content", "delete", NOTE, "--json").out)["deleted"] == 1
    assert filled("content", "show", NOTE).code == 4


def test_a_remark_on_nothing_or_of_nothing_is_refused(filled: Command) -> None:
    """With 4, as other input."""
    assert filled("content", "annotate", "post/none", "x", "--author", "a").code == 4
    assert filled("content", "annotate", NOTE, " ", "--author", "a").code == 4
    assert filled("content", "annotate", NOTE, "x").code == 64


def test_verification_prints_its_report(filled: Command, data_dir: Path) -> None:
    """Each type of document and each promise; a broken one ends with 7 and its remedy."""
    ended = filled("content", "verify")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[-1] == "kept; 0 records are in quarantine"
    for word in ("post", "profile", "journal", "media", "note", "orphans", "probes"):
        assert word in ended.out
    with duckdb.connect(str(data_dir / "warehouse.duckdb")) as database:
        database.execute("UPDATE messages SET run_id = 'nobody' WHERE event_id = 'standup-1'")
    ended = filled("content", "verify")
    assert (ended.code, "[VERIFICATION_FAILED]" in ended.err) == (7, True)
    assert "broken   orphans      messages            1 of 4 fail" in ended.out
    assert json.loads(filled("content", "verify", "--json").out)["state"] == "broken"


@pytest.mark.parametrize(
    "args", [["list"], ["messages"], ["show", "x"], ["refused"], ["verify"]], ids=" ".join
)
def test_reading_before_anything_was_written_ends_with_3(
    args: list[str], helicarrier: Command, data_dir: Path
) -> None:
    """And makes nothing."""
    ended = helicarrier("content", *args)
    assert (ended.code, "[MIGRATION_PENDING]" in ended.err) == (3, True)
    assert not data_dir.exists()

"""Explanations beside the ledger: content, git, evals, and the commit of a session."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.evals import recording
from helicarrier.evals.evaluation import Origin, Rules, judge
from helicarrier.ingest.service import import_sessions
from helicarrier.ledger.runs import run_store
from helicarrier.lineage.content.importing import import_content
from helicarrier.lineage.explain import Node, explain
from helicarrier.lineage.explain.registry import EXPLAINERS
from helicarrier.lineage.git.service import sync_repositories
from helicarrier.lineage.git.sessions import Located, link_sessions
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore
from helicarrier.store.warehouse import WarehouseStore
from tests.evals.making import records
from tests.lineage.repositories import GIT, Script, git
from tests.lineage.test_explain import DERIVED, find, walk

pytestmark = pytest.mark.skipif(GIT is None, reason="git is not installed")

EXAMPLES = Path(__file__).parents[2] / "examples"
SESSION_FILE = next((EXAMPLES / "sessions" / "claude").rglob("06e155a0*.jsonl"))
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
EVAL_RUN = "0b8f4c1e-7a43-4b51-9a36-0c8e1a7f2d11"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two commits."""
    script = Script()
    one = script.commit("main", 1_600_000_000, [("a", b"1\n")], message=b"begin")
    script.commit("main", 1_600_000_060, [("a", b"2\n")], parents=[one], message=b"mend it\n\nwell")
    return script.write(tmp_path_factory.mktemp("git") / "r")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Settings:
    """A session, content, a repository whose commit the session ran at, a judged eval run."""
    made = Settings(data_dir=tmp_path_factory.mktemp("areas") / "data")
    import_sessions(made, [SESSION_FILE], workers=1)
    import_content(made, [EXAMPLES / "content"])
    sync_repositories(made, [repository])
    runs = run_store(made)
    told = explain(made, "session_usage", [DERIVED])
    with closing(WarehouseStore(made.warehouse_path)) as warehouse, runs.run("link") as run:
        session = Located(
            session_id=str(told.facts["session_id"]),
            started_at="2020-09-13T12:27:00.000000Z",
            cwd=str(repository),
            git_branch="main",
            git_commit=None,
        )
        link_sessions([session], warehouse, run)
    origin = Origin(run_id=EVAL_RUN, started_at=NOON, finished_at=NOON, code_version="test")
    found = judge(records(40), Rules(), origin)
    with closing(OperationalStore(made.url)) as store, runs.run(recording.ASSET_KEY) as run:
        recording.record(store, found, run, source="records.jsonl", now=NOON)
    return made


def first_key(settings: Settings, table: str) -> list[str]:
    """A key of a table of the warehouse file."""
    names = ", ".join(EXPLAINERS[table].contract.primary_key)
    with (
        closing(WarehouseStore(settings.warehouse_path)) as store,
        store.read() as connection,
    ):
        query = f"SELECT {names} FROM {table} ORDER BY {names} LIMIT 1"  # noqa: S608 - test
        row = connection.execute(query).fetchall()[0]
    return [str(value) for value in row]


def titles(node: Node) -> Iterator[str]:
    """The titles of the node and all below."""
    return (one.title for one in walk(node))


@pytest.mark.parametrize(
    "table", ["documents", "messages", "annotations", "git_commits", "git_changes", "git_refs"]
)
def test_rows_of_the_warehouse_file_lead_to_their_run(table: str, settings: Settings) -> None:
    """With its inputs: the files, or the repository."""
    told = explain(settings, table, first_key(settings, table))
    run = find(told, "run ")
    assert run.facts["status"] == "completed"
    wanted = "git:" if table.startswith("git_") else "file "
    assert any(title.startswith(wanted) for title in titles(run))


def test_call_names_the_commit_of_its_session(settings: Settings, repository: Path) -> None:
    """With its author and subject, and how sure that is."""
    head = git(repository, "rev-list", "-1", "--before=2020-09-13T12:27:00Z", "main")
    commit = find(explain(settings, "session_usage", [DERIVED]), "git commit ")
    assert commit.title == f"git commit {head}"
    assert (commit.facts["certainty"], commit.facts["subject"]) == ("resolved", "begin")


def test_session_commit_tells_what_the_session_said(settings: Settings) -> None:
    """From the ledger, beside the commit that was found."""
    told = explain(settings, "session_commits", first_key(settings, "session_commits"))
    assert str(SESSION_FILE) in str(find(told, "session ").facts["source_uri"])
    assert find(told, "commit ").facts["author"] == "Ada <ada@example.org>"


def test_commit_tells_its_parents_changes_and_sessions(
    settings: Settings, repository: Path
) -> None:
    """By its hash alone where one repository has it."""
    head = git(repository, "rev-parse", "main")
    told = explain(settings, "git_commits", [f"commit_sha={head}"])
    assert find(told, "parents").children[0].title == git(repository, "rev-parse", "main^")
    assert find(told, "changes: 1").children[0].title == "M a"
    assert find(told, "sessions that ran at it: 0").children == ()


def test_document_tells_its_source_versions_and_remarks(settings: Settings) -> None:
    """The source is the file whose content the row has."""
    (key,) = first_key(settings, "annotations")
    about = str(explain(settings, "annotations", [key]).facts["parent_id"])
    told = explain(settings, "documents", [about])
    assert Path(find(told, "source ").title.removeprefix("source ")).is_file()
    assert find(told, "versions of the document: 1").facts
    assert key in find(told, "remarks about this version").facts
    assert "content" not in told.facts


def test_eval_run_tells_the_decision_the_rules_and_who_judged(settings: Settings) -> None:
    """The id in its rows is its own; the run of the run store is found by what it wrote."""
    told = explain(settings, "ai_eval_runs", [EVAL_RUN])
    assert find(told, "decided: no-go").facts["at"] == "2026-10-05T12:00:00.000000Z"
    rules = find(told, "rules and samples").facts
    assert (rules["samples"], rules["policy"]) == (40, "interval")
    assert rules["threshold of schema_valid_rate"] == "0.99"
    assert len(find(told, "verdicts: 7").facts) == 7
    assert any(title == "file records.jsonl" for title in titles(find(told, "run ")))


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("ai_eval_samples", ["record_id=r000001"]),
        ("ai_eval_gate_results", ["gate=schema_valid_rate", "slice_key=all"]),
    ],
)
def test_sample_and_verdict_lead_to_their_eval_run_and_its_run(
    table: str, key: list[str], settings: Settings
) -> None:
    """And to the rules that it was judged by."""
    told = explain(settings, table, key)
    assert find(told, f"eval run {EVAL_RUN}").facts["status"] == "failed"
    assert find(told, "run ").facts["asset"] == "ai_eval_runs"


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("documents", ["nothing"]),
        ("git_commits", ["nothing", "nothing"]),
        ("documents", ["version=one", "doc_key=x"]),
        ("documents", ["id='; DROP TABLE documents; --"]),
        ("ai_eval_runs", ["nothing"]),
        ("canary_windows", ["prod", "2026-10-05T12:00:00.000000Z"]),
    ],
)
def test_a_key_without_a_row_is_refused(table: str, key: list[str], settings: Settings) -> None:
    """On every store; a key is a value, never SQL."""
    with pytest.raises(InputRejected) as caught:
        explain(settings, table, key)
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_git_is_explained_without_a_ledger(tmp_path: Path, repository: Path) -> None:
    """A repository can be synced before any session is imported."""
    bare = Settings(data_dir=tmp_path / "data")
    sync_repositories(bare, [repository])
    told = explain(bare, "git_refs", [str(repository), "refs/heads/main"])
    assert find(told, "commit ").facts["subject"] == "mend it"
    assert find(told, "run ").facts["asset"] == "git_commits"

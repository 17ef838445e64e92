"""Explanations: from a row to its line, price, rates, run, code and configuration."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from helicarrier.cost.prices import bundled_version
from helicarrier.errors import ErrorCode, InputRejected, NotReady
from helicarrier.ingest.service import import_sessions
from helicarrier.ledger.runs import run_store
from helicarrier.lineage.explain import Node, explain
from helicarrier.lineage.explain.registry import EXPLAINERS, RUNS
from helicarrier.settings import Settings
from tests.lineage.samples import SAMPLES, refreshed

DERIVED = "claude_code:msg_0115kF7mpSKwV1DCLnuqGdzh:req_011CEQXhNz5ABr5CaBk3WSPr"
LEDGER = (
    "session_ledger",
    "session_usage",
    "session_events",
    "daily_usage_agg",
    "daily_provenance_agg",
    "daily_subtotals_agg",
    "model_perf_agg",
)
REPORTED = "native:9e9a6be7-7240-4c3e-babc-72acf1a27494:session"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The samples, refreshed; not to be changed."""
    return refreshed(tmp_path_factory.mktemp("samples") / "data")


def find(node: Node, title: str) -> Node:
    """The first node below whose title begins so."""
    return next(one for one in walk(node) if one.title.startswith(title))


def walk(node: Node) -> Iterator[Node]:
    """The node and all below."""
    yield node
    for child in node.children:
        yield from walk(child)


def first_key(settings: Settings, table: str) -> list[str]:
    """A key of the table."""
    names = EXPLAINERS[table].contract.primary_key
    with closing(sqlite3.connect(settings.sqlite_path)) as database:
        row = database.execute(f"SELECT {', '.join(names)} FROM {table} LIMIT 1").fetchone()  # noqa: S608
    return [str(value) for value in row]


def test_a_derived_cost_is_explained_down_to_line_rates_code_and_configuration(
    settings: Settings,
) -> None:
    """The rates used add up to the stored cost."""
    told = explain(settings, "session_usage", [DERIVED])
    assert told.title == f"session_usage {DERIVED}"
    cost = find(told, "cost")
    assert (cost.facts["source"], cost.facts["confidence"]) == ("derived", "medium")
    assert cost.facts["pricing_version"] == bundled_version()
    rates = find(cost, "rates of anthropic/claude-sonnet-4-5")
    assert rates.facts["cache_read"] == "21,626 tokens at $0.3"
    assert rates.facts["sum"] == cost.facts["cost"] == "$0.034507800"
    assert rates.facts["agrees_with_the_stored_cost"] is True
    source = find(told, "source ")
    assert Path(source.title.removeprefix("source ")).is_file()
    assert (source.facts["line"], source.facts["there_now"]) == (11, True)
    run = find(told, "run ")
    record = run_store(settings).runs_for("session_import")[0]
    assert (run.facts["code"], run.facts["config_hash"]) == (record.code_ref, record.config_hash)
    assert find(run, "configuration").facts["data_dir"] == str(settings.data_dir)
    inputs = find(run, "51 inputs")
    assert inputs.children[0].title == f"file {source.title.removeprefix('source ')}"
    assert inputs.children[0].facts["sha256"] == source.facts["sha256_of_what_was_imported"]


def test_a_reported_cost_says_who_reported_it(settings: Settings) -> None:
    """No rates are made up for it."""
    cost = find(explain(settings, "session_usage", [REPORTED]), "cost")
    assert cost.facts["why"] == "the provider reported it"
    assert cost.children == ()


@pytest.mark.parametrize("table", LEDGER)
def test_every_table_leads_to_its_run_and_its_source(table: str, settings: Settings) -> None:
    """By the full key, one value for each column."""
    told = explain(settings, table, first_key(settings, table))
    assert find(told, "run ").facts["status"] == "completed"
    assert any(
        "examples/sessions" in str(value) for one in walk(told) for value in one.facts.values()
    )


@pytest.mark.parametrize("table", [name for name in LEDGER if name.endswith("_agg")])
def test_every_aggregate_agrees_with_the_ledger_that_is_counted_again(
    table: str, settings: Settings
) -> None:
    """Row by row, over a sample of the table."""
    names = EXPLAINERS[table].contract.primary_key
    with closing(sqlite3.connect(settings.sqlite_path)) as database:
        keys = database.execute(f"SELECT {', '.join(names)} FROM {table}").fetchall()  # noqa: S608
    for key in keys[:: len(keys) // 12]:
        told = explain(settings, table, [str(value) for value in key])
        (now,) = [one for one in walk(told) if "agrees_with_the_row" in one.facts]
        assert now.facts["agrees_with_the_row"] is True, key


def test_an_aggregate_names_the_runs_that_wrote_its_facts(settings: Settings) -> None:
    """With the code that extracted them."""
    key = ["bucket_date=2026-10-05", "agent_id=catalog-tagger"]
    told = explain(settings, "daily_usage_agg", key)
    facts = find(told, "partition usage_facts 2026-10-05").facts
    (record,) = run_store(settings).runs_for("usage_facts", "2026-10-05")
    assert (facts["written_by"], facts["code"]) == (record.run_id, record.code_ref)


def test_a_run_is_explained_by_its_id(settings: Settings) -> None:
    """Though its table is not in the operational store."""
    record = run_store(settings).newest(1)[0]
    assert explain(settings, RUNS, [record.run_id]).facts["asset"] == record.asset_key


def test_a_key_that_names_several_rows_is_refused_with_their_keys(settings: Settings) -> None:
    """So that the next try can name one."""
    with pytest.raises(InputRejected) as caught:
        explain(settings, "daily_usage_agg", ["bucket_date=2026-10-05"])
    assert "agent_id=catalog-tagger model_id=gemini-2.5-flash" in caught.value.hint


@pytest.mark.parametrize(
    ("table", "key", "code"),
    [
        ("session_usage", ["nothing"], ErrorCode.NOT_FOUND),
        ("runs", ["nothing"], ErrorCode.NOT_FOUND),
        ("api_tokens", ["x"], ErrorCode.NOT_FOUND),
        ("daily_usage_agg", ["2026-10-05", "x"], ErrorCode.VALIDATION_ERROR),
        ("session_usage", ["surprise=1"], ErrorCode.NOT_FOUND),
        ("session_usage", ["seq='; DROP TABLE session_usage; --"], ErrorCode.NOT_FOUND),
    ],
)
def test_a_key_without_a_row_is_refused(
    table: str, key: list[str], code: ErrorCode, settings: Settings
) -> None:
    """With what would have been expected; a key is a value, never SQL."""
    with pytest.raises(InputRejected) as caught:
        explain(settings, table, key)
    assert caught.value.code is code
    assert caught.value.hint


def test_without_a_store_there_is_nothing_to_explain(tmp_path: Path) -> None:
    """It says what to do."""
    with pytest.raises(NotReady):
        explain(Settings(data_dir=tmp_path / "none"), "session_usage", ["x"])


def test_a_row_of_an_unknown_run_says_so(settings: Settings, tmp_path: Path) -> None:
    """The run store is another one, or younger: unknown is never left out."""
    elsewhere = Settings(data_dir=tmp_path, db_path=settings.sqlite_path)
    run = find(explain(elsewhere, "session_usage", [DERIVED]), "run ")
    assert "not in the run store" in str(run.facts["known"])


def test_lines_hold_every_node_and_fact(settings: Settings) -> None:
    """As a tree whose branches can be followed."""
    told = Node(
        title="a",
        facts={"n": 1200, "yes": True, "no": None},
        children=(Node(title="b", children=(Node(title="c"),)), Node(title="d")),
    )
    assert list(told.lines()) == [
        "a",
        "├─ n: 1,200",
        "├─ yes: yes",
        "├─ no: unknown",
        "├─ b",
        "│  └─ c",
        "└─ d",
    ]


def test_a_cost_of_real_sessions_names_all_of_it(realdata: Path, tmp_path: Path) -> None:
    """File, line, call key, price version, rates, run, code, configuration."""
    settings = Settings(data_dir=tmp_path / "data")
    import_sessions(settings, [realdata / "claude-code-oh-my-posh"], workers=1)
    with closing(sqlite3.connect(settings.sqlite_path)) as database:
        usage_id, uri, line, version = database.execute(
            "SELECT usage_id, source_uri, source_line, pricing_version FROM session_usage "
            "WHERE cost_source = 'derived' ORDER BY cost_usd DESC LIMIT 1"
        ).fetchone()
    text = "\n".join(explain(settings, "session_usage", [usage_id]).lines())
    for told in (usage_id, uri, f"line: {line:,}", version, "tokens at $", "code: ", "config_hash"):
        assert told in text
    assert "agrees_with_the_stored_cost: yes" in text
    assert SAMPLES.name not in uri

"""Full-text search: one corpus, the same answers on both engines, and typed text is only text."""

import random
import string
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, insert, select, text, update

from helicarrier.ledger.tables import session_ledger
from helicarrier.store.fulltext import REBUILD_INDEX, search_condition
from helicarrier.store.operational import OperationalStore
from helicarrier.store.query import open_query

CORPUS = {
    "model": ("Switch to claude-sonnet", "Replace the model everywhere."),
    "split": ("Claude", "The sonnet is a form of poem."),
    "border": ("Ask claude", "sonnet answers"),
    "path": ("Fix src/app/main.py", "See https://example.com/a/b?x=1 and mail ann@example.com"),
    "quotes": ('Say "hello" to O\'Brien', "it's 100% fine; -- DROP TABLE x"),
    "umlaut": ("PRÜFUNG der Straße", "naïve café"),
    "plain": ("Prufung der Strasse", "naive cafe"),
    "numbers": ("Release v1.2.3", "build 1e5abc, 007, 0x1F and -5"),
    "asian": ("東京 の天気", "Привет МИР"),
    "operators": ("NEAR AND OR NOT", "col:val prefix* ^start (group) {x}"),
    "empty": ("", None),
    "nothing": (None, None),
    "emoji": ("ship it 🚀 now", "snake_case_name and kebab-case-name"),
    "markup": ("<b>bold</b> &amp; more", "<script>alert(1)</script>"),
}

ANSWERS = {
    "claude-sonnet": {"model"},
    "claude sonnet": {"model", "split", "border"},
    "CLAUDE": {"model", "split", "border"},
    "sonnet-claude": set(),
    "main.py": {"path"},
    "src/app": {"path"},
    "example.com": {"path"},
    "ann@example.com": {"path"},
    "example": {"path"},
    '"': set(),
    '"hello"': {"quotes"},
    'hello"to': {"quotes"},
    "o'brien": {"quotes"},
    "' OR 1=1 --": set(),
    "100%": {"quotes"},
    "prüfung": {"umlaut"},
    "prufung": {"plain"},
    "Straße": {"umlaut"},
    "café": {"umlaut"},
    "v1.2.3": {"numbers"},
    "1.2": set(),
    "2.3": {"numbers"},
    "1e5abc": {"numbers"},
    "1e5": set(),
    "abc": set(),
    "007": {"numbers"},
    "7": set(),
    "-5": {"numbers"},
    "0x1f": {"numbers"},
    "東京": {"asian"},
    "東": set(),
    "мир": {"asian"},
    "NEAR(": {"operators"},
    "NOT": {"operators"},
    "near AND ship": set(),
    "col:val": {"operators"},
    "prefix*": {"operators"},
    "pref*": set(),
    "(": set(),
    "*": set(),
    "": set(),
    "  \t\n ": set(),
    "🚀": set(),
    "snake_case_name": {"emoji"},
    "case": {"emoji"},
    "<script>": {"markup"},
    "amp": {"markup"},
    "b": {"path", "markup"},
    "sonnet sonnet poem": {"split"},
    "a\x00b": {"path"},
    "\ud800hello": {"quotes"},
}

SELECT = "SELECT session_id FROM session_ledger WHERE "


@pytest.fixture
def corpus(store: OperationalStore) -> OperationalStore:
    """A store that holds one session for each text."""
    with store.write() as connection:
        for name, (title, body) in CORPUS.items():
            connection.execute(insert(session_ledger).values(session(name, title, body)))
    return store


def session(name: str, title: str | None, body: str | None) -> dict[str, object]:
    """A session with these texts."""
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    return {
        "session_id": name,
        "agent_id": "a",
        "model_id": "m",
        "task_title": title,
        "task_text": body,
        "task_category": "c",
        "status": "success",
        "started_at": moment,
        "source": "test",
        "source_uri": "test",
        "idempotency_key": name,
        "ingested_at": moment,
        "run_id": "r",
    }


def found(store: OperationalStore, typed: str) -> set[object]:
    """The sessions that a search finds, through SQLAlchemy."""
    condition = search_condition(store.dialect, typed)
    statement = select(session_ledger.c.session_id).where(text(condition.sql))
    with store.read() as connection:
        return set(connection.execute(statement, condition.params).scalars())


def test_the_corpus_gives_the_same_answers_on_both_engines(corpus: OperationalStore) -> None:
    """Each text is found by its words, and by nothing that merely looks like syntax."""
    assert {typed: found(corpus, typed) for typed in ANSWERS} == ANSWERS


def test_the_light_read_path_takes_the_same_condition(corpus: OperationalStore) -> None:
    """The parameters have the form that both ways to read understand."""
    condition = search_condition(corpus.dialect, "claude-sonnet model")
    with open_query(corpus.url) as query:
        rows = query.rows(SELECT + condition.sql, condition.params)
    assert rows == [{"session_id": "model"}]


def test_no_typed_text_is_an_error(corpus: OperationalStore) -> None:
    """Random punctuation, operators and words: any answer, but never a failure."""
    seed = random.randrange(2**32)
    chooser = random.Random(seed)
    parts = [
        *string.punctuation,
        "AND",
        "OR",
        "NOT",
        "NEAR",
        "claude",
        " ",
        "\t",
        "ü",
        "²",
        "\u200b",
    ]
    for _ in range(150):
        typed = "".join(chooser.choices(parts, k=chooser.randint(1, 12)))
        assert found(corpus, typed) <= set(CORPUS), f"seed {seed}, typed {typed!r}"


def test_the_index_follows_changes_and_removals(corpus: OperationalStore) -> None:
    """Triggers keep it in step, in the same transaction."""
    with corpus.write() as connection:
        connection.execute(
            update(session_ledger)
            .where(session_ledger.c.session_id == "model")
            .values(task_title="Renamed", task_text="to gpt")
        )
        connection.execute(delete(session_ledger).where(session_ledger.c.session_id == "split"))
    assert found(corpus, "claude") == {"border"}
    assert found(corpus, "renamed gpt") == {"model"}


def test_a_rolled_back_change_is_not_found(corpus: OperationalStore) -> None:
    """The index is part of the transaction."""
    with pytest.raises(ZeroDivisionError), corpus.write() as connection:
        connection.execute(update(session_ledger).values(task_title="vanished")).rowcount / 0
    assert found(corpus, "vanished") == set()


def test_an_upsert_keeps_the_index_sound(sqlite_store: OperationalStore) -> None:
    """The ledger is written with ON CONFLICT DO UPDATE, which fires the update trigger."""
    from sqlalchemy.dialects.sqlite import insert as upsert

    for title in ("first title", "second title"):
        row = session("s", title, "body")
        statement = upsert(session_ledger).values(row)
        with sqlite_store.write() as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["session_id"], set_=row)
            )
    assert found(sqlite_store, "first") == set()
    assert found(sqlite_store, "second") == {"s"}
    with sqlite_store.write() as connection:
        check = "INSERT INTO session_search(session_search, rank) VALUES ('integrity-check', 1)"
        connection.exec_driver_sql(check)


def test_the_index_can_be_rebuilt(sqlite_store: OperationalStore) -> None:
    """After a VACUUM the rows may have other numbers."""
    with sqlite_store.write() as connection:
        connection.execute(insert(session_ledger).values(session("s", "lost and found", None)))
        connection.exec_driver_sql(
            "INSERT INTO session_search(session_search) VALUES ('delete-all')"
        )
    assert found(sqlite_store, "lost") == set()
    with sqlite_store.write() as connection:
        connection.exec_driver_sql(REBUILD_INDEX)
    assert found(sqlite_store, "lost") == {"s"}


def test_a_search_uses_the_index(corpus: OperationalStore) -> None:
    """A scan of all texts would grow with the ledger."""
    condition = search_condition(corpus.dialect, "claude-sonnet")
    sql = SELECT + condition.sql
    with corpus.read() as connection:
        if corpus.dialect == "sqlite":
            plan = connection.execute(text("EXPLAIN QUERY PLAN " + sql), condition.params)
        else:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            plan = connection.execute(text("EXPLAIN " + sql), condition.params)
        lines = "\n".join(str(row) for row in plan)
    assert ("session_search VIRTUAL TABLE INDEX" in lines) or ("ix_session_ledger_search" in lines)
    assert "SCAN session_ledger" not in lines

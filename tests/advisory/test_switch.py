"""The switch, its rollback and the verification, as an operator uses them."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, text

from helicarrier.advisory import rollback, switch
from helicarrier.advisory.reading import overview
from helicarrier.advisory.tables import p3_advisory_budget, p3_advisory_signal, p3_feature_state
from helicarrier.advisory.verification import (
    ROW_QUERIES,
    SCHEMA_QUERIES,
    Presence,
    Promise,
    verify,
)
from helicarrier.errors import UsageError
from helicarrier.ledger.tables import audit_log
from helicarrier.store import migrate
from helicarrier.store.versions import P3
from tests.advisory.areas import BEFORE, NOW, Area

NOWHERE = Path("/nowhere")
RUNBOOK = Path(__file__).parents[2] / "docs" / "runbooks" / "advisory.md"


def run_sql(url: str, *statements: str) -> None:
    """Run statements as a person with another program."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def a_signal(area: Area, **changes: object) -> None:
    """Store a signal."""
    values = {
        "id": "s1",
        "resume_id": "r",
        "job_posting_id": "j",
        "signal_type": "timing_hint",
        "signal_payload": "{}",
        "confidence_score": "0.5",
        "model_version": "v",
        "computed_at": NOW,
        "created_at": NOW,
    }
    with area.store.write() as connection:
        connection.execute(insert(p3_advisory_signal).values(values | changes))


def test_turning_on_and_off_is_remembered_with_its_line_in_the_audit_log(area: Area) -> None:
    """The percentage stays when it is turned off."""
    on = switch.enable(area.url, NOWHERE, percent=25, actor="ann", now=NOW)
    assert (on.enabled, on.rollout_percent, on.updated_at, on.on) == (True, 25, NOW, True)
    off = switch.disable(area.url, actor="bob", now=NOW)
    assert off == switch.current(area.url)
    assert off is not None
    assert (off.enabled, off.rollout_percent, off.on) == (False, 25, False)
    again = switch.enable(area.url, NOWHERE, percent=None, actor="ann", now=NOW)
    assert (again.enabled, again.rollout_percent) == (True, 25)
    told = sorted((str(row["actor"]), str(row["action"])) for row in area.rows(audit_log))
    assert told == [
        ("ann", "advisory.enabled"),
        ("ann", "advisory.enabled"),
        ("bob", "advisory.disabled"),
    ]


def test_on_at_no_percent_is_off(area: Area) -> None:
    """Nobody is advised."""
    assert not switch.enable(area.url, NOWHERE, percent=0, actor="ann", now=NOW).on


def test_a_percentage_beyond_the_whole_is_refused(area: Area) -> None:
    """Nothing is changed."""
    with pytest.raises(UsageError):
        switch.enable(area.url, NOWHERE, percent=101, actor="ann", now=NOW)
    assert area.rows(p3_feature_state)[0]["enabled"] == 0


def test_a_missing_row_is_off_and_can_be_turned_on(area: Area) -> None:
    """As a missing table is."""
    run_sql(area.url, "DELETE FROM p3_feature_state")
    assert switch.current(area.url) is None
    assert switch.enable(area.url, NOWHERE, percent=5, actor="ann", now=NOW).on


def test_a_rollback_leaves_everything_else_byte_for_byte(area: Area) -> None:
    """As often as one likes; forward again brings it back, off and empty."""
    area.turn()
    a_signal(area)
    before = area.others()
    for _ in range(2):
        rollback.roll_back(area.url, actor="ann", now=NOW)
        assert verify(area.url, expect=Presence.ABSENT).holds
        assert not [line for line in area.lines() if "p3" in line]
        assert area.others() == before
    assert switch.current(area.url) is None
    assert switch.disable(area.url, actor="ann", now=NOW) is None
    assert overview(area.url, now=NOW).as_json()["installed"] is False
    migrate.upgrade(area.url, NOWHERE, environment=P3)
    assert area.others() == before
    found = overview(area.url, now=NOW)
    assert found.state is not None
    assert (found.state.on, found.active) == (False, 0)
    actions = [row["action"] for row in area.rows(audit_log)]
    assert actions.count("advisory.rolled_back") == 2


def test_overview_counts_what_is_stored(area: Area) -> None:
    """Expired signals are told apart also before they are marked."""
    area.turn(10)
    a_signal(area)
    a_signal(area, id="s2", expires_at=NOW)
    a_signal(area, id="s3", is_active=0)
    with area.store.write() as connection:
        connection.execute(
            insert(p3_advisory_budget).values(
                id="b", resume_id="r", budget_day=NOW.date(), max_advisories=3, used_advisories=2,
                created_at=NOW,
            )
        )  # fmt: skip
    found = overview(area.url, now=NOW)
    assert found.as_json() == {
        "installed": True,
        "enabled": True,
        "rollout_percent": 10,
        "updated_at": "2026-01-01T00:00:00.000000Z",
        "signals": {"active": 1, "expired": 1, "inactive": 1},
        "budget_today": {"resumes": 1, "used": 2},
    }


def broken(area: Area) -> set[Promise]:
    """The promises that verification finds broken."""
    return {finding.promise for finding in verify(area.url).findings if not finding.holds}


def test_a_fresh_area_keeps_every_promise(area: Area) -> None:
    """Also with the tables of everything else around it."""
    report = verify(area.url)
    assert report.holds
    assert {finding.promise for finding in report.findings} == set(Promise)
    assert not verify(area.url, expect=Presence.ABSENT).holds


BREACHES = [
    ("CREATE TABLE p3_more (x INTEGER)", "DROP TABLE p3_more", Promise.TABLES),
    ("DROP TABLE alembic_version_p3", None, Promise.RECORD),
    (
        "CREATE TABLE leaning (x TEXT REFERENCES p3_advisory_signal (id))",
        "DROP TABLE leaning",
        Promise.FOREIGN_KEYS,
    ),
    ("CREATE TABLE wide (a_p3_column TEXT)", "DROP TABLE wide", Promise.COLUMNS),
    ("CREATE VIEW seen AS SELECT id FROM p3_advisory_signal", "DROP VIEW seen", Promise.MENTIONS),
    ("CREATE INDEX p3_index ON audit_log (actor)", "DROP INDEX p3_index", Promise.MENTIONS),
]


@pytest.mark.parametrize(("breach", "mend", "promise"), BREACHES, ids=lambda value: str(value)[:24])
def test_what_ties_the_area_to_others_is_found(
    area: Area, breach: str, mend: str | None, promise: Promise
) -> None:
    """Each by its own query."""
    run_sql(area.url, breach)
    assert promise in broken(area)
    if mend:
        run_sql(area.url, mend)
        assert broken(area) == set()
    else:
        run_sql(area.url, *rollback.STATEMENTS)


def test_the_underscore_of_the_prefix_is_no_wildcard(area: Area) -> None:
    """A table `p3x` of somebody else is none of the area."""
    run_sql(area.url, "CREATE TABLE p3x (p3y TEXT)")
    assert broken(area) == set()
    run_sql(area.url, "DROP TABLE p3x")


def test_a_partial_area_is_neither_there_nor_gone(area: Area) -> None:
    """One table dropped by hand is no rollback."""
    run_sql(area.url, "DROP TABLE p3_advisory_cache")
    report = verify(area.url)
    assert (report.presence, report.holds) == (Presence.PARTIAL, False)


def test_a_signal_from_after_the_switch_went_off_is_found(area: Area) -> None:
    """One from before is none."""
    area.turn()
    a_signal(area)
    switch.disable(area.url, actor="ann", now=NOW)
    assert broken(area) == set()
    switch.disable(area.url, actor="ann", now=BEFORE)
    assert broken(area) == {Promise.SWITCH}


def test_rows_that_the_constraints_would_refuse_are_found(sqlite_area: Area) -> None:
    """Where somebody wrote them with the constraints off."""
    area = sqlite_area
    area.turn()
    run_sql(
        area.url,
        "PRAGMA ignore_check_constraints = ON",
        "INSERT INTO p3_advisory_budget (resume_id, budget_day, max_advisories, used_advisories, "
        "created_at) VALUES ('r', '2026-11-02', 1, 2, '')",
        "INSERT INTO p3_advisory_signal (resume_id, job_posting_id, signal_type, signal_payload, "
        "confidence_score, model_version, computed_at, created_at) "
        "VALUES ('r', 'j', 'timing_hint', '{}', 1.5, 'v', '2026-11-02', '')",
    )
    assert broken(area) == {Promise.BUDGET, Promise.RANGE}


def test_the_runbook_prints_every_query_as_it_is() -> None:
    """Who copies them by hand verifies the same."""
    page = " ".join(RUNBOOK.read_text(encoding="utf-8").split())
    queries = [sql for each in SCHEMA_QUERIES.values() for sql in each.values()]
    for sql in (*queries, *ROW_QUERIES.values()):
        assert " ".join(sql.split()) in page
    for statement in rollback.STATEMENTS:
        assert f"{statement};" in page

"""Match results: strict lines, whole files, stored once."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from helicarrier.errors import Conflict, InputRejected
from helicarrier.ledger.runs import run_store
from helicarrier.matches.importing import ASSET_KEY, import_matches
from helicarrier.matches.lines import MAX_BYTES, read_file, read_line
from helicarrier.matches.model import MatchResult
from helicarrier.matches.repository import of_day
from helicarrier.matches.tables import analysis_results
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore
from tests.ledger.stores import Ledger

SAMPLES = Path(__file__).parents[2] / "examples" / "matches"
LINE: dict[str, object] = {
    "id": "m1",
    "resume_id": "17EF78E3-fde4-5652-8fcf-04b76e4e5b73",
    "job_posting_id": "6fcf2afd-cf15-5616-96a1-5707349da062",
    "match_score": 53,
    "qualifications_met": 9,
    "qualifications_missing": 3,
    "provider": "own",
    "model": "m",
    "created_at": "2026-10-05T12:29:00+02:00",
    "application_deadline": None,
}
RESULT = MatchResult(
    result_id="m1",
    resume_id="17ef78e3-fde4-5652-8fcf-04b76e4e5b73",
    job_posting_id="6fcf2afd-cf15-5616-96a1-5707349da062",
    match_score=53,
    qualifications_met=9,
    qualifications_missing=3,
    provider="own",
    model="m",
    created_at=datetime(2026, 10, 5, 10, 29, tzinfo=UTC),
)


def put(path: Path, *lines: object) -> Path:
    """A file of these lines; texts as they are."""
    bodies = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{body}\n" for body in bodies), encoding="utf-8")
    return path


def test_a_line_is_what_it_says() -> None:
    """Ids in lower case, times in UTC."""
    assert read_line(json.dumps(LINE).encode()) == RESULT
    short = {name: value for name, value in LINE.items() if name != "application_deadline"}
    assert read_line(json.dumps(short).encode()) == RESULT


WRONG = [
    ({"id": ""}, "/id the text is empty"),
    ({"resume_id": "r1"}, "/resume_id expected a UUID"),
    ({"job_posting_id": "{6fcf2afd-cf15-5616-96a1-5707349da062}"}, "/job_posting_id expected"),
    ({"match_score": 100.1}, "/match_score the number is too large"),
    ({"match_score": -1}, "/match_score the number is negative"),
    ({"match_score": "53"}, "/match_score the value has another type"),
    ({"match_score": True}, "/match_score the value has another type"),
    ({"qualifications_met": -1}, "/qualifications_met the number is negative"),
    ({"qualifications_missing": 1.5}, "/qualifications_missing the value has another type"),
    ({"qualifications_missing": None}, "/qualifications_missing the value has another type"),
    ({"created_at": "2026-10-05"}, "/created_at expected ISO 8601 with a zone"),
    ({"application_deadline": "soon"}, "/application_deadline expected ISO 8601 with a zone"),
    ({"secret": "x"}, "/secret the contract has no such field"),
]


@pytest.mark.parametrize(("change", "told"), WRONG, ids=lambda value: str(value)[:40])
def test_what_breaks_the_contract_is_refused(
    change: dict[str, object], told: str, tmp_path: Path
) -> None:
    """With its line and field, and without the value."""
    path = put(tmp_path / "r.jsonl", LINE, LINE | {"id": "m2"} | change)
    with pytest.raises(InputRejected) as refused:
        read_file(path)
    assert f"refused for 1 line: line 2: {told}" in refused.value.message


ODD = ["", "{", '{"id":"a","id":"b"}', "[]", '{"match_score": NaN}', f'"{"x" * MAX_BYTES}"']


def test_everything_that_is_wrong_is_told_in_order(tmp_path: Path) -> None:
    """Ten lines by name, the rest by number; the same message every time."""
    path = put(tmp_path / "r.jsonl", *ODD, LINE, LINE, LINE | {"match_score": 1}, *ODD)
    messages = set()
    for _ in range(2):
        with pytest.raises(InputRejected) as refused:
            read_file(path)
        messages.add(refused.value.message)
    (message,) = messages
    assert "refused for 13 lines: line 1: " in message
    assert "line 9: its id is that of another line" in message
    assert message.endswith("and 3 more")
    assert "line 7" not in message


def settings_of(ledger: Ledger, tmp_path: Path) -> Settings:
    """Settings whose store is the ledger's."""
    return Settings(data_dir=tmp_path / "data", db_url=ledger.url)


def rows(ledger: Ledger) -> list[dict[str, object]]:
    """What is stored."""
    return ledger.rows(analysis_results)


def test_an_import_stores_each_result_once(ledger: Ledger, tmp_path: Path) -> None:
    """The second one writes nothing; every row names its run."""
    settings = settings_of(ledger, tmp_path)
    looked = import_matches(settings, [SAMPLES], dry_run=True)
    assert (looked.read, looked.written, rows(ledger)) == (160, 160, [])
    first = import_matches(settings, [SAMPLES])
    again = import_matches(settings, [SAMPLES])
    assert (first.read, first.written, first.duplicate, first.files) == (160, 160, 0, 1)
    assert (again.read, again.written, again.duplicate) == (160, 0, 160)
    stored = rows(ledger)
    assert {row["run_id"] for row in stored} == {first.run_id}
    assert [row["id"] for row in stored] == [f"match-{n:04}" for n in range(160)]
    runs = [run_store(settings).get_run(report.run_id) for report in (first, again)]
    assert [(run.asset_key, run.rows_in, run.rows_out) for run in runs if run is not None] == [
        (ASSET_KEY, 160, 160),
        (ASSET_KEY, 160, 0),
    ]


def test_results_come_back_as_they_went_in_day_by_day(ledger: Ledger, tmp_path: Path) -> None:
    """By time and id, over the pages."""
    import_matches(settings_of(ledger, tmp_path), [SAMPLES])
    wanted = sorted(
        (r for r in read_file(SAMPLES / "results.jsonl") if r.created_at.day == 7),
        key=lambda result: (result.created_at, result.result_id),
    )
    assert len(wanted) > 5
    assert list(of_day(ledger.store, date(2026, 10, 7))) == wanted
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("helicarrier.matches.repository.ROWS_AT_ONCE", 2)
        assert list(of_day(ledger.store, date(2026, 10, 7))) == wanted
    assert list(of_day(ledger.store, date(2026, 9, 7))) == []


def test_nothing_is_written_where_anything_is_wrong(ledger: Ledger, tmp_path: Path) -> None:
    """In whatever file; another content under a stored id is a conflict."""
    settings = settings_of(ledger, tmp_path)
    good = put(tmp_path / "a.jsonl", LINE)
    bad = put(tmp_path / "b.jsonl", LINE | {"id": "m2", "match_score": 101})
    with pytest.raises(InputRejected):
        import_matches(settings, [good, bad])
    other = put(tmp_path / "c.jsonl", LINE | {"match_score": 54}, LINE | {"id": "m3"})
    with pytest.raises(Conflict):
        import_matches(settings, [good, other])
    assert rows(ledger) == []
    import_matches(settings, [good])
    with pytest.raises(Conflict) as refused:
        import_matches(settings, [other])
    assert refused.value.message == "the match result m1 is stored with other content"
    assert [row["id"] for row in rows(ledger)] == ["m1"]


def test_a_day_is_read_by_its_index(ledger: Ledger) -> None:
    """A query of one day does not read the table."""
    dialect = ledger.store.dialect
    query = select(analysis_results.c.id).where(
        analysis_results.c.created_at >= datetime(2026, 10, 5, tzinfo=UTC),
        analysis_results.c.created_at < datetime(2026, 10, 6, tzinfo=UTC),
    )
    store = OperationalStore(ledger.url)
    with store.write() as connection:
        explain = "EXPLAIN QUERY PLAN " if dialect == "sqlite" else "EXPLAIN "
        if dialect == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        sql = query.compile(connection.engine, compile_kwargs={"literal_binds": True})
        plan = "\n".join(map(str, connection.exec_driver_sql(explain + str(sql))))
    store.close()
    assert "ix_analysis_results_created_at_id" in plan


def test_the_samples_are_what_their_generator_writes() -> None:
    """The seed is fixed."""
    command = [sys.executable, str(SAMPLES / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)

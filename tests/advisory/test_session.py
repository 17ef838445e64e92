"""The write guard: the area's session writes to its own tables and to no other."""

import pytest
from sqlalchemy import Executable, insert, select, text, update

from helicarrier.advisory.session import require_own
from helicarrier.advisory.tables import FEATURE, p3_advisory_cache, p3_feature_state
from helicarrier.errors import ErrorCode, HelicarrierError
from helicarrier.ledger.tables import audit_log, session_ledger
from tests.advisory.areas import NOW, Area

OWN = [
    "SELECT 1",
    "select * from session_ledger where title = 'DELETE FROM session_ledger'",
    "INSERT INTO p3_a VALUES (1)",
    'insert into "p3_a" values (1)',
    "INSERT INTO public.p3_a VALUES ('; DROP TABLE x')",
    "INSERT INTO p3_a (x) VALUES (1) ON CONFLICT (x) DO UPDATE SET x = 1 WHERE p3_a.x < 2",
    "UPDATE p3_a SET x = 'INTO other' -- UPDATE other",
    "DELETE FROM p3_a WHERE x IN (SELECT id FROM other)",
]
FOREIGN = [
    "INSERT INTO other VALUES (1)",
    "INSERT INTO p3x VALUES (1)",
    "INSERT INTO public.p3_a.other VALUES (1)",
    "REPLACE INTO p3_a VALUES (1)",
    "UPDATE other SET p3_a = 1",
    "UPDATE/**/other SET x = 1",
    "UPDATE ONLY other SET x = 1",
    "UPDATE `other` SET x = 1",
    "DELETE\nFROM other",
    "DELETE FROM ONLY other",
    "MERGE INTO other USING p3_a ON true WHEN MATCHED THEN DELETE",
    "WITH gone AS (DELETE FROM other RETURNING id) SELECT * FROM gone",
    "INSERT INTO p3_a WITH gone AS (UPDATE other SET x = 1 RETURNING x) SELECT x FROM gone",
    "SELECT * INTO copy FROM p3_a",
    "SELECT * FROM other FOR UPDATE",
    "SELECT * FROM other FOR NO KEY UPDATE",
    "SELECT 1; DELETE FROM p3_a",
    "DROP TABLE p3_a",
    "TRUNCATE p3_a",
    "CREATE TABLE p3_b (x INTEGER)",
    "ALTER TABLE other ADD COLUMN x INTEGER",
    "COPY other FROM STDIN",
    "DO $$ BEGIN DELETE FROM other; END $$",
    "",
]


@pytest.mark.parametrize("statement", OWN)
def test_reading_and_own_tables_pass(statement: str) -> None:
    """Whatever a text or a comment says."""
    require_own(statement)


@pytest.mark.parametrize("statement", FOREIGN)
def test_everything_else_is_refused(statement: str) -> None:
    """Also forms that the guard does not know."""
    with pytest.raises(HelicarrierError) as refused:
        require_own(statement)
    assert refused.value.code is ErrorCode.GOVERNANCE_BREACH


def run(area: Area, *statements: Executable) -> None:
    """Execute statements in one transaction of the area."""
    with area.store.write() as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_store_of_the_area_refuses_before_the_database_sees_it(area: Area) -> None:
    """Statements made by SQLAlchemy and written by hand alike; nothing of the block is kept."""
    line = insert(audit_log).values(
        audit_id="1", occurred_at=NOW, actor="a", action="b", subject="c", details_json="{}"
    )
    own = insert(p3_advisory_cache).values(id="1", cache_key="k", signal_id="s", created_at=NOW)
    ledger = update(session_ledger).values(agent_id="x")
    for foreign in (line, ledger, text("DROP TABLE audit_log")):
        with pytest.raises(HelicarrierError, match="p3_ tables"):
            run(area, own, foreign)
    assert area.rows(p3_advisory_cache) == []
    with area.store.write() as connection:
        mine = p3_feature_state.c.feature_name == FEATURE
        connection.execute(update(p3_feature_state).where(mine).values(rollout_percent=7))
        assert connection.execute(select(p3_feature_state.c.rollout_percent)).scalar_one() == 7

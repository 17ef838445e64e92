"""Patterns in the operational store: counted in one transaction, found by signature or embedding.

Where Postgres has pgvector the database looks for neighbours; elsewhere embeddings are arrays and
are compared here, with the same answer.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Text,
    cast,
    insert,
    literal_column,
    select,
    text,
    update,
)

from helicarrier.resolution.enums import MismatchType
from helicarrier.resolution.learning import (
    Neighbour,
    Pattern,
    cosine,
    lower_end,
    pattern_id,
    signature_of,
)
from helicarrier.resolution.records import Decision, Mismatch
from helicarrier.resolution.rows import decision_row, insert_new, json_text
from helicarrier.resolution.tables import ai_decision_log, mismatch_pattern
from helicarrier.store.operational import OperationalStore

_p = mismatch_pattern.c
_IS_VECTOR = text(
    "SELECT udt_name = 'vector' FROM information_schema.columns"
    " WHERE table_schema = current_schema()"
    " AND table_name = 'mismatch_pattern' AND column_name = 'embedding'"
)
_EMBED = {
    True: text("UPDATE mismatch_pattern SET embedding = CAST(:value AS vector) WHERE id = :id"),
    False: text("UPDATE mismatch_pattern SET embedding = :value WHERE id = :id"),
}
_NEAREST = text(
    "SELECT id, 1 - (embedding <=> CAST(:value AS vector)) AS similarity FROM mismatch_pattern"
    " WHERE embedding IS NOT NULL ORDER BY embedding <=> CAST(:value AS vector), id LIMIT :most"
)


class SqlPatterns:
    """Patterns on SQLite and Postgres, with pgvector or without."""

    def __init__(self, store: OperationalStore) -> None:
        """Args: a store at the newest schema."""
        self._store = store

    def learn(
        self,
        found: Mismatch,
        *,
        held: bool,
        embedding: Sequence[float] | None,
        now: datetime,
        decision: Decision,
    ) -> Pattern:
        """Count a resolution that was judged, with its line in the decision log."""
        signature = signature_of(found)
        name = pattern_id(found.mismatch_type, signature)
        fresh: dict[str, object] = {
            "id": name,
            "mismatch_type": found.mismatch_type.value,
            "pattern_signature": signature,
            "pattern_data": json_text({"first_mismatch": found.mismatch_id}),
            "success_rate": 0.0,
            "success_count": 0,
            "usage_count": 0,
            "confidence_score": 0.0,
            "created_at": now,
            "updated_at": now,
        }
        key = _p.id == name
        with self._store.write() as connection:
            insert_new(connection, mismatch_pattern, [fresh])
            counts = select(_p.success_count, _p.usage_count).where(key).with_for_update()
            before = connection.execute(counts).one()
            successes, uses = before.success_count + held, before.usage_count + 1
            connection.execute(
                update(mismatch_pattern)
                .where(key)
                .values(
                    success_count=successes,
                    usage_count=uses,
                    success_rate=successes / uses,
                    confidence_score=lower_end(successes, uses),
                    updated_at=now,
                )
            )
            if embedding is not None:
                value = json.dumps([float(one) for one in embedding])
                statement = _EMBED[_has_vectors(connection)]
                connection.execute(statement, {"value": value, "id": name})
            connection.execute(insert(ai_decision_log).values(decision_row(decision)))
            return _pattern(connection.execute(_columns().where(key)).one())

    def like(self, found: Mismatch) -> Pattern | None:
        """The pattern that a mismatch is one of."""
        name = pattern_id(found.mismatch_type, signature_of(found))
        with self._store.read() as connection:
            row = connection.execute(_columns().where(_p.id == name)).one_or_none()
        return None if row is None else _pattern(row)

    def nearest(self, embedding: Sequence[float], *, most: int = 5) -> list[Neighbour]:
        """The patterns whose embeddings are most alike, the nearest first."""
        with self._store.read() as connection:
            if not _has_vectors(connection):
                query = _columns().where(_p.embedding.is_not(None))
                patterns = [_pattern(row) for row in connection.execute(query)]
                near = [
                    Neighbour(pattern=one, similarity=cosine(embedding, one.embedding))
                    for one in patterns
                    if one.embedding is not None
                ]
                return sorted(near, key=lambda one: (-one.similarity, one.pattern.pattern_id))[
                    :most
                ]
            value = json.dumps([float(one) for one in embedding])
            rows = connection.execute(_NEAREST, {"value": value, "most": most}).all()
            return [
                Neighbour(
                    pattern=_pattern(connection.execute(_columns().where(_p.id == row.id)).one()),
                    similarity=row.similarity,
                )
                for row in rows
            ]


def _columns() -> Select[Any]:
    others = [column for column in mismatch_pattern.c if column.name != "embedding"]
    return select(*others, cast(literal_column("embedding"), Text).label("numbers")).select_from(
        mismatch_pattern
    )


def _has_vectors(connection: Connection) -> bool:
    if connection.dialect.name != "postgresql":
        return False
    return bool(connection.execute(_IS_VECTOR).scalar_one())


def _pattern(row: Row[Any]) -> Pattern:
    return Pattern(
        pattern_id=row.id,
        mismatch_type=MismatchType(row.mismatch_type),
        signature=row.pattern_signature,
        successes=row.success_count,
        uses=row.usage_count,
        confidence=row.confidence_score,
        data=json.loads(row.pattern_data),
        first_seen=row.created_at,
        last_seen=row.updated_at,
        embedding=None if row.numbers is None else tuple(json.loads(row.numbers)),
    )

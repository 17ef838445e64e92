"""Versions of policies and criteria in the operational store.

A version is written once and validated before; other content under its number is a conflict. One
policy is in force, which the database itself keeps; where none was activated it is the packaged
default.
"""

from datetime import datetime

from sqlalchemy import select, update

from helicarrier.errors import Conflict, ErrorCode, UsageError
from helicarrier.ledger import audit
from helicarrier.resolution import policy_documents
from helicarrier.resolution.policy import Criterion, Policy
from helicarrier.resolution.rows import insert_new
from helicarrier.resolution.tables import equivalence_criterion, resolution_policy
from helicarrier.store.operational import OperationalStore


class SqlDocuments:
    """Policies and criteria on SQLite and Postgres."""

    def __init__(self, store: OperationalStore) -> None:
        """Args: a store at the newest schema."""
        self._store = store

    def add_policy(self, body: bytes, *, now: datetime) -> Policy:
        """Store a version of a policy, not in force yet; the same again is no change.

        Raises:
            ContractError: it breaks its schema.
            Conflict: the version is there with other content.
        """
        policy = policy_documents.read_policy(body)
        text, digest = policy_documents.stored_form(body)
        key = {"policy_id": policy.policy_id, "version": policy.version}
        row = {**key, "body": text, "content_hash": digest, "active": 0, "created_at": now}
        with self._store.write() as connection:
            insert_new(connection, resolution_policy, [row])
            columns = resolution_policy.c
            query = select(columns.content_hash).filter_by(**key)
            _require_same(connection.execute(query).scalar_one(), digest, policy.policy_id)
        return policy

    def add_criterion(self, body: bytes, *, now: datetime) -> Criterion:
        """Store a version of a criterion; the same again is no change.

        Raises:
            ContractError: it breaks its schema.
            Conflict: the version is there with other content.
        """
        criterion = policy_documents.read_criterion(body)
        text, digest = policy_documents.stored_form(body)
        key = {"criterion_id": criterion.criterion_id, "version": criterion.version}
        row = {**key, "body": text, "content_hash": digest, "created_at": now}
        with self._store.write() as connection:
            insert_new(connection, equivalence_criterion, [row])
            columns = equivalence_criterion.c
            query = select(columns.content_hash).filter_by(**key)
            _require_same(connection.execute(query).scalar_one(), digest, criterion.criterion_id)
        return criterion

    def activate(self, policy_id: str, version: int, *, actor: str, now: datetime) -> None:
        """Put a stored version in force, in place of the one that is.

        Raises:
            UsageError: NOT_FOUND.
        """
        columns = resolution_policy.c
        key = (columns.policy_id == policy_id) & (columns.version == version)
        with self._store.write() as connection:
            # One at most at any moment: the old one goes before the new one comes.
            connection.execute(
                update(resolution_policy).where(columns.active == 1).values(active=0)
            )
            if connection.execute(update(resolution_policy).where(key).values(active=1)).rowcount:
                audit.record(
                    connection,
                    actor=actor,
                    action="resolution.policy.activated",
                    subject=f"{policy_id} v{version}",
                    now=now,
                )
                return
            raise UsageError(
                f"there is no version {version} of {policy_id}",
                code=ErrorCode.NOT_FOUND,
                hint="Store it first: `helicarrier resolution policy add FILE`.",
            )

    def active_policy(self) -> Policy:
        """The policy in force."""
        query = select(resolution_policy.c.body).where(resolution_policy.c.active == 1)
        with self._store.read() as connection:
            body = connection.execute(query).scalar_one_or_none()
        if body is None:
            return policy_documents.default_policy()
        return policy_documents.read_policy(body.encode())

    def criteria(self) -> tuple[Criterion, ...]:
        """The newest version of each criterion: the packaged ones, and what is stored."""
        newest = {one.criterion_id: one for one in policy_documents.default_criteria()}
        columns = equivalence_criterion.c
        query = select(columns.body).order_by(columns.criterion_id, columns.version)
        with self._store.read() as connection:
            bodies = connection.execute(query).scalars().all()
        for body in bodies:
            found = policy_documents.read_criterion(body.encode())
            newest[found.criterion_id] = found
        return tuple(newest[name] for name in sorted(newest))


def _require_same(there: str, digest: str, name: str) -> None:
    if there != digest:
        raise Conflict(
            f"the version of {name} is stored with other content",
            hint="Give changed content a new version.",
        )

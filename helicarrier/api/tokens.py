"""Access tokens: made once, stored as a hash, looked up in constant time.

A token is `hc_<id>_<secret>`; only its sha256 is kept. Scopes: `read` reads, `ingest` sends
sessions, `control` changes things and may read as well. The service reads the table at most once
a second, so a revoked token ends within that time.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from helicarrier import times
from helicarrier.errors import ErrorCode, UsageError
from helicarrier.ledger import audit
from helicarrier.ledger.tables import api_tokens
from helicarrier.store.operational import OperationalStore

_PREFIX = "hc"
_SECRET_BYTES = 32
_ID_BYTES = 6
_FRESH_SECONDS = 1.0


class Scope(StrEnum):
    """What a token allows."""

    READ = "read"
    INGEST = "ingest"
    CONTROL = "control"


_ALLOWS = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.INGEST: frozenset({Scope.INGEST}),
    Scope.CONTROL: frozenset({Scope.CONTROL, Scope.READ}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks, and what is allowed to them."""

    name: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token that was just made; `secret` is seen this once."""

    token_id: str
    secret: str
    scope: Scope
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A token as it is stored."""

    token_id: str
    name: str
    scope: Scope
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    digest: str

    def is_valid(self, now: datetime) -> bool:
        """Whether it still opens anything."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def create(
    store: OperationalStore,
    *,
    name: str,
    scope: Scope,
    actor: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> NewToken:
    """Make a token and store its hash, with a line in the audit log."""
    token_id = secrets.token_hex(_ID_BYTES)
    secret = f"{_PREFIX}_{token_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    with store.write() as connection:
        connection.execute(
            insert(api_tokens).values(
                token_id=token_id,
                name=name,
                token_sha256=digest(secret),
                scope=scope.value,
                created_at=now,
                expires_at=expires_at,
                revoked_at=None,
            )
        )
        audit.record(connection, actor=actor, action="token.created", subject=token_id, now=now)
    return NewToken(token_id=token_id, secret=secret, scope=scope, expires_at=expires_at)


def revoke(store: OperationalStore, token_id: str, *, actor: str, now: datetime) -> None:
    """End a token; ending it again changes nothing.

    Raises:
        UsageError: NOT_FOUND, there is no such token.
    """
    with store.write() as connection:
        if _revoked_at(connection, token_id) is None:
            connection.execute(
                update(api_tokens).where(api_tokens.c.token_id == token_id).values(revoked_at=now)
            )
            audit.record(connection, actor=actor, action="token.revoked", subject=token_id, now=now)


def require(store: OperationalStore, token_id: str) -> None:
    """Look a token up.

    Raises:
        UsageError: NOT_FOUND, there is no such token.
    """
    with store.read() as connection:
        _revoked_at(connection, token_id)


def _revoked_at(connection: Connection, token_id: str) -> datetime | None:
    found = connection.execute(
        select(api_tokens.c.revoked_at).where(api_tokens.c.token_id == token_id)
    ).one_or_none()
    if found is None:
        raise UsageError(
            "there is no such token",
            code=ErrorCode.NOT_FOUND,
            hint="`helicarrier token list` shows their ids.",
        )
    at: datetime | None = found.revoked_at
    return at


def records(store: OperationalStore) -> list[TokenRecord]:
    """All tokens, oldest first."""
    query = select(api_tokens).order_by(api_tokens.c.created_at, api_tokens.c.token_id)
    with store.read() as connection:
        return [
            TokenRecord(
                token_id=row.token_id,
                name=row.name,
                scope=Scope(row.scope),
                created_at=row.created_at,
                expires_at=row.expires_at,
                revoked_at=row.revoked_at,
                digest=row.token_sha256,
            )
            for row in connection.execute(query)
        ]


def digest(secret: str) -> str:
    """What is stored of a secret; its 256 random bits need no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Authenticator:
    """Knows the tokens; one for a service."""

    def __init__(
        self,
        store: OperationalStore | None,
        *,
        legacy_secret: str | None = None,
        clock: Callable[[], datetime] = times.now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args: store, None: no tokens are kept; legacy_secret, which opens everything; clocks."""
        self._store = store
        self._legacy = digest(legacy_secret) if legacy_secret else None
        self._clock = clock
        self._monotonic = monotonic
        self._records: list[TokenRecord] = []
        self._read_at = float("-inf")

    def anyone_may_ask(self) -> bool:
        """Whether there is neither a token nor a secret yet; never where no tokens are kept."""
        return self._store is not None and self._legacy is None and not self._current()

    def recognise(self, secret: str) -> Principal | None:
        """Whose secret this is; None when it opens nothing."""
        asked = digest(secret)
        if self._legacy is not None and hmac.compare_digest(asked, self._legacy):
            return Principal(name="legacy-secret", scopes=frozenset(Scope))
        now = self._clock()
        for record in self._current():
            if hmac.compare_digest(asked, record.digest) and record.is_valid(now):
                return Principal(name=f"token:{record.token_id}", scopes=_ALLOWS[record.scope])
        return None

    @property
    def is_fresh(self) -> bool:
        """Whether answers come from memory: else the next one reads the store first."""
        return self._store is None or self._monotonic() - self._read_at <= _FRESH_SECONDS

    def _current(self) -> list[TokenRecord]:
        if self._store is not None and not self.is_fresh:
            now = self._monotonic()
            self._records = records(self._store)
            self._read_at = now
        return self._records

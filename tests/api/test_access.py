"""Access: every route declares its scope, and a secret opens what its scope says."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from helicarrier.api import tokens
from helicarrier.api.access import Requires
from helicarrier.api.app import create_app
from helicarrier.api.tokens import Authenticator, Scope
from helicarrier.errors import UsageError
from helicarrier.settings import Settings
from tests.api.services import ELSEWHERE, JSON, SESSION, asking
from tests.ledger.stores import Ledger

NOW = datetime(2026, 11, 1, tzinfo=UTC)
OPEN = {"/healthz", "/readyz", "/login", "/logout", "/static/hud.css", "/static/plots.js"}


def make(ledger: Ledger, scope: Scope, **more: datetime) -> tokens.NewToken:
    """A token of a scope."""
    return tokens.create(ledger.store, name="n", scope=scope, actor="test", now=NOW, **more)


def status(client: TestClient, **headers: str) -> int:
    """The status of an ingest without a body: 400 when access was granted."""
    return client.post(SESSION, headers=JSON | headers).status_code


def each_route(app: FastAPI) -> Iterator[APIRoute]:
    """The routes, also those of included routers."""
    for route in app.routes:
        inner = getattr(route, "original_router", None)
        for one in [route] if inner is None else inner.routes:
            assert isinstance(one, APIRoute)
            yield one


def test_every_route_declares_its_scope() -> None:
    """A route that forgot would be open; on purpose are health, the log-in and files."""
    routes = list(each_route(create_app(Settings())))
    undeclared = {
        route.path
        for route in routes
        if not any(isinstance(one.call, Requires) for one in route.dependant.dependencies)
    }
    assert undeclared == OPEN


@pytest.mark.parametrize(
    ("scope", "expected"), [(Scope.INGEST, 400), (Scope.READ, 403), (Scope.CONTROL, 403)]
)
def test_a_token_opens_what_its_scope_says(
    settings: Settings, ledger: Ledger, scope: Scope, expected: int
) -> None:
    """By either header; 403 tells that the token is known and does not reach."""
    secret = make(ledger, scope).secret
    with asking(settings, ELSEWHERE) as client:
        assert status(client, authorization=f"Bearer {secret}") == expected
        assert status(client, **{"x-secret-key": secret}) == expected


def test_no_secret_or_a_wrong_one_is_401(settings: Settings, ledger: Ledger) -> None:
    """With the challenge that the standard asks for, also on this machine."""
    make(ledger, Scope.INGEST)
    with asking(settings) as client:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic x"}):
            answer = client.post(SESSION, headers=JSON | headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json()["code"] == "UNAUTHENTICATED"


def test_before_the_first_token_only_this_machine_may_send(settings: Settings) -> None:
    """Others need a token."""
    with asking(settings) as here:
        assert status(here) == 400
    with asking(settings, ELSEWHERE) as there:
        assert status(there) == 401


def test_the_secret_of_the_settings_opens_everything(settings: Settings) -> None:
    """For clients of before there were tokens."""
    wanted = Settings(data_dir=settings.data_dir, db_url=settings.db_url, secret="old secret")
    with asking(wanted, ELSEWHERE) as client:
        assert status(client, **{"x-secret-key": "old secret"}) == 400
        assert status(client) == 401


def test_a_token_ends_when_it_expires_or_is_revoked(ledger: Ledger) -> None:
    """Within the second for which the service remembers the table."""
    at, clock = [NOW], [0.0]
    known = Authenticator(ledger.store, clock=lambda: at[0], monotonic=lambda: clock[0])
    short = make(ledger, Scope.READ, expires_at=NOW + timedelta(hours=1))
    long = make(ledger, Scope.READ)
    assert known.recognise(short.secret) is not None
    at[0] += timedelta(hours=1)
    assert known.recognise(short.secret) is None
    tokens.revoke(ledger.store, long.token_id, actor="test", now=at[0])
    clock[0] += 2
    assert known.recognise(long.secret) is None
    assert not known.anyone_may_ask()


def test_revoking_what_is_not_there_says_so(ledger: Ledger) -> None:
    """Revoking twice changes nothing."""
    with pytest.raises(UsageError):
        tokens.revoke(ledger.store, "nothing", actor="test", now=NOW)
    made = make(ledger, Scope.READ)
    for later in (NOW, NOW + timedelta(days=1)):
        tokens.revoke(ledger.store, made.token_id, actor="test", now=later)
    (record,) = tokens.records(ledger.store)
    assert record.revoked_at == NOW
    assert made.secret not in str(record)

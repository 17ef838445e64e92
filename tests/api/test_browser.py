"""Browsers: a token becomes a cookie, and other sites can do nothing with it."""

import pytest
from starlette.testclient import TestClient

from helicarrier.api.access import COOKIE
from helicarrier.api.tokens import Scope
from helicarrier.settings import Settings
from tests.api.services import ELSEWHERE, JSON, SESSION, asking
from tests.api.test_access import make, status
from tests.ledger.stores import Ledger


def log_in(client: TestClient, token: str) -> int:
    """The status of a log-in; the client keeps the cookie."""
    return client.post("/login", data={"token": token}, follow_redirects=False).status_code


def test_a_token_becomes_a_cookie_that_opens_what_the_token_opens(
    settings: Settings, ledger: Ledger
) -> None:
    """Until the browser logs out."""
    secret = make(ledger, Scope.INGEST).secret
    with asking(settings, ELSEWHERE) as client:
        assert status(client) == 401
        assert log_in(client, secret) == 303
        assert status(client, **{"sec-fetch-site": "same-origin"}) == 400
        assert client.post("/logout", follow_redirects=False).status_code == 303
        assert status(client) == 401


def test_the_cookie_is_kept_from_scripts_and_other_sites(
    settings: Settings, ledger: Ledger
) -> None:
    """HttpOnly, SameSite=Strict, and an end; it leads to the first page and nowhere else."""
    secret = make(ledger, Scope.READ).secret
    with asking(settings, ELSEWHERE) as client:
        answer = client.post(
            "/login?next=//example.org", data={"token": secret}, follow_redirects=False
        )
    attributes = {part.strip() for part in answer.headers["set-cookie"].split(";")}
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"} <= attributes
    assert answer.headers["location"] == "/"


def test_over_tls_the_cookie_goes_over_tls_alone(settings: Settings, ledger: Ledger) -> None:
    """What a proxy in front of the service says of the scheme counts."""
    secret = make(ledger, Scope.READ).secret
    with asking(settings) as client:
        client.base_url = "https://127.0.0.1"
        answer = client.post("/login", data={"token": secret}, follow_redirects=False)
    assert "; Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("token", ["wrong", "hc_000000000000_wrong"])
def test_a_wrong_token_gives_no_cookie(settings: Settings, ledger: Ledger, token: str) -> None:
    """401, and the answer does not repeat it."""
    make(ledger, Scope.READ)
    with asking(settings) as client:
        answer = client.post("/login", data={"token": token})
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
    assert "set-cookie" not in answer.headers
    assert token not in answer.text


def test_a_person_with_a_wrong_token_gets_the_form_again(client: TestClient) -> None:
    """As a page that says so, and still 401."""
    answer = client.post("/login", data={"token": "wrong"}, headers={"accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer")
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"", "application/x-www-form-urlencoded", 400),
        (b"token=", "application/x-www-form-urlencoded", 400),
        (b"token=a&token=b", "application/x-www-form-urlencoded", 400),
        (b"token=\xff", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=1"] * 9), "application/x-www-form-urlencoded", 400),
        (b"token=" + b"a" * 9_000, "application/x-www-form-urlencoded", 413),
        (b'{"token":"a"}', "application/json", 415),
    ],
)
def test_what_is_no_log_in_form_is_refused(
    client: TestClient, body: bytes, kind: str, expected: int
) -> None:
    """Before any token is looked up."""
    answer = client.post("/login", content=body, headers={"content-type": kind})
    assert answer.status_code == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"sec-fetch-site": "same-origin"}, 400),
        ({"sec-fetch-site": "none"}, 400),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://127.0.0.1"}, 400),
        ({"origin": "https://127.0.0.1"}, 400),
        ({"origin": "http://elsewhere.example"}, 403),
        ({"origin": "null"}, 403),
        ({}, 400),
    ],
)
def test_other_sites_change_nothing(
    settings: Settings, ledger: Ledger, headers: dict[str, str], expected: int
) -> None:
    """Whatever the request carries: a cookie, a token, or nothing on an open service."""
    with asking(settings) as open_to_all:
        assert status(open_to_all, **headers) == expected
    secret = make(ledger, Scope.INGEST).secret
    with asking(settings, ELSEWHERE) as client:
        assert status(client, authorization=f"Bearer {secret}", **headers) == expected
        client.cookies.set(COOKIE, secret)
        assert status(client, **headers) == expected


def test_other_sites_cannot_log_a_browser_in(settings: Settings, ledger: Ledger) -> None:
    """Or it would work for somebody else without knowing."""
    secret = make(ledger, Scope.READ).secret
    with asking(settings) as client:
        for path in ("/login", "/logout"):
            answer = client.post(
                path, data={"token": secret}, headers={"sec-fetch-site": "cross-site"}
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


def test_a_header_wins_over_the_cookie(settings: Settings, ledger: Ledger) -> None:
    """A wrong one is an error and does not fall back to what else is there."""
    secret = make(ledger, Scope.INGEST).secret
    with asking(settings) as client:
        client.cookies.set(COOKIE, secret)
        headers = JSON | {"authorization": "Bearer wrong"}
        assert client.post(SESSION, headers=headers).status_code == 401

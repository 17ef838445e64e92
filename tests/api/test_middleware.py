"""Middleware: names the service answers to, how often, and the headers of each answer."""

import pytest
from starlette.testclient import TestClient

from helicarrier.settings import Settings
from tests.api.services import asking


def test_an_unknown_host_name_is_refused(settings: Settings) -> None:
    """A page elsewhere cannot reach the service by giving it a name."""
    with asking(settings, host="rebound.example") as client:
        assert client.get("/healthz").status_code == 400


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]", "[::1]:8080"])
def test_its_own_names_are_answered(client: TestClient, host: str) -> None:
    """With and without a port."""
    assert client.get("/healthz", headers={"host": host}).status_code == 200


def test_too_many_requests_of_one_client_are_held_back(settings: Settings) -> None:
    """429 with a time to try again; another token is not affected."""
    few = Settings(data_dir=settings.data_dir, db_url=settings.db_url, rate_limit=2)
    with asking(few) as client:
        answers = [client.get("/healthz") for _ in range(20)]
        held = [answer for answer in answers if answer.status_code == 429]
        assert (answers[0].status_code, answers[1].status_code) == (200, 200)
        assert (held[0].headers["retry-after"], held[0].json()["code"]) == ("1", "RATE_LIMITED")
        assert client.get("/healthz", headers={"x-secret-key": "other"}).status_code == 200


def test_each_answer_has_the_security_headers(client: TestClient) -> None:
    """Refusals as well."""
    for path in ("/healthz", "/nowhere"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_what_is_not_there_is_a_problem(client: TestClient) -> None:
    """Paths and methods that no route has."""
    assert client.get("/nowhere").json()["code"] == "NOT_FOUND"
    assert client.delete("/healthz").json()["code"] == "METHOD_NOT_ALLOWED"

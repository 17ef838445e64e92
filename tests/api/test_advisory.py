"""`GET /api/v1/advisory`: what holds for a pair, in one frozen shape."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from helicarrier.advisory import rollback, switch
from helicarrier.advisory.decisions import Advisor
from helicarrier.advisory.enums import SignalType
from helicarrier.advisory.session import AdvisoryStore
from helicarrier.api.app import create_app
from helicarrier.api.contract import openapi
from helicarrier.settings import Settings
from helicarrier.times import now
from tests.advisory.areas import BEFORE, NOW, RESULT
from tests.api.services import ELSEWHERE, asking

PATH = "/api/v1/advisory"
PAIR = {"resume_id": RESULT.resume_id, "job_posting_id": RESULT.job_posting_id}


@pytest.fixture
def advised(settings: Settings, client: TestClient) -> Iterator[TestClient]:
    """A service whose store has advice that does not expire and advice that has."""
    folder = settings.backups_dir
    switch.enable(settings.url, folder, percent=100, actor="test", now=BEFORE)
    store = AdvisoryStore(settings.url)
    advisor = Advisor(store, daily_limit=4)
    for minutes, kind in enumerate(SignalType):
        at = NOW + timedelta(minutes=minutes)
        advisor.decide(RESULT, kind, now=at, day=NOW.date())
    store.close()
    yield client
    rollback.roll_back(settings.url, actor="test", now=NOW)


def test_an_answer_has_one_shape(advised: TestClient) -> None:
    """Newest first, without what has expired; it says that it is advice only."""
    response = advised.get(PATH, params=PAIR)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    body = json.loads(response.content)
    assert list(body) == ["advisory_only", "generated_at", "signals"]
    assert body["advisory_only"] is True
    assert abs((now() - NOW.fromisoformat(body["generated_at"])).total_seconds()) < 600
    expected = [
        {
            "type": "opportunity_risk",
            "confidence": 0.7,
            "summary": "The deadline is within 3 days or has passed.",
            "details": {"level": "high", "match_score": 53},
            "model_version": "advisory_v1",
            "computed_at": "2026-11-02T12:03:00.000000Z",
        },
        {
            "type": "confidence_adjustment",
            "confidence": 0.812,
            "summary": "The score of 53 comes from own.",
            "details": {"match_score": 53, "provider": "own"},
            "model_version": "advisory_v1",
            "computed_at": "2026-11-02T12:02:00.000000Z",
        },
        {
            "type": "fit_stability",
            "confidence": 0.6375,
            "summary": "9 of 12 qualifications are met.",
            "details": {"qualifications_met": 9, "qualifications_missing": 3},
            "model_version": "advisory_v1",
            "computed_at": "2026-11-02T12:01:00.000000Z",
        },
    ]
    assert body["signals"] == expected
    assert [list(signal) for signal in body["signals"]] == [list(signal) for signal in expected]


def test_no_advice_is_no_content(advised: TestClient, settings: Settings) -> None:
    """Of another pair, switched off, and without tables."""
    other = PAIR | {"job_posting_id": RESULT.resume_id}
    answers = [advised.get(PATH, params=other)]
    switch.disable(settings.url, actor="test", now=NOW)
    answers.append(advised.get(PATH, params=PAIR))
    rollback.roll_back(settings.url, actor="test", now=NOW)
    answers.append(advised.get(PATH, params=PAIR))
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 3


@pytest.mark.parametrize(
    "params",
    [{}, {"resume_id": RESULT.resume_id}, PAIR | {"resume_id": "r1"}],
    ids=["none", "one", "no UUID"],
)
def test_a_request_without_a_pair_is_refused(client: TestClient, params: dict[str, str]) -> None:
    """The same bytes for the same mistake."""
    first, second = client.get(PATH, params=params), client.get(PATH, params=params)
    assert (first.status_code, first.json()["code"]) == (400, "VALIDATION_ERROR")
    assert first.headers["content-type"] == "application/problem+json"
    assert first.content == second.content


def test_it_takes_a_reader(settings: Settings) -> None:
    """Who is not on this machine has to show a token."""
    with asking(settings, ELSEWHERE) as client:
        assert client.get(PATH, params=PAIR).status_code == 401


def test_the_document_describes_both_answers(settings: Settings) -> None:
    """With the fields of a signal."""
    document = openapi(create_app(settings))
    route = document["paths"][PATH]["get"]
    assert {"200", "204"} <= set(route["responses"])
    signal = document["components"]["schemas"]["SignalDocument"]
    assert set(signal["required"]) == {
        "type",
        "confidence",
        "summary",
        "details",
        "model_version",
        "computed_at",
    }

"""Pages: every number of the ledger in plain HTML, escaped, and refusals that people can read."""

import re
from datetime import date, timedelta
from html import unescape

import pytest
from starlette.testclient import TestClient

from helicarrier import times
from helicarrier.alerts.enums import AlertLifecycle, AlertScope, AlertStatus
from helicarrier.alerts.evaluation import evaluate
from helicarrier.alerts.repository import SqlAlertRepository
from helicarrier.api import tokens
from helicarrier.api.tokens import Scope
from helicarrier.hud.pages import script, stylesheet
from helicarrier.hud.paging import Window
from helicarrier.ledger.enums import SessionStatus
from helicarrier.ledger.runs import run_store
from tests.alerts.making import ago, alert_rule, paid, session, store
from tests.api.services import ELSEWHERE, SESSION, asking
from tests.ledger.stores import Ledger

HOSTILE = "</td><script>alert(1)</script>\"' onclick=x"
STARTED = "2026-10-05T09:00:00Z"
DAY = "2026-10-05"


def send(client: TestClient, name: str, **run: object) -> None:
    """A session with one priced call and one event."""
    call = {
        "callId": f"{name}-c",
        "occurredAt": STARTED,
        "modelId": "claude-sonnet-4-5",
        "provider": "anthropic",
        "promptTokens": 1_234_567,
        "completionTokens": 1000,
        "costUsd": "1.25",
    }
    session = {
        "sessionId": name,
        "state": "done",
        "agentId": "scout",
        "modelId": "claude-sonnet-4-5",
        "startedAt": STARTED,
        "endedAt": "2026-10-05T09:01:30Z",
        "title": f"Task of {name}",
    }
    event = {"eventType": "message", "eventTs": STARTED, "payload": {"text": HOSTILE}}
    envelope = {
        "envelope_version": "v2",
        "payload": {"run": session | run, "timeline": [event], "calls": [call]},
    }
    answer = client.post(SESSION, json=envelope)
    assert answer.status_code == 200, answer.text


def page(client: TestClient, address: str, status: int = 200) -> str:
    """The HTML at an address."""
    answer = client.get(address)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.text


def words(html: str) -> str:
    """What is read on the page, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def test_overview_shows_the_day_and_its_period(client: TestClient) -> None:
    """Cost, tokens, models, agents and sessions of the days asked for."""
    send(client, "s-1")
    read = words(page(client, f"/?to={DAY}"))
    for text in ("cost $1.2500", "1,235,567", "anthropic", "scout", "Task of s-1", "2026-09-06 to"):
        assert text in read


def test_days_before_the_data_say_where_the_data_is(client: TestClient) -> None:
    """An empty period is not an empty ledger."""
    assert "The ledger is empty" in page(client, "/")
    send(client, "s-1")
    html = page(client, "/?to=2026-01-31&days=7")
    assert f'<a href="/?to={DAY}&amp;days=7">{DAY}</a>' in html


def test_unknown_cost_is_not_shown_as_nothing(client: TestClient) -> None:
    """A session whose call has no price says so."""
    run = {"modelId": "nobody-knows", "sessionId": "s-2", "agentId": "a", "startedAt": STARTED}
    envelope = {
        "envelope_version": "v1",
        "payload": {"session": run | {"state": "done", "promptTokens": 5}, "events": []},
    }
    assert client.post(SESSION, json=envelope).status_code == 200
    assert "unknown" in words(page(client, "/sessions"))


def test_what_agents_say_is_text(client: TestClient) -> None:
    """No title, task or payload becomes an element or an attribute."""
    send(client, "s-1", title=HOSTILE, task=HOSTILE)
    for address in (f"/?to={DAY}", "/sessions", "/session?id=s-1"):
        html = page(client, address)
        assert "<script>" not in html
        assert "&lt;script&gt;" in html


def test_search_and_filters_narrow_the_list(client: TestClient) -> None:
    """Words, agent, model and status combine; the form keeps what was asked."""
    send(client, "s-1", title="Rename the harbour")
    send(client, "s-2", title="Sort the letters", agentId="clerk", state="failed")
    html = page(client, "/sessions?q=harbour")
    assert "Rename the harbour" in html
    assert "Sort the letters" not in html
    assert 'value="harbour"' in html
    assert "Sort the letters" in page(client, "/sessions?agent=clerk&status=failed")
    assert "No session matches." in page(client, "/sessions?agent=clerk&status=success")


def test_session_page_has_its_calls_and_events(client: TestClient) -> None:
    """Each call with who says what it cost, and the way to why."""
    send(client, "s-1")
    html = page(client, "/session?id=s-1")
    read = words(html)
    for text in ("provider reported", "high", "provider_native", "1m 30s", "message"):
        assert text in read
    (why,) = set(re.findall(r'href="(/why\?table=session_usage[^"]*)"', html))
    told = words(page(client, unescape(why)))
    for text in ("cost_usd $1.25", "pricing_version provider_native", "http_ingest"):
        assert text in told


def test_long_lists_come_in_windows(client: TestClient) -> None:
    """Each window links to its neighbours and no row is shown twice."""
    for number in range(51):
        send(client, f"s-{number:03}")
    first, second = page(client, "/sessions"), page(client, "/sessions?offset=50")
    assert (first.count("Task of s-"), second.count("Task of s-")) == (50, 1)
    assert "offset=50" in first
    assert 'rel="prev"' in second


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/session?id=nothing", 404),
        ("/session", 400),
        ("/why?table=nothing&key=1", 404),
        ("/sessions?status=asleep", 400),
        ("/?to=yesterday", 400),
        ("/?days=0", 400),
    ],
)
def test_refusals_are_pages(client: TestClient, address: str, status: int) -> None:
    """With the status of the API and without an echo of what was asked."""
    html = page(client, address, status)
    assert f"Status {status}" in html
    assert "asleep" not in html


def test_who_is_not_known_is_sent_to_log_in(client: TestClient, ledger: Ledger) -> None:
    """From elsewhere nothing is shown; the form is."""
    assert client.get("/healthz").status_code == 200
    elsewhere = asking(client.app.state.service.settings, ELSEWHERE)  # type: ignore[attr-defined]
    with elsewhere:
        answer = elsewhere.get("/", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert 'type="password"' in elsewhere.get("/login").text


def test_files_of_the_pages_may_be_kept(client: TestClient) -> None:
    """The style and the script come from here and never change under one address."""
    for address, text in (("/static/hud.css", stylesheet()), ("/static/plots.js", script())):
        answer = client.get(address)
        assert "immutable" in answer.headers["cache-control"]
        assert answer.text == text


def test_pages_load_nothing_from_elsewhere(client: TestClient) -> None:
    """No address of another host in any page, and none that the policy would allow."""
    send(client, "s-1")
    for address in ("/", "/sessions", "/session?id=s-1", "/login"):
        answer = client.get(address)
        assert not re.findall(r'(?:src|href|action)="(?:\w+:)?//', answer.text)
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("offset", "total", "shown", "earlier", "later"),
    [(0, 0, 0, None, None), (0, 10, 10, None, None), (0, 25, 10, None, 10), (10, 25, 10, 0, 20),
     (20, 25, 5, 10, None), (5, 25, 10, 0, 15), (30, 25, 0, 20, None)],
)  # fmt: skip
def test_window_knows_its_neighbours(
    offset: int, total: int, shown: int, earlier: int | None, later: int | None
) -> None:
    """Also at the ends, and beyond them."""
    window = Window(offset=offset, size=10, total=total)
    assert len(range(total)[window.offset : window.end]) == shown
    assert (window.earlier, window.later) == (earlier, later)


def test_form_offers_every_status(client: TestClient) -> None:
    """The states of the ledger are the choices of the form."""
    html = page(client, "/sessions")
    assert all(f"<option>{status.value}</option>" in html for status in SessionStatus)


def test_today_is_the_day_without_another(client: TestClient) -> None:
    """The period ends with the day of the service's clock."""
    today = client.app.state.service.clock().date()  # type: ignore[attr-defined]
    span = {f"{today - timedelta(days=29)} to {today}"}
    read = words(page(client, "/"))
    assert any(text in read for text in span)
    assert isinstance(today, date)


def test_no_alert_and_no_rule_are_told_apart(client: TestClient, ledger: Ledger) -> None:
    """That nothing fires is no good news where nothing is watched."""
    assert "No alert rule is in force" in words(page(client, "/"))
    SqlAlertRepository(ledger.store).save_rule(alert_rule())
    assert "No alert is active; 1 rule is in force." in words(page(client, "/"))


def test_the_routes_can_be_read_in_a_browser(client: TestClient) -> None:
    """Each one of the document, with its scope and its refusals."""
    read = words(page(client, "/docs"))
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in read
    assert "scope ingest body, application/json EnvelopeV1 or EnvelopeV2" in read


def test_earlier_days_lead_on_to_later_ones(client: TestClient) -> None:
    """Until today, which nothing lies behind."""
    today = client.app.state.service.clock().date()  # type: ignore[attr-defined]
    assert 'rel="next"' not in page(client, "/")
    earlier = page(client, f"/?to={today - timedelta(days=3)}&days=7")
    assert f'href="/?to={today}&amp;days=7" rel="next"' in earlier


@pytest.fixture
def operator(client: TestClient, ledger: Ledger) -> dict[str, str]:
    """An agent that costs too much by a rule for each agent; the headers of who may control."""
    SqlAlertRepository(ledger.store).save_rule(alert_rule(scope=AlertScope.AGENT))
    store(ledger, session("s-1", paid("a", 5, ago(minutes=1)), agentId="spender"))
    runs = run_store(client.app.state.service.settings)  # type: ignore[attr-defined]
    evaluate(ledger.store, runs=runs, channels=[], now=ago(minutes=0))
    made = tokens.create(ledger.store, name="ops", scope=Scope.CONTROL, actor="t", now=times.now())
    return {"authorization": f"Bearer {made.secret}"}


def test_alerts_can_be_silenced_and_resolved_by_who_may(
    client: TestClient, ledger: Ledger, operator: dict[str, str]
) -> None:
    """By plain forms; a reader sees what fires and no button."""
    reader = tokens.create(ledger.store, name="r", scope=Scope.READ, actor="t", now=times.now())
    seen = client.get("/", headers={"authorization": f"Bearer {reader.secret}"}).text
    assert "cost, last 24h spender $5.00 $1.00 $2.00" in words(seen)
    assert 'action="/alerts/' not in seen
    assert 'action="/alerts/resolve"' in client.get("/", headers=operator).text
    form = {"rule": "cost", "scope": "spender"}
    silenced = client.post(
        "/alerts/suppress", data=form | {"hours": "8"}, headers=operator, follow_redirects=False
    )
    assert (silenced.status_code, silenced.headers["location"]) == (303, "/")
    (state,) = SqlAlertRepository(ledger.store).states()
    assert state.lifecycle is AlertLifecycle.SUPPRESSED
    client.post("/alerts/resolve", data=form, headers=operator)
    (state,) = SqlAlertRepository(ledger.store).states()
    assert state.status is AlertStatus.OK
    assert "No alert is active" in client.get("/", headers=operator).text


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"rule": "cost", "scope": "spender"}, 400),
        ({"rule": "cost", "scope": "spender", "hours": "1000"}, 400),
        ({"rule": "none", "scope": "spender", "hours": "8"}, 404),
    ],
)
def test_forms_that_say_something_else_change_nothing(
    client: TestClient, ledger: Ledger, operator: dict[str, str], form: dict[str, str], status: int
) -> None:
    """The refusal is a page."""
    answer = client.post("/alerts/suppress", data=form, headers=operator)
    assert (answer.status_code, answer.headers["content-type"][:9]) == (status, "text/html")
    (state,) = SqlAlertRepository(ledger.store).states()
    assert state.lifecycle is AlertLifecycle.ACTIVE

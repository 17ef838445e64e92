"""The HTML page: whole in itself, closed to the network, escaped, readable without scripts."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from helicarrier.usage.cost_report import cost_report
from helicarrier.usage.page import cost_page, performance_page, usage_page
from helicarrier.usage.performance_report import performance_report
from helicarrier.usage.report import usage_report
from tests.usage.conftest import Usage
from tests.usage.reports import measuring, reading

NOW = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>&\"'"
_VOID = {"meta"}


class Page(HTMLParser):
    """What a browser would find: elements with their attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes an element."""
        self.elements.append((tag, dict(attrs)))
        self.texts.setdefault(tag, [])
        if tag not in _VOID:
            self._open.append(tag)
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        """Every element that is opened is closed, innermost first."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Notes text under its element."""
        if self._open:
            self.texts[self._open[-1]][-1] += data

    @property
    def scripts(self) -> list[str]:
        """The texts that a browser would run."""
        kinds = [attributes.get("type") for tag, attributes in self.elements if tag == "script"]
        return [
            text
            for text, kind in zip(self.texts.get("script", []), kinds, strict=True)
            if kind == "module"
        ]

    @property
    def policy(self) -> str:
        """The content security policy."""
        (policy,) = (
            attributes["content"] or ""
            for tag, attributes in self.elements
            if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
        )
        return policy


@pytest.fixture
def pages(sqlite_usage: Usage) -> dict[str, str]:
    """The three pages of a ledger whose agent and model have hostile names."""
    sqlite_usage.session("a", sqlite_usage.call(model=HOSTILE), agent=HOSTILE, model=HOSTILE)
    return pages_of(sqlite_usage)


def pages_of(usage: Usage) -> dict[str, str]:
    """The three pages of what the store holds now."""
    with reading(usage) as repository:
        report = usage_report(repository)
        span = repository.span()
        points = repository.daily_models(span) if span else []
        cost = cost_report(repository)
    with measuring(usage) as sessions:
        performance = performance_report(sessions)
    return {
        "usage": usage_page(report, points, generated_at=NOW),
        "cost": cost_page(cost, generated_at=NOW),
        "performance": performance_page(performance, generated_at=NOW),
    }


def test_hostile_names_stay_text(pages: dict[str, str]) -> None:
    """A name that is markup is shown and not obeyed, in tables and in plots."""
    for name, text in pages.items():
        page = Page(text)
        tags = [tag for tag, _ in page.elements]
        assert "img" not in tags, name
        assert len(page.scripts) == 1, name
        assert all("alert(1)" not in script for script in page.scripts), name
        assert HOSTILE in "".join(page.texts["th"] + page.texts["td"]) or name == "cost"


def test_policy_allows_the_one_script_and_no_network(pages: dict[str, str]) -> None:
    """The hash is that of the script in the page; there is no eval and nothing to fetch from."""
    for text in pages.values():
        page = Page(text)
        digest = hashlib.sha256(page.scripts[0].encode()).digest()
        assert f"script-src 'sha256-{base64.b64encode(digest).decode()}';" in page.policy
        assert page.policy.startswith("default-src 'none';")
        assert "unsafe-eval" not in page.policy
        assert "http" not in page.policy


def test_page_refers_to_nothing_outside(pages: dict[str, str]) -> None:
    """No element names another file."""
    for text in pages.values():
        for tag, attributes in Page(text).elements:
            assert tag not in {"link", "iframe", "object", "base"}
            assert not {"src", "href"} & attributes.keys()


def test_tables_hold_the_numbers_under_scoped_headings(pages: dict[str, str]) -> None:
    """Without a script the page still has every number, and a reader knows its row and column."""
    page = Page(pages["usage"])
    assert {"177", "$0.2500", "acme"} <= set(page.texts["td"])
    headings = [attributes for tag, attributes in page.elements if tag == "th"]
    assert headings
    assert all(heading.get("scope") in {"row", "col"} for heading in headings)
    assert page.texts["noscript"]


def test_plots_are_part_of_the_page(pages: dict[str, str]) -> None:
    """Daily cost and tokens by model lie beside their places as Vega-Lite."""
    page = Page(pages["usage"])
    plots = {
        str(attributes["id"]): json.loads(text)
        for (tag, attributes), text in zip(
            [element for element in page.elements if element[0] == "script"],
            page.texts["script"],
            strict=True,
        )
        if attributes.get("type") == "application/json"
    }
    places = [
        attributes["data-plot"] for _, attributes in page.elements if "data-plot" in attributes
    ]
    assert places == list(plots)
    (cost, tokens) = (plot["datasets"][plot["data"]["name"]] for plot in plots.values())
    assert [(row["model"], row["cost"]) for row in cost] == [(HOSTILE, 0.25)]
    assert [row["tokens"] for row in tokens] == [177]


def test_page_says_what_is_not_in_the_dollars(sqlite_usage: Usage) -> None:
    """A call of unknown cost is named beside the plot and in the notes."""
    sqlite_usage.session("a", sqlite_usage.call(), sqlite_usage.call(cost=None, model="mystery"))
    page = Page(pages_of(sqlite_usage)["usage"])
    said = "1 of 2 calls have no known cost and are not in the dollars."
    assert said in page.texts["figcaption"][0]
    assert said in page.texts["p"]


def test_page_without_data_says_so_and_runs_nothing(sqlite_usage: Usage) -> None:
    """An empty ledger makes a page without plots, tables and scripts."""
    for text in pages_of(sqlite_usage).values():
        page = Page(text)
        assert "There is no data." in page.texts["p"]
        assert "table" not in page.texts
        assert page.texts.get("script", []) == []
        assert "script-src 'none'" in page.policy

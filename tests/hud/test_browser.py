"""The pages in a real Chromium: plots are drawn under the policy, and hands and eyes get along."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from selenium.webdriver import Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.api.serving import PLAIN

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "sessions"
LAST_DAY = "2026-10-18"
SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--window-size=1280,1000",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service over the sample sessions."""
    folder = tmp_path_factory.mktemp("hud")
    environment = os.environ | {
        "HELICARRIER_DATA_DIR": str(folder),
        "HELICARRIER_DRAIN_SECONDS": "0",
    }
    helicarrier = [sys.executable, "-m", "helicarrier"]
    subprocess.run(
        [*helicarrier, "import", str(SAMPLES)], env=environment, check=True, capture_output=True
    )
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen(
        [*helicarrier, "serve", "--port", str(port)], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        where = f"http://127.0.0.1:{port}"
        _until_ready(where)
        yield where
    finally:
        server.terminate()
        server.wait(timeout=300)


def _until_ready(where: str) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{where}/readyz", verify=PLAIN).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    pytest.fail("the service did not become ready")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A Chromium that keeps what its console says."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    options = ChromeOptions()
    options.binary_location = program
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = Chrome(options=options, service=Service(driver))
    try:
        yield started
    finally:
        started.quit()


def opened(browser: Chrome, address: str, *, plots: int = 0) -> None:
    """Goes there and waits until everything is drawn."""
    browser.get(address)
    WebDriverWait(browser, 300).until(
        lambda page: len(page.find_elements(By.CSS_SELECTOR, ".plot svg")) >= plots
    )


def complaints(browser: Chrome) -> list[str]:
    """What the console has said since the last question."""
    return [entry["message"] for entry in browser.get_log("browser")]


def follow(browser: Chrome, link: WebElement) -> None:
    """Presses Enter on a link and waits for its page."""
    here = browser.current_url
    link.send_keys(Keys.ENTER)
    WebDriverWait(browser, 300).until(lambda page: page.current_url != here)


def test_plots_are_drawn_under_the_policy(browser: Chrome, address: str) -> None:
    """Each of the six plots has marks, and the console has nothing to say."""
    complaints(browser)
    opened(browser, f"{address}/?to={LAST_DAY}", plots=6)
    marks = [
        len(plot.find_elements(By.CSS_SELECTOR, "path[aria-roledescription='bar']"))
        for plot in browser.find_elements(By.CSS_SELECTOR, ".plot")
    ]
    assert len(marks) == 6
    assert all(marks)
    assert complaints(browser) == []


def test_pointing_at_a_bar_tells_its_numbers(browser: Chrome, address: str) -> None:
    """The tooltip is styled by the page's own sheet and says what the bar stands for."""
    opened(browser, f"{address}/?to={LAST_DAY}", plots=6)
    bar = browser.find_element(By.CSS_SELECTOR, "path[aria-roledescription='bar']")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", bar)
    browser.execute_script(
        "const box = arguments[0].getBoundingClientRect();"
        "const at = {clientX: box.x + box.width / 2, clientY: box.y + box.height / 2,"
        " bubbles: true};"
        "for (const kind of ['pointerover', 'mouseover', 'pointermove', 'mousemove'])"
        " arguments[0].dispatchEvent(new PointerEvent(kind, at));",
        bar,
    )
    tip = WebDriverWait(browser, 10).until(
        lambda page: page.find_element(By.CSS_SELECTOR, "#vg-tooltip-element.visible")
    )
    assert "cost" in tip.text
    assert tip.value_of_css_property("position") == "fixed"


def test_from_a_search_to_why_a_cost_is_what_it_is(browser: Chrome, address: str) -> None:
    """By keyboard alone: search, the session, the call, the rates and the source line."""
    opened(browser, address)
    field = browser.find_element(By.ID, "find")
    field.send_keys("typos October", Keys.ENTER)
    WebDriverWait(browser, 300).until(lambda page: "/sessions?q=" in page.current_url)
    follow(browser, browser.find_element(By.CSS_SELECTOR, "tbody a"))
    assert "typos" in browser.find_element(By.TAG_NAME, "h1").text
    follow(browser, browser.find_element(By.CSS_SELECTOR, "a[href^='/why?table=session_usage']"))
    told = browser.find_element(By.TAG_NAME, "main").text
    for text in ("rates of anthropic/", "pricing_version", "sha256_of_what_was_imported", "code"):
        assert text in told


def test_the_first_stop_of_the_keyboard_skips_to_the_content(browser: Chrome, address: str) -> None:
    """A reader who cannot see need not hear the navigation on every page."""
    opened(browser, address)
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("href") == f"{address}/#main"


@pytest.mark.parametrize("width", [360, 800])
@pytest.mark.parametrize("path", [f"/?to={LAST_DAY}", "/sessions", "/docs", "/login"])
def test_narrow_screens_scroll_only_downwards(
    browser: Chrome, address: str, path: str, width: int
) -> None:
    """Wide tables scroll within themselves."""
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        opened(browser, f"{address}{path}")
        widest = browser.execute_script("return document.documentElement.scrollWidth")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert widest <= width


def test_colours_follow_the_system(browser: Chrome, address: str) -> None:
    """Dark ground where the system is dark, and text that stands out on both."""
    seen = []
    for scheme in ("light", "dark"):
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        opened(browser, f"{address}/sessions")
        body = browser.find_element(By.TAG_NAME, "body")
        ground, ink = (
            _brightness(body.value_of_css_property(name)) for name in ("background-color", "color")
        )
        seen.append((ground, ink))
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    (light_ground, light_ink), (dark_ground, dark_ink) = seen
    assert light_ground - light_ink > 150
    assert dark_ink - dark_ground > 150


def _brightness(colour: str) -> float:
    """Mean of red, green and blue of `rgba(r, g, b, a)`."""
    parts = colour[colour.index("(") + 1 : -1].split(",")
    return sum(float(part) for part in parts[:3]) / 3


def test_tables_and_plots_are_named_to_a_screen_reader(browser: Chrome, address: str) -> None:
    """Every table, figure and field has a name."""
    opened(browser, f"{address}/?to={LAST_DAY}", plots=6)
    for element in browser.find_elements(By.CSS_SELECTOR, "table, figure, input, nav"):
        assert element.accessible_name, element.get_attribute("outerHTML")

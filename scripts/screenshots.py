"""Take the pictures of the README: the report and the service's pages on the sample sessions.

Needs Chromium and its driver (Debian: chromium, chromium-driver). `make screenshots` runs it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
SAMPLES = ROOT / "examples" / "sessions"
LAST_DAY = "2026-10-18"
PORT = 8765
_SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A page as it looks on some screen."""

    name: str
    address: str
    width: int
    height: int
    scheme: str = "light"
    plots: int = 0
    click: str = ""
    """Links that are followed first: selectors, each on the page of the one before."""


def pictures(report: Path) -> list[Picture]:
    """What the README and the docs show."""
    hud = f"http://127.0.0.1:{PORT}"
    overview = f"{hud}/?to={LAST_DAY}"
    why = "tbody a >> a[href^='/why?table=session_usage']"
    return [
        Picture(name="usage", address=report.as_uri(), width=1200, height=720, plots=2),
        Picture(name="hud-light", address=overview, width=1280, height=1010, plots=6),
        Picture(name="hud-dark", address=overview, width=1280, height=1010, scheme="dark", plots=6),
        Picture(name="hud-narrow", address=overview, width=390, height=1010, plots=6),
        Picture(name="hud-why", address=f"{hud}/sessions", width=1280, height=1010, click=why),
    ]


@contextmanager
def browsing(folder: Path) -> Iterator[Chrome]:
    """A Chromium without a window."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        sys.exit("screenshots: install Chromium first (Debian: chromium, chromium-driver)")
    options = ChromeOptions()
    options.binary_location = program
    for switch in (*_SWITCHES, f"--user-data-dir={folder / 'browser'}"):
        options.add_argument(switch)
    browser = Chrome(options=options, service=Service(driver))
    try:
        yield browser
    finally:
        browser.quit()


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[None]:
    """The service, ready."""
    server = subprocess.Popen(
        [sys.executable, "-m", "helicarrier", "serve", "--port", str(PORT)],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz"):
                    break
            except urllib.error.URLError:
                time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait()


def take(browser: Chrome, picture: Picture) -> Path:
    """Opens the page, follows the links, waits for the plots and writes the PNG file."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {
            "width": picture.width,
            "height": picture.height,
            "deviceScaleFactor": 1,
            "mobile": False,
        },
    )
    scheme = {"name": "prefers-color-scheme", "value": picture.scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get(picture.address)
    for selector in filter(None, picture.click.split(" >> ")):
        browser.get(str(browser.find_element(By.CSS_SELECTOR, selector).get_property("href")))
    WebDriverWait(browser, 60).until(
        lambda page: len(page.find_elements(By.CSS_SELECTOR, ".plot svg")) >= picture.plots
    )
    file = IMAGES / f"{picture.name}.png"
    browser.save_screenshot(str(file))
    return file


def main() -> None:
    """Make the sample data, serve it and take every picture."""
    with tempfile.TemporaryDirectory(prefix="helicarrier-pictures-") as name:
        folder = Path(name)
        environment = os.environ | {"HELICARRIER_DATA_DIR": str(folder / "data")}
        sessions, report = folder / "sessions", folder / "usage.html"
        shutil.copytree(SAMPLES, sessions)
        for command in (
            ["import", str(sessions)],
            ["refresh"],
            ["report", "usage", "--html", str(report)],
        ):
            subprocess.run(
                [sys.executable, "-m", "helicarrier", *command],
                env=environment,
                check=True,
                capture_output=True,
            )
        with serving(environment), browsing(folder) as browser:
            for picture in pictures(report):
                print("wrote", take(browser, picture).relative_to(Path.cwd()))


if __name__ == "__main__":
    main()

"""The page on the HTTP API: each of its examples gives the status and the code that it says."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from helicarrier.api import tokens
from helicarrier.api.tokens import Scope
from helicarrier.store.operational import OperationalStore
from tests.api.test_contract import serving

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-the-http-api.md"
_EXAMPLE = re.compile(
    r"```sh\n# (\d{3}) ?(\w*): [^\n]*\n(.*?)```(?:\n\n```json\n([^\n]*)\n```)?", re.DOTALL
)
EXAMPLES = _EXAMPLE.findall(PAGE.read_text("utf-8"))
NOW = datetime(2026, 11, 1, tzinfo=UTC)

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def services(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """By status the environment of an example: one that holds back, one without a store, one."""
    folder = tmp_path_factory.mktemp("page")
    path = folder / "ledger.sqlite"
    shutil.copyfile(migrated_sqlite, path)
    store = OperationalStore(f"sqlite:///{path}")
    secrets = {
        scope.upper(): tokens.create(store, name=scope, scope=scope, actor="test", now=NOW).secret
        for scope in (Scope.READ, Scope.INGEST)
    }
    store.close()
    place = folder / "no-store"
    place.mkdir()
    with (
        serving(folder / "data", db_path=str(path)) as url,
        serving(folder / "few", db_path=str(path), rate_limit="3") as few,
        serving(folder / "out", ready=False, db_path=str(place), secret=secrets["INGEST"]) as out,
    ):
        yield {None: url, "429": few, "503": out}, secrets


def test_each_example_gives_what_it_says(
    services: tuple[dict[str | None, str], dict[str, str]],
) -> None:
    """Run as it stands on the page, in its order."""
    for status, code, command, shown in EXAMPLES:
        printed = run(services, status, command)
        answers = [json.loads(line) for line in printed]
        if code:
            assert (int(status), code) in [(one.get("status"), one.get("code")) for one in answers]
            assert shown in printed, code
        else:
            assert "code" not in answers[0], answers
            assert shown in {"", printed[0]}


def run(
    services: tuple[dict[str | None, str], dict[str, str]], status: str, command: str
) -> list[str]:
    """What a command prints, line by line."""
    urls, secrets = services
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env=os.environ | secrets | {"URL": urls.get(status, urls[None])},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.stdout, done.stderr
    return [line for line in done.stdout.splitlines() if line]


def test_the_page_shows_every_refusal() -> None:
    """And the answers of every route that reads."""
    assert {status for status, code, _, shown in EXAMPLES if code and shown} == {
        *("400", "401", "403", "404", "409", "413", "415", "422", "429", "503")
    }
    assert len(EXAMPLES) == 15

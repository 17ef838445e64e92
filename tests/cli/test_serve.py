"""`helicarrier serve`: what it says of itself, and what it refuses to begin with."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Command


def test_the_port_that_was_found_is_told(tmp_path: Path) -> None:
    """With `--port 0`, as soon as somebody answers there."""
    process = subprocess.Popen(
        [sys.executable, "-m", "helicarrier", "serve", "--port", "0"],
        env=os.environ | {"HELICARRIER_DATA_DIR": str(tmp_path), "HELICARRIER_DRAIN_SECONDS": "0"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        found = re.search(r"serving (http://127\.0\.0\.1:[1-9]\d*) ", process.stderr.readline())
        assert found is not None
        assert httpx.get(f"{found[1]}/healthz").status_code == 200
    finally:
        process.terminate()
        assert process.wait(60) == 0
        process.stderr.close()


@pytest.mark.parametrize(
    "arguments", [("--port", "65536"), ("--port", "-1"), ("--host", "192.0.2.7")]
)
def test_what_cannot_be_served_is_a_wrong_call(
    helicarrier: Command, arguments: tuple[str, ...]
) -> None:
    """A port that there is none of, or an address for others without a token."""
    assert helicarrier("serve", *arguments).code == 64

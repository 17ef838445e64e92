"""Tables on the screen: the same in every pipe, and whole numbers on every terminal."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from decimal import Decimal

import pytest

from helicarrier.cli.render import plain
from helicarrier.usage.tabular import Column, Dollars, Kind, Table

TABLE = Table(
    title="usage by model",
    columns=(
        Column(title="model", kind=Kind.TEXT),
        Column(title="cache read", kind=Kind.TOKENS),
        Column(title="reasoning", kind=Kind.TOKENS, detail=True),
        Column(title="cost", kind=Kind.MONEY),
    ),
    rows=(
        ("rocket-with-a-rather-long-name", 54_489_922, 7, Dollars(amount=Decimal("44.62925"))),
        ("glider", 12, 0, Dollars(amount=Decimal("11.15731"))),
    ),
    totals=("total", 54_489_934, 7, Dollars(amount=Decimal("55.78656"))),
    bar_title="cost",
    bars=(1.0, 0.25),
    notes=("Prices: list@1",),
)
_DRAW = (
    "from helicarrier.cli.render import show; from tests.cli.test_render import TABLE; show(TABLE)"
)
_STYLES = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(width: int, **environment: str) -> str:
    """What a terminal of this width gets, styles included."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-c", _DRAW],
        stdout=theirs,
        env=kept | {"TERM": "xterm-256color"} | environment,
    )
    os.close(theirs)
    chunks = []
    while True:
        try:
            chunk = os.read(ours, 65_536)
        except OSError:  # Linux says so when the other end is closed.
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(ours)
    assert process.wait() == 0
    return b"".join(chunks).decode().replace("\r\n", "\n")


def test_plain_table_is_fixed_to_the_letter() -> None:
    """What goes into a file does not depend on where it is made."""
    assert plain(TABLE) == [
        "usage by model",
        "",
        "model                           cache read      cost",
        "----------------------------------------------------------------------",
        "rocket-with-a-rather-long-name       54.5M  $44.6292  ████████████████",
        "glider                                  12  $11.1573  ████",
        "----------------------------------------------------------------------",
        "total                                54.5M  $55.7866",
        "",
        "Prices: list@1",
    ]


def test_table_without_bars_totals_and_notes_ends_with_its_rows() -> None:
    """What a table does not have takes no room."""
    table = Table(title="few", columns=(Column(title="n", kind=Kind.COUNT),), rows=((1,), (1_000,)))
    assert plain(table) == ["few", "", "    n", "-----", "    1", "1,000"]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_numbers_are_whole_on_every_terminal(width: int) -> None:
    """Where there is no room names are folded; a cut number would be a wrong one."""
    text = _STYLES.sub("", on_terminal(width))
    for number in ("54.5M", "$44.6292", "$11.1573", "$55.7866"):
        assert number in text


def test_bars_take_the_room_that_is_left() -> None:
    """A wide terminal has whole bars, a narrower one shorter bars, the narrowest none."""
    wide, narrow, narrowest = (
        max(map(len, re.findall("█+", on_terminal(width))), default=0) for width in (200, 54, 40)
    )
    assert wide == 16
    assert 6 <= narrow < 16
    assert narrowest == 0


def test_no_color_is_heeded() -> None:
    """With NO_COLOR no colour is sent, with colours the bars have one."""
    assert "\x1b[36m" in on_terminal(120)
    assert "\x1b[36m" not in on_terminal(120, NO_COLOR="1")

"""Whatever a line holds, an import ends: the line is read or quarantined, the others count."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helicarrier.ledger.tables import session_ledger, session_usage
from tests.ingest import logs, samples
from tests.ledger.stores import Ledger

EACH_ENGINE = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
WITNESS = {
    "claude_code": [logs.ask(session="w"), logs.answer("w", session="w")],
    "codex": [logs.meta("w"), logs.turn(), logs.tokens(1, logs.counts())],
    "native": [logs.v2(logs.run("w"), calls=[logs.call("w")])],
}
LINES = {
    "claude_code": [
        *(line for line in samples.CLAUDE if isinstance(line, dict)),
        logs.answer("msg_5", costUSD=0.25, tokens={"speed": "fast"}),
    ],
    "codex": [line for line in samples.CODEX if isinstance(line, dict)],
    "native": [
        *(line for line in samples.NATIVE if isinstance(line, dict)),
        logs.v1(logs.run("d", promptTokens=1, billedCostUsd=1)),
    ],
}
_TIMES = [
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999Z",
    "9999-12-31T23:59:59-23:59",
    "1000-01-01T00:00:00+00:00",
    "1970-01-01T00:00:00Z",
    "2024-02-29T23:59:60Z",
    "2026-10-05",
]
JUNK = st.one_of(
    st.sampled_from([None, True, [], {}, "", "\0", "a\0b", "\ud800", "x\udfff", "s1", "msg_1"]),
    st.sampled_from(_TIMES),
    st.integers(-2, 2) | st.sampled_from([2**31, 2**53, 2**53 - 1, 2**63, 2**64, -(2**63), 10**40]),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["é" * 5_000, [[[[]]]], {"text": 5}, [{"type": "text"}], [None], ["x"]]),
    st.sampled_from(["claude_code:s1", "assistant", "token_count", "<synthetic>", "v2"]),
)


def _paths(value: object, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if way:
        yield way
    pairs = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value if isinstance(value, list) else ())
    )
    for key, item in pairs:
        yield from _paths(item, (*way, key))


@st.composite
def _spoiled(draw: st.DrawFn, name: str) -> bytes:
    """A line with other values in it, or with bytes of it changed."""
    record = copy.deepcopy(draw(st.sampled_from(LINES[name])))
    for _ in range(draw(st.integers(1, 2))):
        *way, last = draw(st.sampled_from(sorted(_paths(record), key=repr)))
        place = record
        for part in way:
            place = place[part]
        place[last] = copy.deepcopy(draw(JUNK))
    raw = json.dumps(record).encode()
    if draw(st.integers(0, 4)) == 0:
        at = draw(st.integers(0, len(raw) - 1))
        raw = raw[:at] + draw(st.binary(max_size=3)) + raw[at + draw(st.integers(0, 2)) :]
    return raw.replace(b"\n", b" ")


@pytest.mark.parametrize("name", LINES)
@EACH_ENGINE
@given(data=st.data())
def test_spoiled_lines_never_stop_an_import(
    name: str, data: st.DataObject, ledger: Ledger, tmp_path: Path
) -> None:
    """The file's good lines are in the ledger, and a second import writes nothing."""
    ledger.wipe()
    spoiled = data.draw(st.lists(_spoiled(name), min_size=1, max_size=4))
    path = tmp_path / "log.jsonl"
    path.write_bytes(logs.text_of([*WITNESS[name], *spoiled]))
    progress = ledger.read(path)
    assert progress.errors == []
    assert "w" in {row["session_id"] for row in ledger.rows(session_ledger)}
    assert any("w" in str(row["usage_id"]) for row in ledger.rows(session_usage))
    before = ledger.dump()
    ledger.forget_files()
    ledger.read(path)
    again = ledger.dump()
    if name != "native":  # an older revision in the same file is a conflict then, and kept
        again["ingest_quarantine"] = before["ingest_quarantine"]
        assert again == before


def test_an_early_year_never_stops_an_import(ledger: Ledger, tmp_path: Path) -> None:
    """A clock that was never set starts there."""
    early = [logs.ask(timestamp=f"{year}-01-01T00:00:00+00:00") for year in ("0001", "0999")]
    path = logs.write(tmp_path / "log.jsonl", *early, logs.answer("w"))
    ledger.read(path)
    ledger.read(logs.grow(path, logs.answer("x", 2)))
    assert [str(row["started_at"])[:4] for row in ledger.rows(session_ledger)] == ["2026"]

"""The merge rules are orders: what is kept does not depend on what came first."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helicarrier.ledger.enums import SessionStatus
from helicarrier.ledger.merge import StoredCall, beats_stored, grown, rank, told
from helicarrier.ledger.model import Call, Session, Winner

MINUTES = st.integers(0, 4).map(lambda n: f"2026-10-05T00:0{n}:00.000000Z")
URIS = st.sampled_from(["/a.jsonl", "/b.jsonl", "/c.jsonl"])
TEXTS = st.sampled_from([None, "one", "two", "three"])


def _session(**fields: object) -> Session:
    base: dict[str, object] = {
        "session_id": "s",
        "agent_id": "a",
        "started_at": "2026-10-05T00:00:00.000000Z",
        "ended_at": "2026-10-05T00:09:00.000000Z",
        "source": "claude_code",
        "source_uri": "/a.jsonl",
        "idempotency_key": "claude_code:s",
    }
    return Session(**base | fields)  # type: ignore[arg-type]


@st.composite
def _tellings(draw: st.DrawFn, *, complete: bool = False) -> Session:
    """One file's telling of a session; `complete`: it has every optional field."""
    start, end = sorted([draw(MINUTES), draw(MINUTES)])
    texts = TEXTS.filter(bool) if complete else TEXTS
    uri = draw(URIS)
    # A file tells one thing at a time, so what describes a session hangs on file, start and end.
    said = f"{uri} {start} {end}"
    optional = {
        name: f"{said} {text}" if (text := draw(texts)) else None
        for name in (
            "task_title",
            "task_text",
            "source_version",
            "cwd",
            "git_branch",
            "git_commit",
        )
    }
    if complete:
        optional = dict.fromkeys(optional, said)
    return _session(
        started_at=start,
        ended_at=end,
        source_uri=uri,
        status=SessionStatus.SUCCESS if uri == "/a.jsonl" else SessionStatus.FAILED,
        **optional,
    )


def _by_file(tellings: list[Session]) -> dict[str, Session]:
    """Of each file the last telling."""
    return {telling.source_uri: telling for telling in tellings}


@given(_tellings())
def test_a_telling_that_grew_by_nothing_is_unchanged(one: Session) -> None:
    """Importing a file again changes nothing."""
    assert grown(one, one) == one
    assert told([one]) == one


@given(st.lists(_tellings(), min_size=2, max_size=4))
def test_the_order_of_files_does_not_matter(tellings: list[Session]) -> None:
    """The whole row, to the last field, is made by the set of files."""
    files = list(_by_file(tellings).values())
    rows = {told(order) for order in itertools.permutations(files)}
    assert len(rows) == 1
    (row,) = rows
    assert row.started_at == min(telling.started_at for telling in files)
    assert row.ended_at == max(str(telling.ended_at) for telling in files)


@given(st.lists(_tellings(), min_size=2, max_size=3))
def test_the_beginning_of_a_file_adds_nothing_to_all_of_it(tellings: list[Session]) -> None:
    """A file that is read again from its start does not lose what its end said."""
    whole, *others = _by_file(tellings).values()
    start = msgspec.structs.replace(
        whole, ended_at=whole.started_at, task_title=None, git_branch=None
    )
    assert told([grown(grown(whole, start), whole), *others]) == told([whole, *others])


def test_the_later_file_describes_a_session() -> None:
    """It is stretched over both, and keeps what only the other one knows."""
    early = _session(
        ended_at="2026-10-05T00:05:00.000000Z",
        status=SessionStatus.FAILED,
        task_title="early",
        task_text="first",
        cwd="/a",
        git_branch="one",
        git_commit="c",
        source_version="1",
    )
    late = _session(
        started_at="2026-10-05T00:03:00.000000Z",
        source_uri="/b.jsonl",
        task_text="second",
        cwd="/b",
        git_branch="two",
    )
    merged = told([early, late])
    assert (merged.started_at, merged.ended_at) == (early.started_at, late.ended_at)
    assert (merged.status, merged.source_uri) == (SessionStatus.SUCCESS, "/b.jsonl")
    assert (merged.task_title, merged.task_text, merged.cwd) == ("early", "first", "/a")
    assert (merged.git_branch, merged.git_commit) == ("two", "c")
    assert merged.source_version == "1"


@pytest.mark.parametrize("field", ["task_title", "source_version", "git_branch"])
def test_the_latest_file_that_says_something_counts(field: str) -> None:
    """Also when later ones say nothing."""
    minutes = {"/a.jsonl": 1, "/b.jsonl": 2, "/c.jsonl": 3}
    tellings = [
        _session(
            ended_at=f"2026-10-05T00:0{minute}:00.000000Z",
            source_uri=uri,
            **{field: None if uri == "/c.jsonl" else uri},
        )
        for uri, minute in minutes.items()
    ]
    assert getattr(told(tellings), field) == "/b.jsonl"


@pytest.mark.parametrize("field", ["task_text", "cwd", "git_commit"])
def test_the_earliest_file_that_says_something_counts(field: str) -> None:
    """Also when earlier ones say nothing."""
    minutes = {"/a.jsonl": 1, "/b.jsonl": 2, "/c.jsonl": 3}
    tellings = [
        _session(
            started_at=f"2026-10-05T00:0{minute}:00.000000Z",
            source_uri=uri,
            **{field: None if uri == "/a.jsonl" else uri},
        )
        for uri, minute in minutes.items()
    ]
    assert getattr(told(tellings), field) == "/b.jsonl"


def test_a_new_title_of_a_grown_file_is_taken() -> None:
    """A renamed session adds a title to its file, and no time that would make it the latest."""
    before = _session(ended_at="2026-10-05T00:05:00.000000Z", task_title="before")
    renamed = msgspec.structs.replace(before, task_title="after")
    agent = _session(source_uri="/subagents/b.jsonl", task_title=None)
    assert told([grown(before, renamed), agent]).task_title == "after"


def test_a_woken_parser_keeps_the_texts_of_its_file() -> None:
    """It does not repeat them, and what it says now is no other first request."""
    before = _session(task_title="title", task_text="request", ended_at=None)
    woken = msgspec.structs.replace(_session(), task_title=None, task_text=None)
    merged = grown(before, woken)
    assert (merged.task_title, merged.task_text) == ("title", "request")


# Calls ------------------------------------------------------------------------------------------


def _call(tokens: int, minute: int, line: int) -> Call:
    return Call(
        usage_id="u",
        session_id="s",
        line=line,
        seq=line,
        occurred_at=f"2026-10-05T00:{minute:02}:00.000000Z",
        provider="p",
        model_id="m",
        prompt=tokens,
    )


_COPIES = st.tuples(st.integers(0, 3), st.integers(0, 3), URIS, st.integers(1, 3) | st.none())


def _rank(winner: Winner, copy: tuple[int, int, str, int | None]) -> tuple[int, str, str, int]:
    tokens, minute, uri, line = copy
    return rank(winner, tokens, f"2026-10-05T00:{minute:02}:00.000000Z", uri, line)


@given(st.sampled_from(Winner), st.lists(_COPIES, min_size=2, max_size=6, unique=True))
def test_the_best_copy_is_the_same_in_every_order(
    winner: Winner, copies: list[tuple[int, int, str, int | None]]
) -> None:
    """The rank is a total order over all that tells copies apart."""
    ranks = [_rank(winner, copy) for copy in copies]
    best = min(ranks)
    assert min(reversed(ranks)) == best
    if winner is Winner.MOST_TOKENS:
        assert -best[0] == max(tokens for tokens, *_ in copies)
    else:
        assert best[1] == min(ranks, key=lambda found: found[1])[1]


@given(st.sampled_from(Winner), _COPIES, _COPIES)
def test_exactly_one_of_two_different_copies_wins(
    winner: Winner, one: tuple[int, int, str, int], other: tuple[int, int, str, int]
) -> None:
    """A copy never beats itself, so importing again changes nothing."""

    def beats(new: tuple[int, int, str, int], old: tuple[int, int, str, int]) -> bool:
        tokens, minute, uri, line = old
        stored = StoredCall(
            usage_id="u",
            session_id="s",
            source_uri=uri,
            source_line=line,
            occurred_at=f"2026-10-05T00:{minute:02}:00.000000Z",
            total_tokens=tokens,
            owner_started_at="2026-10-05T00:00:00.000000Z",
            cost_nanos=None,
        )
        return beats_stored(winner, _call(new[0], new[1], new[3] or 0), new[2], stored)

    assert not beats(one, one)
    if _rank(winner, one) != _rank(winner, other):
        assert beats(one, other) is not beats(other, one)


@pytest.mark.parametrize(
    ("winner", "new", "wins"),
    [
        (Winner.MOST_TOKENS, (11, 5, "/z", 9), True),
        (Winner.MOST_TOKENS, (9, 1, "/a", 1), False),
        (Winner.MOST_TOKENS, (10, 1, "/z", 9), True),
        (Winner.MOST_TOKENS, (10, 2, "/a", 9), True),
        (Winner.MOST_TOKENS, (10, 2, "/m", 4), True),
        (Winner.MOST_TOKENS, (10, 2, "/m", 5), False),
        (Winner.FIRST, (99, 3, "/a", 1), False),
        (Winner.FIRST, (1, 1, "/z", 9), True),
    ],
    ids=str,
)
def test_tokens_decide_then_time_then_place(
    winner: Winner, new: tuple[int, int, str, int], wins: bool
) -> None:
    """Against a stored copy of 10 tokens at minute 2 in line 5 of /m."""
    tokens, minute, uri, line = new
    stored = StoredCall(
        usage_id="u",
        session_id="s",
        source_uri="/m",
        source_line=5,
        occurred_at="2026-10-05T00:02:00.000000Z",
        total_tokens=10,
        owner_started_at="2026-10-05T00:00:00.000000Z",
        cost_nanos=None,
    )
    assert beats_stored(winner, _call(tokens, minute, line), uri, stored) is wins

"""Full-text search over titles and texts of sessions: what a person typed, as a SQL condition.

The words of a person are data: each term becomes a quoted phrase, so that `claude-sonnet`, `"`,
`NEAR(` or `*` is text and never syntax. Both engines cut text into runs of letters and digits,
fold case and keep accents, and a phrase never crosses from the title into the text; so they give
the same answers. On SQLite the index is the external-content table `session_search`, kept in step
by triggers: rows must be changed by UPDATE or by INSERT ... ON CONFLICT DO UPDATE (REPLACE fires
no delete trigger), and a VACUUM, which may renumber rows, must be followed by `REBUILD_INDEX`.
"""

from dataclasses import dataclass

from helicarrier.store.addresses import Dialect

REBUILD_INDEX = "INSERT INTO session_search(session_search) VALUES ('rebuild')"
"""SQLite: reads all sessions again into the index, after a VACUUM or a repair."""

_NOTHING = "1 = 0"
_SQLITE_ROWS = "(SELECT rowid FROM session_search WHERE session_search MATCH :search)"
_SQLITE_MATCH = f"session_ledger.rowid IN {_SQLITE_ROWS}"
_SQLITE_ONE = (
    "EXISTS (SELECT 1 FROM session_search WHERE session_search MATCH :search"
    " AND session_search.rowid = session_ledger.rowid)"
)
_SQLITE_COUNT = "SELECT COUNT(*) FROM session_search WHERE session_search MATCH :search"
_SQLITE_COUNT_TO = (
    "SELECT COUNT(*) FROM (SELECT 1 FROM session_search WHERE session_search MATCH :search"
    " LIMIT :most)"
)
_POSTGRES_VECTOR = "session_search_vector(session_ledger.task_title, session_ledger.task_text)"
_POSTGRES_PHRASE = "phraseto_tsquery('simple', session_search_words(:{name}))"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchCondition:
    """A condition on `session_ledger` for a WHERE clause, with its `:name` parameters.

    On SQLite there are two more forms of it, for words that many sessions hold: `beside` leaves it
    to another index to find the rows, `one_by_one` looks each row up that is come by; `count` and
    `count_to` (at most `:most`) are whole statements. On Postgres the planner chooses, and these
    say the same as `sql` or nothing.
    """

    sql: str
    params: dict[str, str]
    beside: str
    one_by_one: str
    count: str = ""
    count_to: str | None = None


def search_condition(dialect: Dialect, typed: str) -> SearchCondition:
    """Sessions that contain every term of `typed`; a text without any word matches nothing."""
    terms = terms_of(typed)
    if not terms:
        return _planned(_NOTHING, {})
    match dialect:
        case "sqlite":
            phrases = " ".join(f'"{_quoted(term)}"' for term in terms)
            return SearchCondition(
                sql=_SQLITE_MATCH,
                params={"search": phrases},
                beside=f"+{_SQLITE_MATCH}",
                one_by_one=_SQLITE_ONE,
                count=_SQLITE_COUNT,
                count_to=_SQLITE_COUNT_TO,
            )
        case "postgresql":
            params = {f"search_{n}": term for n, term in enumerate(terms)}
            phrases = " && ".join(_POSTGRES_PHRASE.format(name=name) for name in params)
            return _planned(f"{_POSTGRES_VECTOR} @@ ({phrases})", params)


def _planned(sql: str, params: dict[str, str]) -> SearchCondition:
    return SearchCondition(sql=sql, params=params, beside=sql, one_by_one=sql)


def terms_of(typed: str) -> list[str]:
    """The parts between spaces that hold a letter or digit, without repeats.

    A lone surrogate or a NUL cannot be sent to a database; neither can be part of a word.
    """
    sendable = typed.encode("utf-8", "replace").decode("utf-8").replace("\x00", " ")
    parts = (part for part in sendable.split() if any(map(str.isalnum, part)))
    return list(dict.fromkeys(parts))


def _quoted(term: str) -> str:
    return term.replace('"', '""')

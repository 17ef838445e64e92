"""Titles and texts of sessions: how much of what somebody wrote the ledger keeps."""

TITLE_LENGTH = 120
TEXT_LENGTH = 4_000


def title_of(text: str) -> str | None:
    """The first line of a text that says something, cut to a title's length."""
    for line in text.splitlines():
        if stripped := line.strip():
            return stripped[:TITLE_LENGTH]
    return None

"""How much of a session the ledger keeps, and how much it believes."""

TITLE_LENGTH = 120
TEXT_LENGTH = 4_000

LOG_KEY = "log:"
"""Keys of sessions from logs begin with it, and those of envelopes never do."""

MAX_TOKENS = 10**12
"""More than any call takes, and few enough that their cost in nano-dollars fits into 64 bits."""


def title_of(text: str) -> str | None:
    """The first line of a text that says something, cut to a title's length."""
    for line in text.splitlines():
        if stripped := line.strip():
            return stripped[:TITLE_LENGTH]
    return None

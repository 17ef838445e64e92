"""A provider for `routing.py`: a prompt on stdin becomes a page on stdout, or exit code 1.

It stands for the machine of somebody else, so it knows nothing of the project. `openai` cannot make
holograms and `custom` cannot make tables.
"""

import sys
from html import escape

WITHOUT = {"openai": "hologram", "custom": "table"}


def main() -> None:
    """Answer one prompt."""
    provider, prompt = sys.argv[1], sys.stdin.read().strip()
    if WITHOUT.get(provider, "\0") in prompt:
        raise SystemExit(1)
    sys.stdout.write(f"<main><h1>{escape(prompt)}</h1><p>Made by {escape(provider)}.</p></main>")


if __name__ == "__main__":
    main()

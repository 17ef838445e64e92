"""Secrets and personal data in text: patterns with a prefix, a checksum or a context that is rare.

A detector that cries at every long word is switched off, so each pattern is precise: published
token formats, Luhn for cards, mod 97 for IBANs, ranges for social security numbers, and the name of
the setting where only that tells. Reserved example domains are nobody's. Whoever reports a hit says
its kind and line, never its text; `digest` is what two sides are compared by.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import log2

from helicarrier.canonical import sha256

_RESERVED = re.compile(
    r"@(?:[\w-]+\.)*(?:example\.(?:com|org|net)|[\w-]+\.(?:example|test|invalid|localhost))\Z"
)
_PLACEHOLDER = re.compile(
    r"\A(?:[x*.\-_#]+|<.*>?|\$?\{.*|\$\w+|%\w+%?|your[-_ ].*"
    r"|(?:example|changeme|redacted|password|secret|placeholder).*)\Z",
    re.IGNORECASE,
)
_LEAST_ENTROPY = 3.0
"""Bits a character of a generic secret has at least; words of a language have fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Something sensitive: what it is, on which line, and the hash of its text."""

    kind: str
    line: int
    digest: str


def hits(text: str) -> Iterator[Hit]:
    """Every hit, kind by kind."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    for kind, (pattern, confirms) in _DETECTORS.items():
        for match in pattern.finditer(text):
            value = match.group("value") if "value" in pattern.groupindex else match.group()
            if confirms(value):
                yield Hit(
                    kind=kind, line=_line(starts, match.start()), digest=sha256(value.encode())
                )


def _line(starts: list[int], place: int) -> int:
    return bisect_right(starts, place)


def _always(_value: str) -> bool:
    return True


def _luhn(value: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    digits = [int(digit) for digit in value if digit.isdigit()]
    if len(set(digits)) == 1:
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _iban(value: str) -> bool:
    """ISO 13616: the rearranged number is 1 modulo 97."""
    plain = value.replace(" ", "")
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def _generic(value: str) -> bool:
    if _PLACEHOLDER.match(value):
        return False
    counts = [value.count(character) / len(value) for character in set(value)]
    return -sum(share * log2(share) for share in counts) >= _LEAST_ENTROPY and any(
        character.isdigit() for character in value
    )


def _someones(value: str) -> bool:
    return _RESERVED.search(value.lower()) is None


def _given(value: str) -> bool:
    return _PLACEHOLDER.match(value) is None


_EDGE = r"(?<![A-Za-z0-9_-])"
_END = r"(?![A-Za-z0-9_-])"


def _token(pattern: str) -> re.Pattern[str]:
    return re.compile(f"{_EDGE}(?:{pattern}){_END}")


_DETECTORS: dict[str, tuple[re.Pattern[str], Callable[[str], bool]]] = {
    "private_key": (
        re.compile(r"-----BEGIN (?:[A-Z]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
        _always,
    ),
    "aws_access_key": (_token(r"(?:AKIA|ASIA)[A-Z2-7]{16}"), _always),
    "github_token": (_token(r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{60,255}"), _always),
    "gitlab_token": (_token(r"glpat-[\w-]{20,64}"), _always),
    "slack_token": (_token(r"xox[abeoprs]-[A-Za-z0-9-]{10,255}"), _always),
    "slack_webhook": (
        re.compile(r"hooks\.slack\.com/services/T\w{6,16}/B\w{6,16}/\w{16,40}"),
        _always,
    ),
    "stripe_key": (_token(r"[rs]k_live_[A-Za-z0-9]{16,255}"), _always),
    "google_api_key": (_token(r"AIza[\w-]{35}"), _always),
    "anthropic_key": (_token(r"sk-ant-[\w-]{24,255}"), _always),
    "openai_key": (_token(r"sk-(?:proj-|svcacct-)?[A-Za-z0-9][A-Za-z0-9_-]{31,255}"), _generic),
    "npm_token": (_token(r"npm_[A-Za-z0-9]{36}"), _always),
    "pypi_token": (_token(r"pypi-AgEI[\w-]{40,255}"), _always),
    "sendgrid_key": (_token(r"SG\.[\w-]{22}\.[\w-]{43}"), _always),
    "json_web_token": (
        _token(r"eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}"),
        _always,
    ),
    "password_in_url": (
        re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,64}:(?P<value>[^\s/:@]{3,128})@"),
        _given,
    ),
    "named_secret": (
        re.compile(
            r"(?:passw(?:or)?d|secret|api[_-]?key|access[_-]?key|auth[_-]?token|client[_-]?secret)"
            r"[\"']?\s{0,4}(?:=|:|=>)\s{0,4}[\"']?(?P<value>[A-Za-z0-9+/=_.!@#$%^&*-]{12,256})",
            re.IGNORECASE,
        ),
        _generic,
    ),
    "email": (
        re.compile(
            r"(?<![\w.+-])[\w+-][\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24}(?![\w-])"
        ),
        _someones,
    ),
    "phone": (
        re.compile(r"(?<![\w+])\+[1-9]\d{0,2}[ .-]?(?:\(?\d{1,4}\)?[ .-]?){2,4}\d{2,4}(?!\w)"),
        _always,
    ),
    "card_number": (
        re.compile(
            r"(?<![\w.-])(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|3[47]\d\d|6(?:011|5\d\d))"
            r"(?:[ -]?\d{4}){2}[ -]?\d{3,4}(?![\w-])"
        ),
        _luhn,
    ),
    "iban": (
        re.compile(r"(?<!\w)[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)"),
        _iban,
    ),
    "social_security_number": (
        re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])"),
        _always,
    ),
}
"""Kind -> its pattern, whose group `value` is what counts, and what confirms it."""

"""Secrets and personal data: found where they are, not where they only look like it."""

import pytest

from helicarrier.resolution.analyzers import policy_violation
from helicarrier.resolution.analyzers.sensitive import hits
from helicarrier.resolution.detector import classify
from helicarrier.resolution.enums import MismatchType, Syntax, Verdict
from tests.resolution.pairs import pair

LONG = "aB3dE5fG7hI9jK1lM2nO4pQ6rS8tU0vW"
FOUND = {
    "private_key": "-----BEGIN OPENSSH PRIVATE " + "KEY-----",
    "aws_access_key": "AKIA" + "IOSFODNN7EXAMPLE",
    "github_token": "ghp_" + LONG + "AbCd",
    "gitlab_token": "glpat-" + LONG,
    "slack_token": "xoxb-" + LONG,
    "slack_webhook": "hooks.slack.com/services/T0000AAAA/B0000BBBB/" + LONG[:24],
    "stripe_key": "sk_live_" + LONG,
    "google_api_key": "AIza" + LONG + "xyz",
    "anthropic_key": "sk-ant-api03-" + LONG,
    "openai_key": "sk-proj-" + LONG,
    "npm_token": "npm_" + LONG + "AbCd",
    "pypi_token": "pypi-AgEI" + LONG + LONG,
    "sendgrid_key": "SG." + LONG[:22] + "." + LONG + LONG[:11],
    "json_web_token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." + LONG,
    "password_in_url": "postgres://app:" + "hunter2x" + "@db.internal/x",
    "named_secret": "API_KEY = '" + LONG + "'",
    "email": "jane.doe@mail.acme-corp.com",
    "phone": "+49 30 901820",
    "card_number": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
    "social_security_number": "078-05-1120",
}


@pytest.mark.parametrize("kind", FOUND)
def test_each_kind_is_found_on_its_line(kind: str) -> None:
    """Once, wherever it stands in a sentence."""
    found = [hit for hit in hits(f"first line\nsee {FOUND[kind]} there\n") if hit.kind == kind]
    assert [hit.line for hit in found] == [2]


@pytest.mark.parametrize(
    "text",
    [
        "jane@example.com and root@host.invalid",
        "password = '<your-password>'",
        "password = '${DB_PASSWORD_FROM_ENV}'",
        "secret: changeme-please-now",
        "api_key = os.environ[...]",
        "postgres://app:$PASSWORD@db/x",
        "4111 1111 1111 1112 and 0000 0000 0000 0000",
        "DE89 3704 0044 0532 0130 01",
        "000-12-3456, 666-12-3456, 900-12-3456",
        "commit a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2",
        "7d444840-9dc0-11d1-b245-5ffdce74fad2",
        "2026-11-21T09:00:00Z, 192.168.0.1, +5 points, 1.2.3",
        "sk-learn and sk-your-key-goes-here-and-nowhere-else-please",
    ],
)
def test_what_only_looks_like_it_is_let_be(text: str) -> None:
    """A detector that cries too often is switched off."""
    assert list(hits(text)) == []


@pytest.mark.parametrize("kind", FOUND)
@pytest.mark.parametrize("syntax", [Syntax.PLAIN, Syntax.MARKDOWN, Syntax.OTHER], ids=str)
def test_a_new_one_comes_before_every_other_type(kind: str, syntax: Syntax) -> None:
    """And what was found is repeated nowhere in the answer."""
    found = classify(*pair("done \n", f"done\n{FOUND[kind]}\n", syntax))
    assert found is not None
    assert found.mismatch_type is MismatchType.POLICY_VIOLATION
    assert FOUND[kind] not in repr(found)


def test_what_the_golden_has_is_nothing_new() -> None:
    """Moved or not."""
    text = FOUND["email"]
    answer = policy_violation.analyze(*pair(f"a {text}", f"{text} b", Syntax.PLAIN))
    assert answer.verdict is Verdict.UNDECIDABLE


@pytest.mark.parametrize(
    "piece", ["a", "1", "a@", "4111 ", "eyJ", "+1 ", "key=", "DE89", "sk-", "://"]
)
def test_long_runs_do_not_blow_up(piece: str) -> None:
    """A hundred thousand characters of one kind are read like any other text."""
    assert isinstance(list(hits(piece * (100_000 // len(piece)))), list)

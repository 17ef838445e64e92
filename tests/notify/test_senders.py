"""The ways out: the webhook to a judged address, the command without a shell."""

import json
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from helicarrier.notify import addresses
from helicarrier.notify import webhook as webhooks
from helicarrier.notify.addresses import addresses_of, is_public
from helicarrier.notify.command import CommandSender
from helicarrier.notify.model import Delivery
from helicarrier.notify.webhook import WebhookSender
from tests.notify.conftest import Receiver, serving

DELIVERY = Delivery(
    notification_id="n",
    dedup_key="key-1",
    channel="webhook",
    subject="s",
    body=b'{"n":1}',
    attempts=1,
)


def webhook(url: str, *, private: bool = True, timeout: float = 5) -> WebhookSender:
    """A sender to this URL."""
    return WebhookSender(url, allow_private=private, timeout_seconds=timeout)


def test_a_webhook_gets_the_body_and_the_key(receiver: Receiver) -> None:
    """Path and query are those of the URL."""
    assert webhook(f"{receiver.url}?a=b").send(DELIVERY) is None
    assert receiver.got == [("/hook?a=b", "key-1", b'{"n":1}')]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (204, None),
        (500, "the receiver answered 500"),
        (302, "the receiver answered 302 and redirects are not followed"),
    ],
)
def test_only_a_success_is_one(receiver: Receiver, status: int, error: str | None) -> None:
    """A redirect leads to an address that nobody judged."""
    receiver.statuses = [status]
    assert webhook(receiver.url).send(DELIVERY) == error
    assert len(receiver.got) == 1


def test_a_private_receiver_is_refused_unless_allowed(receiver: Receiver) -> None:
    """It never hears of it."""
    error = webhook(receiver.url, private=False).send(DELIVERY)
    assert error == "the receiver is at a private address, and that is not allowed"
    named = webhook(receiver.url.replace("127.0.0.1", "localhost"), private=False).send(DELIVERY)
    assert named == error
    assert receiver.got == []


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns the name could otherwise choose by the order of its addresses."""
    told = {"good": ["93.184.215.14"], "mixed": ["93.184.215.14", "10.0.0.1"]}

    def resolve(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (address, port)) for address in told[host]]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", resolve)
    assert addresses_of("good", 443, allow_private=False) == ["93.184.215.14"]
    assert addresses_of("mixed", 443, allow_private=False) == []
    assert addresses_of("mixed", 443, allow_private=True) == ["93.184.215.14", "10.0.0.1"]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - an address to refuse
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("not an address", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    """Also below the forms that wrap an IPv4 address."""
    assert is_public(address) is public


def test_a_receiver_that_is_silent_or_talks_nonsense_is_an_error(receiver: Receiver) -> None:
    """Neither holds the dispatcher."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        error = webhook(f"http://127.0.0.1:{port}/", timeout=0.2).send(DELIVERY)
    assert error == "the receiver did not answer in time"
    receiver.answer = b"nonsense\r\n\r\n"
    assert "BadStatusLine" in str(webhook(receiver.url).send(DELIVERY))


def test_a_receiver_that_drips_is_cut_off(receiver: Receiver) -> None:
    """Each byte comes in time, the whole answer does not; with patience it would be a success."""
    receiver.drips = 30
    error = webhook(receiver.url, timeout=0.3).send(DELIVERY)
    assert error == "the receiver did not answer in time"
    receiver.drips = 1
    assert webhook(receiver.url).send(DELIVERY) is None


def test_the_next_address_is_tried_where_the_first_does_not_answer(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name may have one address for each version of the protocol."""
    monkeypatch.setattr(webhooks, "addresses_of", lambda *_, **__: ["127.0.0.2", "127.0.0.1"])
    assert webhook(receiver.url).send(DELIVERY) is None


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of `localhost` with its key, that nobody trusts."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        [program, "req", *kind, *names, "-keyout", path, "-out", path.with_suffix(".crt")],
        check=True,
        capture_output=True,
    )
    return path


def test_https_goes_to_whom_the_certificate_names(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name of the URL, though the connection was made to its address."""
    trusted = certificate.with_suffix(".crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, certificate)
    with serving(context) as found:
        url = found.url.replace("http://127.0.0.1", "https://localhost")
        assert webhook(url).send(DELIVERY) == "no trusted connection to the receiver"
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert webhook(url).send(DELIVERY) is None
        other = webhook(url.replace("localhost", "127.0.0.1")).send(DELIVERY)
        assert other == "no trusted connection to the receiver"
        found.drips = 30
        slow = webhook(url, timeout=0.3).send(DELIVERY)
        assert slow == "the receiver did not answer in time"
    assert [key for _, key, _ in found.got] == ["key-1", "key-1"]


def test_nobody_there_is_an_error_without_details() -> None:
    """Neither the URL nor the address is in it."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    error = webhook(f"http://127.0.0.1:{port}/secret").send(DELIVERY)
    assert error == "no connection to the receiver (ConnectionRefusedError)"


WRITES = (
    "import json, os, sys; json.dump([sys.stdin.read(), sys.argv[2:], dict(os.environ)],"
    " open(sys.argv[1], 'w'))"
)


def test_a_command_gets_the_body_on_its_standard_input(tmp_path: Path) -> None:
    """No shell reads its arguments, and no secret is in its environment."""
    out = tmp_path / "out.json"
    environ = {"PATH": "/usr/bin", "HELICARRIER_SECRET": "s", "HELICARRIER_DB_URL": "u"}
    arguments = [sys.executable, "-c", WRITES, str(out), "$(id); `id` > x"]
    assert CommandSender(arguments, timeout_seconds=30, environ=environ).send(DELIVERY) is None
    stdin, rest, seen = json.loads(out.read_text())
    assert (stdin, rest) == ('{"n":1}', ["$(id); `id` > x"])
    assert seen["HELICARRIER_NOTIFICATION_KEY"] == "key-1"
    assert not {"HELICARRIER_SECRET", "HELICARRIER_DB_URL"} & seen.keys()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([sys.executable, "-c", "raise SystemExit(3)"], "the command ended with 3"),
        (["/nowhere/at/all"], "the command cannot be started (FileNotFoundError)"),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "the command did not end in time"),
    ],
)
def test_a_command_that_does_not_take_it_is_an_error(arguments: list[str], error: str) -> None:
    """One that hangs is killed with its process group."""
    sender = CommandSender(arguments, timeout_seconds=1, environ={})
    assert sender.send(DELIVERY) == error

"""The webhook: one POST of the message's JSON to an address that was judged beforehand.

Redirects are not followed, since they would lead to an address that nobody judged; proxies of the
environment are not used, for the same reason. The key goes along as `Idempotency-Key`. One deadline
holds for the whole exchange: a receiver that answers a byte at a time is cut off. What it answers
is neither read nor kept, but for the status.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from urllib.parse import SplitResult, urlsplit

from helicarrier import __version__
from helicarrier.notify.addresses import addresses_of
from helicarrier.notify.model import Delivery

_PORTS = {"http": 80, "https": 443}
_OK = range(200, 300)
_REDIRECTS = range(300, 400)


class WebhookSender:
    """Delivers to one URL."""

    def __init__(self, url: str, *, allow_private: bool, timeout_seconds: float) -> None:
        """Args: url; allow_private addresses, this machine among them; timeout of an attempt."""
        self._url = urlsplit(url)
        self._allow_private = allow_private
        self._timeout = timeout_seconds

    def send(self, delivery: Delivery) -> str | None:
        """Post it. Returns: None when it was taken, else why not; never what was answered."""
        host, port = self._url.hostname or "", _port(self._url)
        try:
            addresses = addresses_of(host, port, allow_private=self._allow_private)
            if not addresses:
                return "the receiver is at a private address, and that is not allowed"
            with _connected(addresses, port, self._timeout) as line:
                status = self._post(delivery, line)
        except ssl.SSLCertVerificationError:
            return "no trusted connection to the receiver"
        except TimeoutError:
            return "the receiver did not answer in time"
        except socket.gaierror:
            return "the receiver's name cannot be resolved"
        except (OSError, http.client.HTTPException) as error:
            return f"no connection to the receiver ({type(error).__name__})"
        if status in _OK:
            return None
        told = " and redirects are not followed" if status in _REDIRECTS else ""
        return f"the receiver answered {status}{told}"

    def _post(self, delivery: Delivery, line: "_Line") -> int:
        host = self._url.hostname or ""
        if self._url.scheme == "https":
            line.encrypt(host)
        connection = http.client.HTTPConnection(host, _port(self._url))
        connection.sock = line.socket
        try:
            connection.request(
                "POST",
                (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else ""),
                body=delivery.body,
                headers={
                    "Host": self._url.netloc,
                    "Content-Type": "application/json",
                    "User-Agent": f"helicarrier/{__version__}",
                    "Idempotency-Key": delivery.dedup_key,
                    "Connection": "close",
                },
            )
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            if not line.was_cut_off:
                raise
        else:
            # Headers that end in the middle are taken for whole ones, also when we ended them.
            if not line.was_cut_off:
                return status
        finally:
            connection.close()
        raise TimeoutError


class _Line:
    """An open connection and its deadline."""

    def __init__(self, opened: socket.socket) -> None:
        self.socket = opened
        self.was_cut_off = False

    def encrypt(self, host: str) -> None:
        """Go on over TLS with whom the certificate says is `host`."""
        # The handshake comes after the assignment: the deadline has to find this socket by then.
        wrapped = ssl.create_default_context().wrap_socket(
            self.socket, server_hostname=host, do_handshake_on_connect=False
        )
        self.socket = wrapped
        wrapped.do_handshake()

    def cut_off(self) -> None:
        """End it from another thread: whoever waits on it stops waiting."""
        self.was_cut_off = True
        with contextlib.suppress(OSError):  # it may have ended by itself
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)


@contextlib.contextmanager
def _connected(addresses: Sequence[str], port: int, timeout: float) -> Iterator[_Line]:
    """A connection to the first address that takes one, for `timeout` seconds in all."""
    line = _Line(_first(addresses, port, timeout))
    deadline = threading.Timer(timeout, line.cut_off)
    deadline.daemon = True
    deadline.start()
    try:
        yield line
    finally:
        deadline.cancel()
        line.socket.close()


def _first(addresses: Sequence[str], port: int, timeout: float) -> socket.socket:
    for address in addresses[:-1]:
        with contextlib.suppress(OSError):
            return socket.create_connection((address, port), timeout=timeout)
    return socket.create_connection((addresses[-1], port), timeout=timeout)


def _port(url: SplitResult) -> int:
    return url.port or _PORTS[url.scheme]

"""The webhook: one POST of the message's JSON to an address that was judged beforehand.

Redirects are not followed, since they would lead to an address that nobody judged; proxies of the
environment are not used, for the same reason. The key goes along as `Idempotency-Key`. One deadline
holds for the whole exchange: a receiver that answers a byte at a time is cut off. What it answers
is neither read nor kept, but for the status.
"""

import http.client
import socket
import ssl
import threading
from urllib.parse import SplitResult, urlsplit

from helicarrier import __version__
from helicarrier.notify.addresses import address_of
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
            address = address_of(host, port, allow_private=self._allow_private)
            if address is None:
                return "the receiver is at a private address, and that is not allowed"
            status = self._post(delivery, address, port)
        except ssl.SSLError:
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

    def _post(self, delivery: Delivery, address: str, port: int) -> int:
        host = self._url.hostname or ""
        bare = socket.create_connection((address, port), timeout=self._timeout)
        deadline = threading.Timer(self._timeout, _cut_off, [bare])
        deadline.daemon = True
        deadline.start()
        connection = http.client.HTTPConnection(host, port)
        try:
            connection.sock = (
                ssl.create_default_context().wrap_socket(bare, server_hostname=host)
                if self._url.scheme == "https"
                else bare
            )
            connection.request(
                "POST",
                self._url.path + (f"?{self._url.query}" if self._url.query else "") or "/",
                body=delivery.body,
                headers={
                    "Host": self._url.netloc.rpartition("@")[2],
                    "Content-Type": "application/json",
                    "User-Agent": f"helicarrier/{__version__}",
                    "Idempotency-Key": delivery.dedup_key,
                    "Connection": "close",
                },
            )
            return connection.getresponse().status
        finally:
            deadline.cancel()
            connection.close()
            bare.close()


def _port(url: SplitResult) -> int:
    return url.port or _PORTS[url.scheme]


def _cut_off(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it ended by itself

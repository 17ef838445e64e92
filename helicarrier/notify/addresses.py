"""Where a webhook may go: addresses of the public internet, unless private ones are allowed.

A name is resolved once, every address that it has is judged, and the connection goes to a judged
address: a name that resolves to something else a moment later changes nothing.
"""

import ipaddress
import socket

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def addresses_of(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses to connect to, in order; none where the name has one that must not be reached.

    Raises:
        OSError: the name cannot be resolved.
    """
    resolved = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found = list(dict.fromkeys(str(entry[4][0]) for entry in resolved))
    return found if allow_private or all(map(is_public, found)) else []


def is_public(text: str) -> bool:
    """Whether an address belongs to the public internet, also below the forms that wrap another."""
    try:
        address = _unwrapped(ipaddress.ip_address(text))
    except ValueError:
        return False
    return address.is_global and not address.is_multicast


def _unwrapped(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address

"""Headers of a request as the server hands them over: bytes, names in lower case.

The framework's mapping goes through all of them for each name that is asked; every request asks
for ten.
"""

from collections.abc import Mapping

from starlette.types import Scope


def headers_of(scope: Scope) -> Mapping[bytes, bytes]:
    """The first value of each header."""
    return dict(reversed(scope["headers"]))

"""The service on each engine, and on the legacy store."""

from tests.api.services import client, settings, v3_client

__all__ = ["client", "settings", "v3_client"]

"""The service on each engine, for its pages."""

from tests.api.services import client, settings

__all__ = ["client", "settings"]

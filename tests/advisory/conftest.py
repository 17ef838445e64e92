"""The area on each engine."""

from tests.advisory.areas import area, installed_postgres, installed_sqlite, sqlite_area

__all__ = ["area", "installed_postgres", "installed_sqlite", "sqlite_area"]

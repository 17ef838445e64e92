"""Ingest: bytes to canonical sessions, or to quarantine with the reason."""

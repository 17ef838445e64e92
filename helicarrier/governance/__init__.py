"""Governance: what a table promises and how the promise is checked."""

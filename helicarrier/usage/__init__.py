"""Usage: the ledger's calls as daily facts, aggregates over them, and reports that people read."""

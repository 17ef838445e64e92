"""The ledger: sessions, their events and their model calls, with a governed cost on each call."""

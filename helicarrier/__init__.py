"""Helicarrier: a governed ledger, evals and lineage for AI agents in production.

Everything that is not Dagster lives in this package, and nothing in it imports Dagster.
`ARCHITECTURE.md` at the root of the repository draws the floors and the way of the data.
"""

__version__ = "0.1.0"

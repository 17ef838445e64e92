"""Stores: engines, migrations, the Parquet lake, the DuckDB file and the run store.

Infrastructure that knows no subject area: tables are declared by the areas on the shared metadata
and passed in.
"""

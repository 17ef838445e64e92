"""Readers of eval results: one module a format, all of them equally strict."""

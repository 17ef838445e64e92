"""Lineage: where rows come from, the content that people write, and the history of the code."""

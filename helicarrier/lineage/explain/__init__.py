"""Explain: from any row to the run that wrote it, what that run read, and why the numbers are so.

`explain(settings, table, key)` finds the row and hands it to the table's explainer. An area plugs
in with one module here and one line in `registry.EXPLAINERS`.
"""

from helicarrier.lineage.explain.answer import explain
from helicarrier.lineage.explain.tree import Node

__all__ = ["Node", "explain"]

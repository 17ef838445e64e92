"""Checks: what is stored, held against what was promised, one module for each subject area.

An asset validates its rows before it commits them; a check audits what is stored, whoever wrote
it, against the same contract. A check reads through a resource, never through an asset's value. A
breach is an error, an open question a warning, and a check that cannot run raises.
"""

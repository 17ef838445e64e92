"""Eval runs, release gates that know their uncertainty, and the routing of providers."""

"""Schedules: what is done at a time of day, one module for each subject area.

A schedule names its partition itself. Whether it runs when nobody has touched it is said on
purpose, and docs/reference/assets.md lists it.
"""

"""Sensors: what is done when something happens, one module for each subject area.

A tick does a bounded amount of work and requests runs whose keys name what they are for, so that
asking twice starts nothing twice. Whether a sensor runs when nobody has touched it is said on
purpose, and docs/reference/assets.md lists it.
"""

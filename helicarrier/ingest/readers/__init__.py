"""Readers of the session files that agents leave behind, one module for each format.

A reader knows its format and nothing of tables. `registry` finds the reader of a file.
"""

"""Analyzers: each looks at a pair in one way and says what it can prove.

An analyzer is a pure function of two artefacts. It never raises on bad input and never takes long:
what it cannot read, or what is larger than its limit, is undecidable.
"""

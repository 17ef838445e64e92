"""Mismatch resolution: may two outputs count as equal, and who may say so."""

"""Lineage: where a number comes from, down to the source line, the code and the configuration.

The run store (`helicarrier.store`) keeps what ran; here it is read: rows are explained, the chain
of events is verified, runs are exported. Content and git context live beside it, each in its own
modules. Lineage reads every area below it and none of them knows lineage.
"""

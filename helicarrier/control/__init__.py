"""Control: agents as real processes, started, followed in the ledger, and ended.

A command comes from an allow-list of the settings and never from a request. Each process has a
keeper (`keeper.py`) that outlives the service, so that a restart neither ends an agent nor loses
how it ended. Whatever is asked is in the audit log, granted or refused.
"""

"""Advisory signals: guidance derived from match results, behind a kill switch.

Advice is never truth and must never hurt what it advises on. It is off until somebody turns it on,
each resume has a budget a day, nothing outside refers to its tables, and all of them can be dropped
at any moment. No error of a decision leaves the area.
"""

"""Match results: how well a resume fits a job posting, as something else has judged it.

They are imported strictly and never altered; what is derived from them stands elsewhere.
"""

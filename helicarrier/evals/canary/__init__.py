"""The canary: is the new version worse than it may be, and what is done about it."""

"""Git context: which commit and which content a file had at a time, and where a session ran.

History is read once from the repository into the warehouse file and then answered from there, so
that an answer needs neither the checkout nor a process for each question. Commits are immutable and
are never deleted here; a branch that was rewritten points elsewhere, and what it pointed at stays.
"""

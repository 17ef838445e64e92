"""Makes the sample sessions: two weeks of invented agent work in four file formats.

The samples stand in for the files that real agents leave behind, with the defects that
real files have, and without anybody's data in them. Everything follows from one seed: no
module here reads a clock, the environment or a file, so the same seed gives the same bytes
on every machine and Python version.
"""

from generator.corpus import Corpus, build

__all__ = ["Corpus", "build"]

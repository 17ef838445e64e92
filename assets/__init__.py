"""Assets: what the project keeps up to date, one module for each subject area.

An asset is thin: it reads its partition's days, opens a run in the run store, calls one function
of the package and says what came of it. Rules, SQL and formats belong into the package.

Two features that the assets stand on are in beta (backfill in a single run, upstream days before
the first partition); tests/dagster/test_upstream_characterization.py pins what they do, so their
warnings say nothing new.
"""

import warnings

import dagster as dg

warnings.filterwarnings("ignore", category=dg.BetaWarning)

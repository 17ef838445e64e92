"""Agreement of raters as a script: `helicarrier resolution agreement` for build servers."""

import sys

from helicarrier.cli import main

if __name__ == "__main__":
    main(["resolution", "agreement", *sys.argv[1:]])

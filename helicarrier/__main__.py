"""`python -m helicarrier` is the command line."""

from helicarrier.cli import main

main()

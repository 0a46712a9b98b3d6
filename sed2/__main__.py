"""`python -m sed2` is `sed2`."""

from sed2.cli import main

main()

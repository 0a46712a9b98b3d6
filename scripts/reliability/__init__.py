"""The checks of `check_reliability.py`, one file each."""

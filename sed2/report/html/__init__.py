"""Results as one self-contained HTML page: nothing is loaded from anywhere, names stay text.

The page holds the document of `--json`, from which its scripts draw, and the tables of the
terminal. Without scripts the tables and a still figure are there.
"""

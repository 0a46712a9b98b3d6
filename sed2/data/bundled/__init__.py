"""Data sets that ship with sed2; NOTICE.md says whose they are and what was changed."""

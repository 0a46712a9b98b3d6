"""Runs that survive: what `rank` has finished is kept in a directory, and taken up again.

`directory` is the work of a ranking with its results kept; `store` the files, `codec` what is in
them, `keys` what they are named by; `manifest` and `loading` tell what a directory holds.
"""

from sed2.runs.directory import RunDirectory
from sed2.runs.loading import StoredRun, load_ranking, load_run

__all__ = ["RunDirectory", "StoredRun", "load_ranking", "load_run"]

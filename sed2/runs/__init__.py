"""Runs that survive: what `rank` has finished is kept in a directory, and taken up again.

`directory` is the work of a ranking with its results kept; `store` the files, `codec` what is in
them, `keys` what they are named by; `manifest` and `loading` tell what a directory holds.
"""

"""The name under which sed2 is installed: on the package index `sed2` is another project."""

from __future__ import annotations

from importlib import metadata

NAME = "sed2-rank"


def version(package: str = "sed2") -> str:
    """The version of a package that is installed.

    Raises:
        importlib.metadata.PackageNotFoundError: it is not.
    """
    return metadata.version(NAME if package == "sed2" else package)


def install(extra: str) -> str:
    """The command that installs sed2 with one of its extras."""
    return f"pip install '{NAME}[{extra}]'"

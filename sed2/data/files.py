"""The files of the named data sets: where they are, and whether they are the right ones.

Those that do not ship with sed2 are kept in `$SED2_DATA_DIR`, by default the user's cache folder.
Every file is held against its sha256 whenever it is read.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from sed2.common.files import open_input, read_input
from sed2.errors import DataError

DATA_DIR_VARIABLE = "SED2_DATA_DIR"


@dataclass(frozen=True)
class DataFile:
    """One file of a named data set."""

    name: str
    """In the package, or under the cache folder."""
    sha256: str
    url: str = ""
    """Where it is downloaded from; empty for a file that ships with sed2."""

    @property
    def bundled(self) -> bool:
        return not self.url

    def path(self, cache_dir: str | Path | None = None) -> Path:
        """Where it is, or is to be put.

        Args:
            cache_dir: folder of downloads, instead of `$SED2_DATA_DIR` or the user's cache folder.
        """
        if self.bundled:
            return Path(str(resources.files("sed2.data.bundled") / self.name))
        folder = cache_dir or os.environ.get(DATA_DIR_VARIABLE)
        if not folder:
            import pooch

            folder = pooch.os_cache("sed2")
        return Path(folder).expanduser().absolute() / self.name

    def is_here(self, cache_dir: str | Path | None = None) -> bool:
        """Whether it is there, readable, and the right one."""
        try:
            with open_input(self.path(cache_dir)) as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        except OSError:
            return False

    def read(self, cache_dir: str | Path | None = None) -> bytes:
        """All of it.

        Raises:
            DataError: it cannot be read, or is not the right one.
        """
        path = self.path(cache_dir)
        try:
            content = read_input(path)
        except OSError as fault:
            raise DataError(
                f"this file of a data set cannot be read ({fault.strerror})",
                mend="Reinstall sed2" if self.bundled else "Check its permissions, or remove it",
                where=str(path),
            ) from fault
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise DataError(
                f"this file of a data set is damaged: its sha256 is not {self.sha256}",
                mend="Reinstall sed2" if self.bundled else "Remove it, and fetch it again",
                where=str(path),
            )
        return content

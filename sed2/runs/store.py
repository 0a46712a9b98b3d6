"""Files that are whole or not there: what a run keeps.

A file is one line, `sed2-run FORMAT KEY LENGTH SHA256`, and then its content. The key is a hash of
all that determines the content, and the file's name. So every file says by itself whether it is
whole and what it belongs to; one that does not is told and made anew.

Two processes that write the same file write the same bytes, but for the CPU seconds in it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import Any

from sed2.common.files import flush_folder, open_input, protect, replace_whole
from sed2.errors import UsageError
from sed2.runs.codec import Unreadable, from_bytes, to_bytes

FORMAT = 1
_LONGEST_HEADER = 1000  # bytes
SUFFIX = ".sed2"
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Store:
    """Values by place and key, in files of one folder.

    Args:
        folder: which exists.
        warn: is told of every file that is damaged, once.
        then: what is done about it.

    Raises:
        UsageError: one of its files is an output of the same command.
    """

    def __init__(
        self,
        folder: Path,
        warn: Callable[[str], None],
        then: str = "what it held is computed anew",
    ) -> None:
        protect(folder, f"*{SUFFIX}")
        self.folder = folder
        self._warn, self._then = warn, then
        self._told: set[Path] = set()

    def path(self, place: str, key: str) -> Path:
        """The file of a key."""
        return self.folder / place / f"{key}{SUFFIX}"

    def load(self, place: str, key: str, kind: Any) -> Any | None:
        """The value of a type that is kept under a key; None if there is none, or its file is
        damaged, which is told."""
        path = self.path(place, key)
        try:
            with open_input(path) as file:
                content = unsealed(file, key)
            return from_bytes(content, kind)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._tell(path, f"cannot be read ({error.strerror or error})")
        except Unreadable as error:
            self._tell(path, f"is damaged ({error})")
        return None

    def save(self, place: str, key: str, value: Any, kind: Any) -> None:
        """Keep a value of a type.

        Raises:
            UsageError: it cannot be written; what was kept before is still there.
        """
        write(self.path(place, key), sealed(to_bytes(value, kind), key), self.folder)

    def remember(self, place: str, key: str, kind: Any, compute: Callable[[], Any]) -> Any:
        """What is kept, or else what is computed, which is kept then.

        Either way it is what is read from its bytes: a run that was interrupted goes on with the
        same numbers, to the order in which an array lies in memory.

        Raises:
            UsageError: as `save`.
        """
        found = self.load(place, key, kind)
        if found is None:
            content = to_bytes(compute(), kind)
            write(self.path(place, key), sealed(content, key), self.folder)
            found = from_bytes(content, kind)
        return found

    def discard(self, place: str) -> None:
        """Remove all files of a place, as far as that can be done.

        Another process that still needs one computes it anew."""
        folder = self.folder / place
        with contextlib.suppress(OSError):
            for path in folder.glob(f"*{SUFFIX}"):
                with contextlib.suppress(OSError):
                    path.unlink()
            folder.rmdir()  # unless there is something else in it

    def _tell(self, path: Path, fault: str) -> None:
        if path not in self._told:
            self._told.add(path)
            self._warn(f"`{path}` {fault}: {self._then}")


def sealed(content: bytes, key: str) -> bytes:
    """The file of a content."""
    digest = hashlib.sha256(content).hexdigest()
    return f"sed2-run {FORMAT} {key} {len(content)} {digest}\n".encode() + content


def unsealed(file: BufferedReader, key: str) -> bytes:
    """The content of a file, which is read only if it is as long as the file says, and whole.

    Raises:
        Unreadable: it is not the whole file of that key, or one byte differs.
        OSError: it cannot be read.
    """
    head = file.readline(_LONGEST_HEADER)
    said = head.removesuffix(b"\n").split(b" ")
    if len(said) != 5 or said[0] != b"sed2-run":
        raise Unreadable("it is no file of a run of sed2")
    if said[1] != str(FORMAT).encode():
        raise Unreadable("it is of another format")
    if said[2] != key.encode():
        raise Unreadable("it belongs elsewhere")
    if said[3] != str(file.seek(0, os.SEEK_END) - len(head)).encode():
        raise Unreadable("it is not as long as it should be")
    file.seek(len(head))
    if said[4] != hashlib.file_digest(file, "sha256").hexdigest().encode():
        raise Unreadable("its checksum is wrong")
    file.seek(len(head))
    return file.read()


def write(path: Path, file: bytes, run_dir: Path) -> None:
    """Write a file so that it is there as a whole or not at all, even after a power cut.

    Args:
        path: of the file.
        file: its bytes.
        run_dir: to be named where it fails.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        while True:
            try:
                return replace_whole(path, file)
            except FileNotFoundError:  # it is new, or another process has just discarded it
                path.parent.mkdir(parents=True, exist_ok=True)
                flush_folder(path.parent.parent)
    except OSError as error:
        full = error.errno in _FULL
        raise UsageError(
            f"no space is left for the run directory `{run_dir}`"
            if full
            else f"cannot write `{path}`: {error.strerror or error}",
            mend=f"{'Free some' if full else 'Mend that'}, and the same command goes on: what was "
            "finished is kept",
            where="run_dir",
        ) from error

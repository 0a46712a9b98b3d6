"""Files that are written in one step, and checked before the work."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import stat
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from sed2.common.interrupts import held
from sed2.common.locks import lock
from sed2.errors import UsageError

MAX_DOCUMENT = 2**26
"""Bytes of what sed2 has written for itself or for `diff`, and reads as a whole."""
_apart: dict[str, Path] = {}
"""The files that the command is to write, by their options."""


def check_files(files: Mapping[str, Path]) -> None:
    """Refuse files that cannot be written or are given twice, before the work.

    Args:
        files: by the names of their options.

    Raises:
        UsageError: it names the option.
    """
    options: dict[Path, str] = {}
    for option, path in files.items():
        if str(path) == "-":
            raise UsageError("only JSON can go to stdout", mend="Name a file", where=option)
        check_writable(option, path)
        other = options.setdefault(target_of(path), option)
        if other != option and not is_special(path):
            raise UsageError(
                f"`{path}` is the file of --{other} already",
                mend="Name another file",
                where=option,
            )


@contextmanager
def kept_apart(files: Mapping[str, Path]) -> Iterator[None]:
    """Within it `open_input` refuses these files, by the names of their options."""
    _apart.update(files)
    try:
        yield
    finally:
        _apart.clear()


def open_input(path: Path) -> BufferedReader:
    """Open a file of the user that is read.

    Raises:
        OSError: it cannot be opened; or it is a device or a pipe, which may never end.
        UsageError: the same command is to write it, perhaps by another name of the file.
    """
    try:
        file = open(path, "rb", opener=_at_once)  # noqa: SIM115
    except ValueError as error:  # a path cannot hold NUL
        raise OSError(errno.EINVAL, str(error)) from None
    own = os.fstat(file.fileno())
    if not stat.S_ISREG(own.st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is a device or a pipe, not a file")
    with contextlib.ExitStack() as closing:
        closing.callback(file.close)
        _refuse_as_output(own)
        closing.pop_all()
    return file


def protect(folder: Path, pattern: str) -> None:
    """Take all files of a folder for inputs, whether they will be read or not.

    Raises:
        UsageError: the same command is to write one of them.
    """
    if any(output.is_file() for output in _apart.values()):
        for path in folder.rglob(pattern):
            with contextlib.suppress(FileNotFoundError):  # another process may discard it
                _refuse_as_output(path.stat())


def _refuse_as_output(own: os.stat_result) -> None:
    for option, output in _apart.items():
        if output.is_file() and os.path.samestat(own, output.stat()):
            raise UsageError(
                f"`{output}` is read by the same command, and would be lost",
                mend="Name another file",
                where=option,
            )


def _at_once(path: str, flags: int) -> int:
    """Without waiting for somebody to write into it, if it is a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_input(path: Path, most: float = math.inf) -> bytes:
    """All of a file of the user.

    Raises:
        OSError: as `open_input`; or it has more bytes than `most`.
        UsageError: as `open_input`.
    """
    with open_input(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, f"it has more than {most:,} bytes")
        return file.read()


def check_writable(option: str, path: Path) -> None:
    """Refuse a file that cannot be written, before the work.

    Raises:
        UsageError: it names the option.
    """

    def refuse(cause: str) -> UsageError:
        return UsageError(
            f"cannot write `{path}`: {cause}",
            mend="Name a file in a folder that exists and can be written",
            where=option,
        )

    try:
        if path.is_dir():
            raise refuse("it is a folder")
        if not path.parent.is_dir():
            raise refuse(f"there is no folder `{path.parent}`")
        if is_special(path):
            return
        target, existed = target_of(path), path.exists()
        with target.open("ab"):
            pass
        if not existed:
            target.unlink()
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".sed2-"):
            pass
    except OSError as error:
        raise refuse(error.strerror or str(error)) from error


def is_special(path: Path) -> bool:
    """Whether it is a device or a pipe, which take what comes and cannot be replaced."""
    return path.exists() and not path.is_file()


def target_of(path: Path) -> Path:
    """The file itself, where the path is a link to it: the link stays one."""
    return Path(os.path.realpath(path))


def replace_file(path: Path, content: bytes) -> None:
    """Replace the file of an output in one step.

    Raises:
        UsageError: it cannot be written; what was there before still is.
    """
    try:
        if is_special(path):
            path.write_bytes(content)
        else:
            replace_whole(target_of(path), content)
    except OSError as error:
        raise UsageError(
            f"cannot write `{path}`: {error.strerror or error}",
            mend="The results above are complete; free some space or name another file",
        ) from error


@held()
def replace_whole(path: Path, content: bytes) -> None:
    """Replace a file so that it is there as a whole or not at all, even after a power cut.

    It is written beside its place, flushed to the disk, and then renamed: other processes and
    later ones see all of it or nothing. While it is written it is locked, so that `sweep` tells
    it from what a dead process left.

    Raises:
        OSError: it cannot be written.
    """
    temporary, handle = _temporary(path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    flush_folder(path.parent)


def _temporary(folder: Path) -> tuple[Path, int]:
    """A new file, open and locked for as long as it is open."""
    while True:
        path = folder / f".sed2-{uuid.uuid4().hex}.tmp"
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        lock(handle)
        if os.fstat(handle).st_nlink:  # else it was taken for a dead one before it was locked
            return path, handle
        os.close(handle)


def flush_folder(folder: Path) -> None:
    """Put the names in a folder on the disk; where folders cannot be opened there is no need."""
    with contextlib.suppress(PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what writers left half-written that have died; not what is being written."""
    for path in temporaries(folder):
        with contextlib.suppress(OSError), path.open("rb") as stream:
            if lock(stream.fileno()):
                path.unlink()


def temporaries(folder: Path) -> Iterator[Path]:
    """The files that are being written, or were left half-written.

    Other processes may remove a folder meanwhile, which `os.walk` passes over."""
    for inner, _, names in os.walk(folder):
        for name in names:
            if name.startswith(".") and name.endswith(".tmp"):
                yield Path(inner, name)

"""Files that are written in one step, and checked before the work."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sed2.errors import UsageError


def check_files(files: Mapping[str, Path | None], taken: Mapping[str, Path] | None = None) -> None:
    """Refuse files that cannot be written or are given twice, before the work.

    Args:
        files: by their options; None is not given.
        taken: files that are read, by their options.

    Raises:
        UsageError: it names the option.
    """
    options = {target_of(path): option for option, path in (taken or {}).items()}
    for option, path in files.items():
        if path is None:
            continue
        if str(path) == "-":
            raise UsageError("only --json can go to stdout", mend="Name a file", where=option)
        check_writable(option, path)
        other = options.setdefault(target_of(path), option)
        if other != option and not is_special(path):
            raise UsageError(
                f"`{path}` is the file of {other} already",
                mend="Name another file",
                where=option,
            )


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
    """Replace the file in one step, so that a reader never sees half of it."""
    try:
        if is_special(path):
            path.write_bytes(content)
            return
        target = target_of(path)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".sed2-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(name, 0o666 & ~umask)
            os.replace(name, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        raise UsageError(
            f"cannot write `{path}`: {error.strerror or error}",
            mend="The results above are complete; free some space or name another file",
        ) from error

"""Every way sed2 can refuse, with the exit code that scripts rely on.

Each error names its cause, the place where it lies (if there is one) and how to mend it.
Only the command line turns these into exit codes; the Python API raises them.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit codes of the `sed2` command."""

    OK = 0
    DEFECT = 1
    USAGE = 2
    GATE_FAILED = 3
    DATA = 4
    NUMERICS = 5
    UNDECIDED = 6
    INTERRUPTED = 130


class Sed2Error(Exception):
    """Base of all deliberate errors.

    Args:
        cause: what is wrong, as one sentence without a full stop.
        mend: what the user can do about it.
        where: `file:line:column`, or the name of an option.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.DEFECT

    def __init__(self, cause: str, *, mend: str = "", where: str = "") -> None:
        self.cause = cause
        self.mend = mend
        self.where = where
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.where}: {self.cause}" if self.where else self.cause
        whole = one_line(f"{text}. {self.mend}" if self.mend else text)
        return whole if len(whole) <= _LONGEST_MESSAGE else f"{whole[: _LONGEST_MESSAGE - 3]}..."


class UsageError(Sed2Error):
    """The command line, a setting, or the Python call is wrong."""

    exit_code = ExitCode.USAGE


class SpecError(UsageError):
    """The YAML, the notation, or a block that does not fit its input is wrong."""


class DataError(Sed2Error):
    """Data is missing, unreadable, or cannot be fetched."""

    exit_code = ExitCode.DATA


class NumericsError(Sed2Error):
    """A number came out not finite, or the problem is degenerate."""

    exit_code = ExitCode.NUMERICS


class ResourceError(Sed2Error):
    """The work would not fit in memory."""

    exit_code = ExitCode.NUMERICS


class HostError(Sed2Error):
    """Another process of the same work has stopped, as it does where its memory runs out."""

    exit_code = ExitCode.NUMERICS


_LONGEST_MESSAGE = 10_000  # characters
_LONGEST_RAISED = 400  # characters; the explanations of JAX go on for pages
_LONGEST = 60  # characters of a text of somebody else's within a message


def one_line(text: str) -> str:
    """Text that a terminal shows as one line: what is not printable is written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(value: object, longest: int = _LONGEST) -> str:
    """What somebody else wrote, for a message: one line, cut to a length that it can hold."""
    text = str(value)
    line = one_line(text[: longest + 1])
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def raised(error: Exception) -> str:
    """What somebody else's code raised: its type and what it says, in one line of some length."""
    text = one_line(" ".join(str(error).split())).rstrip(".")
    whole = f"{type(error).__name__}: {text}" if text else type(error).__name__
    cut = whole[:_LONGEST_RAISED].rsplit(" ", 1)[0]
    return whole if len(whole) <= _LONGEST_RAISED else f"{cut} ..."


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """The mend for a name that is not among `allowed`: the nearest one, and the whole list."""
    import difflib  # which the start of a command does not wait for

    names = list(allowed)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    hint = f"Did you mean `{near[0]}`? " if near else ""
    return f"{hint}Allowed: {', '.join(names)}"

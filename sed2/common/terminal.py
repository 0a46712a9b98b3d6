"""The two consoles and everything about terminals: results on stdout, all else on stderr."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from io import TextIOWrapper
from typing import IO, TYPE_CHECKING, Any, cast

from sed2.errors import one_line

if TYPE_CHECKING:  # Rich is imported by what prints: `--help` does not
    from rich.console import Console

_COMMAND = re.compile(r"^([^\S\n]*)::", re.MULTILINE)
PIPE_WIDTH = 10_000  # where stdout is no terminal, nothing is cut or wrapped to a width


def out() -> Console:
    """Console for results."""
    return _console(sys.stdout)


def err() -> Console:
    """Console for progress, warnings and errors."""
    return _console(sys.stderr)


def _console(stream: IO[str]) -> Console:
    terminal = stream.isatty()
    return _of_rich()(
        file=cast(IO[str], _NoCommands(stream)),
        width=None if terminal else PIPE_WIDTH,
        no_color=not terminal or bool(os.environ.get("NO_COLOR")),
        force_terminal=terminal,
        highlight=False,
        emoji=False,
    )


@cache
def _of_rich() -> type[Console]:
    from rich.console import Console

    class OwnConsole(Console):
        def on_broken_pipe(self) -> None:
            _read_no_more(self.file)

    return OwnConsole


class _NoCommands:
    """A stream on which no line begins with `::`, by which a line of a log becomes a command to
    GitHub Actions; names of models and files may be anybody's."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(_COMMAND.sub(r"\1\\x3a:", text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _read_no_more(stream: IO[str]) -> None:
    """The reader of a stream has gone, as in `sed2 ... | head -1`: the work goes on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def write(text: str) -> None:
    """A document on stdout, as it is."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _read_no_more(sys.stdout)


def make_ready() -> None:
    """Make the streams of the process take everything.

    Where the encoding of stdout lacks a character it shows `?`, as stderr does by itself; and a
    closed stream (`>&-`) is one that nobody reads."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def reserve_stdout() -> None:
    """From now on, what libraries print on stdout goes to stderr, and what we write does not."""
    sys.stdout.flush()
    stream = sys.stdout.fileno()
    own = os.fdopen(os.dup(stream), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors)
    os.dup2(sys.stderr.fileno(), stream)
    sys.stdout = own


def warn(message: str) -> None:
    """One warning on stderr."""
    _tell(("warning:", "yellow"), " ", one_line(message))


def fail(message: str) -> None:
    """One error on stderr."""
    _tell(("error:", "bold red"), " ", one_line(message))


def say(line: str) -> None:
    """One line on stderr."""
    _tell(one_line(line))


def command(line: str) -> None:
    """A command to GitHub Actions, on stderr."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{line}\n")
    hush()


def _tell(*words: str | tuple[str, str]) -> None:
    """Words on stderr, some in a style, or nowhere if it takes none: no result is lost for want of
    a listener."""
    from rich.text import Text

    try:
        err().print(Text.assemble(*words), soft_wrap=True)
    except (OSError, ValueError):  # it is full or closed, or cannot encode it
        hush()


def hush() -> None:
    """Let stderr go, if it does not take what is left of it."""
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            _read_no_more(sys.stderr)


@contextmanager
def progress(title: str, *, wanted: bool = True) -> Iterator[Callable[[str, int, int], None]]:
    """How far the work is, on stderr: a live bar that is gone when done; lines where stderr is no
    terminal, or `NO_COLOR` is set; nothing where it is not wanted.

    Yields:
        `report(what, done, total)`.
    """
    console = err()
    if not wanted:
        yield lambda what, done, total: None
        return
    if not console.is_terminal or os.environ.get("NO_COLOR"):
        yield _Log().report
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda what, done, total: bar.update(
            task, description=what, completed=done, total=total
        )


class _Log:
    """Progress as lines, the first one after two seconds, and then ever less often: a log is read
    afterwards."""

    def __init__(self) -> None:
        self._begun = self._said = time.monotonic()
        self._gap, self._share = _FIRST_GAP, 0.0

    def report(self, what: str, done: int, total: int) -> None:
        now, share = time.monotonic(), done / max(total, 1)
        if share < self._share:  # other work begins
            self._begun = now
        self._share = share
        if now - self._said < self._gap or not 0 < share < 1:
            return
        self._said, self._gap = now, min(2 * self._gap, _LAST_GAP)
        spent = now - self._begun
        left = duration(spent * (1 - share) / share)
        say(f"progress: {what}, {share:.0%} after {duration(spent)}, about {left} left")


_FIRST_GAP, _LAST_GAP = 2.0, 60.0  # seconds


def duration(seconds: float) -> str:
    """In words, no more exact than a forecast is."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 1):.0f} s"

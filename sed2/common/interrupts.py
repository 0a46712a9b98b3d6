"""Ctrl-C of the command line: the process ends, whatever it is at.

Python drops a KeyboardInterrupt that comes in the midst of a finaliser or of a callback of the
garbage collector, of which JAX and Ray have many, and an import may turn one into another error.
So none is raised: a thread of its own waits for the signal, and ends the process. It need not wait
for the end of a compilation either.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from sed2.errors import ExitCode

_PATIENCE = 10.0  # seconds that a file which is being written may take
_busy = threading.RLock()
_words = ["Interrupted"]


def prepare() -> None:
    """From now on Ctrl-C ends this process, with exit code 130 and one line on stderr.

    Of use before the heavy imports, and from the main thread. The command line does it; a library
    must not. Nothing is done where Ctrl-C is ignored, as in the background jobs of a script.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.signal(signal.SIGINT, _leave_it_to_the_thread)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(reader,), name="Ctrl-C", daemon=True).start()


def _leave_it_to_the_thread(number: int, frame: FrameType | None) -> None:
    pass


def _wait(reader: int) -> None:
    while signals := os.read(reader, 1):
        if signals[0] == signal.SIGINT:
            _busy.acquire(timeout=_PATIENCE)
            # Somebody may have taken the signal over, as `raised` does.
            if signal.getsignal(signal.SIGINT) is _leave_it_to_the_thread:
                _end()
            _busy.release()


def _end() -> None:
    """At once: nothing that is half-done can get in the way, or wait for anybody."""
    line = f"{_words[-1]}\n"
    with contextlib.suppress(OSError, ValueError):
        if os.isatty(2):
            line = f"\r\x1b[K\x1b[?25h{line}"  # a bar leaves its line, and the cursor hidden
        if select.select([], [2], [], 0)[1]:  # else it is full, and nobody reads
            os.write(2, line.encode(errors="backslashreplace"))
    os._exit(ExitCode.INTERRUPTED)


@contextmanager
def told(words: str) -> Iterator[None]:
    """Within it, an interrupt tells this.

    Args:
        words: one printable line.
    """
    _words.append(words)
    try:
        yield
    finally:
        _words.pop()


@contextmanager
def held() -> Iterator[None]:
    """An interrupt waits for the end of this, which is short: a file is written as a whole."""
    with _busy:
        yield


@contextmanager
def raised() -> Iterator[None]:
    """Within it, an interrupt is a KeyboardInterrupt, since there is something to undo."""
    with _taken(signal.default_int_handler):
        yield


@contextmanager
def noted() -> Iterator[Callable[[], None]]:
    """Within it, an interrupt is noted, and a KeyboardInterrupt where what is yielded is called."""
    found: list[int] = []

    def raise_noted() -> None:
        if found:
            raise KeyboardInterrupt

    with _taken(lambda number, frame: found.append(number)):
        yield raise_noted


@contextmanager
def _taken(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Another handler, where nobody else has set one."""
    usual = signal.getsignal(signal.SIGINT)
    ours = usual in (_leave_it_to_the_thread, signal.default_int_handler)
    if not ours or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, handler)
    # The thread may be late to read of it, and must not take it for one that came afterwards.
    descriptor = signal.set_wakeup_fd(-1) if usual is _leave_it_to_the_thread else None
    try:
        yield
    finally:
        if descriptor is not None:
            signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, usual)

"""Ctrl-C, by real signals to real processes, which import next to nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a process")
ROOT = Path(__file__).parents[2]
AT_ONCE = (130, "", "Interrupted\n")


def ended(body: str, stderr: int = subprocess.PIPE) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a process that is prepared, and can interrupt itself."""
    head = (
        "import gc, signal, threading, time, weakref\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from sed2.common import interrupts\n"
        "interrupts.prepare()\n"
        "ctrl_c = lambda *_: signal.raise_signal(signal.SIGINT)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", head + body],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        cwd=ROOT,
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize(
    "body",
    [
        "ctrl_c(); time.sleep(60)",
        # Python drops an exception in each of these.
        "gc.callbacks.append(ctrl_c); gc.collect(); time.sleep(60)",
        "class A: pass\na = A(); r = weakref.ref(a, ctrl_c); del a; time.sleep(60)",
        "class A:\n  def __del__(self): ctrl_c()\nA(); time.sleep(60)",
        "try: ctrl_c()\nexcept BaseException: pass\ntime.sleep(60)",
        # The main thread does not come to a handler.
        "threading.Timer(0.1, lambda: signal.pthread_kill(threading.main_thread().ident, "
        "signal.SIGINT)).start(); l = threading.Lock(); l.acquire(); "
        "l.acquire()",
    ],
)
def test_an_interrupt_is_never_lost(body: str) -> None:
    assert ended(body) == AT_ONCE


def test_what_is_kept_is_told() -> None:
    body = "with interrupts.told('It is kept'): ctrl_c(); time.sleep(60)"
    assert ended(body) == (130, "", "It is kept\n")
    body = "with interrupts.told('It is kept'): pass\nctrl_c(); time.sleep(60)"
    assert ended(body) == AT_ONCE


def test_a_file_is_written_as_a_whole() -> None:
    body = (
        "with interrupts.held():\n"
        "  ctrl_c(); time.sleep(0.3); print('whole', flush=True)\n"
        "time.sleep(60); print('later')"
    )
    assert ended(body) == (130, "whole\n", "Interrupted\n")


def test_what_is_to_be_undone_is_undone() -> None:
    body = (
        "try:\n"
        "  with interrupts.raised(): ctrl_c(); time.sleep(60)\n"
        "except KeyboardInterrupt: print('undone', flush=True)\n"
        "ctrl_c(); time.sleep(60)"
    )
    assert ended(body) == (130, "undone\n", "Interrupted\n")


def test_an_interrupt_is_noted_until_it_is_asked_for() -> None:
    body = (
        "try:\n"
        "  with interrupts.noted() as raise_noted:\n"
        "    raise_noted(); ctrl_c(); time.sleep(0.3); print('noted', flush=True); raise_noted()\n"
        "except KeyboardInterrupt: print('raised', flush=True)"
    )
    assert ended(body) == (0, "noted\nraised\n", "")


def test_a_full_stderr_does_not_hold_it_up() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 4096)
        os.set_blocking(writer, True)
        assert ended("ctrl_c(); time.sleep(60)", writer)[0] == 130
    finally:
        os.close(reader)
        os.close(writer)


def test_a_background_job_goes_on() -> None:
    body = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from sed2.common import interrupts\n"
        "interrupts.prepare(); signal.raise_signal(signal.SIGINT); print('done')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", body], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert (ran.stdout, ran.stderr) == ("done\n", "")


def test_a_library_leaves_the_signal_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    import sed2.cli  # noqa: F401

    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_before_the_handler_is_there() -> None:
    body = (
        "import sys, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from sed2.cli import main\n"
        "assert 'threading' not in sys.modules and 'difflib' not in sys.modules\n"
        "class Finder:\n"
        "  def find_spec(*_): signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder)\n"
        "main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", body], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == AT_ONCE

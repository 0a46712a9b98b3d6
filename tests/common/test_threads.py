"""Threads: what the command line sets before XLA and BLAS are loaded."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from threading import current_thread

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from sed2.common import threads

LOOK = """
import os, sys
from sed2.cli import app
app.run = lambda arguments: print(*sorted(
    f"{name}={os.environ.get(name)}" for name in ("PJRT_NPROC", "NPROC", "OPENBLAS_NUM_THREADS")
), "numpy" in sys.modules, "jax" in sys.modules) or 0
app.main()
"""


def seen(**given: str) -> list[str]:
    """By a command, when it has begun: the variables, and whether NumPy and JAX are loaded."""
    names = ("PJRT_NPROC", "NPROC", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    ran = subprocess.run(
        [sys.executable, "-c", LOOK], env=kept | given, capture_output=True, text=True, check=True
    )
    return ran.stdout.split()


def test_the_command_line_sets_them_in_time() -> None:
    pool = 2 * threads.cores()
    wanted = [f"NPROC={pool}", "OPENBLAS_NUM_THREADS=1", f"PJRT_NPROC={pool}", "False", "False"]
    assert seen() == wanted


def test_what_the_user_has_set_stays() -> None:
    assert seen(NPROC="3", OPENBLAS_NUM_THREADS="5")[:3] == [
        "NPROC=3",
        "OPENBLAS_NUM_THREADS=5",
        "PJRT_NPROC=None",
    ]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system has no affinities")
def test_cores_are_those_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7})
    assert threads.cores() == 3


@pytest.mark.parametrize(("pool", "most"), [("2", 1), ("6", 3), ("", 4)])
def test_numpy_works_on_as_many_cores_as_xla(
    monkeypatch: pytest.MonkeyPatch, pool: str, most: int
) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 4)
    monkeypatch.setenv("PJRT_NPROC", pool)
    monkeypatch.delenv("NPROC", raising=False)
    names, done = set(), []

    def work(one: int) -> None:
        names.add(current_thread().name)
        done.append(one)
        time.sleep(0.02)

    threads.in_threads(work, range(8))
    assert sorted(done) == list(range(8))
    assert len(names) == most


def test_what_fails_in_a_thread_fails() -> None:
    def fail(one: int) -> None:
        raise ValueError(one)

    with pytest.raises(ValueError, match="0"):
        threads.in_threads(fail, range(3))


def test_blas_has_no_threads_of_its_own_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it was loaded before anything could be set; what it had it has again."""

    def found() -> list[int]:
        np.eye(2) @ np.eye(2)
        return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]

    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    with threadpool_limits(2, user_api="blas"):
        assert set(found()) == {2}
        with threads.blas_alone():
            assert set(found()) == {1}
        assert set(found()) == {2}

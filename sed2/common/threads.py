"""Threads for many small matrices, by variables that XLA and BLAS read when they are loaded.

XLA cuts a batch of LAPACK calls into a piece for each thread of its pool. The thread that has asked
for them is one of the pool and waits, so with as many threads as cores a core is idle: of two cores
one. BLAS's own threads on top of that are in each other's way, since a matrix of 100 x 100 is not
worth sharing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

POOL = ("PJRT_NPROC", "NPROC")
"""Threads of XLA's pool: the first of these that is set."""
_BLAS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def cores() -> int:
    """Those that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_threads(function: Callable[[T], None], over: Sequence[T]) -> None:
    """function(one) of each, on all cores that XLA may use: of use where it is NumPy that works."""
    given = next((os.environ[name] for name in POOL if os.environ.get(name, "").isdigit()), "")
    workers = min(max(1, int(given) // 2) if given else cores(), len(over))
    if workers < 2:
        for one in over:
            function(one)
        return
    from concurrent.futures import ThreadPoolExecutor  # which `--help` does not need

    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(function, over):
            pass


@contextmanager
def blas_alone() -> Iterator[None]:
    """BLAS without threads of its own meanwhile, also where it was loaded before `prepare`."""
    if all(os.environ.get(name) == "1" for name in _BLAS):
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


def variables(cores: int) -> dict[str, str]:
    """What a process is to have in its environment, to use so many cores."""
    return dict.fromkeys(POOL, str(2 * cores)) | dict.fromkeys(_BLAS, "1")


def prepare() -> None:
    """Set these variables in this process, but for those that are set.

    Of use before NumPy and JAX are imported. The command line does it; a library must not."""
    wanted = variables(cores())
    for names in (POOL, _BLAS):
        if not any(name in os.environ for name in names):
            os.environ |= {name: wanted[name] for name in names}

"""What runs on the nodes of a cluster: one task after the other in a process of sed2's own."""

from __future__ import annotations

import pickle
import time
from typing import Any

from sed2.data.load import Dataset
from sed2.errors import Sed2Error, UsageError

_BETWEEN = 0.25  # seconds between two reports of progress


def work(sealed: bytes, name: str, dataset: Dataset, number: int, tally: Any) -> bytes:
    """Do one task.

    Args:
        sealed: the task, by cloudpickle.
        name: of its model.
        dataset: of all tasks.
        number: of the task.
        tally: an actor of the class `Tally`.

    Returns:
        the value and whether it is lasting, or the error of sed2 that came in its way; pickled.
    """
    # As the command does, since this process is sed2's alone.
    from sed2.common.compilation import use_compilation_cache

    use_compilation_cache()
    last = -_BETWEEN

    def report(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _BETWEEN:
            last = time.monotonic()
            tally.report.remote(number, done / max(total, 1))

    report(0, 1)
    try:
        task = _opened(sealed, name)
        value = task.compute(dataset, report)
        outcome: Any = value, task.is_lasting(value)
    except Sed2Error as error:
        outcome = error
    return pickle.dumps(outcome)


def _opened(sealed: bytes, name: str) -> Any:
    try:
        return pickle.loads(sealed)
    except Exception as error:
        raise UsageError(
            f"the code of `{name}` cannot be loaded on a node: {type(error).__name__}: {error}",
            mend="Install what it imports on every node",
            where="ray",
        ) from error


class Tally:
    """How far the running tasks are."""

    def __init__(self) -> None:
        self._shares: dict[int, float] = {}

    def report(self, number: int, share: float) -> None:
        """Of one task, a share in [0, 1]."""
        self._shares[number] = share

    def shares(self) -> dict[int, float]:
        """Of all tasks that have begun, by number."""
        return self._shares

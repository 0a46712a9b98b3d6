"""What sampling keeps for the next candidate, and what it lets go of."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from sed2.data.load import Dataset
from sed2.estimate import estimate
from sed2.fisher import plan, xla
from sed2.settings import Settings
from sed2.spec.schema import load_spec


def test_programs_that_were_not_used_for_long_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(8, 5))
    dataset = Dataset("normal numbers", x, None, False, "made", "")
    settings = Settings(samples=4, draws=2, input_groups=2, eps=(0.1,))
    monkeypatch.setattr(plan, "LAPACK_WORK", 0)
    monkeypatch.setattr(xla, "_KEPT", 2)
    monkeypatch.setattr(xla, "_compiled", {})

    def run(notation: str) -> list[int]:
        """The widths of the blocks whose programs are kept then, that used last at the end."""
        estimate(load_spec(notation).models[0], dataset, settings)
        return [program.block.features for program in xla._compiled]  # type: ignore[attr-defined]

    assert run("MLP 5-3-2") == [3, 2]
    gone, kept = map(weakref.ref, xla._compiled.values())
    assert run("MLP 5-2-2-4") == [2, 4]  # three of its own, and all of them for as long as it runs
    gc.collect()
    assert (gone(), kept()) == (None, None)
    (last,) = list(map(weakref.ref, xla._compiled.values()))[1:]
    assert run("MLP 5-2-2-4")[1] == 4
    assert last() is list(xla._compiled.values())[1]

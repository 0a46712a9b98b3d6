"""How much memory is free, on systems that say so in one way or another."""

from __future__ import annotations

import math
import os

import pytest

from sed2.common import memory
from sed2.errors import ResourceError


def test_free_memory_is_a_number_of_bytes() -> None:
    assert 1e6 < memory.free_memory() < 1e15


def test_a_system_that_says_it_elsewhere_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(memory, "open", refuse, raising=False)
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert memory.free_memory() == whole
    monkeypatch.setattr(os, "sysconf", refuse)
    assert memory.free_memory() == math.inf


def test_an_array_must_fit_with_its_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 17e9)
    memory.check_array("array `x`", (10**6, 1000), 1)
    with pytest.raises(ResourceError) as caught:
        memory.check_array("array `x`", (10**6, 1000), 2)
    assert caught.value.cause == (
        "array `x` of shape (1000000, 1000) needs 18.0 GB, but 17.0 GB are free"
    )
    assert caught.value.mend == "Take fewer rows"

"""The forecast of memory: chunks that fit, and a refusal before anything is allocated."""

from __future__ import annotations

import tracemalloc

import pytest

from sed2.chain import build_chain
from sed2.errors import ResourceError
from sed2.resources import Plan, default_budget, make_plan
from sed2.settings import Settings
from sed2.spec.schema import load_spec


def plan(notation: str, items: int, memory_gb: float | None = None, **settings: object) -> Plan:
    model = load_spec(notation).models[0]
    chain = build_chain(model.blocks, (model.input_width,))
    given = {"dataset": "test", "memory_gb": memory_gb, **settings}
    return make_plan(chain, items, 100, Settings.model_validate(given))


def test_a_small_model_runs_in_one_piece() -> None:
    assert plan("MLP 54-16-7", 200).chunk == 200


@pytest.mark.parametrize("memory_gb", [0.2, 0.5, 2])
def test_the_plan_keeps_the_budget(memory_gb: float) -> None:
    made = plan("MLP 784-512-10", 110, memory_gb)
    assert 1 <= made.chunk <= 110
    assert made.bytes <= memory_gb * 1e9


def test_less_memory_makes_smaller_pieces() -> None:
    chunks = [plan("MLP 784-512-10", 110, gb).chunk for gb in (0.2, 1, 100)]
    assert chunks == sorted(chunks)
    assert chunks[0] < chunks[2]


def test_too_large_a_model_is_refused_without_allocating() -> None:
    tracemalloc.start()
    with pytest.raises(ResourceError, match=r"about [\d,]+\.\d GB .* is 3\.0 GB.*--memory-gb"):
        plan("MLP 54-4000000000-7", 110, 3)
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_the_default_budget_is_at_most_3_gb() -> None:
    assert 0 < default_budget() <= 3e9

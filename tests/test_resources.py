"""The forecast of memory: chunks that fit, and a refusal before anything is allocated."""

from __future__ import annotations

import tracemalloc

import pytest

from sed2.chain import Chain, build_chain
from sed2.errors import ResourceError
from sed2.resources import default_budget, make_plan
from sed2.spec.schema import load_spec


def chain(notation: str) -> Chain:
    model = load_spec(notation).models[0]
    return build_chain(model.blocks, (model.input_width,))


def test_a_small_model_runs_in_one_piece() -> None:
    assert make_plan(chain("MLP 54-16-7"), 200, 100, None).chunk == 200


@pytest.mark.parametrize("memory_gb", [0.2, 0.5, 2])
def test_the_plan_keeps_the_budget(memory_gb: float) -> None:
    plan = make_plan(chain("MLP 784-512-10"), 110, 100, memory_gb)
    assert 1 <= plan.chunk < 110 or plan.bytes < memory_gb * 1e9
    assert plan.bytes <= memory_gb * 1e9


def test_less_memory_makes_smaller_pieces() -> None:
    chunks = [make_plan(chain("MLP 784-512-10"), 110, 100, gb).chunk for gb in (0.2, 1, 100)]
    assert chunks == sorted(chunks)
    assert chunks[0] < chunks[2]


def test_too_large_a_model_is_refused_without_allocating() -> None:
    tracemalloc.start()
    with pytest.raises(ResourceError, match=r"about [\d,]+\.\d GB .*budget is 3\.0 GB.*--samples"):
        make_plan(chain("MLP 54-4000000000-7"), 110, 100, 3)
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_the_default_budget_is_at_most_3_gb() -> None:
    assert 0 < default_budget() <= 3e9

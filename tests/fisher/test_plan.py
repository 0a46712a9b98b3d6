"""The forecast of memory: chunks that fit, and a refusal before anything is allocated."""

from __future__ import annotations

import math
import sys
import tracemalloc
from typing import Any

import jax
import pytest
from pydantic import TypeAdapter

from sed2.blocks.base import AnyBlock
from sed2.chain import Chain, build_chain
from sed2.errors import ResourceError
from sed2.fisher import plan as resources
from sed2.fisher.plan import Plan, default_budget, make_plan
from sed2.fisher.ways import Way
from sed2.fisher.xla import block_program
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


def test_pieces_are_of_the_work_that_is_asked_for() -> None:
    """However much memory there is; one item at least, and no smaller pieces without need."""
    chain = build_chain(load_spec("MLP 54-16-7").models[0].blocks, (54,))
    settings = Settings(dataset="test", memory_gb=2)
    each = sum(way.work for way in make_plan(chain, 100, 50, settings).ways)
    pieces = [math.inf, 100 * each, 30 * each, 2.5 * each, each / 2]
    chunks = [make_plan(chain, 100, 50, settings, piece).chunk for piece in pieces]
    assert chunks == [100, 100, 25, 2, 1]


def test_dear_blocks_may_use_what_cheap_ones_leave_of_the_work() -> None:
    """One block needs far more than half of what just suffices for both."""
    cheap, dear = sorted(way.work for way in plan("MLP 54-40-2", 10).ways)
    assert dear > 10 * cheap
    for times, sampled in ((1.01, False), (0.9, True)):
        made = plan("MLP 54-40-2", 10, max_flops=10 * times * (cheap + dear))
        assert any(way.sampling or way.squared for way in made.ways) == sampled


def test_too_large_a_model_is_refused_without_allocating() -> None:
    tracemalloc.start()
    with pytest.raises(ResourceError, match=r"about [\d,]+\.\d GB .* is 3\.0 GB.*`memory_gb`"):
        plan("MLP 54-4000000000-7", 110, 3)
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_the_default_budget_is_at_most_3_gb() -> None:
    assert 0 < default_budget() <= 3e9


def test_a_refusal_says_what_would_fit() -> None:
    with pytest.raises(ResourceError, match="`samples` 50 would fit"):
        plan("MLP 100000-2-2", 1, 0.2)
    with pytest.raises(ResourceError, match="Not one input would fit"):
        plan("MLP 784-4096-10", 1, 0.01)


FORECAST: dict[str, tuple[object, tuple[int, ...], dict[str, object]]] = {
    "dense": ({"dense": {"features": 200, "activation": "relu"}}, (300,), {}),
    "convolution": (
        {"conv": {"features": 64, "kernel_size": 3, "norm": "batch", "activation": "relu"}},
        (16, 16, 32),
        {},
    ),
    "pooled to one position": (
        {"conv": {"features": 256, "kernel_size": 3, "pool": {"kind": "max"}}},
        (2, 2, 256),
        {},
    ),
    "sampled channels": (
        {"conv": {"features": 128, "kernel_size": 3, "pool": {"kind": "max"}}},
        (16, 16, 64),
        {"max_flops": 1e11},
    ),
    "whole Jacobian": ({"attention": {"heads": 2}}, (12, 24), {"samples": 60}),
    "Gram matrix": ({"dense": {"features": 16, "norm": "layer"}}, (4000,), {"memory_gb": 0.5}),
    "Lanczos": (
        {"residual": {"blocks": [{"conv": {"features": 32, "kernel_size": 3}}]}},
        (16, 16, 32),
        {},
    ),
}


def compiled(chain: Chain, way: Way, settings: Settings) -> jax.stages.Compiled:
    """The program of one item of a chain of one block."""
    (block,) = chain.blocks
    numbers = block.parameters + settings.samples * math.prod(block.output_shape) + way.numbers
    with jax.enable_x64(True):
        shapes = [
            jax.ShapeDtypeStruct((1,), float),
            jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 1)),
            jax.ShapeDtypeStruct((1, numbers), float),
            jax.ShapeDtypeStruct((1, settings.samples), float),
            jax.ShapeDtypeStruct((1, settings.samples, *block.input_shape), float),
        ]
        program: Any = block_program(chain, block, way, settings)
        return program.lower(*shapes).compile()


@pytest.mark.parametrize("case", FORECAST)
def test_the_forecast_holds_what_xla_needs(case: str) -> None:
    """XLA's own account of the compiled program, which is what would be allocated."""
    block, shape, given = FORECAST[case]
    settings = Settings.model_validate({"dataset": "test", "samples": 100, **given})
    chain = build_chain([TypeAdapter(AnyBlock).validate_python(block)], shape)
    made = make_plan(chain, 1, settings.samples, settings)
    assert {"Gram matrix": "gram", "whole Jacobian": "jacobian", "Lanczos": "lanczos"}.get(
        case, "units"
    ) == made.ways[0].name
    needed = compiled(chain, made.ways[0], settings).memory_analysis()
    assert needed.temp_size_in_bytes + needed.output_size_in_bytes <= made.blocks[0].bytes


def test_the_way_does_not_hang_on_the_memory_that_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block whose Gram matrix fits 3 GB, and whose Lanczos quadrature fits less."""
    block, shape, _ = FORECAST["Gram matrix"]
    chain = build_chain([TypeAdapter(AnyBlock).validate_python(block)], shape)
    settings = Settings(dataset="test", max_flops=1e20)

    def way(free: float, **given: object) -> tuple[str, int]:
        monkeypatch.setattr(resources, "free_memory", lambda: free)
        made = make_plan(chain, 20, 400, settings.model_copy(update=given))
        return made.ways[0].name, made.chunk

    name, chunk = way(100e9)
    assert name == "gram"
    less, pieces = way(2.4e9)
    assert less == name
    assert pieces < chunk
    with pytest.raises(ResourceError, match=r"Free some memory; or `memory_gb` 0\.3 takes another"):
        way(0.6e9)
    assert way(0.6e9, memory_gb=0.3)[0] == "lanczos"


def test_what_jax_will_take_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container of 400 MB, a chain without JAX may be followed by one that needs it."""
    monkeypatch.setattr(resources, "free_memory", lambda: 0.34e9)
    assert default_budget() == pytest.approx(0.17e9)
    monkeypatch.delitem(sys.modules, "jax")
    assert default_budget() == pytest.approx(0.085e9)

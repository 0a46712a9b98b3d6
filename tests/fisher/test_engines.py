"""Both engines find the same spectra."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sed2
from sed2.blocks.dense import Dense
from sed2.blocks.network import Network
from sed2.chain import build_chain
from sed2.common import threefry
from sed2.data.load import Dataset
from sed2.errors import NumericsError
from sed2.fisher import plan as plans
from sed2.fisher.forward import traced_cost
from sed2.fisher.items import Items
from sed2.fisher.plan import make_plan
from sed2.fisher.sample import sample_spectra
from sed2.measure.logdet import log_determinants
from sed2.measure.spectra import Spectra
from sed2.settings import Settings
from sed2.spec.schema import load_spec

INPUTS = ("normal", "more columns than rank", "zeros", "one-hot", "nearly equal")
LAYERS = st.builds(
    Dense,
    features=st.sampled_from([1, 3, 9]),
    bias=st.booleans(),
    activation=st.sampled_from(["none", "identity", "relu"]),
)
PRIORS = ["torch", "uniform:-2:1", "normal:0.3", "he_normal", "he_uniform", "glorot_uniform"]


def inputs(kind: str, samples: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(samples)
    if kind == "more columns than rank":
        return rng.normal(size=(samples, 2)) @ rng.normal(size=(2, width))
    if kind == "one-hot":  # standardised, as categories of a table are
        x = np.eye(width)[rng.integers(width, size=samples)]
        return x - x.mean(axis=0)
    if kind == "nearly equal":  # roots of 1e-7, which no square shows
        return 1 + 1e-7 * rng.normal(size=(samples, width))
    return rng.normal(size=(samples, width)) * (kind != "zeros")


def spectra_of(engine: Any, items: Items) -> Spectra:
    return sample_spectra(replace(items, plan=replace(items.plan, engine=engine)))


@settings(max_examples=20, deadline=None)
@given(
    layers=st.lists(LAYERS, min_size=1, max_size=3),
    kind=st.sampled_from(INPUTS),
    samples=st.sampled_from([1, 5, 12]),
    width=st.sampled_from([1, 4, 15]),
    prior=st.sampled_from(PRIORS),
    noise=st.sampled_from([0.01, 1.0, "limit"]),
    chain=st.sampled_from(["blocks", "end-to-end"]),
    likelihood=st.sampled_from(["gaussian", "categorical"]),
    seed=st.sampled_from([0, 2**40]),
    leave_out=st.booleans(),
    chunk=st.sampled_from([2, 10]),
)
def test_engines_agree(
    layers: list[Dense],
    kind: str,
    samples: int,
    width: int,
    prior: str,
    noise: Any,
    chain: Any,
    likelihood: Any,
    seed: int,
    leave_out: bool,
    chunk: int,
) -> None:
    its = Settings(prior=prior, sigma=noise, chain=chain, likelihood=likelihood, seed=seed)
    made = build_chain(layers, (width,), chain)
    draws = np.array([0, 0, 0, 1, 7])
    weights = np.ones((len(draws), samples))
    weights[1:3, 0] = 0.0 if leave_out and samples > 1 else 0.7
    plan = make_plan(made, len(draws), samples, its)
    assert plan.engine == "lapack"
    quieter = np.array([1.0, 1, 10, 1, 1])
    x = inputs(kind, samples, width)
    items = Items(made, x, draws, weights, its, replace(plan, chunk=chunk), quieter)
    found, wanted = (spectra_of(engine, items) for engine in ("lapack", "xla"))
    for mine, other in zip(found.blocks, wanted.blocks, strict=True):
        assert mine.roots.shape == other.roots.shape
        np.testing.assert_array_equal(mine.weights + 0 * mine.roots, other.weights + 0 * mine.roots)
        np.testing.assert_allclose(mine.activations, other.activations, rtol=1e-12, atol=1e-300)
        np.testing.assert_allclose(
            mine.roots, other.roots, rtol=1e-9, atol=1e-12 * max(other.roots.max(), 1e-300)
        )
    eps = np.array([1e-6, 1e-3, 0.3])
    values = [log_determinants(each, eps, 0.0).values for each in (found, wanted)]
    np.testing.assert_allclose(*values, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("model", ["MLP 6-8-5-3", "MLP 6-2-9-3"])
@pytest.mark.parametrize("chain", ["blocks", "end-to-end"])
def test_no_bit_depends_on_the_batch(model: str, chain: str) -> None:
    """By LAPACK: one draw alone has the spectra that it has among others."""
    its = Settings(samples=4, draws=3, chain=chain, input_groups=0, sigma=0.5)
    built = build_chain(load_spec(model).models[0].blocks, (6,), chain)
    x = np.random.default_rng(1).normal(size=(4, 6))
    items = Items(built, x, np.arange(3), np.ones((3, 4)), its, make_plan(built, 3, 4, its))
    together = spectra_of("lapack", items)
    for draw in range(3):
        alone = spectra_of("lapack", items[np.array([draw])])
        for mine, other in zip(together.blocks, alone.blocks, strict=True):
            np.testing.assert_array_equal(mine.roots[[draw]], other.roots)


def test_spectra_that_one_engine_kept_serve_the_other(tmp_path: Any) -> None:
    """A shorter series is the beginning of a longer one, whoever makes the rest."""
    spec, its = "MLP 54-6-7", {"dataset": "covertype", "samples": 20, "eps": "0.1"}
    whole = sed2.compute(spec, draws=12, **its)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plans, "LAPACK_WORK", 0)
        first = sed2.compute(spec, draws=6, run_dir=tmp_path / "run", **its)
    assert (first.provenance.engine, whole.provenance.engine) == ("xla", "lapack")
    then = sed2.compute(spec, draws=12, run_dir=tmp_path / "run", **its)
    assert then.score.value == pytest.approx(whole.score.value, rel=1e-12)


@pytest.mark.parametrize(
    ("change", "layer"),
    [
        ({}, {"activation": "tanh"}),
        ({}, {"norm": "batch"}),
        ({"fisher": "empirical"}, {}),
        ({"prior": "init"}, {}),
        ({"max_flops": 1e4}, {}),
    ],
)
def test_what_it_does_not_know_goes_to_xla(change: dict[str, Any], layer: dict[str, Any]) -> None:
    chain = build_chain([Dense(features=20, **{"activation": "relu", **layer})], (5,))
    assert make_plan(chain, 10, 8, Settings(**change)).engine == "xla"


def test_tokens_another_generator_and_too_much_work_go_to_xla(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer, its = Dense(features=20, activation="relu"), Settings()
    assert make_plan(build_chain([layer], (3, 5)), 10, 8, its).engine == "xla"
    chain = build_chain([layer], (5,))
    with monkeypatch.context() as patch:
        patch.setattr(threefry, "is_jax_own", lambda: False)
        assert make_plan(chain, 10, 8, its).engine == "xla"
    monkeypatch.setattr(plans, "LAPACK_WORK", make_plan(chain, 10, 8, its).blocks[0].work - 1)
    assert make_plan(chain, 10, 8, its).engine == "xla"


def test_numbers_that_overflow_are_told() -> None:
    data = Dataset("large", np.full((5, 3), 1e200), None, False, "made", "")
    with pytest.raises(NumericsError, match="not finite"):
        sed2.compute("MLP 3-4-4-2", dataset=data.x, prior="uniform:1:1e200", draws=2)


@settings(max_examples=10, deadline=None)
@given(layers=st.lists(LAYERS, min_size=1, max_size=3), samples=st.integers(1, 9))
def test_the_cost_of_dense_layers_is_that_of_their_program(
    layers: list[Dense], samples: int
) -> None:
    network = Network(tuple(layers))
    assert plans._forward_cost(network, (4,), samples) == traced_cost(network, (4,), samples)


NET = {
    "blocks": [
        {"conv": {"features": 4, "kernel_size": 3, "norm": "batch", "activation": "gelu"}},
        {"pool": {"kind": "max", "size": 2}},
        "flatten",
        {"dense": {"features": 5, "activation": "tanh"}},
        {"dense": {"features": 3}},
    ]
}


@pytest.mark.parametrize("kind", ["blocks", "end-to-end"])
def test_the_cost_of_blocks_in_a_row_is_the_sum_of_theirs(kind: Any) -> None:
    for each in build_chain(load_spec(NET).models[0].blocks, (6, 6, 2), kind).blocks:
        numbers, work = plans.forward_cost(each, 7)
        whole = traced_cost(each.block, each.input_shape, 7)
        assert numbers == whole[0]
        assert work == pytest.approx(whole[1], rel=1e-6)


def test_candidates_are_planned_without_a_trace_of_each() -> None:
    widths = {"dense": {"features": {"range": [20, 31, 1]}, "activation": "relu"}}
    head = {"dense": {"features": 10}}
    conv = {"conv": {"features": [2, 3], "kernel_size": 3}}
    sweep = {"blocks": [conv, {"pool": {"kind": "global"}}, widths, head]}
    before = traced_cost.cache_info().misses
    spec = {"dataset": "mnist", "samples": 11, "sweep": sweep}
    assert len(sed2.validate(spec, plan=True, score="joint")) == 24
    assert traced_cost.cache_info().misses - before <= 4  # two convolutions, two poolings

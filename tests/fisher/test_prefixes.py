"""Candidates with the same first blocks have them worked on once, and the same numbers as alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sed2
from sed2.chain import Chain, build_chain
from sed2.estimate import estimate
from sed2.fisher import prefixes, sample
from sed2.fisher.plan import make_plan
from sed2.fisher.prefixes import SHARE, Prefixes
from sed2.results import ModelResult
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec, load_spec
from tests.cases import dataset
from tests.test_invariance import assert_same, numbers

CONV = {"conv": {"features": 3, "kernel_size": 3, "norm": "batch", "activation": "relu"}}
RESIDUAL = {"residual": {"blocks": [CONV], "shortcut": "projection"}}
FLAT = {"flatten": {"kind": "plain"}}
HIDDEN = {"dense": {"features": 4, "activation": "relu"}}


def last(features: int) -> dict[str, Any]:
    return {"dense": {"features": features}}


SWEEPS: dict[str, tuple[list[list[Any]], int, dict[str, Any]]] = {
    # The candidates' blocks, how many blocks are worked on, and the settings.
    "same first blocks": ([[HIDDEN, HIDDEN, last(n)] for n in (2, 3, 5)], 5, {}),
    "a tree": (
        [[HIDDEN, HIDDEN, last(2)], [HIDDEN, last(3)], [HIDDEN, HIDDEN, last(3)]],
        5,
        {"input_groups": 3},
    ),
    "one is the beginning of another": ([[HIDDEN, HIDDEN], [HIDDEN, HIDDEN, last(2)]], 4, {}),
    "the same twice": ([[HIDDEN, last(2)], [HIDDEN, last(2)]], 2, {}),
    "nothing shared": ([[HIDDEN, last(2)], [last(4), last(2)]], 4, {}),
    "empirical": ([[CONV, FLAT, last(n)] for n in (2, 3)], 3, {"fisher": "empirical"}),
    "a softmax is no gaussian block": (
        [[HIDDEN, HIDDEN], [HIDDEN, HIDDEN, last(2)]],
        4,
        {"likelihood": "categorical"},
    ),
    "Lanczos": (
        [[RESIDUAL, FLAT, last(n)] for n in (2, 3)],
        3,
        {"max_flops": 1e5, "lanczos_steps": 6},
    ),
}


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the blocks that were worked on, chunk by chunk."""
    names: list[str] = []
    run = sample._run_chain

    def counting(*arguments: Any) -> Iterator[Any]:
        for spectrum, noisy in run(*arguments):
            names.append(spectrum.name)
            yield spectrum, noisy

    monkeypatch.setattr(sample, "_run_chain", counting)
    return names


def candidates(blocks: list[list[Any]], shape: tuple[int, ...]) -> tuple[list[ModelSpec], Prefixes]:
    models = load_spec(
        {"models": [{"name": f"m{i}", "blocks": each} for i, each in enumerate(blocks)]}
    ).models
    return list(models), Prefixes([chain(model, shape) for model in models])


def chain(model: ModelSpec, shape: tuple[int, ...]) -> Chain:
    return build_chain(model.blocks, shape)


def settings(**given: Any) -> Settings:
    its = {"dataset": "test", "samples": 6, "draws": 5, "eps": (0.01, 0.1)}
    return Settings.model_validate(its | given)


def inputs(blocks: list[list[Any]]) -> np.ndarray:
    shape = (7,) if "dense" in blocks[0][0] else (5, 5, 2)
    return np.random.default_rng(0).normal(size=(9, *shape))


def assert_equal(one: ModelResult, other: ModelResult) -> None:
    mine, theirs = numbers(one), numbers(other)
    assert mine.keys() == theirs.keys()
    for place, value in mine.items():
        np.testing.assert_array_equal(theirs[place], value, err_msg=place)


@pytest.mark.parametrize("case", SWEEPS)
def test_shared_blocks_are_worked_on_once_and_change_no_bit(case: str, worked: list[str]) -> None:
    blocks, count, given = SWEEPS[case]
    x, its = inputs(blocks), settings(**given)
    models, shared = candidates(blocks, x.shape[1:])
    together = [estimate(model, dataset(x), its, prefixes=shared) for model in models]
    assert len(worked) == count
    assert not shared._kept  # nobody waits any more
    for model, result in zip(models, together, strict=True):
        assert_equal(estimate(model, dataset(x), its), result)


def test_rank_shares(worked: list[str]) -> None:
    spec = {"models": ["MLP 54-3-4-7", "MLP 54-3-5-7"]}
    given = {"dataset": "covertype", "samples": 5, "draws": 3, "eps": "0.1"}
    ranking = sed2.rank(spec, **given)
    assert len(worked) == 5
    for model in ranking.models:
        assert_equal(sed2.compute(model.result.name, **given), model.result)


def test_a_run_directory_hangs_on_no_other_candidate(tmp_path: Path, worked: list[str]) -> None:
    spec = {"models": ["MLP 54-3-4-7", "MLP 54-3-5-7"]}
    sed2.rank(spec, dataset="covertype", samples=5, draws=3, eps="0.1", run_dir=tmp_path / "run")
    assert len(worked) == 6


OTHERS: dict[str, dict[str, Any]] = {
    name: {name: value}
    for name, value in {
        "seed": 1,
        "sigma": 0.1,
        "prior": "he_normal",
        "fisher": "empirical",
        "draws": 6,
        "samples": 5,
        "input_groups": 3,
    }.items()
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_settings_share_nothing(case: str, worked: list[str]) -> None:
    blocks = [[HIDDEN, last(2)], [HIDDEN, last(3)]]
    x = inputs(blocks)
    models, shared = candidates(blocks, x.shape[1:])
    estimate(models[0], dataset(x), settings(input_groups=2), prefixes=shared)
    its = settings(**{"input_groups": 2} | OTHERS[case])
    result = estimate(models[1], dataset(x), its, prefixes=shared)
    assert len(worked) == 4
    assert_equal(estimate(models[1], dataset(x), its), result)


def test_other_data_share_nothing(worked: list[str]) -> None:
    blocks = [[HIDDEN, last(2)], [HIDDEN, last(3)]]
    x = inputs(blocks)
    models, shared = candidates(blocks, x.shape[1:])
    estimate(models[0], dataset(x), settings(), prefixes=shared)
    estimate(models[1], dataset(2 * x), settings(), prefixes=shared)
    assert len(worked) == 4


def test_what_is_kept_fits_its_share(monkeypatch: pytest.MonkeyPatch, worked: list[str]) -> None:
    """In chunks, since the budget is small; and where the output is too large for its share, it is
    not kept."""
    wide = {"dense": {"features": 60, "activation": "relu"}}
    blocks = [[wide, last(n)] for n in (2, 3)]
    x = inputs(blocks)
    for memory_gb, kept in ((2e-3, True), (4e-4, False)):
        models, shared = candidates(blocks, x.shape[1:])
        its = settings(memory_gb=memory_gb, draws=40, input_groups=0)
        estimated = []
        for model in models:
            estimated.append(estimate(model, dataset(x), its, prefixes=shared))
            held = sum(known.bytes for known in shared._kept.values())
            assert held <= SHARE * memory_gb * 1e9
            assert (held > 0) == (kept and model is models[0])
        assert worked.count("dense_2") > len(models)  # in chunks
        assert (worked.count("dense_1") < worked.count("dense_2")) == kept
        for model, result in zip(models, estimated, strict=True):
            assert_same(estimate(model, dataset(x), its), result)
        worked.clear()


def test_a_model_that_needs_the_whole_budget_has_it() -> None:
    blocks = [[HIDDEN, last(n)] for n in (2, 3)]
    x = inputs(blocks)
    models, shared = candidates(blocks, x.shape[1:])
    one = make_plan(chain(models[0], x.shape[1:]), 1, 6, settings())
    tight = settings(memory_gb=one.bytes / 1e9 / (1 - SHARE / 2))
    shares: list[float] = []

    def make(share: float) -> Any:
        shares.append(share)
        return make_plan(chain(models[0], x.shape[1:]), 1, 6, tight, share=share)

    assert shared.plan(make).chunk == 1
    assert shares == [1 - SHARE, 1]
    assert Prefixes().plan(lambda share: share) == 1  # type: ignore[arg-type]
    assert prefixes.ALONE._kept == {}

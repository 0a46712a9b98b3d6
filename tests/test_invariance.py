"""A candidate's numbers depend on its own spec and the seed alone, to 1e-9.

Company, order and names of the candidates; the sizes of chunks and batches, which follow the
memory; how many devices JAX sees: none of them changes a number beyond rounding.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest

import sed2
from sed2.chain import build_chain
from sed2.errors import ResourceError
from sed2.fisher.items import Items
from sed2.fisher.plan import Plan, make_plan
from sed2.fisher.sample import sample_spectra
from sed2.fisher.ways import Way
from sed2.measure.logdet import log_determinants
from sed2.results import ModelResult
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from tests.cases import estimate_spec, host_devices

RTOL = 1e-9
EPS = (1e-4, 1e-2, 0.3)


def numbers(result: ModelResult) -> dict[str, np.ndarray]:
    """Every number of a result that could differ, by its place."""
    found: dict[str, np.ndarray] = {}

    def visit(value: Any, path: str) -> None:
        if isinstance(value, Settings):
            return
        if is_dataclass(value):
            for field in fields(value):
                if field.name not in ("plan", "provenance", "cost"):
                    visit(getattr(value, field.name), f"{path}.{field.name}")
        elif isinstance(value, tuple):
            for i, each in enumerate(value):
                visit(each, f"{path}[{i}]")
        elif isinstance(value, float | int | np.ndarray):
            found[path] = np.asarray(value, float)

    visit(result, "")
    return found


def assert_same(one: ModelResult, other: ModelResult, rtol: float = RTOL) -> None:
    mine, theirs = numbers(one), numbers(other)
    assert mine.keys() == theirs.keys()
    assert len(mine) > 20
    for path, value in mine.items():
        # Deviations are differences: their rounding is that of the largest.
        atol = rtol * np.max(np.abs(value), where=np.isfinite(value), initial=0.0)
        np.testing.assert_allclose(theirs[path], value, rtol=rtol, atol=atol, err_msg=path)


COMPANY: dict[str, dict[str, Any]] = {
    "MLP 54-3-7": {"notation": "MLP 54-3-7"},
    "MLP 54-3-5-7": {"notation": "MLP 54-3-5-7"},  # the same first block
    "tanh": {"blocks": [{"dense": {"features": 4, "activation": "tanh"}}]},
    "normed": {"blocks": [{"dense": {"features": 4, "norm": "layer"}}]},
}
LISTS: dict[str, dict[str, str]] = {
    "reordered": {name: name for name in reversed(COMPANY)},
    "fewer": {name: name for name in ("tanh", "MLP 54-3-7")},
    "alone": {"MLP 54-3-5-7": "MLP 54-3-5-7"},
    "renamed": {name: f"a {i}" for i, name in enumerate(COMPANY)},
    "renamed and reordered": {name: f"z {i}" for i, name in enumerate(reversed(COMPANY))},
}


def ranked(names: dict[str, str]) -> dict[str, ModelResult]:
    """The models of `COMPANY` with these keys, under new names; by the old ones."""
    models = [COMPANY[key] | {"name": name} for key, name in names.items()]
    ranking = sed2.rank(
        {"models": models}, dataset="covertype", samples=6, draws=3, eps=list(EPS), seed=5
    )
    old = {name: key for key, name in names.items()}
    return {old[model.result.name]: model.result for model in ranking.models}


@pytest.fixture(scope="module")
def together() -> dict[str, ModelResult]:
    return ranked({name: name for name in COMPANY})


@pytest.mark.parametrize("names", LISTS.values(), ids=LISTS)
def test_company_order_and_names_change_nothing(
    together: dict[str, ModelResult], names: dict[str, str]
) -> None:
    for key, result in ranked(names).items():
        assert_same(together[key], result)


def test_another_seed_changes_the_numbers(together: dict[str, ModelResult]) -> None:
    """So that what is compared above can differ at all."""
    other = sed2.compute("MLP 54-3-7", dataset="covertype", samples=6, draws=3, eps=list(EPS))
    assert not np.allclose(
        other.lower_two_sed.estimate, together["MLP 54-3-7"].lower_two_sed.estimate, rtol=1e-3
    )


IMAGES, TOKENS, ROWS = (6, 6, 2), (5, 4), (30,)
CONV = {"conv": {"features": 4, "kernel_size": 3, "norm": "batch", "activation": "relu"}}
RESIDUAL = {"residual": {"blocks": [CONV], "shortcut": "projection"}}
ATTENTION = {"attention": {"heads": 2}}
WIDE = {"dense": {"features": 40, "activation": "relu"}}
DENSE = {"dense": {"features": 9, "activation": "gelu"}}
WAYS: dict[str, tuple[str, Any, tuple[int, ...], dict[str, Any]]] = {
    "dense": ("units", [DENSE, DENSE], ROWS, {}),
    "dense empirical": ("units", [DENSE, DENSE], ROWS, {"fisher": "empirical"}),
    "conv": ("units", [CONV, CONV], IMAGES, {}),
    "sampled units": ("sampled units", [WIDE], ROWS, {"max_flops": 1e5}),
    "sampled channels": (
        "sampled units",
        [{"conv": {"features": 16, "kernel_size": 3, "activation": "relu"}}],
        IMAGES,
        {"max_flops": 1e5},
    ),
    "whole Jacobian": ("jacobian", [RESIDUAL], IMAGES, {}),
    "Gram matrix": ("gram", [{"dense": {"features": 6, "norm": "layer"}}], (400,), {}),
    "Lanczos of a residual block": (
        "lanczos",
        [RESIDUAL],
        IMAGES,
        {"max_flops": 1e5, "lanczos_steps": 12},
    ),
    "Lanczos of attention": ("lanczos", [ATTENTION], TOKENS, {"lanczos_steps": 12}),
}


def way_name(plan: Plan) -> str:
    """Of the first block."""
    way = plan.ways[0]
    return f"sampled {way.name}" if way.name == "units" and way.sampling else way.name


def pieces(settings: dict[str, Any], spec: Any, shape: tuple[int, ...], way: str) -> list[float]:
    """Budgets under which this way is taken with the most and with the fewest items at a time."""
    chain = build_chain(load_spec(spec).models[0].blocks, shape)
    sizes: dict[int, float] = {}
    for memory_gb in np.geomspace(1, 1e-4, 150):
        given = {"dataset": "test", "memory_gb": memory_gb, **settings}
        try:
            plan = make_plan(chain, 17, 10, Settings.model_validate(given))
        except ResourceError:
            if sizes:
                break  # less will not do either
            continue
        if way_name(plan) == way:
            sizes.setdefault(plan.chunk, memory_gb)
            if plan.chunk == 1:
                break
    assert len(sizes) > 1, sizes
    return [sizes[max(sizes)], sizes[min(sizes)]]


@pytest.mark.parametrize("case", WAYS)
def test_the_memory_budget_changes_nothing_while_the_way_is_the_same(case: str) -> None:
    way, blocks, shape, given = WAYS[case]
    spec = {"name": "one", "blocks": blocks}
    x = np.random.default_rng(0).normal(size=(12, *shape))
    settings = {"samples": 10, "draws": 7, "eps": EPS, **given}
    one, other = (
        estimate_spec(spec, x, memory_gb=budget, **settings)
        for budget in pieces(settings, spec, shape, way)
    )
    assert [block.way for block in one.plan] == [block.way for block in other.plan]
    assert_same(one, other)


def test_chunks_change_nothing_where_lanczos_has_exhausted_the_space() -> None:
    """As many steps as dimensions, of which the repeated inputs leave half: the rest is rounding,
    which may not be told from small eigenvalues."""
    spec = {"name": "one", "blocks": [{"dense": {"features": 6, "norm": "layer"}}]}
    chain = build_chain(load_spec(spec).models[0].blocks, (20,))
    x = np.repeat(np.random.default_rng(0).normal(size=(5, 20)), 2, axis=0)
    settings = Settings(dataset="test")
    way = Way("lanczos", batch=1, samples=4, population=math.inf, steps=60, numbers=4 * 60)
    plan = replace(make_plan(chain, 7, 10, settings), ways=(way,))
    one, *others = (
        log_determinants(
            sample_spectra(
                Items(
                    chain, x, np.arange(7), np.ones((7, 10)), settings, replace(plan, chunk=chunk)
                )
            ),
            np.array(EPS),
            0.0,
        ).values
        for chunk in (7, 3, 1)
    )
    for other in others:
        np.testing.assert_allclose(other, one, rtol=RTOL)


SCRIPT = """
import json, sys
import jax
import sed2
from sed2.common.devices import device_count
from tests.test_invariance import FAMILIES, numbers
found = {"devices": device_count()}
for name, (spec, settings) in FAMILIES.items():
    result = sed2.compute(spec, dataset=sys.argv[1], eps="1e-4,0.3", **settings)
    found[name] = {k: v.tolist() for k, v in numbers(result).items()}
print(json.dumps(found))
"""
FLAT = {"flatten": {"kind": "plain"}}
FAMILIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "exact": ({"blocks": [CONV, FLAT, {"dense": {"features": 3}}]}, {"samples": 5, "draws": 6}),
    "empirical": (
        {"blocks": [CONV, FLAT, {"dense": {"features": 3}}]},
        {"samples": 5, "draws": 3, "fisher": "empirical"},
    ),
    "iterative": (
        {"blocks": [RESIDUAL, FLAT, {"dense": {"features": 3}}]},
        {"samples": 5, "draws": 4, "max_flops": 1e5, "lanczos_steps": 8},
    ),
}


def test_the_number_of_devices_changes_nothing(tmp_path: Any) -> None:
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(8, *IMAGES)))

    def on(devices: int) -> dict[str, Any]:
        ran = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(tmp_path / "x.npz")],
            env={**os.environ, **host_devices(devices)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    one, four = on(1), on(4)  # which the draws do not divide
    assert [found.pop("devices") for found in (one, four)] == [1, 4]
    for name, results in one.items():
        assert results.keys() == four[name].keys()
        for path, value in results.items():
            np.testing.assert_allclose(
                np.array(four[name][path], float),
                np.array(value, float),
                rtol=RTOL,
                err_msg=f"{name}{path}",
            )

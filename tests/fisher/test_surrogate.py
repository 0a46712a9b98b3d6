"""The surrogate of a unit's log-determinant: against the roots, and as a rule of quadrature."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from sed2.chain import build_chain
from sed2.estimators.smc.particles import ParticleChain
from sed2.fisher.plan import make_plan
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from tests.cases import gaussian_inputs

DENSE = {"dense": {"features": 4, "activation": "tanh"}}
CONV = {"conv": {"features": 3, "kernel_size": 2, "activation": "relu"}}
CASES = {
    "dense, more inputs than parameters": (DENSE, (3,), 9),
    "dense, fewer": (DENSE, (12,), 5),
    "conv": (CONV, (4, 4, 2), 5),
}


def particles_of(
    block: dict[str, object], shape: tuple[int, ...], inputs: int, sigma: float | Literal["limit"]
) -> ParticleChain:
    chain = build_chain(load_spec({"name": "one", "blocks": [block]}).models[0].blocks, shape)
    x = gaussian_inputs(inputs, int(np.prod(shape))).reshape(inputs, *shape)
    settings = Settings(dataset="test", sigma=sigma)
    return ParticleChain(chain, x, settings, make_plan(chain, 4, inputs, settings))


@pytest.mark.parametrize("sigma", [0.5, "limit"])
@pytest.mark.parametrize("case", CASES)
def test_it_is_half_the_log_determinant_of_the_squares(
    case: str, sigma: float | Literal["limit"]
) -> None:
    """sum_t c_t (1/2) sum_i log(1 + a_t^2 lambda_i), for the units asked for, in any order."""
    particles = particles_of(*CASES[case], sigma)
    assert particles.splits[0].owns_roots
    normals = np.random.default_rng(0).normal(size=(4, particles.numbers(0)))
    roots = particles.evaluate(0, normals, None).roots
    terms = ((0.3, 2.0), (0.7, 9.0))
    units = np.array([[2, 0], [1, 2], [0, 1], [2, 1]])
    parameters = normals[:, : particles.chain.blocks[0].parameters]
    found = particles.surrogate(0, parameters, None, units, terms)
    every = sum(c * np.log1p((a * roots) ** 2).sum(axis=2) / 2 for c, a in terms)
    np.testing.assert_allclose(found, np.take_along_axis(every, units, axis=1), rtol=1e-10)


@pytest.mark.parametrize("amplitude", [0.01, 1.0, 300.0])
def test_it_is_the_midpoint_rule(amplitude: float) -> None:
    """With many points the rule gives the log-determinant itself, and with one the surrogate."""
    roots = np.array([0.0, 1e-3, 0.4, 2.0, 50.0])

    def rule(points: int) -> float:
        tangents = np.tan((np.arange(points) + 0.5) / points * np.pi / 2)
        return float(np.log1p((amplitude * roots / tangents[:, None]) ** 2).sum() / (2 * points))

    truth = np.log1p(amplitude * roots).sum()
    assert rule(20_000) == pytest.approx(truth, rel=1e-3)
    assert abs(rule(1) - truth) < 0.5 * np.log(2) * len(roots)

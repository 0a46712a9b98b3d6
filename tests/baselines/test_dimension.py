"""The effective dimension of Abbas et al. and 2sED end-to-end: closed form, brute force, and the
pipeline that they share."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from sed2.baselines.dimension import effective_dimension
from sed2.baselines.registry import measure_baselines
from sed2.chain import build_chain
from sed2.common.randomness import block_keys, uniforms
from sed2.estimate import estimate
from sed2.priors import draw_module
from sed2.settings import Settings, parse_prior
from sed2.spec.schema import load_spec
from tests import cases, reference
from tests.baselines.networks import labelled
from tests.cases import gaussian_inputs

NAMES = ("abbas", "two_sed_end_to_end")


def settings_of(**given: Any) -> Settings:
    return Settings.model_validate({"samples": 12, "draws": 4, **given})


def test_definition() -> None:
    """By determinants and a plain mean of exponentials."""
    spectra, eps = cases.spectra(0, draws=5), np.array([0.03, 0.3])
    lam = spectra.scale * np.concatenate([b.roots[:, 0] ** 2 for b in spectra.blocks], axis=1)
    for e, got in zip(eps, effective_dimension(spectra, eps), strict=True):
        kappa = e**-2
        volume = np.sqrt(np.prod(1 + kappa * lam, axis=1)).mean()
        assert got == pytest.approx(2 * np.log(volume) / np.log(kappa), rel=1e-12)


def test_limits() -> None:
    """The rank as eps vanishes, however small; 0 if F is 0."""
    spectra = cases.spectra(1, sizes=(4, 3))
    assert effective_dimension(spectra, np.array([1e-300]))[0] == pytest.approx(7, abs=0.02)
    nothing = cases.Spectra((cases.block_spectrum("none", 3, np.zeros((2, 1, 3))),))
    assert effective_dimension(nothing, np.array([0.1]))[0] == 0


def test_linear_network_in_closed_form() -> None:
    """F = 1 (x) E[x x^T] / sigma^2 whatever theta is."""
    x, eps = gaussian_inputs(12, 4), 0.05
    model = load_spec("MLP 4-3").models[0]
    got = measure_baselines(model, labelled(x, None), settings_of(eps=eps), NAMES)
    lam = np.linalg.eigvalsh(x.T @ x)
    lam *= 4 / lam.sum()
    want = 3 * 0.5 * np.log1p(lam / eps**2).sum() / abs(np.log(eps))
    assert got["abbas"] == pytest.approx(want, rel=1e-9)
    want = 3 * np.log1p(np.sqrt(lam) / eps).sum() / abs(np.log(eps))
    assert got["two_sed_end_to_end"] == pytest.approx(want, rel=1e-9)


def test_brute_force() -> None:
    """The Fisher matrix of the whole network, dense, under every draw."""
    x, eps, prior = gaussian_inputs(12, 3), 0.1, parse_prior("torch")
    settings = settings_of(eps=eps, seed=3)
    model = load_spec("MLP 3-4-2").models[0]
    (block,) = build_chain(model.blocks, (3,), "end-to-end").blocks
    matrices = []
    for draw in range(settings.draws):
        key = block_keys(settings.seed, block.stream, jnp.array([draw]))
        count = block.parameters + 12 * 2  # and the noise of the outputs
        module = draw_module(block.block, (3,), prior, key[0], uniforms(key, count)[0][:20])
        factor = reference.expected_factor(module, x, 1.0)
        matrices.append(factor.T @ factor)
    scale = 20 / np.mean([np.trace(f) for f in matrices])
    logs = [np.linalg.slogdet(np.eye(20) + scale * f / eps**2)[1] / 2 for f in matrices]
    want = np.log(np.mean(np.exp(logs))) / abs(np.log(eps))
    got = measure_baselines(model, labelled(x, None), settings, ["abbas"])
    assert got["abbas"] == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize(
    "given", [{"eps": "1e-2:1e-1:3", "zeta": 0.3}, {"eps": 0.1, "n_train": 1000, "sigma": 0.1}]
)
def test_two_sed_is_the_score_of_the_end_to_end_chain(given: dict[str, Any]) -> None:
    dataset = labelled(gaussian_inputs(30, 3), None)
    model = load_spec("MLP 3-4-2").models[0]
    settings = settings_of(**given)
    end_to_end = settings_of(**given, chain="end-to-end", input_groups=0)
    got = measure_baselines(model, dataset, settings, ["two_sed_end_to_end"])
    assert got == {"two_sed_end_to_end": estimate(model, dataset, end_to_end).score.value}
    assert measure_baselines(model, dataset, end_to_end, NAMES) == measure_baselines(
        model, dataset, settings, NAMES
    )

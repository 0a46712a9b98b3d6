"""Warnings: said when they are true, and not otherwise."""

from __future__ import annotations

import pytest

from sed2.chain import build_chain
from sed2.estimators.diagnostics import find_warnings
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from tests.cases import estimate_spec, gaussian_inputs, spectra


def warnings(sigma: float = 1e-3, draws: int = 40, spec: str = "MLP 4-3-2") -> str:
    result = estimate_spec(
        spec, gaussian_inputs(30, 4), samples=20, sigma=sigma, draws=draws, eps=[0.5]
    )
    return "\n".join(result.warnings)


def test_a_sigma_that_drowns_the_activations_is_named_with_its_block() -> None:
    assert "sigma" not in warnings()
    assert "sigma 5 is not small against the outputs of dense_1" in warnings(sigma=5.0)


@pytest.mark.parametrize(("sigma", "told"), [(0.11, True), (0.1, False)])
def test_a_tenth_of_the_typical_output_is_the_most_that_sigma_may_be(
    sigma: float, told: bool
) -> None:
    chain = build_chain(load_spec("MLP 4-3-2").models[0].blocks, (4,))
    found = find_warnings(chain, spectra(0), Settings(sigma=sigma))  # whose outputs are all 1
    assert any("sigma" in text for text in found) == told


def test_the_last_blocks_noise_is_seen_by_nobody() -> None:
    assert "dense_2" not in warnings(sigma=5.0)


def test_few_effective_draws_are_told_in_plain_words() -> None:
    assert "effective sample size" not in warnings(draws=400)
    assert "a few draws carry 2sED" in warnings(draws=2)


def test_sampled_spectra_are_told() -> None:
    def of(**settings: float) -> str:
        result = estimate_spec(
            "MLP 4-30-2", gaussian_inputs(30, 4), samples=20, draws=3, eps=[0.5], **settings
        )
        return "\n".join(result.warnings)

    assert "sampled" not in of()
    assert "the spectra of 1 of 2 blocks are sampled" in of(max_flops=1e5)


def test_an_eps_so_near_1_that_no_dimension_is_measured_is_told() -> None:
    def said(*eps: float) -> list[str]:
        result = estimate_spec(
            "MLP 4-3-2", gaussian_inputs(30, 4), samples=20, draws=5, eps=list(eps)
        )
        assert (result.two_sed.estimate[-1] > result.parameters) == (eps[-1] > 0.9)
        return [warning for warning in result.warnings if "no dimension" in warning]

    assert not said(0.01, 0.1)
    two, lower = said(0.1, 0.95, 0.99)
    assert two.startswith("2sED is ")
    assert lower.startswith("lower 2sED is ")
    assert "above the 18 parameters from eps 0.95 on" in two

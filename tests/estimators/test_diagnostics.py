"""Warnings: said when they are true, and not otherwise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sed2 import api
from sed2.chain import build_chain
from sed2.estimators.diagnostics import noise_as_capacity, noise_checks, of_both
from sed2.measure.spectra import Spectra
from sed2.results import ModelResult
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from tests.cases import block_spectrum, estimate_spec, gaussian_inputs


def warnings(sigma: float = 1e-3, draws: int = 40, spec: str = "MLP 4-3-2") -> str:
    result = estimate_spec(
        spec, gaussian_inputs(30, 4), samples=20, sigma=sigma, draws=draws, eps=[0.5]
    )
    return "\n".join(result.warnings)


def of_noise(result: ModelResult) -> list[str]:
    return [text for text in result.warnings if "sigma" in text]


def test_noise_that_is_counted_as_capacity_is_told() -> None:
    """The narrow second layer carries what sigma adds: the case of docs/concepts/measure.md."""
    for sigma, score, change in ((1e-2, 437.5, "44%"), (1e-3, 270.1, "19%"), (1e-6, 222.6, "")):
        result = api.compute(
            "MLP 54-2-7-20-30-7", dataset="covertype", eps="1e-3:1e-1", sigma=sigma
        )
        assert result.score.value == pytest.approx(score, abs=0.06)
        told = f"lower 2sED changes by {change} under sigma / 10: the noise is counted as capacity"
        assert of_noise(result) == [f"{told}; take --sigma limit"] * bool(change)


@pytest.mark.parametrize("other", [{"sigma": "limit"}, {"chain": "end-to-end"}, {"sigma": 1e-6}])
def test_nothing_is_told_where_no_block_sees_noise(other: dict[str, object]) -> None:
    given = {"samples": 20, "draws": 4, "eps": [0.05]}
    assert of_noise(estimate_spec("MLP 4-2-3", gaussian_inputs(30, 4), sigma=5.0, **given))
    given |= {"sigma": 5.0} | other
    assert not of_noise(estimate_spec("MLP 4-2-3", gaussian_inputs(30, 4), **given))


def test_one_draw_in_ten_is_checked_ten_at_most_and_none_of_one_block() -> None:
    chain, one = (
        build_chain(load_spec(spec).models[0].blocks, (4,)) for spec in ("MLP 4-3-2", "MLP 4-2")
    )
    counts = [noise_checks(chain, draws) for draws in (1, 10, 11, 100, 1000)]
    assert counts == [1, 1, 2, 10, 10]
    assert noise_checks(one, 100) == 0


@pytest.mark.parametrize("likelihood", ["gaussian", "categorical"])
def test_a_change_of_5_percent_is_told(likelihood: str) -> None:
    """r of d eigenvalues alike give r log(1 + sqrt(d / r) / eps) / |log eps|."""
    eps, d, settings = 0.1, 2000, Settings(likelihood=likelihood)

    def of(rank: float, draws: int) -> Spectra:
        return Spectra((block_spectrum("one", d, np.ones((draws, 1, 1)), rank),))

    def score(rank: float) -> float:
        return rank * math.log1p(math.sqrt(d / rank) / eps) / -math.log(eps)

    told = {}
    for rank in (900, 960, 1040, 1100):
        found = noise_as_capacity(of(1000, 30), of(rank, 3), np.array([eps]), np.ones(1), settings)
        change = score(rank) / score(1000) - 1
        assert len(found) == (abs(change) > 0.05)
        told[rank] = found and f" by {abs(change):.0%} under " in found[0] and found[0]
    assert (told[960], told[1040]) == ((), ())
    if likelihood == "gaussian":
        assert "counted as capacity; take --sigma limit" in told[900]
        assert "hides capacity; take --sigma limit" in told[1100]
    else:
        assert all("take --chain end-to-end" in told[rank] for rank in (900, 1100))


def test_few_effective_draws_are_told_in_plain_words() -> None:
    assert "effective sample size" not in warnings(draws=400)
    assert "a few draws carry 2sED" in warnings(spec="MLP 4-40-3")


def test_few_effective_draws_are_told_once_for_both_scores() -> None:
    data = gaussian_inputs(30, 4)
    result = estimate_spec("MLP 4-3-2", data, samples=20, draws=12, score="joint")
    (told,) = [warning for warning in result.warnings if "a few draws carry" in warning]
    for part in (" of 12 draws ", ", end-to-end ", " of 10 draws "):
        assert part in told
    assert "carry 2sED, lower 2sED and 2sED end-to-end, which are biased low there" in told


def test_what_is_of_one_score_alone_keeps_its_own_line() -> None:
    few = "s of 9 draws: a few draws carry lower 2sED, which is biased low there, without"
    assert of_both(["a", "b"], ["b", few]) == ("a", "b", f"end-to-end: {few}")
    assert of_both([few, "a"], ["b"]) == (few, "a", "end-to-end: b")
    assert of_both([few], [few]) == (few,)  # of a network that is one block
    merged, other = of_both([few, "a"], [few.replace("9", "3")])
    assert merged.startswith("s of 9 draws, end-to-end s of 3 draws: a few draws carry lower 2sED ")
    assert "lower 2sED and 2sED end-to-end, which are biased low" in merged
    assert other == "a"


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

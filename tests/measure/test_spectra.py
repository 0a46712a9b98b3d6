"""Spectra: the waist of the house. Normalisation, ranks, and refusing what is not finite."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sed2.errors import NumericsError
from sed2.measure.spectra import SHARE_ERROR, BlockSpectrum, Spectra
from tests.cases import block_spectrum, spectra


@given(seed=st.integers(0, 999), draws=st.integers(1, 9), spread=st.floats(0, 5))
def test_the_normalised_trace_is_d_on_average(seed: int, draws: int, spread: float) -> None:
    of = spectra(seed, draws, spread=spread)
    assert of.scale * of.traces.mean() == pytest.approx(of.parameters)


def test_multiplicity_counts_in_trace_and_rank() -> None:
    roots = np.array([[[2.0, 1.0, 0.0]]])
    block = block_spectrum("linear", 12, roots, 4.0)
    assert block.traces.tolist() == [20.0]
    assert block.ranks.tolist() == [8]


def test_rank_and_eigenvalue_are_the_largest_over_the_draws() -> None:
    roots = np.array([[[2.0, 0.0]], [[1.0, 1.0]]])
    of = Spectra((block_spectrum("a", 2, roots),))
    assert of.max_rank == 2
    assert of.max_eigenvalue == pytest.approx(4 * 2 / 3)  # d / mean trace = 2 / 3


def test_zero_fisher_has_zero_scale() -> None:
    of = Spectra((block_spectrum("dead", 3, np.zeros((2, 1, 3))),))
    assert of.scale == 0
    assert of.max_eigenvalue == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_refused(bad: float) -> None:
    roots = np.ones((3, 1, 2))
    roots[1, 0, 1] = bad
    with pytest.raises(NumericsError, match=r"block dense_1 are not finite in 1 of 3 runs.*prior"):
        block_spectrum("dense_1", 2, roots)


def test_a_slice_keeps_the_draws_paired() -> None:
    of = spectra(0, draws=5)
    part = of[2:]
    assert part.draws == 3
    np.testing.assert_array_equal(part.traces, of.traces[2:])


@pytest.mark.parametrize("cuts", [[6], [1, 6], [2, 3, 6]])
@pytest.mark.parametrize("shared", [True, False])
def test_joining_is_the_inverse_of_slicing(cuts: list[int], shared: bool) -> None:
    """Coarse spectra and the weights of draws of their own included."""
    whole = spectra(3)
    block = whole.blocks[0]
    if not shared:
        block = replace(block, weights=np.arange(1.0, 7.0).reshape(6, 1, 1))
    block = replace(block, sampling=0.5, coarse=replace(block, roots=block.roots[..., :2]))
    block = replace(block, below=replace(block, roots=block.roots / 2, coarse=None))
    whole = Spectra((block, *whole.blocks[1:]))
    starts = [0, *cuts[:-1]]
    parts = [whole[start:stop] for start, stop in zip(starts, cuts, strict=True)]
    joined = Spectra.joined(parts)
    for one, other in zip(joined.blocks, whole.blocks, strict=True):
        assert (one.name, one.parameters, one.sampling) == (
            other.name,
            other.parameters,
            other.sampling,
        )
        for got, want in (
            (one, other),
            (one.coarse, other.coarse),
            (one.below, other.below),
        ):
            if want is not None:
                assert got is not None
                np.testing.assert_array_equal(got.roots, want.roots)
                np.testing.assert_array_equal(got.traces, want.traces)
                np.testing.assert_array_equal(got.activations, want.activations)


def rule(*sums: float) -> BlockSpectrum:
    """Of one group, with these sums of f(roots) = roots under as many draws."""
    return BlockSpectrum(
        "a", 9, np.reshape(sums, (-1, 1, 1)), np.ones((1, 1, 1)), np.ones(len(sums))
    )


def test_a_quadrature_lies_between_its_two_rules_as_half_its_nodes_tell() -> None:
    """The two draws: errors of +4 and -2 that fall to +2 and -1, and none at all."""
    coarse = replace(rule(104, 50), below=rule(98, 50))
    block = replace(rule(102, 50), below=rule(99, 50), coarse=coarse, sampling=1.0)
    value, error = block.total(lambda roots: roots)
    np.testing.assert_allclose(value, [100, 50])
    np.testing.assert_allclose(error, [SHARE_ERROR * 3, 0])
    alone = replace(block, coarse=None).total(lambda roots: roots)[0]
    np.testing.assert_allclose(alone, [100.5, 50])
    exact, none = rule(102, 50).total(lambda roots: roots)
    np.testing.assert_array_equal(exact, [102, 50])
    np.testing.assert_array_equal(none, 0)


def test_the_share_of_the_gap_is_a_share() -> None:
    """Where half the nodes lie below all of them, by rounding or a kink, the rule itself is taken;
    where the gap does not close, its middle."""
    below = replace(rule(10), below=rule(6), coarse=replace(rule(9), below=rule(3)))
    assert below.total(lambda roots: roots)[0] == 10
    open_ = replace(rule(10), below=rule(6), coarse=replace(rule(11), below=rule(8)))
    assert open_.total(lambda roots: roots)[0] == 8

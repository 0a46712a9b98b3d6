"""Random numbers depend on the seed, the block's stream and the draw, and on nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sed2.common.randomness import block_keys, to_normal, uniforms


def test_a_draw_does_not_depend_on_its_place_or_on_how_many_there_are() -> None:
    one = uniforms(block_keys(3, 5, np.array([4])), 10)[0, :10]
    many = uniforms(block_keys(3, 5, np.arange(6)), 10)[4, :10]
    np.testing.assert_array_equal(one, many)


def test_streams_seeds_and_draws_differ() -> None:
    rows = [
        uniforms(block_keys(seed, stream, np.array([draw])), 20)[0]
        for seed in (0, 1)
        for stream in (1, 2**32 - 1)
        for draw in (0, 1)
    ]
    assert len({tuple(np.asarray(row)) for row in rows}) == 8


@pytest.mark.parametrize("count", [1, 2048, 2049, 2**16, 2**16 + 1])
def test_any_count_is_had(count: int) -> None:
    numbers = uniforms(block_keys(0, 1, np.arange(1)), count)
    assert numbers.shape[1] >= count
    assert (np.abs(numbers) < 1).all()


def test_the_numbers_are_uniform_and_normal() -> None:
    """Kolmogorov-Smirnov on 50,000 numbers; fixed seed, error rate 1 in 1,000 each."""
    numbers = np.asarray(uniforms(block_keys(0, 1, np.arange(1)), 50_000)[0, :50_000])
    assert stats.kstest(numbers, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert stats.kstest(np.asarray(to_normal(numbers)), stats.norm.cdf).pvalue > 1e-3


def test_the_ends_give_finite_normals() -> None:
    ends = np.array([np.nextafter(-1.0, 0), np.nextafter(1.0, 0)])
    assert np.isfinite(to_normal(ends)).all()

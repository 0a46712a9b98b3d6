"""Size beside score: the Pareto front by brute force, the order with the size held, the limits."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sed2.errors import UsageError
from sed2.options import LimitOptions
from sed2.ranking.results import Ranking
from sed2.ranking.size import of_several_sizes, on_front, size_dependence, within
from tests.report.made import made_ranking, made_result


@given(
    st.lists(
        st.tuples(st.sampled_from([1, 2, 3, math.nan]), st.sampled_from([1, 2, 3])), max_size=8
    )
)
def test_the_front_is_what_nothing_dominates(points: list[tuple[float, float]]) -> None:
    want = [
        not math.isnan(size)
        and not any(
            other <= size and its >= score and (other < size or its > score)
            for other, its in points
        )
        for size, score in points
    ]
    sizes, scores = np.array(points, float).reshape(-1, 2).T
    assert on_front(sizes, scores).tolist() == want


def test_an_order_of_the_sizes_says_so() -> None:
    """Scores that grow with log parameters, but for one model that is better than its size."""
    sizes = [3200, 1600, 100, 800, 400, 200]
    values = [60, 50, 45, 40, 30, 20]
    ranking = made_ranking(
        [
            made_result(f"m{size}", parameters=size, value=value)
            for size, value in zip(sizes, values, strict=True)
        ]
    )
    found = size_dependence(ranking)
    pairs = itertools.combinations(sizes, 2)
    tau = np.mean([np.sign(first - second) for first, second in pairs])
    assert found.tau == pytest.approx(tau)
    assert found.follows
    assert found.gained[2] == 2
    assert sum(found.gained) == 0


def test_of_equal_sizes_or_few_models_nothing_is_said() -> None:
    equal = size_dependence(made_ranking([made_result(name) for name in "abcdef"]))
    assert math.isnan(equal.tau)
    assert not equal.follows
    few = [made_result(f"m{i}", parameters=500 - i, value=500 - i) for i in range(4)]
    assert size_dependence(made_ranking(few)).tau == 1
    assert not size_dependence(made_ranking(few)).follows


def test_limits_leave_the_larger_ones_out() -> None:
    sizes = {"small": (10, 100.0), "slow": (10, 1e6), "large": (1000, 100.0), "odd": (5, math.nan)}
    assert within(sizes, LimitOptions()) == (list(sizes), ())
    assert within(sizes, LimitOptions(max_parameters=10))[1] == ("large",)
    fitting, others = within(sizes, LimitOptions(max_parameters=10, max_model_flops=1000))
    assert (fitting, others) == (["small"], ("slow", "large", "odd"))
    with pytest.raises(UsageError, match=r"no candidate .* `max_parameters`: the smallest has 5"):
        within(sizes, LimitOptions(max_parameters=4))


def test_sizes_are_looked_at_where_they_differ() -> None:
    def ranked(*sizes: int) -> Ranking:
        return made_ranking([made_result(f"m{s}", parameters=s) for s in sizes])

    assert of_several_sizes(ranked(400, 450, 500))
    assert not of_several_sizes(ranked(400, 450, 490))
    assert not of_several_sizes(ranked(400, 900))

"""Results with chosen numbers, without any computing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sed2.generalisation import evaluate, read_words
from sed2.results import (
    BlockPlan,
    BlockShare,
    BoundResult,
    Curve,
    ModelResult,
    Provenance,
    RankedModel,
    Ranking,
    Score,
)
from sed2.settings import Settings


def made_result(
    name: str = "MLP 54-16-7",
    *,
    parameters: int = 976,
    value: float = 525.5,
    error: float = 18.0,
    two_error: float = float("nan"),
    size: float = 1.0,
    eps: Sequence[float] = (0.001, 0.01, 0.1),
    **settings: object,
) -> ModelResult:
    """A result whose lower 2sED is `value` at every eps and whose 2sED is 1 more."""
    flat = np.ones(len(eps))
    return ModelResult(
        name=name,
        parameters=parameters,
        left_out=0,
        blocks=(
            BlockShare("dense_1", parameters - 112, 443, 0.75 * value * flat),
            BlockShare("dense_2", 112, 112, 0.25 * value * flat),
        ),
        settings=Settings.model_validate({"dataset": "made", "eps": eps, **settings}),
        inputs=100,
        eps=np.asarray(eps, float),
        two_sed=Curve((value + 1) * flat, two_error * flat, 0 * flat, 0 * flat),
        lower_two_sed=Curve(value * flat, error * flat, 0 * flat, 0 * flat),
        effective_sample_size=size * flat,
        lower_effective_sample_size=size * flat,
        upper_bound=2 * value * flat,
        upper_bracket=1.5 * value * flat,
        trace_bracket=1.75 * value * flat,
        max_rank=555,
        max_eigenvalue=300.0,
        score=Score(value, error, 0.0, 0.0),
        two_sed_score=Score(value + 1, two_error, 0.0, 0.0),
        plan=(
            BlockPlan("dense_1", parameters - 112, "exact, by unit", 10**6, 1e9),
            BlockPlan("dense_2", 112, "exact, by unit", 10**6, 1e9),
        ),
        warnings=(),
        provenance=Provenance("0", "0", "0", "3", "cpu", "float64", "ab", "cd"),
    )


def made_bound(result: ModelResult | None = None, **words: object) -> BoundResult:
    """The bound of a result, by default of one in the theorem's range."""
    result = result or made_result(value=700.0, zeta=0.7, n_train=100_000)
    return evaluate(result, read_words({"lipschitz": 1.0, **words}))


def made_ranking(results: Sequence[ModelResult]) -> Ranking:
    """The results in the order given."""
    return Ranking(
        models=tuple(
            RankedModel(i, result, float("nan") if i == len(results) else 1.25)
            for i, result in enumerate(results, start=1)
        ),
        settings=results[0].settings,
        crossings=(),
        warnings=(),
    )

"""Measures of random networks on one minibatch, averaged over a few draws of their parameters.

The network is sed2's chain without noise. All models see the same rows, and a model's draws belong
to its own architecture and the seed: other candidates change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from sed2.baselines.base import BaselineMeasure, Candidate, Family
from sed2.baselines.kernels import CODE_ROWS, code_kernels, input_jacobians, jacob_cov, naswot
from sed2.baselines.results import BaselineValue
from sed2.baselines.saliency import fisher, grad_norm, snip, synflow
from sed2.baselines.tracing import count_relus, trace
from sed2.blocks.convolve import use_matrix_products
from sed2.blocks.freeze import freeze
from sed2.chain import Chain
from sed2.common.memory import GB
from sed2.common.randomness import block_keys, uniforms
from sed2.data.load import choose_rows
from sed2.errors import ResourceError
from sed2.fisher.forward import intermediates
from sed2.fisher.plan import memory_budget
from sed2.fisher.ways import COPIES, FLOAT
from sed2.priors import draw_module
from sed2.settings import Prior, Settings, parse_prior

ROWS = 64
"""Inputs of the minibatch; all rows, if there are fewer."""
DRAWS = 10
"""Draws of the parameters."""

_OVERFLOW = "it is not finite: activations overflow (a smaller --prior helps)"


def _mean(values: np.ndarray) -> BaselineValue:
    """Over the draws (DRAWS,)."""
    return BaselineValue.of(values.mean(), _OVERFLOW)


def _jacob_cov(jacobians: np.ndarray) -> BaselineValue:
    """The mean over the draws under which it is defined, unless these are fewer than half.

    Args:
        jacobians: (DRAWS, N, D).
    """
    if not np.isfinite(jacobians).all():
        return BaselineValue(math.nan, _OVERFLOW)
    values = np.array([jacob_cov(one) for one in jacobians])
    defined = values[~np.isnan(values)]
    reason = (
        f"under {len(values) - len(defined)} of {len(values)} draws it is undefined: the outputs "
        "do not depend on some input, or on all features alike"
    )
    if 2 * len(defined) < len(values):
        return BaselineValue(math.nan, reason)
    return BaselineValue(float(defined.mean()), reason if len(defined) < len(values) else "")


def _naswot(kernels: np.ndarray) -> BaselineValue:
    """Of kernels (DRAWS, groups, 8, 8)."""
    return BaselineValue.of(
        naswot(kernels), f"its ReLUs tell no {CODE_ROWS} inputs apart: every K_H is singular"
    )


@dataclass(frozen=True)
class OfDraws(BaselineMeasure):
    """A measure of random networks on the minibatch."""

    of: Callable[[nnx.Sequential, jax.Array, Any], jax.Array]
    """What it is made of, under one draw, inside one compiled program: of the network, the inputs
    (N, *input_shape) and their labels (N,)."""
    summary: Callable[[np.ndarray], BaselineValue] = _mean
    """Of that under all draws, (DRAWS, ...)."""
    why_not: Callable[[Candidate, int], str] = lambda candidate, rows: ""
    """Why it is undefined for a network and so many rows whatever is drawn; empty if it is not."""


def _draws(
    candidate: Candidate, wanted: Sequence[OfDraws], progress: Callable[[int], None]
) -> dict[str, BaselineValue]:
    """
    Raises:
        ResourceError: the minibatch would not fit in memory.
    """
    chain, dataset, settings = candidate.chain, candidate.dataset, candidate.settings
    rows = choose_rows(dataset.rows, ROWS, settings.seed)
    reasons = {measure.name: measure.why_not(candidate, len(rows)) for measure in wanted}
    values = {name: BaselineValue(math.nan, reason) for name, reason in reasons.items() if reason}
    defined = tuple(measure for measure in wanted if measure.name not in values)
    if not defined:
        return values
    _check_memory(chain, len(rows), settings)
    x, y = dataset.x[rows], None if dataset.y is None else dataset.y[rows]
    drawn = []
    for draw in range(DRAWS):
        drawn.append(_run_draw(chain, defined, settings, draw, x, y))
        progress(draw + 1)
    for measure in defined:
        name = measure.name
        values[name] = measure.summary(np.stack([one[name] for one in drawn]))
    return values


def _no_loss(candidate: Candidate, rows: int) -> str:
    shape, labels = candidate.chain.blocks[-1].output_shape, candidate.dataset.y
    if labels is None:
        return "the data have no labels"
    if labels.dtype.kind == "f":
        targets, outputs = math.prod(labels.shape[1:]), math.prod(shape)
        fits = targets == outputs and len(shape) == 1
        return "" if fits else f"it has {outputs} outputs for {targets} numbers to predict"
    if len(shape) != 1:
        return f"its outputs of shape {shape} are no classes"
    if labels.min() < 0 or labels.max() >= shape[0]:
        return (
            f"its {shape[0]} outputs are no classes for labels from {labels.min()} to "
            f"{labels.max()}"
        )
    return ""


def _no_pairs(candidate: Candidate, rows: int) -> str:
    return "it compares inputs, and there is one row only" if rows < 2 else ""


def _no_codes(candidate: Candidate, rows: int) -> str:
    own, hidden = count_relus(trace(candidate.chain).jaxpr)
    if not own + hidden:
        return "the network has no ReLU"
    if hidden:
        return "some of its ReLUs are within functions compiled on their own, out of sight"
    if rows < CODE_ROWS:
        return f"it compares {CODE_ROWS} inputs, and there are {rows} rows"
    return ""


def _check_memory(chain: Chain, rows: int, settings: Settings) -> None:
    """
    Raises:
        ResourceError: activations, their gradients and the parameters would not fit.
    """
    budget = memory_budget(settings)
    numbers = rows * intermediates(trace(chain).jaxpr) + 2 * chain.parameters
    if (needed := COPIES * FLOAT * numbers) > budget:
        raise ResourceError(
            f"a minibatch of {rows} inputs needs about {needed / GB:,.1f} GB, but the budget is "
            f"{budget / GB:,.1f} GB",
            mend="Raise `memory_gb`",
        )


def _run_draw(
    chain: Chain,
    measures: tuple[OfDraws, ...],
    settings: Settings,
    draw: int,
    x: np.ndarray,
    y: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """What each measure is made of, under one draw."""
    with jax.enable_x64(True):
        number = jnp.array([draw])
        keys = [block_keys(settings.seed, block.stream, number) for block in chain.blocks]
        numbers = [
            uniforms(key, block.parameters)[0]
            for key, block in zip(keys, chain.blocks, strict=True)
        ]
        first = [key[0] for key in keys]
        prior = parse_prior(settings.prior)
        return jax.tree.map(np.asarray, _measure(chain, prior, measures, first, numbers, x, y))


@partial(jax.jit, static_argnums=range(3))
def _measure(
    chain: Chain,
    prior: Prior,
    measures: tuple[OfDraws, ...],
    keys: list[jax.Array],
    numbers: list[jax.Array],
    x: jax.Array,
    y: jax.Array | None,
) -> dict[str, jax.Array]:
    network = draw_network(chain, prior, keys, numbers, x)
    return {measure.name: measure.of(network, x, y) for measure in measures}


def draw_network(
    chain: Chain, prior: Prior, keys: list[jax.Array], numbers: list[jax.Array], x: jax.Array
) -> nnx.Sequential:
    """One draw of the whole network without noise, batch norms frozen to the statistics of x.

    Args:
        keys, numbers: of each block; see `sed2.priors.draw_module`.
        x: (N, *input_shape).
    """
    modules = []
    for block, key, uniform in zip(chain.blocks, keys, numbers, strict=True):
        module = draw_module(
            block.block, block.input_shape, prior, key, uniform[: block.parameters]
        )
        use_matrix_products(module)
        freeze(module, x)
        x = module(x)
        modules.append(module)
    return nnx.Sequential(*modules)


ZERO_COST = Family(
    measures=(
        OfDraws(
            "synflow",
            "flow through the weights' absolute values (Tanaka et al. 2020, arXiv 2006.05467)",
            lambda network, x, y: synflow(network, x),
        ),
        OfDraws(
            "snip",
            "sum of |weight times gradient| (Lee et al. 2019, arXiv 1810.02340)",
            snip,
            why_not=_no_loss,
        ),
        OfDraws(
            "grad_norm",
            "norms of the gradients of the weights (Abdelfattah et al. 2021, arXiv 2101.08134)",
            grad_norm,
            why_not=_no_loss,
        ),
        OfDraws(
            "fisher",
            "squared activation times gradient, by channel (Turner et al. 2020, arXiv 1906.04113)",
            fisher,
            why_not=_no_loss,
        ),
        OfDraws(
            "jacob_cov",
            "how little the inputs' Jacobians correlate (Mellor et al. 2020, arXiv 2006.04647v1)",
            lambda network, x, y: input_jacobians(network, x),
            _jacob_cov,
            _no_pairs,
        ),
        OfDraws(
            "naswot",
            "log-determinant of the agreement of ReLU codes, as a variant: of 8 inputs at a time, "
            "determinants averaged (Mellor et al. 2021, arXiv 2006.04647)",
            lambda network, x, y: code_kernels(network, x),
            _naswot,
            _no_codes,
        ),
    ),
    steps=lambda settings: DRAWS,
    run=_draws,
)

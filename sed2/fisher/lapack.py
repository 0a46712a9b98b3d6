"""Fisher spectra of chains of plain dense layers by NumPy and LAPACK: nothing is compiled.

The same random numbers as `sed2.fisher.xla`, the same factors and so the same spectra, to rounding.
But what does not count is left out of a factor before its singular values are taken:

- directions that the inputs have none of, by one decomposition for all units;
- the inputs at which a unit is off, or whose weight is 0, which are rows of zeros.

Where features are wide, the Gram matrices of units are parts of one matrix, and their eigenvalues
are taken where they are as good as singular values (`sed2.fisher.squares`).

The jackknife over inputs runs draws again with other weights: what these do not change, parameters,
outputs and derivatives, is made once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from sed2.chain import ChainBlock, dense_layers
from sed2.common import threefry
from sed2.common.threads import in_threads
from sed2.fisher.items import Items
from sed2.fisher.squares import are_as_good
from sed2.fisher.ways import FLOAT
from sed2.measure.spectra import BlockSpectrum
from sed2.priors import draw_dense
from sed2.settings import SpectraSettings, parse_prior

_BATCH_BYTES = 4 * 2**20  # of factors at a time: within the caches
_WIDE = 1.5  # times its rows: a Jacobian of more columns has full rank without some of them
_ROWS = 8  # the active inputs of units are counted in steps of so many, to be taken together


def run_chain(
    items: Items, length: int, x: np.ndarray | None = None, start: int = 0
) -> Generator[tuple[BlockSpectrum, Callable[[], np.ndarray]]]:
    """As `sed2.fisher.xla.run_chain`; but nothing is filled up, and nothing looks at the noisy
    output of the last block, which has none here."""
    pairs = np.stack([items.draws, items.sigma], axis=1)
    runs, first, run = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    run = run.ravel()  # NumPy 2.0 gives it the axes of the pairs
    draws, sigma = runs[:, 0].astype(int), runs[:, 1]
    x = items.inputs.astype(float)[None] if x is None else x[first]
    samples = x.shape[1]
    in_mean = items.weights / samples**0.5
    scaled = in_mean / np.where(items.sigma > 0, items.sigma, 1)[:, None]
    blocks = list(zip(items.chain.blocks, items.plan.ways, strict=True))[start:]
    for block, way in blocks:
        is_last = block is items.chain.blocks[-1]
        is_noisy = not is_last and bool(sigma.any())
        noise = samples * math.prod(block.output_shape) if is_noisy else 0
        keys = threefry.block_keys(items.settings.seed, block.stream, draws)
        uniform = threefry.uniforms(keys, block.parameters + noise)
        with np.errstate(all="ignore"):  # a spectrum that is not finite is told
            passes = _forward(
                block, items.settings, uniform, x, shared=block is items.chain.blocks[0]
            )
            mean = passes[-1].output
            if way.name == "units":
                factor = _OfUnits(passes[0].features, scaled, run)
                values, weight = factor.by_unit(passes[0].slopes, block.output_shape[-1])
            elif is_last and items.settings.likelihood == "categorical":
                values, weight = _whole(passes, in_mean, run, categorical=True), 1
            else:
                values, weight = _whole(passes, scaled, run, categorical=False), 1
            activations = np.sqrt(np.mean(mean**2, axis=(1, 2)))[run]
        padded = np.zeros((*values.shape[:2], way.kept // values.shape[1]))
        padded[..., : values.shape[2]] = values
        weights = np.full((len(items), 1, 1), float(weight))
        spectrum = BlockSpectrum(block.name, block.parameters, padded, weights, activations)
        x = _noisy(mean, uniform, block, sigma) if is_noisy else mean
        yield spectrum, partial(x.__getitem__, run)


def _noisy(
    mean: np.ndarray, uniform: np.ndarray, block: ChainBlock, sigma: np.ndarray
) -> np.ndarray:
    noise = threefry.to_normal(uniform[:, block.parameters :]).reshape(mean.shape)
    noisy: np.ndarray = mean + sigma[:, None, None] * noise
    return noisy


@dataclass(frozen=True)
class _Pass:
    """One layer under D draws. An axis of draws of length 1 stands for all of them."""

    features: np.ndarray
    """(1 or D, N, r) what the parameters of a unit are multiplied by, compressed."""
    kernel: np.ndarray
    """(D, inputs, units)."""
    slopes: np.ndarray | None
    """(D, N, units) derivatives of the activation; None if it is the identity."""
    output: np.ndarray
    """(D, N, units)."""


def _forward(
    block: ChainBlock,
    settings: SpectraSettings,
    uniform: np.ndarray,
    x: np.ndarray,
    *,
    shared: bool,
) -> list[_Pass]:
    """
    Args:
        x: (D, N, width), or if it is shared by all draws (1, N, width).
    """
    passes: list[_Pass] = []
    used = 0
    for layer in dense_layers(block.block, block.input_shape):
        width = x.shape[-1]
        size = layer.parameter_count((width,))
        numbers = uniform[:, used : used + size]
        drawn = draw_dense(parse_prior(settings.prior), width, layer.features, layer.bias, numbers)
        assert drawn is not None  # no `init`
        used += size
        *bias, kernel = drawn
        z = x @ kernel
        features = x
        if bias:
            z += bias[0][:, None]
            features = np.concatenate([x, np.ones((*x.shape[:-1], 1))], axis=-1)
        slopes = None if layer.is_linear else (z > 0).astype(float)
        output = z if slopes is None else np.maximum(z, 0)
        features = _compressed(features, shared=shared)
        shared = False  # whatever the number of draws: one of them rounds as among others
        passes.append(_Pass(features, kernel, slopes, output))
        x = output
    return passes


def _compressed(features: np.ndarray, *, shared: bool) -> np.ndarray:
    """(..., N, r) with the same Gram matrices X X^T: of inputs that all draws share, their rank;
    of others at most N."""
    if not np.isfinite(features).all():
        return features
    if shared:
        return _with_rank(features[0])[None]
    if features.shape[2] > features.shape[1]:
        triangle: Any = np.linalg.qr(features.swapaxes(1, 2), mode="r")
        lower: np.ndarray = triangle.swapaxes(1, 2)
        return lower
    return features


def _with_rank(matrix: np.ndarray) -> np.ndarray:
    """(N, rank) of the same Gram matrix X X^T."""
    left, values, _ = np.linalg.svd(matrix, full_matrices=False)
    rank = int(np.count_nonzero(values > _noise(values, matrix.shape)))
    product: np.ndarray = left[:, :rank] * values[:rank]
    return product


def _noise(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Below which singular values of a matrix are zeros, as `sed2.fisher.roots` has it."""
    noise: np.ndarray = max(shape) * np.finfo(float).eps * values[..., :1]
    return noise


@dataclass(frozen=True)
class _OfUnits:
    """The factors diag(c) X of units, by their coefficients c."""

    features: np.ndarray
    """(1 or D, N, r) X."""
    scaled: np.ndarray
    """(B, N) square roots of the inputs' weights in F."""
    run: np.ndarray
    """(B,) the draw of each item."""

    @cached_property
    def products(self) -> np.ndarray:
        """(1 or D, N, N) X X^T."""
        products: np.ndarray = self.features @ self.features.swapaxes(1, 2)
        return products

    def by_unit(self, slopes: np.ndarray | None, units: int) -> tuple[np.ndarray, int]:
        """(B, groups, r) singular values, and how many units each group stands for."""
        if slopes is None:
            return self._values(self.scaled[:, None]), units
        return self._values(self.scaled[:, None] * slopes.swapaxes(1, 2)[self.run]), 1

    def _values(self, coefficients: np.ndarray) -> np.ndarray:
        items, groups, samples = coefficients.shape
        _, _, width = self.features.shape
        flat = coefficients.reshape(-1, samples)
        draws = np.repeat(self.run if len(self.features) > 1 else np.zeros(items, int), groups)
        active = flat != 0
        steps = -(-active.sum(axis=1) // _ROWS)
        order = np.argsort(~active, axis=1, kind="stable")  # those that count come first
        found = np.zeros((len(flat), min(samples, width)))

        def fill(of_batch: tuple[int, np.ndarray]) -> None:
            rows, places = of_batch
            inputs = order[places, :rows]
            chosen = np.take_along_axis(flat[places], inputs, axis=1)
            found[places, : min(rows, width)] = self._of_batch(draws[places], inputs, chosen)

        batches = []
        for step in np.unique(steps[steps > 0]) if width else []:
            rows = min(int(step) * _ROWS, samples)
            batch = max(1, _BATCH_BYTES // (FLOAT * rows * width))
            which = np.flatnonzero(steps == step)
            batches += [(rows, part) for part in np.split(which, range(batch, len(which), batch))]
        in_threads(fill, batches)
        return found.reshape(items, groups, -1)

    def _of_batch(self, draws: np.ndarray, inputs: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """(b, min(rows, r)) singular values of some factors, of these inputs (b, rows) with these
        coefficients, of which a few at the end may be zero."""
        rows, samples = inputs.shape[1], self.scaled.shape[1]

        def exact(some: np.ndarray) -> np.ndarray:
            factors = self.features[draws[some, None], inputs[some]]
            return _singular_values(factors, chosen[some][..., None], samples)

        if self.features.shape[2] < rows:  # the square would save little
            return exact(np.arange(len(draws)))
        grams = self.products[draws[:, None, None], inputs[:, :, None], inputs[:, None]]
        values = _roots(grams * (chosen[:, :, None] * chosen[:, None]))
        ranks = (chosen != 0).sum(axis=1)  # if the squares are as good
        for rank in np.unique(ranks):
            of_rank = np.flatnonzero(ranks == rank)
            values[of_rank, rank:] = 0
            others = of_rank[~are_as_good(values[of_rank, :rank])]
            if len(others):
                values[others] = exact(others)
        return values


def _roots(grams: np.ndarray) -> np.ndarray:
    """(..., n) square roots of eigenvalues, largest first; NaN of a matrix that is not finite."""
    finite = np.isfinite(grams).all(axis=(-2, -1), keepdims=True)
    eigenvalues = np.linalg.eigvalsh(np.where(finite, grams, 0.0))[..., ::-1]
    roots: np.ndarray = np.where(finite[..., 0], np.sqrt(np.maximum(eigenvalues, 0.0)), np.nan)
    return roots


def _singular_values(factors: np.ndarray, coefficients: np.ndarray, samples: int) -> np.ndarray:
    """(..., min(rows, columns)), largest first, with rounding noise set to exact zero; NaN of a
    factor that is not finite.

    Args:
        coefficients: of the rows, which broadcast.
        samples: rows of the whole factor, of which some were zero.
    """
    with np.errstate(all="ignore"):
        factors = factors * coefficients
    finite = np.isfinite(factors).all(axis=(-2, -1), keepdims=True)
    clean = factors if finite.all() else np.where(finite, factors, 0.0)
    values = np.linalg.svd(clean, compute_uv=False)
    noise = _noise(values, (samples, factors.shape[-1]))
    cleaned: np.ndarray = np.where(finite[..., 0], np.where(values > noise, values, 0.0), np.nan)
    return cleaned


def _whole(
    passes: Sequence[_Pass], scaled: np.ndarray, run: np.ndarray, *, categorical: bool
) -> np.ndarray:
    """(B, 1, r) roots of a network as one block, from its whole Jacobian."""
    found: list[np.ndarray] = [np.empty(0)] * len(run)

    def fill(draw: int) -> None:
        jacobian = _jacobian(passes, draw, categorical=categorical)
        samples, outputs, _ = jacobian.shape
        for item in np.flatnonzero(run == draw):
            on = scaled[item] != 0
            weights = np.repeat(scaled[item][on], outputs)[:, None]
            rows = jacobian[on].reshape(len(weights), -1)
            found[item] = _singular_values(rows, weights, samples * outputs)

    in_threads(fill, range(len(passes[-1].output)))
    longest = max(map(len, found))
    return np.stack([np.pad(values, (0, longest - len(values))) for values in found])[:, None]


def _jacobian(passes: Sequence[_Pass], draw: int, *, categorical: bool) -> np.ndarray:
    """(N, outputs, C) of a network under one draw, up to a rotation within each unit's columns."""
    mean = passes[-1].output[draw]
    samples, outputs = mean.shape
    back = np.broadcast_to(np.eye(outputs), (samples, outputs, outputs))
    columns = []
    with np.errstate(all="ignore"):
        if categorical:  # diag(q) (I - 1 p^T), q = sqrt(p): see `sed2.fisher.likelihood`
            exponentials = np.exp(mean - mean.max(axis=1, keepdims=True))
            p = exponentials / exponentials.sum(axis=1, keepdims=True)
            back = np.sqrt(p)[:, :, None] * (back - p[:, None])
        for its in reversed(passes):
            if its.slopes is not None:
                back = back * its.slopes[draw][:, None]
            features = its.features[draw if len(its.features) > 1 else 0]
            columns.append(_columns(features, back))
            back = back @ its.kernel[draw].T
    jacobian = np.concatenate(columns, axis=2)
    whole = jacobian.reshape(1, samples * outputs, -1)
    return _compressed(whole, shared=False).reshape(samples, outputs, -1)


def _columns(features: np.ndarray, back: np.ndarray) -> np.ndarray:
    """(N, outputs, C) columns of a layer's parameters in the Jacobian, up to a rotation within
    those of each unit, and without those that are zero.

    Args:
        features: (N, p) of the layer.
        back: (N, outputs, units) derivatives of the outputs by what its units add up.
    """
    samples, outputs, units = back.shape
    if units * features.shape[1] > _WIDE * samples * outputs or not np.isfinite(features).all():
        return (back[..., None] * features[:, None, None]).reshape(samples, outputs, -1)
    active = (back != 0).any(axis=1)
    found = []
    for unit in range(units):
        on = active[:, unit]
        of_unit = np.zeros_like(features)
        if on.any():
            compressed = features if on.all() else _with_rank(features[on])
            of_unit = of_unit[:, : compressed.shape[1]]
            of_unit[on] = compressed
            found.append(back[:, :, unit, None] * of_unit[:, None])
    return np.concatenate(found, axis=2) if found else np.zeros((samples, outputs, 0))

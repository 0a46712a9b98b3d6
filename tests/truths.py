"""True values of 2sED and lower 2sED for tiny models, in numpy, independent of sed2's code.

The Fisher matrix is written out from its definition (docs/concepts/measure.md, section 2),
and expectations are by quadrature or by millions of draws.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import special


def tanh_layer(x: np.ndarray, units: int, scale: float, eps: np.ndarray) -> np.ndarray:
    """(E,) 2sED of one bias-free tanh layer with normal parameters of that scale, 1 or 2 inputs.

    F of one unit is (1/N) sum_n (1 - tanh(w x_n)^2)^2 x_n x_n^T / sigma^2, and sigma cancels. The
    expectation over w is by Gauss-Hermite quadrature; the units are independent."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(201 if x.shape[1] == 1 else 121)
    grids = np.meshgrid(*[scale * nodes] * x.shape[1])
    w = np.stack([grid.ravel() for grid in grids], axis=1)
    mass = np.prod([m.ravel() for m in np.meshgrid(*[weights] * x.shape[1])], axis=0)
    mass /= mass.sum()
    gains = 1 - np.tanh(w @ x.T) ** 2
    factors = gains[:, :, None] * x / np.sqrt(len(x))
    roots = np.linalg.svd(factors, compute_uv=False)
    normaliser = x.shape[1] / (mass @ np.square(roots).sum(axis=1))
    values = []
    for radius in eps:
        logdets = np.log1p(np.sqrt(normaliser) * roots / radius).sum(axis=1)
        values.append(units * np.log(mass @ np.exp(logdets)) / abs(np.log(radius)))
    return np.array(values)


def relu_layer(
    x: np.ndarray, units: int, amplitude: float, chains: int, steps: int, seed: int = 0
) -> tuple[float, float, float]:
    """log E[exp(logdet)] of one bias-free ReLU layer with sigma = 1 and uniform parameters,
    for more inputs than quadrature can do.

    By annealed importance sampling (Neal 2001, doi:10.1023/A:1008923215028), one unit to the power
    of their number: exp of a chain's gains on its way to the tilt has the right mean, however badly
    it mixes. Plain draws, which are chains of one step, miss the few that carry the mean, and say
    nothing of it.

    Returns:
        the value, its standard error, and how many of the chains carry it (Kish).
    """
    rng, length = np.random.default_rng(seed), 1.0

    def logdet(z: np.ndarray) -> np.ndarray:
        parts = [_relu_logdet(part, x, amplitude) for part in np.array_split(z, -(-chains // 2000))]
        return np.concatenate(parts)

    z = rng.normal(size=(chains, x.shape[1]))
    value, gain = logdet(z), np.zeros(chains)
    for step in range(steps):
        if step:
            moved = np.sqrt(1 - length**2) * z + length * rng.normal(size=z.shape)
            there = logdet(moved)
            accepted = np.log(rng.random(chains)) < step / steps * (there - value)
            z, value = np.where(accepted[:, None], moved, z), np.where(accepted, there, value)
            length = min(1.0, length * np.exp(0.1 * (accepted.mean() - 0.3)))
        gain += value / steps
    weights = np.exp(gain - gain.max())
    error = units * weights.std() / weights.mean() / np.sqrt(chains)
    size = weights.sum() ** 2 / (weights**2).sum()
    return units * float(np.log(weights.mean()) + gain.max()), float(error), float(size)


def _relu_logdet(z: np.ndarray, x: np.ndarray, amplitude: float) -> np.ndarray:
    """(B,) of units whose parameters are uniform, the images of normal z (B, inputs) under erf."""
    active = special.erf(z / np.sqrt(2)) @ x.T > 0
    factors = active[:, :, None] * x / np.sqrt(len(x))
    eigenvalues = np.linalg.eigvalsh(np.matmul(factors.transpose(0, 2, 1), factors))
    eigenvalues[eigenvalues < 1e-13 * eigenvalues[:, -1:]] = 0
    return np.log1p(amplitude * np.sqrt(eigenvalues)).sum(axis=1)


def relu_chain(
    x: np.ndarray,
    widths: tuple[int, ...],
    sigma: float,
    eps: np.ndarray,
    draws: int,
    seed: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """2sED and lower 2sED of a bias-free ReLU network with a linear last layer, by brute force.

    Parameters uniform on (-1, 1)/sqrt(fan_in), noise after every layer.

    Returns:
        (E,) each, and the larger of their standard errors over the draws.
    """
    rng = np.random.default_rng(seed)
    layers = list(pairwise(widths))
    roots: list[list[np.ndarray]] = [[] for _ in layers]
    for start in range(0, draws, 50_000):
        count = min(50_000, draws - start)
        current = np.broadcast_to(x, (count, *x.shape))
        for j, (fan_in, fan_out) in enumerate(layers):
            w = rng.uniform(-1, 1, size=(count, fan_in, fan_out)) / np.sqrt(fan_in)
            z = current @ w
            last = j == len(layers) - 1
            gains = np.ones_like(z) if last else (z > 0).astype(float)
            factors = gains.transpose(0, 2, 1)[..., None] * current[:, None]
            gram = np.matmul(factors.transpose(0, 1, 3, 2), factors) / (sigma**2 * len(x))
            eigenvalues = np.maximum(np.linalg.eigvalsh(gram), 0)
            eigenvalues[eigenvalues < 1e-13 * eigenvalues.max(axis=-1, keepdims=True)] = 0
            roots[j].append(np.sqrt(eigenvalues).reshape(count, -1))
            current = z * gains + sigma * rng.normal(size=z.shape)
    joined = [np.concatenate(parts) for parts in roots]
    parameters = sum(a * b for a, b in layers)
    trace = np.mean(np.sum([np.square(part).sum(axis=1) for part in joined], axis=0))
    root_scale = np.sqrt(parameters / trace)
    two, lower, errors = [], [], []
    for radius in eps:
        logdets = np.stack([np.log1p(root_scale * r / radius).sum(axis=1) for r in joined], axis=1)
        weights = np.exp(np.cumsum(logdets, axis=1))
        c = 1 / abs(np.log(radius))
        two.append(c * np.log(weights[:, -1].mean()))
        value = c * np.log(weights[:, 0].mean())
        error = [c * w.std() / w.mean() / np.sqrt(draws) for w in (weights[:, -1], weights[:, 0])]
        for j in range(1, len(layers)):
            density = weights[:, j - 1] / weights[:, j - 1].mean()
            mean = (density * logdets[:, j]).mean()
            value += c * mean
            error.append(c * (density * (logdets[:, j] - mean)).std() / np.sqrt(draws))
        lower.append(value)
        errors.append(max(error[0], sum(error[1:])))
    return np.array(two), np.array(lower), np.array(errors)

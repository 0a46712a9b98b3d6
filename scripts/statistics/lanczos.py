"""How far Lanczos quadrature is off, on spectra that are known and on two networks.

    python -m scripts.statistics.lanczos
    python -m scripts.statistics.lanczos --dataset cifar.npz

Of each, one probe: Gauss's rule alone, the estimate between the two rules, its error in gaps of
the two, and the standard error that sed2 states. Its root mean square over all lines is what
`sed2.measure.spectra.SHARE_ERROR` is for. With data, 2sED of networks with one block of ViT-Tiny
and one of ResNet-18, one draw and probe, by more and more steps.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import sed2
from scripts.common.pages import table
from sed2.fisher.generic import lanczos_roots
from sed2.fisher.roots import Roots
from sed2.fisher.ways import Way
from sed2.measure.spectra import BlockSpectrum

STEPS = (32, 64, 128)
AMPLITUDES = (3.0, 10.0, 100.0, 1000.0)
"""1 / eps, with a mean eigenvalue of 1."""
SIZE = 3_000
SEED = 0
_CONV = {"features": 64, "kernel_size": 3, "bias": False, "norm": "batch"}


def spectra(rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """Names and eigenvalues, their mean not yet 1."""
    i = np.arange(1.0, SIZE + 1)
    for power in (1, 2, 3):
        yield f"i^-{power}", i**-power
    yield "exp(-i / 200)", np.exp(-i / 200)
    square = rng.normal(size=(SIZE // 2, SIZE // 2))
    yield "Marchenko-Pastur, square", np.linalg.svd(square, compute_uv=False) ** 2
    yield "log-normal, s = 3", np.exp(3 * rng.normal(size=SIZE))
    rank_deficient = np.exp(4 * rng.normal(size=SIZE))
    rank_deficient[: SIZE // 3] = 0
    yield "log-normal, s = 4, a third 0", rank_deficient


def lines(steps: tuple[int, ...] = STEPS) -> Iterator[tuple[list[str], float]]:
    """Cells of each line, and the error in gaps."""
    rng = np.random.default_rng(SEED)
    for name, eigenvalues in spectra(rng):
        eigenvalues = eigenvalues / eigenvalues.mean()
        uniform = rng.uniform(-1, 1, size=len(eigenvalues))
        for count in steps:
            block = of_probe(name, eigenvalues, uniform, count)
            for amplitude in AMPLITUDES:

                def logs(roots: np.ndarray, a: float = amplitude) -> np.ndarray:
                    return np.log1p(a * roots)

                exact = logs(np.sqrt(eigenvalues)).sum()  # signs: the probe has no noise
                (value,), (error,) = block.total(logs)
                above = block.sums(logs(block.roots)).sum()
                assert block.below
                gap = above - block.below.sums(logs(block.below.roots)).sum()
                off = (value - exact) / gap if gap > 1e-9 * exact else 0.0
                shares = (above / exact - 1, value / exact - 1, error / exact)
                cells = [name, f"{1 / amplitude:.2g}", str(count)]
                yield [*cells, *(f"{share:+.2%}" for share in shares), f"{off:+.2f}"], off


@partial(jax.jit, static_argnums=2)
def _roots(diagonal: jax.Array, uniform: jax.Array, way: Way) -> Roots:
    return lanczos_roots(lambda v: diagonal * v, diagonal.size, way, uniform)


def of_probe(name: str, eigenvalues: np.ndarray, uniform: np.ndarray, steps: int) -> BlockSpectrum:
    """The spectrum of a diagonal matrix, by one probe."""
    way = Way("lanczos", batch=1, samples=1, population=np.inf, steps=steps)
    with jax.enable_x64(True):
        roots = _roots(jnp.asarray(eigenvalues), jnp.asarray(uniform), way)

    return _spectrum(name, roots)


def _spectrum(name: str, of: Roots) -> BlockSpectrum:
    values, weights = np.asarray(of.values)[None], np.asarray(of.weights)[None]
    rules = (_spectrum(name, rule) if rule else None for rule in (of.below, of.coarse))
    return BlockSpectrum(name, SIZE, values, weights, np.ones(1), 1.0, *rules)


NETWORKS: dict[str, list[Any]] = {
    "a block of ViT-Tiny": [
        {"conv": {"features": 192, "kernel_size": 8, "strides": 8, "padding": "VALID"}},
        {"tokens": {"class_token": True, "positions": "learned"}},
        {"transformer": {"heads": 3}},
        {"pool": {"kind": "first"}},
        {"dense": {"features": 10}},
    ],
    "a block of ResNet-18": [
        {"conv": {"features": 64, "kernel_size": 3, "strides": 4, "activation": "relu"}},
        {
            "residual": {
                "blocks": [
                    {"conv": {**_CONV, "activation": "relu"}},
                    {"conv": _CONV},
                ],
                "activation": "relu",
            }
        },
        {"pool": {"kind": "global"}},
        {"dense": {"features": 10}},
    ],
}


def of_networks(dataset: Path) -> Iterator[list[str]]:
    """Cells of each line."""
    for name, blocks in NETWORKS.items():
        for steps in (32, 64, 128, 256):
            its = {"samples": 100, "draws": 1, "input_groups": 0, "lanczos_steps": steps}
            spec = {"models": [{"name": name, "blocks": blocks}]}
            result = sed2.compute(spec, dataset=str(dataset), eps=0.1, **its)
            value, error = result.two_sed.estimate[0], result.two_sed.std_error_spectra[0]
            assert any("Lanczos" in block.way for block in result.plan)
            yield [
                name,
                str(steps),
                f"{value:,.0f}",
                f"{error:,.0f}",
                f"{result.cost.cpu_seconds:.0f}",
            ]


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="How far Lanczos quadrature is off.")
    parser.add_argument("--dataset", type=Path, help="images; then networks are taken")
    dataset = parser.parse_args(given).dataset
    if dataset:
        columns = ("network", "steps", "2sED", "stated error", "CPU seconds")
        print(*table(columns, of_networks(dataset)), sep="\n")
        return
    found = list(lines())
    columns = ("spectrum", "eps", "steps", "Gauss alone", "estimate", "stated error", "in gaps")
    print(*table(columns, [cells for cells, _ in found]), sep="\n")
    off = np.array([of for _, of in found if of])
    print(
        f"\nIn gaps: root mean square {np.sqrt(np.mean(off**2)):.3f}, largest {abs(off).max():.2f}"
    )


if __name__ == "__main__":
    main()

"""How far Lanczos quadrature is off, on spectra that are known.

    python -m scripts.statistics.lanczos

Of each, one probe: Gauss's rule alone, the estimate between the two rules, its error in gaps of
the two, and the standard error that sed2 states. Its root mean square over all lines is what
`sed2.measure.spectra.SHARE_ERROR` is for.
"""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from scripts.common.pages import table
from sed2.fisher.generic import lanczos_roots
from sed2.fisher.ways import Way
from sed2.measure.spectra import BlockSpectrum

STEPS = (32, 64, 128)
AMPLITUDES = (3.0, 10.0, 100.0, 1000.0)
"""1 / eps, with a mean eigenvalue of 1."""
SIZE = 3_000
SEED = 0


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


def of_probe(name: str, eigenvalues: np.ndarray, uniform: np.ndarray, steps: int) -> BlockSpectrum:
    """The spectrum of a diagonal matrix, by one probe."""
    way = Way("lanczos", batch=1, samples=1, population=np.inf, steps=steps)
    with jax.enable_x64(True):
        diagonal = jnp.asarray(eigenvalues)
        roots = lanczos_roots(lambda v: diagonal * v, len(eigenvalues), way, jnp.asarray(uniform))

    def spectrum(of: object) -> BlockSpectrum | None:
        if of is None:
            return None
        rules = spectrum(of.below), spectrum(of.coarse)  # type: ignore[attr-defined]
        arrays = np.asarray(of.values)[None], np.asarray(of.weights)[None]  # type: ignore[attr-defined]
        return BlockSpectrum(name, len(eigenvalues), *arrays, np.ones(1), 1.0, *rules)

    made = spectrum(roots)
    assert made
    return made


def main() -> None:
    found = list(lines())
    columns = ("spectrum", "eps", "steps", "Gauss alone", "estimate", "stated error", "in gaps")
    print(*table(columns, [cells for cells, _ in found]), sep="\n")
    off = np.array([of for _, of in found if of])
    print(
        f"\nIn gaps: root mean square {np.sqrt(np.mean(off**2)):.3f}, largest {abs(off).max():.2f}"
    )


if __name__ == "__main__":
    main()

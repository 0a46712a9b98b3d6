"""Small inputs that many tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sed2.data.catalogue import DATASETS
from sed2.data.load import Dataset, hash_arrays
from sed2.measure.spectra import BlockSpectrum, Spectra
from sed2.results import ModelResult
from sed2.settings import Settings
from sed2.spec.schema import load_spec


def dataset(x: np.ndarray) -> Dataset:
    """Any array as a data set, without a file."""
    x = np.asarray(x, float)
    return Dataset("test", x, None, False, "test", hash_arrays(x))


def gaussian_inputs(rows: int, width: int, seed: int = 0) -> np.ndarray:
    """Correlated, so that no eigenvalue of E[x x^T] repeats."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, width)) @ rng.normal(size=(width, width))


def estimate_spec(spec: str | dict[str, object], x: np.ndarray, **settings: object) -> ModelResult:
    """The whole pipeline for one model, on an array."""
    from sed2.estimate import estimate

    model = load_spec(spec).models[0]
    return estimate(model, dataset(x), Settings.model_validate({"dataset": "test", **settings}))


def block_spectrum(
    name: str, parameters: int, roots: np.ndarray, multiplicity: float = 1.0
) -> BlockSpectrum:
    """An exact spectrum, every root of the same multiplicity."""
    return BlockSpectrum(
        name, parameters, roots, np.full((1, 1, 1), multiplicity), np.ones(len(roots))
    )


def spectra(
    seed: int, draws: int = 6, sizes: tuple[int, ...] = (4, 3), spread: float = 1.0
) -> Spectra:
    """Spectra of several blocks without any network; parameters exceed the ranks by one."""
    rng = np.random.default_rng(seed)
    return Spectra(
        tuple(
            block_spectrum(
                f"block_{j}", size + 1, np.exp(spread * rng.normal(size=(draws, 1, size)))
            )
            for j, size in enumerate(sizes, start=1)
        )
    )


def offline_settings(config: Path, folder: Path) -> dict[str, str]:
    """With which a config runs without a network: random numbers for data that do not ship."""
    info = DATASETS[load_spec(config).settings["dataset"]]
    if info.bundled:
        return {}
    x = np.random.default_rng(0).normal(size=(20, *info.input_shape))
    np.savez(folder / "random.npz", x=x)
    return {"dataset": str(folder / "random.npz")}


def host_devices(count: int) -> dict[str, str]:
    """Environment of a process in which the CPU is so many devices, all of which are used."""
    return {
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={count}",
        "PJRT_NPROC": "8",
    }

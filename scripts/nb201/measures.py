"""What is computed of a cell: forms of 2sED and baselines, of the same network."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import erfinv, softmax

from scripts.nb201.network import Run, run
from scripts.nb201.space import CLASSES, Size, flops, network
from sed2.baselines.draws import DRAWS, ROWS
from sed2.baselines.kernels import CODE_ROWS, jacob_cov, naswot
from sed2.chain import Chain, ChainBlock, build_chain
from sed2.common.randomness import block_keys, uniforms
from sed2.data.load import Dataset, choose_inputs, choose_rows
from sed2.fisher.generic import roots_of_recurrence
from sed2.fisher.roots import Roots
from sed2.fisher.ways import FEW
from sed2.measure.logdet import log_determinants
from sed2.measure.spectra import BlockSpectrum, Spectra
from sed2.measure.two_sed import lower_two_sed, two_sed
from sed2.settings import Settings

EPS = (0.3, 0.1)
LARGEST, WIDEST = 1500, 4096
"""Rows of a Gram matrix, and of a Jacobian: beyond, Lanczos quadrature takes less time."""
SCORES = ("lower", "end_to_end", "joint")
BASELINES = ("params", "flops", "snip", "synflow", "jacob_cov", "naswot")
NAMES = (*(f"{score}_{eps}" for eps in EPS for score in SCORES), *BASELINES)


def settings_of(size: Size) -> Settings:
    """Those of the tool, written out, so that other defaults would not change what is shown."""
    return Settings.model_validate(
        {
            "samples": size.samples,
            "draws": size.draws,
            "prior": "torch",
            "sigma": 0.01,
            "seed": 0,
            "input_groups": 0,
        }
    )


def measure(arch: str, size: Size, dataset: Dataset) -> dict[str, float]:
    """All of `NAMES`; NaN where a measure is undefined."""
    return scores(arch, size, dataset) | baselines(arch, size, dataset)


def scores(arch: str, size: Size, dataset: Dataset) -> dict[str, float]:
    """Lower 2sED, 2sED end-to-end and their geometric mean."""
    settings, eps = settings_of(size), np.array(EPS)
    inputs = choose_inputs(dataset, settings.samples, settings.seed)
    found = {}
    for kind in ("blocks", "end-to-end"):
        chain = build_chain(network(arch, size).blocks, dataset.input_shape, kind)
        logdets = log_determinants(spectra(chain, inputs, settings), eps, 0.0).values
        of = lower_two_sed if kind == "blocks" else two_sed
        found[kind] = of(logdets, eps, 0.0, 0)
    both = {
        "lower": found["blocks"],
        "end_to_end": found["end-to-end"],
        "joint": np.sqrt(found["blocks"] * found["end-to-end"]),
    }
    return {f"{name}_{each}": float(both[name][i]) for i, each in enumerate(EPS) for name in both}


def spectra(chain: Chain, inputs: np.ndarray, settings: Settings) -> Spectra:
    """As `sed2.fisher` has them under the same draws: by Gram matrices where they are
    small, so that roots below about 1e-7 of the largest are lost; by Lanczos quadrature beyond."""
    found: list[BlockSpectrum] = []
    passed = [inputs] * settings.draws
    for block in chain.blocks:
        outputs = math.prod(block.output_shape)
        rows = len(inputs) * outputs
        exact = min(block.parameters, rows) <= LARGEST and rows <= WIDEST
        numbers = _numbers(block, settings, settings.draws, rows * (1 if exact else 2))
        drawn = []
        for draw in range(settings.draws):
            made = run(block, passed[draw], numbers[draw])
            mean = made.values[-1].reshape(len(inputs), *block.output_shape)
            size = np.array([math.sqrt((mean**2).mean())])
            rest = numbers[draw, block.parameters :]
            if exact:
                roots = Roots(_roots(made.gram(block.parameters))[None], np.ones((1, 1)))
            else:
                roots = _quadrature(made, settings.lanczos_steps, rest[rows : 2 * rows])
            drawn.append(_spectrum(block, roots, settings.sigma * math.sqrt(len(inputs)), size))
            noise = rest[:rows].reshape(mean.shape)
            passed[draw] = mean + settings.sigma * math.sqrt(2) * erfinv(noise)
        found.append(BlockSpectrum.joined(drawn))
    return Spectra(tuple(found))


def baselines(arch: str, size: Size, dataset: Dataset) -> dict[str, float]:
    """As `sed2.baselines` has them, of the same draws and inputs."""
    settings = settings_of(size)
    chain = build_chain(network(arch, size).blocks, dataset.input_shape)
    rows = choose_rows(dataset.rows, ROWS, settings.seed)
    assert dataset.y is not None
    x, y = dataset.x[rows], np.eye(CLASSES)[dataset.y[rows]]
    drawn = [_numbers(block, settings, DRAWS) for block in chain.blocks]
    found: dict[str, list[float]] = {"snip": [], "synflow": [], "jacob_cov": []}
    kernels = []
    for draw in range(DRAWS):
        numbers = np.concatenate(
            [
                each[draw, : block.parameters]
                for each, block in zip(drawn, chain.blocks, strict=True)
            ]
        )
        made = _whole(chain, x, numbers)
        logits = made.values[-1][:, 0]
        found["snip"].append(_sum_of_sizes(made.saliency((softmax(logits, axis=1) - y) / len(x))))
        found["jacob_cov"].append(jacob_cov(made.to_input(np.ones_like(logits))))
        kernels.append(_code_kernels(made.codes))
        flowing = _whole(chain, np.ones_like(x[:1]), numbers, flow=True)
        found["synflow"].append(_sum_of_sizes(flowing.saliency(np.ones((1, CLASSES)))))
    defined = [value for value in found["jacob_cov"] if not math.isnan(value)]
    enough = 2 * len(defined) >= DRAWS
    return {
        "params": chain.parameters,
        "flops": flops(arch, size),
        "snip": float(np.mean(found["snip"])),
        "synflow": float(np.mean(found["synflow"])),
        "jacob_cov": float(np.mean(defined)) if enough else math.nan,
        "naswot": naswot(np.stack(kernels)),
    }


def _numbers(block: ChainBlock, settings: Settings, draws: int, noise: int = 0) -> np.ndarray:
    """(K, at least parameters + noise) numbers of a block's draws, uniform on (-1, 1)."""
    with jax.enable_x64(True):
        keys = block_keys(settings.seed, block.stream, jnp.arange(draws))
        return np.asarray(uniforms(keys, block.parameters + noise))


def _spectrum(block: ChainBlock, roots: Roots, scale: float, size: np.ndarray) -> BlockSpectrum:
    """Of one draw."""
    values, weights = (np.asarray(each)[None] for each in (roots.values / scale, roots.weights))
    below, coarse = (
        _spectrum(block, rule, scale, size) if rule else None
        for rule in (roots.below, roots.coarse)
    )
    sampling = float(below is not None)
    return BlockSpectrum(
        block.name, block.parameters, values, weights, size, sampling, below, coarse
    )


def _quadrature(made: Run, steps: int, uniform: np.ndarray) -> Roots:
    """Of J J^T by one probe, as `sed2.fisher.generic.lanczos_roots`."""
    few = len(uniform) <= FEW
    made = made if few else made.in_single_precision()
    vector, last, coupling = np.where(uniform > 0, 1.0, -1.0) / math.sqrt(len(uniform)), 0.0, 0.0
    basis: list[np.ndarray] = []
    found = np.zeros((2, steps))
    for step in range(steps):
        image = made.product(vector if few else np.float32(vector)) - coupling * last
        diagonal = vector @ image
        basis = [*basis, vector] if few else [vector]
        for _ in range(2 if few else 1):
            image = image - np.transpose(basis) @ (basis @ image)
        coupling = float(np.linalg.norm(image))
        found[:, step] = diagonal, coupling
        if coupling <= len(uniform) * np.finfo(float).eps * np.max(found):
            break  # no other eigenvalues are left
        vector, last = image / coupling, vector
    with jax.enable_x64(True):
        diagonals, couplings = jnp.asarray(found)[:, None]
        roots = jax.jit(roots_of_recurrence, static_argnums=2)(diagonals, couplings, len(uniform))
        return jax.tree.map(np.asarray, roots)


def _roots(gram: np.ndarray) -> np.ndarray:
    """Square roots of the eigenvalues, largest first, rounding noise as zero."""
    eigenvalues = np.linalg.eigvalsh(gram)[::-1]
    noise = len(gram) * np.finfo(float).eps * eigenvalues[0]
    return np.sqrt(np.where(eigenvalues > noise, eigenvalues, 0.0))


def _whole(chain: Chain, x: np.ndarray, numbers: np.ndarray, *, flow: bool = False) -> Run:
    blocks = build_chain([block.block for block in chain.blocks], chain.input_shape, "end-to-end")
    return run(blocks.blocks[0], x, numbers, flow=flow)


def _sum_of_sizes(saliencies: list[np.ndarray]) -> float:
    return float(sum(np.abs(each).sum() for each in saliencies))


def _code_kernels(codes: list[np.ndarray]) -> np.ndarray:
    """(N // 8, 8, 8) as `sed2.baselines.kernels.code_kernels`."""
    on = (
        np.concatenate(codes, axis=1)
        .astype(float)
        .reshape(len(codes[0]) // CODE_ROWS, CODE_ROWS, -1)
    )
    off = 1 - on
    return on @ on.transpose(0, 2, 1) + off @ off.transpose(0, 2, 1)

"""Time `sed2 rank` against the paper's way, on this machine and in the same run.

    python scripts/benchmark_paper.py [--rounds 3] [--baseline-draws 5] [--at-least 30]

sed2 is timed as a whole process, start-up and all: cold, with an empty cache of compiled programs,
and warm, once more with the same cache. The paper's way is plain numpy: per draw and block the
dense d_j x d_j Fisher matrix from per-sample Jacobians, and `numpy.linalg.eigvals` of it. Only a
few of its draws are run, and the time of the fastest is extrapolated to all: now and then the
threads of a BLAS stall each other for seconds, which must not flatter sed2. Start-up, reading the
data and drawing the parameters are not counted against it. It takes sed2's own draws and is checked
against sed2: the log-determinants of both must agree. Exits with 1 if they do not, or if the ratio
is missed.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np

from sed2.blocks.dense import Dense, DenseModule
from sed2.chain import Chain, build_chain
from sed2.data.load import choose_inputs, load_dataset
from sed2.fisher.sample import sample_spectra
from sed2.logdet import log_determinants
from sed2.priors import draw_module
from sed2.randomness import block_keys, to_normal, uniforms
from sed2.resources import make_plan
from sed2.settings import Settings, parse_prior
from sed2.spec.schema import load_spec

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "configs" / "mlps.yaml"
EPS = "1e-3:1e-1"
COMMAND = [str(Path(sysconfig.get_path("scripts"), "sed2")), "rank", str(SPEC), "--eps", EPS]
TOLERANCE = 1e-5
"""Of the log-determinants, relative. Rounding of the dense way itself: an eigenvalue that is zero
comes out as about 1e-16 of the largest, and its square root is not as small."""

Solver = Callable[[np.ndarray], np.ndarray]
SOLVERS: dict[str, Solver] = {"eigvals": np.linalg.eigvals, "eigvalsh": np.linalg.eigvalsh}


# --- The paper's way ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """A bias-free dense block under one draw."""

    kernel: np.ndarray
    """(n_in, n_out)."""
    relu: bool
    noise: np.ndarray
    """(N, n_out) standard normal."""


def paper_eigenvalues(
    layers: Sequence[Layer], x: np.ndarray, sigma: float, solver: Solver = np.linalg.eigvals
) -> list[np.ndarray]:
    """Eigenvalues (d_j,) of the Fisher matrix of every block, by dense matrices, for one draw."""
    eigenvalues = []
    for layer in layers:
        mean = x @ layer.kernel
        gains = np.ones_like(mean)
        if layer.relu:
            gains = (mean > 0).astype(float)
            mean = gains * mean
        fisher = dense_fisher(jacobians(x, gains), sigma)
        eigenvalues.append(np.maximum(solver(fisher).real, 0))
        x = mean + sigma * layer.noise
    return eigenvalues


def jacobians(x: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """(N, n_out, n_in * n_out): dO_o/dW_iu = act'(z_o) x_i if u = o, else 0."""
    jacobian = np.einsum("no,ni,ou->noiu", gains, x, np.eye(gains.shape[1]))
    return jacobian.reshape(*gains.shape, -1)


def dense_fisher(jacobian: np.ndarray, sigma: float) -> np.ndarray:
    """(d_j, d_j): (1/(sigma^2 N)) sum_n J_n^T J_n."""
    rows = jacobian.reshape(-1, jacobian.shape[-1])
    return rows.T @ rows / (sigma**2 * len(jacobian))


def paper_log_determinants(eigenvalues: list[list[np.ndarray]], eps: np.ndarray) -> np.ndarray:
    """(E, K, L) from the eigenvalues of K draws of L blocks, for zeta = 0."""
    parameters = sum(len(block) for block in eigenvalues[0])
    mean_trace = sum(block.sum() for draw in eigenvalues for block in draw) / len(eigenvalues)
    scale = parameters / mean_trace
    return np.array(
        [
            [[np.log1p(np.sqrt(scale * block) / radius).sum() for block in draw]
             for draw in eigenvalues]
            for radius in eps
        ]
    )  # fmt: skip


def paper_two_sed(logdets: np.ndarray, eps: np.ndarray) -> np.ndarray:
    """(E,): log E_theta[exp(sum_j logdet_j)] / |log eps|, for zeta = 0."""
    log_mean = np.logaddexp.reduce(logdets.sum(axis=2), axis=1) - np.log(logdets.shape[1])
    return log_mean / np.abs(np.log(eps))


# --- The same draws as sed2, and its own answer ---------------------------------------------------


def draw_layers(chain: Chain, samples: int, settings: Settings, draws: int) -> list[list[Layer]]:
    """The first draws that sed2 makes of a chain of bias-free dense blocks."""
    prior = parse_prior(settings.prior)
    drawn: list[list[Layer]] = [[] for _ in range(draws)]
    with jax.enable_x64(True):
        for block in chain.blocks:
            spec = block.spec
            assert isinstance(spec, Dense)
            assert not spec.bias
            assert spec.activation in ("relu", "none")
            keys = block_keys(settings.seed, block.stream, jnp.arange(draws))
            shape = (samples, *block.output_shape)
            numbers = uniforms(keys, block.parameters + math.prod(shape))
            for layers, key, uniform in zip(drawn, keys, numbers, strict=True):
                module = draw_module(
                    spec, block.input_shape, prior, key, uniform[: block.parameters]
                )
                assert isinstance(module, DenseModule)
                kernel = np.asarray(module.linear.kernel[...])
                end = block.parameters + math.prod(shape)
                noise = np.asarray(to_normal(uniform[block.parameters : end])).reshape(shape)
                layers.append(Layer(kernel, spec.activation == "relu", noise))
    return drawn


def sed2_log_determinants(
    chain: Chain, inputs: np.ndarray, settings: Settings, draws: int
) -> np.ndarray:
    """(E, K, L) of the same draws, by sed2's own way."""
    plan = make_plan(chain, draws, len(inputs), settings)
    weights = np.ones((draws, len(inputs)))
    spectra = sample_spectra(chain, inputs, np.arange(draws), weights, settings, plan)
    return log_determinants(spectra, np.asarray(settings.eps), settings.zeta).values


# --- The clock ------------------------------------------------------------------------------------


def time_sed2(cache_dir: str) -> float:
    """Seconds of the whole process."""
    kept = {name: value for name, value in os.environ.items() if name[:5] != "SED2_"}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has its bytecode
    environment = kept | {"SED2_CACHE_DIR": cache_dir}
    start = time.perf_counter()
    subprocess.run(COMMAND, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def time_paper(
    models: Sequence[Sequence[Sequence[Layer]]],
    inputs: np.ndarray,
    settings: Settings,
    solver: Solver,
) -> tuple[float, list[np.ndarray]]:
    """Seconds of the fastest draw of all models, and the log-determinants (E, K, L) of each."""
    eps = np.asarray(settings.eps)
    eigenvalues: list[list[list[np.ndarray]]] = [[] for _ in models]
    seconds = []
    for draw in zip(*models, strict=True):
        start = time.perf_counter()
        for found, layers in zip(eigenvalues, draw, strict=True):
            found.append(paper_eigenvalues(layers, inputs, settings.sigma, solver))
            paper_two_sed(paper_log_determinants(found[-1:], eps), eps)
        seconds.append(time.perf_counter() - start)
    return min(seconds), [paper_log_determinants(found, eps) for found in eigenvalues]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time `sed2 rank` against the paper's way.")
    parser.add_argument("--rounds", type=int, default=3, help="times to run all [%(default)s]")
    parser.add_argument(
        "--baseline-draws",
        type=int,
        default=5,
        metavar="B",
        help="draws of the paper's way to run; all others are extrapolated [%(default)s]",
    )
    parser.add_argument(
        "--solver", choices=SOLVERS, default="eigvals", help="the paper's way's [%(default)s]"
    )
    parser.add_argument(
        "--at-least",
        type=float,
        default=30,
        metavar="RATIO",
        help="exit with 1 if sed2, cold, is not so many times faster [%(default)s]",
    )
    given = parser.parse_args(arguments)
    if given.rounds < 1 or given.baseline_draws < 1:
        parser.error("--rounds and --baseline-draws must be at least 1")
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    settings = Settings.model_validate({"dataset": "covertype", "eps": EPS})
    dataset = load_dataset("covertype")
    inputs = choose_inputs(dataset, settings.samples, settings.seed)
    specs = load_spec(SPEC).models
    chains = [build_chain(spec.blocks, dataset.input_shape) for spec in specs]
    few = given.baseline_draws
    models = [draw_layers(chain, len(inputs), settings, few) for chain in chains]

    print(f"sed2 rank {SPEC.relative_to(ROOT)} --eps {EPS}: whole process, N = {len(inputs)},")
    print(f"K = {settings.draws} (and as many items again for the standard errors)")
    print(f"the paper's way: numpy.linalg.{given.solver} of dense Fisher matrices,")
    print(
        f"extrapolated to {settings.draws} draws from the fastest of {few}; no start-up counted\n"
    )
    print(f"{'round':>5}{'cold':>10}{'warm':>10}{'paper':>11}{'paper/cold':>13}{'paper/warm':>13}")
    rounds = []
    for number in range(1, given.rounds + 1):
        with tempfile.TemporaryDirectory() as cache_dir:
            cold, warm = time_sed2(cache_dir), time_sed2(cache_dir)
        seconds, logdets = time_paper(models, inputs, settings, SOLVERS[given.solver])
        paper = seconds * settings.draws
        rounds.append((paper / cold, paper / warm))
        print(
            f"{number:>5}{cold:>8.2f} s{warm:>8.2f} s{paper:>9.1f} s"
            f"{paper / cold:>12.1f}x{paper / warm:>12.1f}x"
        )
    ratio, warm_ratio = (median(ratios) for ratios in zip(*rounds, strict=True))
    print(
        f"median: paper/cold {ratio:.1f}x (goal {given.at_least:g}x), paper/warm {warm_ratio:.1f}x"
    )

    print(f"\ncheck, over {few} draws   2sED at eps {settings.eps[-1]:g}: paper's way        sed2")
    worst = 0.0
    for spec, chain, found in zip(specs, chains, logdets, strict=True):
        expected = sed2_log_determinants(chain, inputs, settings, few)
        two = [paper_two_sed(values, np.asarray(settings.eps))[-1] for values in (found, expected)]
        print(f"{spec.name:<25}{two[0]:>27.4f}{two[1]:>12.4f}")
        worst = max(worst, float(np.abs(found / expected - 1).max()))
    print(f"log-determinants of all blocks, draws and eps differ by {worst:.1e} at most, relative")
    if not worst < TOLERANCE:
        print(f"FAILED: the two ways differ by more than {TOLERANCE:g}")
        return 1
    if ratio < given.at_least:
        print(f"FAILED: {ratio:.1f}x is less than {given.at_least:g}x")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

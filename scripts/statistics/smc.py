"""Hold sequential Monte Carlo against true values, and against itself with more of everything.

    python -m scripts.statistics.smc [--quick]
    python -m scripts.statistics.smc --cost "MLP 54-16-7" [--eps 0.1] [--islands 4] [--seed 0]

Models small enough for quadrature (one unit; three units, whose expectation is one unit's to their
power) or for millions of draws (two layers); then MLP 54-16-7 on Covertype, whose first layer has
independent units and so a truth of its own, by annealed importance sampling of one unit (about 20
minutes in all, 2 without it: `--quick`). `off` is the distance to the truth in reported standard
errors, which hold the draws alone: the inputs are given. `--cost` prints what a run costs, and what
two versions of the code are compared by: CPU seconds times the variance between islands. Prints,
and judges nothing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

import sed2
from scripts.common.data import covertype_columns, made
from scripts.common.spectra import spectra_of
from sed2.chain import build_chain
from sed2.data.load import choose_inputs, load_dataset
from sed2.estimate import estimate
from sed2.results import ModelResult
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from tests import truths

EPS = (0.02, 0.2)
VARIANTS: dict[str, dict[str, Any]] = {
    "seed 0": {},
    "seed 1": {"seed": 1},
    "seed 2": {"seed": 2},
    "4 x particles": {"particles": 256},
    "3 x temperatures": {"eps": (0.02, 0.06, 0.2, 0.5)},
}
TRUTHS = {
    "annealed importance sampling": (256, 2000),
    "plain draws": (500_000, 1),
}
"""Chains, and their steps."""


def run(spec: Any, x: np.ndarray, **given: Any) -> ModelResult:
    settings = Settings(
        dataset="validation",
        estimator="smc",
        **{"samples": len(x), "draws": 20_000, "sigma": 0.01, "eps": EPS, "particles": 64} | given,
    )
    return estimate(load_spec(spec).models[0], made("validation", x), settings)


def show(name: str, variant: str, result: ModelResult, truth: dict[str, np.ndarray]) -> None:
    report = result.smc
    assert report is not None
    for eps in EPS:
        e, t = result.eps.tolist().index(eps), EPS.index(eps)
        for label, curve in (("2sED", result.two_sed), ("lower", result.lower_two_sed)):
            value, error = curve.estimate[e], curve.std_error_draws[e]
            print(
                f"{name:14} {variant:16} {eps:5g} {label:6} {value:9.3f} {truth[label][t]:9.3f} "
                f"{error:7.3f} {(value - truth[label][t]) / error:6.1f}   "
                f"{report.temperatures[e]:3} {report.moves[e]:4} {report.acceptance[e]:5.0%} "
                f"{report.correlation[e]:5.2f}"
            )


def small_models() -> None:
    rng = np.random.default_rng(0)
    one, two = 2 * rng.normal(size=(12, 1)), rng.normal(size=(12, 2)) @ rng.normal(size=(2, 2))
    eps = np.array(EPS)
    tanh = {"activation": "tanh", "bias": False}
    cases = []
    for name, x, units in (("1-1 tanh", one, 1), ("2-3 tanh", two, 3)):
        truth = truths.tanh_layer(x, units, 1.5, eps)
        spec = {"name": name, "blocks": [{"dense": {"features": units, **tanh}}]}
        cases.append((name, spec, x, {"prior": "normal:1.5"}, (truth, truth)))
    for name, widths in (("MLP 2-2-1", (2, 2, 1)), ("MLP 2-3-2-2", (2, 3, 2, 2))):
        brute = truths.relu_chain(two, widths, 0.05, eps, draws=2_000_000)
        print(f"{name}: brute force is known to {brute[2].max():.4f}")
        cases.append((name, name, two, {"sigma": 0.05}, brute[:2]))
    print(
        f"{'model':14} {'variant':16} {'eps':>5} {'':6} {'value':>9} {'truth':>9} {'s.e.':>7} "
        f"{'off':>6}   {'T':>3} {'mov':>4} {'acc':>5} {'corr':>5}"
    )
    for name, spec, x, given, (full, lower) in cases:
        for variant, more in VARIANTS.items():
            show(name, variant, run(spec, x, **given, **more), {"2sED": full, "lower": lower})


def covertype() -> None:
    """The first block's share against annealed importance sampling of one of its units, and against
    plain draws, which do not know what they miss."""
    x = choose_inputs(load_dataset("covertype"), 100, 0)
    for eps in (0.1, 0.01):
        start = time.perf_counter()
        result = sed2.compute("MLP 54-16-7", dataset="covertype", estimator="smc", eps=eps)
        seconds = time.perf_counter() - start
        amplitude = _root_scale(result) / (eps * result.settings.sigma)
        print(
            f"MLP 54-16-7 eps {eps:g}: 2sED {result.two_sed.estimate[0]:.1f} +- "
            f"{result.two_sed.std_error_draws[0]:.1f}, lower {result.lower_two_sed.estimate[0]:.1f}"
            f" +- {result.lower_two_sed.std_error_draws[0]:.1f}; first share "
            f"{result.blocks[0].share[0]:.1f}; {seconds:.0f} s, {result.smc}"
        )
        for name, (chains, steps) in TRUTHS.items():
            for seed in range(3):
                found = truths.relu_layer(x, 16, amplitude, chains, steps, seed)
                value, error = np.array(found[:2]) / abs(np.log(eps))
                print(f"  by {name}: {value:.1f} +- {error:.1f}, carried by {found[2]:.0f}")
        print(*result.warnings, sep="\n")


def cost(model: str, eps: float, islands: int, seed: int) -> None:
    """One run on as many columns of Covertype as the model has."""
    columns = int(model.split()[1].split("-")[0])
    settings = Settings.model_validate(
        {"dataset": "cost", "estimator": "smc", "eps": eps, "islands": islands, "seed": seed}
    )
    dataset = covertype_columns("cost", columns, standardized=True)
    start = time.process_time()
    result = estimate(load_spec(model).models[0], dataset, settings)
    seconds, root = time.process_time() - start, np.sqrt(islands)
    two, lower = result.two_sed, result.lower_two_sed
    spread = root * two.std_error_draws[0], root * lower.std_error_draws[0]
    assert result.smc
    print(
        f"{model} eps {eps:g} seed {seed}: {seconds:.1f} CPU s; 2sED {two.estimate[0]:.2f}, "
        f"between islands {spread[0]:.2f}; lower {lower.estimate[0]:.2f}, {spread[1]:.2f}; "
        f"CPU s x variance {seconds * spread[0] ** 2:.1f}, {seconds * spread[1] ** 2:.1f}; "
        f"moves {result.smc.moves[0]}, left {result.smc.correlation[0]:.2f}",
        flush=True,
    )


def _root_scale(result: ModelResult) -> float:
    """sqrt(d / E[tr F]) of the result, by its own draws."""
    x = choose_inputs(load_dataset("covertype"), 100, 0)
    chain = build_chain(load_spec("MLP 54-16-7").models[0].blocks, (54,))
    return float(np.sqrt(spectra_of(chain, x, result.settings).scale))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Sequential Monte Carlo against true values.")
    parser.add_argument("--quick", action="store_true", help="leave MLP 54-16-7 out")
    parser.add_argument("--cost", metavar="MODEL", help="what one run costs, and nothing else")
    parser.add_argument("--eps", type=float, default=0.1, help="of --cost [%(default)s]")
    parser.add_argument("--islands", type=int, default=4, help="of --cost [%(default)s]")
    parser.add_argument("--seed", type=int, default=0, help="of --cost [%(default)s]")
    given = parser.parse_args(arguments)
    if given.cost:
        cost(given.cost, given.eps, given.islands, given.seed)
        return
    small_models()
    if not given.quick:
        covertype()


if __name__ == "__main__":
    main()

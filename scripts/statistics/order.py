"""How often P(order) of two models that are equal in law is near 1, over seeds.

    python -m scripts.statistics.order [--seeds 200]

The log-determinants of both are drawn from one normal distribution, whose standard deviation says
how many of the draws carry a value; the bootstrap over draws and P(order) are sed2's own. Equal
models are as likely ahead as behind, so P(order), which is at least 1/2, should be above 0.95 for
10% of the seeds and above 0.99 for 2%. Inputs and spectra add nothing here. Reports, and judges
nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from scripts.common.options import at_least
from sed2.measure.intervals import Deviations, draws_freedom
from sed2.measure.logdet import LogDets
from sed2.measure.montecarlo import effective_sample_size, log_mean_exp, tilted_weights
from sed2.measure.uncertainty import bootstrap_draws
from sed2.ranking.probabilities import SIMULATIONS, _deviations, probability_ahead

EPS = np.array([np.exp(-1.0)])  # |log eps| = 1


def said(draws: int, spread: float, seed: int) -> tuple[float, float]:
    """P(order) of the pair of one seed, and the mean of their effective sample sizes."""
    simulated, sizes = [], []
    for place in range(2):
        rng = np.random.default_rng([seed, place])
        values = spread * rng.normal(size=(1, draws, 1))
        nothing = np.zeros_like(values)
        logdets = LogDets(values, nothing, nothing, np.ones(draws), 1)
        _, lower = bootstrap_draws(logdets, EPS, 0.0, rng)
        estimate = log_mean_exp(values[:, :, 0])
        size = effective_sample_size(tilted_weights(values, axis=1), axis=1)[0]
        found = Deviations.of_bootstrap(estimate, lower, draws)
        freedom = draws_freedom(found.freedom, size)
        simulated.append(estimate + _deviations(found.values, freedom, rng))
        sizes.append(size[0])
    assert len(simulated[0]) == SIMULATIONS
    ahead = float(probability_ahead(*simulated)[0])
    return max(ahead, 1 - ahead), float(np.mean(sizes))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="P(order) of models that are equal in law.")
    parser.add_argument("--seeds", type=at_least(2), default=200, help="how many [%(default)s]")
    options = parser.parse_args(arguments)
    print("draws  effective  P > 0.95 (10% is right)  P > 0.99 (2% is right)")
    for draws in (10, 40, 100):
        for spread in (0.1, 2.0, 4.0, 10.0, 40.0):
            found = np.array([said(draws, spread, seed) for seed in range(options.seeds)])
            shares = [(found[:, 0] > level).mean() for level in (0.95, 0.99)]
            print(f"{draws:5d}  {found[:, 1].mean():9.1f}  {shares[0]:22.1%}  {shares[1]:22.1%}")


if __name__ == "__main__":
    main()

"""How often a value is told to be biased low, and how often the intervals of the rest hold.

    python -m scripts.statistics.biased_low [--models judged] [--runs 200] [--pool 50000]

Small networks, of which many draws give the limit: a pool of draws on the same inputs is the truth,
and a run is K of them. So the intervals are of the draws alone, and none is wide by its inputs. The
pool has to carry the truth itself: at least 200 of its draws, effectively, or the row is left out.
`sed2.measure.intervals.MOST` was chosen on the models `chosen`.

The rule, written before the models `judged` were run: the intervals of the rows in which at least
half of the runs give one hold in 90% to 99% together, and in 80% in the worst of these rows; and
in the rows in which 93% of all intervals would hold, at most 15% of the runs are `biased low`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from scripts.common import pages
from scripts.common.options import at_least
from scripts.common.spectra import spectra_of
from sed2.chain import build_chain
from sed2.measure.intervals import (
    Deviations,
    draws_freedom,
    interval,
    is_lower_estimate,
    upper_spread,
)
from sed2.measure.logdet import LogDets, log_determinants
from sed2.measure.montecarlo import effective_sample_size, tilted_weights
from sed2.measure.two_sed import lower_two_sed, two_sed
from sed2.measure.uncertainty import bootstrap_draws, renormalised
from sed2.settings import Settings
from sed2.spec.schema import load_spec

EPS = np.array([0.01, 0.1, 0.5])
DRAWS = (30, 100, 300)
ENOUGH = 200.0
"""Effective draws of the pool."""


def tanh(*widths: int) -> dict[str, object]:
    """A chain of dense blocks, tanh after all but the last."""
    blocks = [{"dense": {"features": width, "activation": "tanh"}} for width in widths[1:-1]]
    name = "tanh " + "-".join(map(str, widths))
    return {"name": name, "blocks": [*blocks, {"dense": {"features": widths[-1]}}]}


MODELS: dict[str, list[tuple[str | dict[str, object], int]]] = {
    "chosen": [
        ("MLP 2-2-1", 2),
        ("MLP 3-3-2", 3),
        ("MLP 4-3-2", 4),
        ("MLP 4-3-3-2", 4),
        (tanh(8, 3, 2), 8),
        ("MLP 6-5-3", 6),
        ("MLP 8-8-4", 8),
    ],
    "judged": [
        ("MLP 2-3-2", 2),
        ("MLP 3-2-3", 3),
        ("MLP 5-3-2", 5),
        ("MLP 3-3-3-2", 3),
        (tanh(4, 3, 2), 4),
        ("MLP 5-4-3", 5),
        ("MLP 9-6-4", 9),
    ],
}


def pool(spec: str | dict[str, object], width: int, draws: int) -> LogDets:
    """Log-determinants of many draws on 50 correlated normal inputs."""
    rng = np.random.default_rng(width)
    x = rng.normal(size=(50, width)) @ rng.normal(size=(width, width))
    given = {"dataset": "pool", "samples": 50, "draws": draws, "eps": EPS.tolist()}
    chain = build_chain(load_spec(spec).models[0].blocks, (width,))
    return log_determinants(spectra_of(chain, x, Settings.model_validate(given)), EPS, 0.0)


def measures(of: LogDets) -> dict[str, np.ndarray]:
    """(E,) each."""
    given = of.values, EPS, 0.0, of.parameters
    return {"2sED": two_sed(*given), "lower 2sED": lower_two_sed(*given)}


def one_run(every: LogDets, draws: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """(E, 4) of each measure: effective sample size, spread, and the interval, flagged or not."""
    chosen = rng.choice(len(every.traces), draws, replace=False)
    ratio = every.traces[chosen].mean() / every.traces.mean()
    slopes = every.slopes[:, chosen]
    values = renormalised(every.values[:, chosen], slopes, ratio)
    some = LogDets(values, slopes, slopes * 0, every.traces[chosen], every.parameters)
    resampled = bootstrap_draws(some, EPS, 0.0, rng)
    sums, blocks = np.cumsum(values, axis=-1), values.shape[-1]
    logs = sums[..., -1:], sums[..., : max(1, blocks - 1)]
    none = np.zeros(len(EPS))
    for estimate, again, weights in zip(measures(some).values(), resampled, logs, strict=True):
        sizes = effective_sample_size(tilted_weights(weights, axis=1), axis=1).min(axis=1)
        spreads = upper_spread(weights, axis=1).max(axis=1)
        found = Deviations.of_bootstrap(estimate, again, draws)
        error = np.sqrt(np.square(found.values).sum(axis=0))
        freedom = draws_freedom(draws - 1, sizes)
        bounds = interval(estimate, (error, freedom), (none, 1), none, found.bias)
        yield np.column_stack([sizes, spreads, bounds])


def table(models: str, runs: int, draws_in_pool: int) -> tuple[list[list[str]], np.ndarray]:
    """The rows, and (rows, 3) of them: share biased low, coverage of all, and of the rest."""
    lines, found = [], []
    for spec, width in MODELS[models]:
        every = pool(spec, width, draws_in_pool)
        carried = effective_sample_size(tilted_weights(every.values.sum(axis=-1), axis=1), axis=1)
        name, rng = spec if isinstance(spec, str) else str(spec["name"]), np.random.default_rng(1)
        pages.tell(name)
        for draws in DRAWS:
            of = np.array([[*one_run(every, draws, rng)] for _ in range(runs)])
            for m, (measure, truth) in enumerate(measures(every).items()):
                for e in np.flatnonzero(carried >= ENOUGH):
                    sizes, spreads, low, high = of[:, m, e].T
                    flags = is_lower_estimate(sizes, spreads, draws)
                    held = (low <= truth[e]) & (truth[e] <= high)
                    rest = float(held[~flags].mean()) if not flags.all() else np.nan
                    found.append([flags.mean(), held.mean(), rest])
                    row = [name, f"{every.parameters}", f"{draws}", measure, f"{EPS[e]:g}"]
                    row += [f"{np.median(sizes):.0f}", f"{np.median(spreads):.2f}"]
                    lines.append([*row, *(f"{share:.0%}" for share in found[-1])])
    return lines, np.array(found)


def judgement(found: np.ndarray) -> str:
    """The rule, of (rows, 3)."""
    flagged, every, rest = found.T
    given, sound = flagged <= 0.5, every >= 0.93
    together = np.average(rest[given], weights=1 - flagged[given])
    return (
        f"{given.sum()} of {len(found)} rows give an interval in half of the runs or more: these "
        f"hold in {together:.1%} together (90% to 99% wanted), in {rest[given].min():.0%} in the "
        f"worst row (at least 80%). Where 93% of all would hold ({sound.sum()} rows), "
        f"{flagged[sound].mean():.1%} of the runs are biased low (at most 15%)."
    )


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="`biased low`, and the intervals of the rest.")
    parser.add_argument("--models", choices=MODELS, default="judged", help="[%(default)s]")
    parser.add_argument("--runs", type=at_least(2), default=200, help="[%(default)s]")
    parser.add_argument("--pool", type=at_least(300), default=50_000, help="draws [%(default)s]")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    lines, found = table(given.models, given.runs, given.pool)
    head = ["model", "parameters", "K", "measure", "eps", "ESS", "spread", "biased low"]
    print("\n".join(pages.table([*head, "all hold", "the rest holds"], lines)))
    print(f"\n{judgement(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

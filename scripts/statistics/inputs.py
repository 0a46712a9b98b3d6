"""Hold the stated error from the choice of the inputs against the scatter over seeds.

    python -m scripts.statistics.inputs [--models judged] [--sizes 20,100] [--seeds 100]

A score scatters over seeds by its draws and by its inputs. `scatter` is all of it, `draws` what
the bootstrap says of the draws, `inputs` what the jackknife says of the inputs, each as the root of
the mean variance; `stated` is both together. That the draws of the jackknife have the weights that
they have in the value was chosen on the models `chosen`.

The rule, written before the models `judged` were run: `stated` is 0.8 to 1.4 times the scatter at
N = 100, and 0.8 to 2.2 times at N = 20, where the jackknife is known to be too large.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from scripts.common import pages
from scripts.common.data import covertype_columns
from scripts.common.options import at_least, numbers
from sed2.estimate import estimate
from sed2.settings import Settings
from sed2.spec.schema import load_spec

MODELS = {
    "chosen": {"MLP 4-3-2": 2000, "MLP 10-8-5": 2000, "MLP 8-4-3": 2000, "MLP 20-8-5": 3000},
    "judged": {"MLP 6-4-3": 0, "MLP 14-6-4": 0, "MLP 30-8-5": 0},
}
"""By their first seed; the inputs are so many columns of Covertype as the model has."""
LEAST, MOST, MOST_OF_FEW = 0.8, 1.4, 2.2
FEW = 50
"""Inputs below which the third is the bound."""


def row(name: str, first: int, samples: int, draws: int, seeds: int) -> list[str]:
    """Of the table."""
    model = load_spec(name).models[0]
    columns = int(name.split()[1].split("-")[0])
    dataset = covertype_columns("inputs", columns, standardized=True)
    scores = []
    for seed in range(first, first + seeds):
        given = {"dataset": "inputs", "samples": samples, "draws": draws, "seed": seed}
        settings = Settings.model_validate({**given, "eps": "1e-3:1e-1:7"})
        scores.append(estimate(model, dataset, settings).score)
        pages.tell(f"{name}, N = {samples}: {seed - first + 1} of {seeds}")
    scatter = np.std([score.value for score in scores], ddof=1)
    of_draws, of_inputs = (
        np.sqrt(np.mean(np.square([getattr(score, f"std_error_{source}") for score in scores])))
        for source in ("draws", "inputs")
    )
    stated = np.hypot(of_draws, of_inputs)
    ratio = stated / scatter
    shown = [f"{value:.3f}" for value in (scatter, of_draws, of_inputs, stated)]
    kept = LEAST <= ratio <= (MOST if samples > FEW else MOST_OF_FEW)
    error = ratio / np.sqrt(2 * (seeds - 1))
    return [name, f"{samples}", *shown, f"{ratio:.2f} ± {error:.2f}", "yes" if kept else "no"]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The error from the inputs against the scatter.")
    parser.add_argument("--models", choices=MODELS, default="judged", help="[%(default)s]")
    parser.add_argument("--sizes", type=numbers, default="20,100", help="N [%(default)s]")
    parser.add_argument("--draws", type=at_least(2), default=100, help="K [%(default)s]")
    parser.add_argument("--seeds", type=at_least(2), default=100, help="[%(default)s]")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    head = ["model", "N", "scatter", "draws", "inputs", "stated", "stated / scatter", "in bounds"]
    lines = [
        row(name, first, samples, given.draws, given.seeds)
        for samples in given.sizes
        for name, first in MODELS[given.models].items()
    ]
    print("\n".join(pages.table(head, lines)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

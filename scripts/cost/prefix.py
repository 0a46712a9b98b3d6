"""Time a sweep of last layers behind the same first ones, with and without what they share.

    python -m scripts.cost.prefix [--first 54-32-32] [--dataset covertype] [--runs 3]

Eight networks differ in their last hidden layer alone. `sed2 rank` has the spectra and outputs of
their first layers once; the same networks are estimated each by itself as well, in turn, in the
same process and compiled before. The results are compared before a time is told.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from statistics import median

import numpy as np

from scripts.common.options import at_least
from sed2.chain import build_chain
from sed2.data.load import Dataset
from sed2.estimate import estimate
from sed2.fisher.prefixes import Prefixes
from sed2.request import load_data
from sed2.results import ModelResult
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec, load_spec

WIDTHS = (8, 12, 16, 20, 24, 28, 32, 40)


def sweep(
    models: Sequence[ModelSpec], data: Dataset, settings: Settings, *, shared: bool
) -> tuple[float, list[ModelResult]]:
    """Seconds, and the results."""
    chains = [build_chain(model.blocks, data.input_shape) for model in models]
    start = time.perf_counter()
    prefixes = Prefixes(chains if shared else ())
    results = [estimate(model, data, settings, prefixes=prefixes) for model in models]
    return time.perf_counter() - start, results


def difference(ones: Sequence[ModelResult], others: Sequence[ModelResult]) -> float:
    """The largest relative one of lower 2sED."""
    pairs = zip(ones, others, strict=True)
    return max(
        float(np.max(np.abs(one.lower_two_sed.estimate / other.lower_two_sed.estimate - 1)))
        for one, other in pairs
    )


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time a sweep of last layers.")
    parser.add_argument("--first", default="54-32-32", help="layers that all share [%(default)s]")
    parser.add_argument("--classes", type=int, default=7, help="outputs [%(default)s]")
    parser.add_argument("--dataset", default="covertype", help="[%(default)s]")
    parser.add_argument("--samples", type=int, default=100, help="N [%(default)s]")
    parser.add_argument("--draws", type=int, default=20, help="K [%(default)s]")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS, help="[%(default)s]")
    parser.add_argument("--runs", type=at_least(1), default=3, help="of each way [%(default)s]")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    models = [
        load_spec(f"MLP {given.first}-{width}-{given.classes}").models[0] for width in given.widths
    ]
    settings = Settings(dataset=given.dataset, samples=given.samples, draws=given.draws)
    data = load_data(settings)
    _, alone = sweep(models, data, settings, shared=False)  # not counted: it compiles
    _, together = sweep(models, data, settings, shared=True)
    off = difference(together, alone)
    print(f"{len(models)} networks {given.first}-*-{given.classes}, {given.runs} runs, in turn")
    print(f"largest relative difference of lower 2sED: {off:.1e}")
    if not off <= 1e-9:
        print("FAILED: the numbers differ")
        return 1
    ratios = []
    for _ in range(given.runs):
        apart = sweep(models, data, settings, shared=False)[0]
        shared = sweep(models, data, settings, shared=True)[0]
        ratios.append(apart / shared)
        print(f"each by itself {apart:8.2f} s   shared {shared:8.2f} s   {ratios[-1]:5.2f} times")
    print(f"median: {median(ratios):.2f} times as fast")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""CPU seconds of a short training: MLPs side by side in one program, against one after the other.

    python -m scripts.cost.early [--models 40] [--one-by-one 8] [--rows 10000] [--epochs 2]

The networks are the first of configs/validity-mlps.yaml, about 1,000 parameters each, three seeds.
`train` is the program of `sed2 rank --train`, compiled for every network; `train_some` that of the
baselines `early_loss_...`. Both compile within this process, and take nothing from a cache.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

from scripts.common.paths import CONFIGS
from sed2.options import TrainingSettings
from sed2.request import load_data
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from sed2.training.many import train_some
from sed2.training.recipe import train


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="CPU seconds of a short training.")
    parser.add_argument("--models", type=int, default=40, help="trained side by side")
    parser.add_argument("--one-by-one", type=int, default=8, help="of these, trained alone as well")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=2)
    given = parser.parse_args(arguments)
    settings = Settings(dataset="covertype")
    data = load_data(settings)
    models = load_spec(CONFIGS / "validity-mlps.yaml").models[: given.models]
    training = TrainingSettings(epochs=given.epochs, train_samples=given.rows)

    start = time.process_time()
    alone = [train(model, data, settings, training) for model in models[: given.one_by_one]]
    before = (time.process_time() - start) / len(alone)

    whole = []
    for _ in range(2):  # then again, when everything is compiled
        start = time.process_time()
        found = dict(train_some(models, data, settings, training, [given.epochs]))
        whole.append((time.process_time() - start) / len(models))
    after, compiled = whole
    differences = [
        np.abs(found[place].trainings[0].final_loss / one.final_loss - 1).max()
        for place, one in enumerate(alone)
    ]
    print(
        f"{given.epochs} epochs on {given.rows:,} rows, {training.train_seeds} seeds; CPU seconds "
        "for each network:"
    )
    print(f"  train, one program for each of {len(alone)}     {before:8.3f}")
    print(
        f"  train_some, {len(models)} of them               {after:8.3f}   1/{before / after:.0f}"
    )
    print(f"  of which compilation, shared        {after - compiled:8.3f}")
    print(f"  train_some, compiled                {compiled:8.3f}   1/{before / compiled:.0f}")
    print(f"largest relative difference of a final loss: {max(differences):.1e}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What it takes to expand, validate and plan a sweep of many candidates.

    python -m scripts.cost.expand [--models 1000] [--goal 5]

The sweeps are of MLPs on Covertype and of CNNs on MNIST. Exits with 1 if one takes more CPU seconds
than the goal, imports left out.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import sed2


def sweeps(models: int) -> Mapping[str, Mapping[str, Any]]:
    """The specs by what they hold, each of a multiple of ten candidates."""
    widths = {"range": [8, 7 + models // 10, 1]}
    ten = {"range": [8, 17, 1]}
    first = {"conv": {"features": ten, "kernel_size": 3, "activation": "relu", "pool": {"size": 2}}}
    hidden = {"dense": {"features": widths, "activation": "relu"}}
    mlps = [hidden, {"dense": {"features": ten, "activation": "relu"}}, {"dense": {"features": 7}}]
    cnns = [first, "flatten", hidden, {"dense": {"features": 10}}]
    return {
        "MLPs": {"dataset": "covertype", "sweep": {"blocks": mlps}},
        "CNNs": {"dataset": "mnist", "sweep": {"blocks": cnns}},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="The cost of expanding a sweep.")
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--goal", type=float, default=5.0, help="CPU seconds")
    given = parser.parse_args(arguments)
    sed2.validate("MLP 54-3-7", dataset="covertype", plan=True)  # imports
    worst = 0.0
    for kind, spec in sweeps(given.models).items():
        begun, wall = time.process_time(), time.perf_counter()
        checked = sed2.validate(spec, plan=True)
        spent = time.process_time() - begun
        worst = max(worst, spent)
        print(
            f"{len(checked):,} {kind}: expanded, validated and planned in {spent:.1f} s of CPU, "
            f"{time.perf_counter() - wall:.1f} s by the clock"
        )
    return int(worst > given.goal)


if __name__ == "__main__":
    sys.exit(main())

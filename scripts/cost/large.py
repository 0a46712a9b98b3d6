"""Large networks: the ways of their spectra, wall time and peak memory, each in its own process.

    python -m scripts.cost.large                                  # all, on random images
    python -m scripts.cost.large --dataset cifar.npz --models VGG-16,ResNet-18 --draws 4

Times are of the whole process, compilation included, with an empty cache of compiled programs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.common.pages import row, table
from scripts.common.paths import CONFIGS
from scripts.common.processes import run_alone

LARGE = CONFIGS / "large.yaml"
MODELS = ("MLP 784-4096-4096-10", "VGG-16", "ResNet-18", "ViT-Tiny")
COLUMNS = ("model", "parameters", "ways of the blocks", "wall time", "peak memory")


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Time and memory of large networks.")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--dataset", type=Path, help=".npz of images; by default random ones")
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--config", type=Path, default=LARGE, help="where the models stand")
    arguments = parser.parse_args(given)
    print(f"N = {arguments.samples}, K = {arguments.draws}\n")
    print(*table(COLUMNS, ()), sep="\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.models.split(","):
            print(row(measure(name, arguments, Path(folder))), flush=True)


def measure(name: str, arguments: argparse.Namespace, folder: Path) -> list[str]:
    """Run `sed2 compute` for one model: its cells in the table."""
    notation = name.startswith("MLP")
    dataset = arguments.dataset
    if notation or dataset is None:
        dataset = folder / "random.npz"
        shape = (int(name.split()[1].split("-")[0]),) if notation else (32, 32, 3)
        np.savez(dataset, x=np.random.default_rng(0).normal(size=(arguments.samples + 1, *shape)))
    output = folder / "result.json"
    command = [sys.executable, "-m", "sed2", "compute"]
    command += [name] if notation else [str(arguments.config), "--model", name]
    command += ["--dataset", str(dataset), "--samples", str(arguments.samples)]
    command += ["--draws", str(arguments.draws), "--input-groups", "0", "--json", str(output)]
    run = run_alone(command, os.environ)
    if run.exit_code:
        sys.exit(f"sed2 failed on {name}: {run.errors}")
    model = json.loads(output.read_text())["model"]
    ways = Counter(  # the numbers in its name are left out
        re.sub(r", [\d,]+ of [\d,]+|, \d+ probes of \d+ steps", "", block["way"])
        for block in model["blocks"]
    )
    return [
        name,
        f"{model['parameters']:,}",
        ", ".join(f"{count} {way}" for way, count in ways.items()),
        f"{run.seconds:,.0f} s",
        f"{run.peak_bytes / 1e9:.1f} GB",
    ]


if __name__ == "__main__":
    main()

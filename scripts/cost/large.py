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
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LARGE = Path(__file__).parents[2] / "configs" / "large.yaml"
MODELS = ("MLP 784-4096-4096-10", "VGG-16", "ResNet-18", "ViT-Tiny")


@dataclass(frozen=True)
class Measured:
    """One finished run."""

    parameters: int
    ways: dict[str, int]
    """How many blocks took each way; numbers in its name are left out."""
    seconds: float
    bytes: int
    """Peak of the process."""


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Time and memory of large networks.")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--dataset", type=Path, help=".npz of images; by default random ones")
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--config", type=Path, default=LARGE, help="where the models stand")
    arguments = parser.parse_args(given)
    print(f"N = {arguments.samples}, K = {arguments.draws}\n")
    print("| model | parameters | ways of the blocks | wall time | peak memory |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.models.split(","):
            measured = measure(name, arguments, Path(folder))
            ways = ", ".join(f"{count} {way}" for way, count in measured.ways.items())
            print(
                f"| {name} | {measured.parameters:,} | {ways} | {measured.seconds:,.0f} s | "
                f"{measured.bytes / 1e9:.1f} GB |",
                flush=True,
            )


def measure(name: str, arguments: argparse.Namespace, folder: Path) -> Measured:
    """Run `sed2 compute` for one model."""
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
    cache = {"SED2_CACHE_DIR": tempfile.mkdtemp(dir=folder)}
    start = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | cache, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"sed2 failed on {name}")
    model = json.loads(output.read_text())["model"]
    ways: dict[str, int] = {}
    for block in model["blocks"]:
        way = re.sub(r", [\d,]+ of [\d,]+|, \d+ probes of \d+ steps", "", block["way"])
        ways[way] = ways.get(way, 0) + 1
    scale = 1024 if sys.platform == "linux" else 1
    return Measured(model["parameters"], ways, seconds, usage.ru_maxrss * scale)


if __name__ == "__main__":
    main()

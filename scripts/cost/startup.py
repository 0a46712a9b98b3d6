"""What users wait for first: CPU seconds and peak memory of short commands, in alternating runs.

    python -m scripts.cost.startup [--runs 5] [--against CHECKOUT]

Each run is a process of its own, with its bytecode in place as after an installation. Cold is
without compiled programs on the disk, warm is the same command again. With another checkout the
same commands run on its code, one after the other in turn, so that a drift of the machine's speed
moves no ratio.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from scripts.common.options import at_least
from scripts.common.paths import ROOT
from scripts.common.processes import peak_bytes, without_settings

SED2 = [sys.executable, "-m", "sed2"]
RANK = [*SED2, "rank", "configs/mlps.yaml"]
GATE = [*SED2, "gate", "configs/mlps.yaml", "--baseline", "baseline.json"]
COMMANDS = {
    "import typer, rich": [sys.executable, "-c", "import typer, rich"],
    "sed2 --help": [*SED2, "--help"],
    "gate, unchanged": GATE,
    "rank --score lower, cold": [*RANK, "--score", "lower"],
    "rank --score lower, warm": [*RANK, "--score", "lower"],
    "rank, cold": RANK,
    "rank, warm": RANK,
}
"""By what is measured, in this order."""


@dataclass(frozen=True)
class Spent:
    """By one process."""

    seconds: float
    """Of CPU, in user and system mode."""
    peak: float
    """Largest resident set, in MB."""


def spent(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Spent:
    """What a command takes, which must succeed."""
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with code {process.returncode}")
    return Spent(usage.ru_utime + usage.ru_stime, peak_bytes(usage) / 1e6)


def one_run(checkout: Path, folder: Path) -> dict[str, Spent]:
    """Every command once, on the code of a checkout.

    Args:
        folder: of its own, in which a baseline is kept from one run to the next.
    """
    with tempfile.TemporaryDirectory() as cache:
        environment = {**without_settings(), "PYTHONPATH": str(checkout), "SED2_CACHE_DIR": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        if not (folder / "baseline.json").exists():
            (folder / "configs").symlink_to(checkout / "configs")
            spent([*GATE, "--update"], environment, folder)
            spent(COMMANDS["sed2 --help"], environment, folder)
    with tempfile.TemporaryDirectory() as cache:
        found = {}
        for name, command in COMMANDS.items():
            its = str(Path(cache, "of " + name.split(",")[0]))
            found[name] = spent(command, environment | {"SED2_CACHE_DIR": its}, folder)
        return found


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="CPU seconds and memory of short commands.")
    parser.add_argument("--runs", type=at_least(1), default=5, help="of each command [%(default)s]")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="compare with that code")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    given = parse(arguments)
    checkouts = [ROOT, *([given.against.resolve()] if given.against else [])]
    runs: dict[Path, list[dict[str, Spent]]] = {checkout: [] for checkout in checkouts}
    with tempfile.TemporaryDirectory() as folder:
        for place in range(len(checkouts)):
            Path(folder, str(place)).mkdir()
        for _ in range(given.runs):
            for place, checkout in enumerate(checkouts):
                runs[checkout].append(one_run(checkout, Path(folder, str(place))))
    print(f"{'medians of ' + str(given.runs):<28}" + "CPU s      MB   " * len(checkouts) + "ratio")
    for name in COMMANDS:
        its = [[run[name] for run in runs[checkout]] for checkout in checkouts]
        cells = [
            f"{median(of.seconds for of in each):5.2f}  {median(of.peak for of in each):6.0f}   "
            for each in its
        ]
        ratio = ""
        if len(its) > 1:
            pairs = zip(*its, strict=True)
            ratio = f"{median(mine.seconds / other.seconds for mine, other in pairs):5.2f}"
        print(f"{name:<28}{''.join(cells)}{ratio}")


if __name__ == "__main__":
    main()

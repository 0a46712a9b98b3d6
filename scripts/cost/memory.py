"""Peak memory of a network of 20 million parameters, and of one that is refused.

    python -m scripts.cost.memory [--below-gb 4] [--refused-below-gb 1]

Every command is a fresh process; its peak is the largest resident set that the operating system
counted for it. The data are 60,000 random rows in the shape of MNIST. Exits with 1 if a peak is not
below its goal, or if the network that cannot fit is not refused with exit code 5.
"""

from __future__ import annotations

import argparse
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.common.processes import run_alone, without_settings

MODEL, SAMPLES, DRAWS = "MLP 784-4096-4096-10", 100, 10
TOO_LARGE = "MLP 54-4000000000-7"
EXIT_REFUSED = 5
_SED2 = str(Path(sysconfig.get_path("scripts"), "sed2"))
_GB = 1e9


def write_images(path: Path, rows: int = 60_000, seed: int = 0) -> None:
    """Random numbers in the shape and the type of MNIST, flattened."""
    rng = np.random.default_rng(seed)
    x = rng.integers(256, size=(rows, 784), dtype=np.uint8)
    np.savez(path, x=x, y=rng.integers(10, size=rows))


def forecast_gb(model: str, input_shape: tuple[int, ...], samples: int, draws: int) -> float:
    """What sed2 itself expects of the sampling, with its default settings and budget."""
    from sed2.chain import build_chain
    from sed2.fisher.plan import make_plan
    from sed2.measure.uncertainty import Jackknife
    from sed2.settings import Settings
    from sed2.spec.schema import load_spec

    chain = build_chain(load_spec(model).models[0].blocks, input_shape)
    settings = Settings()
    jackknife = Jackknife.plan(draws, samples, samples + 1, settings.input_groups)
    return make_plan(chain, draws + jackknife.extra, samples, settings).bytes / _GB


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Peak memory of large networks.")
    parser.add_argument(
        "--below-gb", type=float, default=4, metavar="GB", help=f"goal for {MODEL} [%(default)s]"
    )
    parser.add_argument(
        "--refused-below-gb",
        type=float,
        default=1,
        metavar="GB",
        help=f"goal for the refusal of {TOO_LARGE} [%(default)s]",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "images.npz")
        write_images(data)
        options = ["--dataset", str(data), "--standardize"]
        options += ["--samples", str(SAMPLES), "--draws", str(DRAWS)]
        large = run_alone([_SED2, "compute", MODEL, *options], without_settings())
    refused = run_alone([_SED2, "compute", TOO_LARGE, "--dataset", "covertype"], without_settings())

    forecast = forecast_gb(MODEL, (784,), SAMPLES, DRAWS)
    print(f"{'':<22}{'exit':>6}{'time':>10}{'peak':>10}{'goal':>10}")
    for name, outcome, goal in (
        (MODEL, large, given.below_gb),
        (TOO_LARGE, refused, given.refused_below_gb),
    ):
        print(
            f"{name:<22}{outcome.exit_code:>6}{outcome.seconds:>8.1f} s"
            f"{outcome.peak_bytes / _GB:>7.2f} GB{goal:>7.2f} GB"
        )
    print(f"\n{MODEL}: sed2's own forecast of the sampling is {forecast:.2f} GB, without the data")
    print(f"{TOO_LARGE}: {refused.errors}")

    failed = False
    if large.exit_code != 0:
        print(f"FAILED: {MODEL} ended with {large.exit_code}: {large.errors}")
        failed = True
    if refused.exit_code != EXIT_REFUSED:
        print(f"FAILED: {TOO_LARGE} ended with {refused.exit_code}, not with {EXIT_REFUSED}")
        failed = True
    if not (
        large.peak_bytes < given.below_gb * _GB
        and refused.peak_bytes < given.refused_below_gb * _GB
    ):
        print("FAILED: a peak is not below its goal")
        failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

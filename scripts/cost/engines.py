"""The two engines on dense networks: CPU and wall seconds, at first and again.

    python -m scripts.cost.engines [--samples 100] [--draws 4] [--quick]

Behind the rule by which `sed2.fisher.plan` takes one of them, which is `LAPACK_WORK`. All spectra
are compared before a time is told.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from sed2.chain import build_chain
from sed2.common import threads
from sed2.fisher.items import Items
from sed2.fisher.plan import LAPACK_WORK, make_plan
from sed2.fisher.sample import sample_spectra
from sed2.settings import Settings
from sed2.spec.schema import load_spec

NETWORKS = (
    ("MLP 54-16-7", "blocks"),
    ("MLP 54-16-7", "end-to-end"),
    ("MLP 784-512-512-10", "blocks"),
    ("MLP 54-64-7", "end-to-end"),
    ("MLP 54-64-64-7", "end-to-end"),
    ("MLP 784-2048-2048-10", "blocks"),
    ("MLP 54-128-128-7", "end-to-end"),
)
"""By the operations of one draw."""
ENGINES: tuple[Literal["lapack", "xla"], ...] = ("lapack", "xla")


@dataclass(frozen=True)
class Took:
    """Seconds of one run."""

    cpu: float
    wall: float


def measure(
    notation: str, kind: Literal["blocks", "end-to-end"], samples: int, draws: int
) -> tuple[float, dict[str, list[Took]]]:
    """The operations of one draw, and what each engine took for all of them at first and again.

    Raises:
        AssertionError: their spectra differ.
    """
    (model,) = load_spec(notation).models
    settings = Settings(samples=samples, draws=draws, chain=kind)
    width = model.input_width or 0
    chain = build_chain(model.blocks, (width,), kind)
    x = np.random.default_rng(0).normal(size=(samples, width))
    plan = make_plan(chain, draws, samples, settings)
    took: dict[str, list[Took]] = {}
    found = []
    for engine in ENGINES:
        of_engine = replace(plan, engine=engine)
        items = Items(chain, x, np.arange(draws), np.ones((draws, samples)), settings, of_engine)
        for _ in range(2):
            cpu, wall = time.process_time(), time.perf_counter()
            spectra = sample_spectra(items)
            took.setdefault(engine, []).append(
                Took(time.process_time() - cpu, time.perf_counter() - wall)
            )
        found.append(spectra)
    for mine, other in zip(found[0].blocks, found[1].blocks, strict=True):
        np.testing.assert_allclose(
            mine.roots, other.roots, rtol=1e-9, atol=1e-12 * other.roots.max()
        )
    return sum(way.work for way in plan.ways), took


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Time both engines on dense networks.")
    parser.add_argument("--samples", type=int, default=100, help="N [%(default)s]")
    parser.add_argument("--draws", type=int, default=4, help="K [%(default)s]")
    parser.add_argument("--quick", action="store_true", help="the smallest network alone")
    given = parser.parse_args(arguments)
    print(f"K = {given.draws}, N = {given.samples}; CPU and wall seconds, at first and again")
    for notation, kind in NETWORKS[: 1 if given.quick else None]:
        work, took = measure(notation, kind, given.samples, given.draws)
        cells = "   ".join(
            f"{engine} " + ", ".join(f"{its.cpu:.2f} {its.wall:.2f}" for its in runs)
            for engine, runs in took.items()
        )
        print(f"{notation:<22}{kind:<12}{work:8.1e}   {cells}")
    print(f"LAPACK_WORK is {LAPACK_WORK:g}")


if __name__ == "__main__":
    threads.prepare()
    main()

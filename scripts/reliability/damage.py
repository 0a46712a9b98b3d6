"""Every byte of stored files flipped once."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import sed2
from scripts.reliability.lab import demand, result
from sed2.errors import UsageError
from sed2.ranking.results import Ranking
from sed2.report.documents.ranking import rank_document
from sed2.report.documents.text import to_json
from sed2.results import ModelResult
from sed2.runs.directory import RunDirectory
from sed2.runs.manifest import NAME, read_manifest
from sed2.runs.store import Store

SMALL = {"dataset": "covertype", "eps": "0.1", "samples": 4, "draws": 2, "input_groups": 2}


def small_run(run_dir: Path, warn: Callable[[str], None]) -> Ranking:
    """A ranking of one small network."""
    run = RunDirectory(run_dir, warn=warn)
    return sed2.rank("MLP 54-2-7", run_dir=run, **SMALL)


def check(
    folder: Path, every: int, reruns: int, seed: int, report: Callable[[str], None]
) -> list[str]:
    """Lines of the page.

    Args:
        folder: to work in.
        every: 1 for every byte, 10 for every tenth.
        reruns: how many of the flips are followed by the whole command.
        seed: of which bits and which flips.

    Raises:
        BrokenError: a flip was not seen, or not mended.
    """
    run_dir, told = folder / "damaged", list[str]()
    wanted = result(to_json(rank_document(small_run(run_dir, told.append))))
    (path,) = (run_dir / "results").iterdir()
    whole, rng = path.read_bytes(), random.Random(seed)
    value = Store(run_dir, told.append).load("results", path.stem, ModelResult)
    places = range(0, len(whole), every)
    for place in places:
        path.write_bytes(flipped(whole, place, rng))
        store = Store(run_dir, told.append)
        store.remember("results", path.stem, ModelResult, lambda: value)
        demand(len(told) == 1, f"the flip of byte {place} is seen")
        demand(path.read_bytes() == whole, f"the flip of byte {place} is mended")
        told.clear()
        if place % 1000 == 0:
            report(f"byte {place} of {len(whole)}")
    for _ in range(reruns):
        path.write_bytes(flipped(whole, rng.randrange(len(whole)), rng))
        again = result(to_json(rank_document(small_run(run_dir, told.append))))
        demand(again == wanted, "the result is the same")
        Store(run_dir, told.append).load("results", path.stem, ModelResult)
        demand(len(told) == 1, "a flip is told, once, and mended")
        told.clear()
    manifest = (run_dir / NAME).read_bytes()
    for place in range(0, len(manifest), every):
        (run_dir / NAME).write_bytes(flipped(manifest, place, rng))
        demand(refused(run_dir), f"the flip of byte {place} of the manifest is seen")
    return [
        f"| one bit flipped, in {'every byte' if every == 1 else f'every {every}th byte'} of a "
        f"stored result of {len(whole):,} bytes | {len(places):,} | {len(places):,} seen, told, "
        "and the file made anew as it was |",
        f"| - of these, followed by the whole command | {reruns} | {reruns} equal results |",
        f"| the same of the manifest, {len(manifest):,} bytes | "
        f"{len(range(0, len(manifest), every)):,} | all refused |",
    ]


def flipped(content: bytes, place: int, rng: random.Random) -> bytes:
    """One bit of the byte at a place is another."""
    changed = bytearray(content)
    changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed)


def refused(run_dir: Path) -> bool:
    """Whether the manifest is."""
    try:
        read_manifest(run_dir)
    except UsageError:
        return True
    return False

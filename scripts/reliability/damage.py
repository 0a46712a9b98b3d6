"""Every byte of stored files flipped once."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import sed2
from scripts.reliability.lab import apart, same
from scripts.reliability.trying import Outcome, Try, demand
from sed2.errors import UsageError
from sed2.ranking.results import Ranking
from sed2.report.documents.ranking import rank_document
from sed2.report.documents.text import to_json
from sed2.results import ModelResult
from sed2.runs.directory import RunDirectory
from sed2.runs.manifest import NAME, read_manifest
from sed2.runs.store import Store

TITLE = "Damaged files of a run directory"
ABOUT = (
    "A damaged result must be told by its name and made anew as it was; a damaged manifest must be "
    "refused."
)
SMALL: dict[str, Any] = {
    "dataset": "covertype",
    "eps": "0.1",
    "samples": 4,
    "draws": 2,
    "input_groups": 2,
}


def small_run(run_dir: Path, warn: Callable[[str], None]) -> Ranking:
    """A ranking of one small network."""
    run = RunDirectory(run_dir, warn=warn)
    return sed2.rank("MLP 54-2-7", run_dir=run, **SMALL)


def tries(folder: Path, every: int, reruns: int, seed: int) -> Iterator[Try]:
    """Every byte, or every so many; some of a result are followed by the whole command."""
    of = "every byte" if every == 1 else f"every {every}th byte"
    for kind, work, many in (
        (f"one bit flipped in {of} of a stored result", results, every),
        ("one bit flipped in a stored result, then the whole command", commands, reruns),
        (f"one bit flipped in {of} of the manifest", manifests, every),
    ):
        given = (folder / work.__name__, many, seed)
        yield Try(kind, work.__name__, partial(measured, work, *given))


def measured(work: Callable[..., tuple[int, str]], folder: Path, *arguments: Any) -> Outcome:
    """A check in a process of its own."""
    (times, what), peak = apart(work, folder, *arguments)
    return Outcome({what: times}, peak, times)


def results(folder: Path, every: int, seed: int) -> tuple[int, str]:
    """How many flips of a stored result were seen, told, and mended.

    Raises:
        BrokenError: one was not.
    """
    told, rng = list[str](), random.Random(seed)
    small_run(folder, told.append)
    (path,) = (folder / "results").iterdir()
    whole = path.read_bytes()
    value = Store(folder, told.append).load("results", path.stem, ModelResult)
    places = range(0, len(whole), every)
    for place in places:
        path.write_bytes(flipped(whole, place, rng))
        store = Store(folder, told.append)
        store.remember("results", path.stem, ModelResult, lambda: value)
        demand(len(told) == 1, f"the flip of byte {place} is seen")
        demand(path.read_bytes() == whole, f"the flip of byte {place} is mended")
        told.clear()
    return len(places), "seen, told, and the file made anew as it was"


def commands(folder: Path, reruns: int, seed: int) -> tuple[int, str]:
    """How many flips were followed by a command with the same result."""
    told, rng = list[str](), random.Random(seed)
    wanted = to_json(rank_document(small_run(folder, told.append)))
    (path,) = (folder / "results").iterdir()
    whole = path.read_bytes()
    for _ in range(reruns):
        path.write_bytes(flipped(whole, rng.randrange(len(whole)), rng))
        again = to_json(rank_document(small_run(folder, told.append)))
        demand(same(again, wanted), "the result is the same")
        demand(len(told) == 1, "a flip is told, once")
        told.clear()
    return reruns, "equal results"


def manifests(folder: Path, every: int, seed: int) -> tuple[int, str]:
    """How many flips of the manifest were refused."""
    rng = random.Random(seed)
    small_run(folder, list[str]().append)
    whole = (folder / NAME).read_bytes()
    places = range(0, len(whole), every)
    for place in places:
        (folder / NAME).write_bytes(flipped(whole, place, rng))
        demand(refused(folder), f"the flip of byte {place} of the manifest is seen")
    return len(places), "refused"


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

"""A container with little memory: a cgroup of this machine, where one can be made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

from scripts.reliability.commands import COMMANDS, Bench, quick
from scripts.reliability.streams import bash
from scripts.reliability.trying import Outcome, Try, demand

TITLE = "A container with little memory"
ABOUT = (
    "A real cgroup (v1) with a limit, within that of the script; the system kills what goes beyond "
    "it. Every command must give what it gives without a limit. Work that does not fit must end "
    "with exit code 5 and say so: nothing may be killed. `doctor` must not promise more than the "
    "limit. The peak is the largest resident set of one process. cgroup v2 is tested on made-up "
    "files (`tests/common/test_memory.py`): this machine has no memory controller of v2."
)
LIMIT = 600
LARGE = (
    ("MLP 54-100-7", 100, 40),
    ("MLP 54-400-400-7", 100, 40),
    ("MLP 54-1000-1000-7", 100, 10),
    ("MLP 54-4000-7", 1000, 10),
    ("CNN 1-16-16|64-10", 100, 10),
    ("MLP 54-3-7", 1000, 100_000),
    ("MLP 54-400-400-7", 1000, 40),
    ("MLP 54-100-7", 50_000, 4),
)
"""Networks, inputs and draws: some fit into 600 MB, some do not."""


@contextmanager
def cgroup(limit_mb: int) -> Iterator[Path | None]:
    """A memory cgroup below that of this process; None where none can be made."""
    own = re.search(r"^\d+:memory:/(.*)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE)
    if not own:
        yield None
        return
    group = Path("/sys/fs/cgroup/memory", own[1], f"sed2-{uuid4().hex}")
    try:
        group.mkdir()
    except OSError:
        yield None
        return
    try:
        (group / "memory.limit_in_bytes").write_text(str(limit_mb * 10**6))
        yield group
    finally:
        group.rmdir()


def within(group: Path) -> tuple[str, ...]:
    """To run a command in a cgroup."""
    return bash(f'echo $$ > "{group}/cgroup.procs" && exec "$@"')


def tries(bench: Bench, few: bool) -> Iterator[Try]:
    """Every command in 600 MB, and large work in several limits."""
    with cgroup(LIMIT) as group:
        possible = group is not None
    if not possible:
        return

    def small(arguments: tuple[str, ...]) -> Outcome:
        with cgroup(LIMIT) as group:
            assert group
            ran = bench.same(arguments, before=within(group))
        return Outcome({f"exit {ran.code}": 1}, ran.peak_mb)

    def doctor(limit: int) -> Outcome:
        with cgroup(limit) as group:
            assert group
            ran, text = bench.run(("doctor", "--json", "r.json"), before=within(group))
        demand(ran.code in (0, 4), f"exit 0, or 4 for data that are not here: {ran.err}")
        (found,) = (one["found"] for one in json.loads(text)["findings"] if "memory" in one["what"])
        told = float(found.removesuffix(" GB"))
        demand(told <= limit / 1000, f"it promises no more than {limit} MB: {found}")
        return Outcome({f"{told} GB free of {limit / 1000}": 1}, ran.peak_mb)

    def large(model: str, samples: int, draws: int, limit: int) -> Outcome:
        size = ("--samples", str(samples), "--draws", str(draws), "--eps", "0.01,0.1")
        data = "mnist" if model.startswith("CNN") else "covertype"
        arguments = ("rank", model, "--dataset", data, *size)
        with cgroup(limit) as group:
            assert group
            ran, _ = bench.run(arguments, before=within(group))
        demand(ran.code in (0, 5), f"exit 0 or 5, not {ran.code}: {ran.err}")
        return Outcome({f"exit {ran.code}": 1}, ran.peak_mb)

    for name, arguments in quick(COMMANDS, few).items():
        yield Try(
            f"every command in {LIMIT} MB",
            f"{LIMIT} MB, {name}",
            partial(small, arguments),
        )
    for limit in (LIMIT,) if few else (400, LIMIT, 900):
        yield Try("doctor", f"{limit} MB, doctor tells", partial(doctor, limit))
        some = LARGE[1:2] if few else LARGE if limit == LIMIT else LARGE[1::2]
        for model, samples, draws in some:
            yield Try(
                f"networks and numbers of draws of many sizes in {limit} MB",
                f"{limit} MB, {model}, N = {samples}, K = {draws}",
                partial(large, model, samples, draws, limit),
            )

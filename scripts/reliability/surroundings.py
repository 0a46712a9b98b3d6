"""What lies around sed2 is damaged or missing: compiled programs, devices, folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from scripts.common.paths import ROOT
from scripts.reliability.commands import COMMANDS, SIZE, Bench
from scripts.reliability.lab import same
from scripts.reliability.trying import Outcome, Try, demand

TITLE = "What lies around sed2"
ABOUT = (
    "Compiled programs that are damaged on disk, or are those of something else, must be told at "
    "most once, in plain words, and made anew: exit code 0 and the usual JSON. Devices that JAX "
    "does not find, and folders that are none, are exit code 2. Memory must not grow with the "
    "candidates: by less than 1 MB and 5 mappings each, over the second half of them."
)
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut in half": lambda content: content[: len(content) // 2],
    "zeros": lambda content: bytes(len(content)),
    "a bit flipped in the middle": lambda content: (
        content[: len(content) // 2]
        + bytes([content[len(content) // 2] ^ 4])
        + content[len(content) // 2 + 1 :]
    ),
    "a text": lambda content: b"not a program\n" * 100,
}

COMPILED = (*COMMANDS["rank"], "--fisher", "empirical")
"""Which is not left to LAPACK."""


def tries(bench: Bench, candidates: int, few: bool) -> Iterator[Try]:
    """Damage of the cache, variables, and many candidates."""
    lab = bench.lab

    def cache() -> tuple[Path, bytes]:
        """A full cache of its own, and the JSON of the command that filled it."""
        folder = lab.folder / "own-cache"
        env = {"SED2_CACHE_DIR": str(folder)}
        ran, wanted = bench.run(COMPILED, env=env)
        demand(ran.code == 0, f"the command succeeds: {ran.err}")
        demand(any((folder / "xla").glob("*-cache")), "there are compiled programs")
        return folder, wanted

    def damaged(damage: Callable[[bytes], bytes]) -> Outcome:
        folder, wanted = cache()
        for path in (folder / "xla").glob("*-cache"):
            path.write_bytes(damage(path.read_bytes()))
        seen = {}
        for time in ("at once", "and again"):
            ran, json = bench.run(COMPILED, env={"SED2_CACHE_DIR": str(folder)})
            demand(ran.code == 0, f"{time}: exit 0, not {ran.code}: {ran.err}")
            demand(same(json, wanted), f"{time}: the JSON is the same")
            demand(ran.err.count("damaged") <= (time == "at once"), f"{time}, told once: {ran.err}")
            demand("Traceback" not in ran.err, f"there is no traceback: {ran.err}")
            seen[f"exit 0 {time}"] = 1
        return Outcome(seen, ran.peak_mb)

    def swapped() -> Outcome:
        folder, wanted = cache()
        paths = sorted((folder / "xla").glob("*-cache"))
        contents = [path.read_bytes() for path in paths]
        for path, content in zip(paths, contents[1:] + contents[:1], strict=True):
            path.write_bytes(content)
        ran, json = bench.run(COMPILED, env={"SED2_CACHE_DIR": str(folder)})
        shutil.rmtree(folder)
        demand(ran.code == 0, f"exit 0, not {ran.code}: {ran.err}")
        demand(same(json, wanted), "the JSON is the same")
        return Outcome({f"exit {ran.code}": 1}, ran.peak_mb)

    def places(where: str, code: int) -> Outcome:
        """The cache is no folder, or may not be one."""
        ran = bench.same(COMMANDS["rank"], env={"SED2_CACHE_DIR": where})
        demand(ran.code == code, f"exit {code}, not {ran.code}: {ran.err}")
        demand(ran.err.count("cannot be kept") <= 1, f"it is told at most once: {ran.err}")
        return Outcome({f"exit {ran.code}": 1}, ran.peak_mb)

    def variables(name: str, value: str) -> Outcome:
        ran, _ = bench.run(COMPILED, env={name: value})
        demand(ran.code == 2, f"exit 2, not {ran.code}: {ran.err}")
        demand("defect" not in ran.err, f"it is no defect of sed2: {ran.err}")
        return Outcome({"exit 2": 1}, ran.peak_mb)

    def run_dir(make: Callable[[Path], object]) -> Outcome:
        with bench.place() as place:
            make(place / "new")
            ran = lab.sed2("rank", "s.yaml", *SIZE, "--run-dir", "new", cwd=place, timeout=120)
        demand(ran.code == 2, f"exit 2, not {ran.code}: {ran.err}")
        demand("defect" not in ran.err, f"it is no defect of sed2: {ran.err}")
        return Outcome({"exit 2": 1}, ran.peak_mb)

    def many() -> Outcome:
        command = [sys.executable, "-m", "scripts.cost.candidates", "--models", str(candidates)]
        done = subprocess.run(
            command, cwd=ROOT, env=lab.environment, capture_output=True, text=True, check=False
        )
        demand(done.returncode == 0, f"memory does not grow: {done.stdout}{done.stderr}")
        *_, last = done.stdout.strip().splitlines()
        return Outcome({last.partition("; ")[2]: 1}, times=candidates)

    for name, damage in list(DAMAGES.items())[:1] if few else DAMAGES.items():
        yield Try(
            "every compiled program damaged",
            f"compiled programs: {name}",
            partial(damaged, damage),
        )
    yield Try("every compiled program is another one", "swapped programs", swapped)
    if few:
        return
    for where in ("/dev/null", "/proc/none", "/dev/null/below"):
        yield Try("a cache that cannot be made", f"cache {where}", partial(places, where, 0))
    for name, value in (
        ("JAX_PLATFORMS", "cuda"),
        ("JAX_PLATFORMS", "tpu"),
        ("JAX_PLATFORMS", "none\x1b[2J"),
        ("SED2_SIGMA", "x"),  # a flag would win, if the command had it
        ("SED2_ZETA", "2"),
    ):
        yield Try(
            "variables that cannot be",
            f"{name}={value!r}",
            partial(variables, name, value),
        )
    for what, make in {
        "a file": lambda path: path.write_text(""),
        "a pipe": os.mkfifo,
        "a link to nothing": lambda path: path.symlink_to("nothing"),
        "a device": lambda path: path.symlink_to("/dev/null"),
        "a folder of something else": lambda path: (path.mkdir(), (path / "x").write_text("")),
    }.items():
        yield Try(
            "a run directory that is none",
            f"run directory: {what}",
            partial(run_dir, make),
        )
    yield Try("candidates in one process", "candidates", many)

"""Time the spectra of one model in one process and in two, on a core each, joined over loopback.

    python -m scripts.cost.hosts [--model "MLP 784-512-512-10"] [--draws 8] [--cores 0 1]

The inputs are random. Every process draws its share of the same draws, compiled before, and gathers
the spectra of all. The spectra are compared before a time is told. Twice as fast is the most that
two cores allow; what is lost is the wait for the slower one, and what is gathered. The seconds of
CPU are those of process 0, which hang less on what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.common.processes import finding_scripts
from sed2.chain import build_chain
from sed2.fisher.items import Items
from sed2.fisher.plan import make_plan
from sed2.fisher.sample import sample_spectra
from sed2.hosts import Meeting, joined
from sed2.measure.spectra import Spectra
from sed2.settings import Settings
from sed2.spec.schema import load_spec


@dataclass(frozen=True)
class Work:
    """What is to be timed."""

    model: str
    samples: int
    draws: int
    runs: int

    def time(self) -> tuple[list[tuple[float, float]], Spectra]:
        """Seconds of each run, of the clock and of the CPU; and the spectra."""
        (model,) = load_spec(self.model).models
        assert model.input_width is not None, "an MLP"
        chain = build_chain(model.blocks, (model.input_width,))
        settings = Settings(dataset="random", samples=self.samples)
        inputs = np.random.default_rng(0).normal(size=(self.samples, model.input_width))
        plan = make_plan(chain, self.draws, self.samples, settings)
        seconds = []
        for _ in range(self.runs + 1):  # the first one compiles
            start, cpu = time.perf_counter(), time.process_time()
            weights = np.ones((self.draws, self.samples))
            spectra = sample_spectra(
                Items(chain, inputs, np.arange(self.draws), weights, settings, plan)
            )
            seconds.append((time.perf_counter() - start, time.process_time() - cpu))
        return seconds[1:], spectra


def work_in(meeting: Meeting | None, core: int, work: Work, found: Path) -> None:
    """Do the work as one of several, or alone, on one core; times and roots go to a file."""
    os.sched_setaffinity(0, {core})
    with joined(meeting) if meeting else nullcontext():
        seconds, spectra = work.time()
    gathered = sum(
        array.nbytes
        for block in spectra.blocks
        for array in (block.roots, block.weights, block.activations)
    )
    roots = np.concatenate([block.roots.ravel() for block in spectra.blocks])
    np.savez(found, seconds=seconds, roots=roots, bytes_per_draw=gathered / work.draws)


def run(processes: int, options: argparse.Namespace, folder: Path) -> dict[str, np.ndarray]:
    """What process 0 of so many finds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    files = [folder / f"{processes}-{i}.npz" for i in range(processes)]
    of_work = ("model", "samples", "draws", "runs")
    asked = [word for name in of_work for word in (f"--{name}", str(getattr(options, name)))]
    started = []
    for i, file in enumerate(files):
        its = ["--cores", str(options.cores[i]), "--as", *map(str, (processes, i, port, file))]
        command = [sys.executable, "-m", "scripts.cost.hosts", *asked, *its]
        environment = finding_scripts()
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
    codes = [process.wait() for process in started]
    if any(codes):
        raise SystemExit("a process has failed; see above")
    with np.load(files[0]) as found:
        return dict(found)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time one process against two.")
    parser.add_argument("--model", default="MLP 784-512-512-10", help="an MLP [%(default)s]")
    parser.add_argument("--samples", type=int, default=100, help="N [%(default)s]")
    parser.add_argument("--draws", type=int, default=8, help="K [%(default)s]")
    parser.add_argument("--runs", type=int, default=3, help="to take the median of [%(default)s]")
    parser.add_argument("--cores", type=int, nargs="+", default=[0, 1], help="[0 1]")
    parser.add_argument("--as", dest="part", nargs=4, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    if options.part:
        processes, process, port = map(int, options.part[:3])
        meeting = Meeting(f"127.0.0.1:{port}", processes, process) if processes > 1 else None
        work = Work(options.model, options.samples, options.draws, options.runs)
        work_in(meeting, options.cores[0], work, Path(options.part[3]))
        return
    with tempfile.TemporaryDirectory() as folder:
        one, two = (run(processes, options, Path(folder)) for processes in (1, 2))
    np.testing.assert_allclose(two["roots"], one["roots"], rtol=1e-9, atol=1e-9)
    print(f"{options.model}, N = {options.samples}, K = {options.draws}, a core per process:")
    medians = (np.median(found["seconds"], axis=0) for found in (one, two))
    for what, alone, together in zip(("", " of CPU"), *medians, strict=True):
        print(f"1 process {alone:.2f} s{what}, 2 {together:.2f} s: {alone / together:.2f} times")
    print(f"gathered: {two['bytes_per_draw'] / 1e3:,.1f} kB per draw")


if __name__ == "__main__":
    main()

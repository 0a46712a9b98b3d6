"""Does a GPU give what the CPU gives, how fast, and with which solver?

    python -m scripts.cost.gpu                 # the three networks of the benchmarks
    python -m scripts.cost.gpu --quick         # toy sizes
    python -m scripts.cost.gpu --write gpu.md  # the page in a file as well

Needs JAX with a GPU, such as `pip install 'jax[cuda13]'`, and nothing else. On the CPU and on the
GPU, each in a process of its own, every network is computed twice: with nothing compiled and again.
Then the solvers are timed on as many random matrices as the network has, of the same sizes, with
singular values over ten orders of magnitude. sed2 takes `svd` everywhere, which is gesdd on a CPU;
on a GPU JAX takes gesvdj up to 1024 x 1024 and gesvd above.

Exits with 1 if a value on the GPU differs from that on the CPU by more than 1e-6 of it, and with 2
if there is no GPU.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench.cases import CASES, EPS, TOY_CASES, Case
from scripts.common.pages import show, table, tell
from scripts.common.processes import finding_scripts, without_settings

AGREES = 1e-6
ACCURATE = 1e-12
"""Of the largest root: what a solver may be off by to be of use for small eps."""
NO_DEVICE = 3
STACK, TOY_STACK = 256, 2
"""Matrices of one size that are timed; more are extrapolated."""
PLATFORMS = {"CPU": "cpu", "GPU": "cuda,rocm"}


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    cases = TOY_CASES if given.quick else CASES
    if given.worker:
        return worker(cases, TOY_STACK if given.quick else STACK)
    found: dict[str, Any] = dict.fromkeys(PLATFORMS)
    for name, platforms in reversed(PLATFORMS.items()):  # first that which may not be there
        tell(f"on the {name}")
        found[name] = on_platforms("cpu" if given.cpu_twice else platforms, arguments)
        if found[name] is None:
            print(f"There is no {name} that JAX can use: nothing to check.", file=sys.stderr)
            return 2
    page, agrees = as_page(cases, found)
    show(page, given.write)
    return 0 if agrees else 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="toy sizes")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page as well")
    parser.add_argument(
        "--cpu-twice", action="store_true", help="the CPU in place of the GPU, to try the script"
    )
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def on_platforms(platforms: str, arguments: Sequence[str] | None) -> dict[str, Any] | None:
    """What a process finds that has the first of these platforms alone; None if there is none."""
    kept = finding_scripts(without_settings())
    same = sys.argv[1:] if arguments is None else arguments
    for platform in platforms.split(","):
        ran = subprocess.run(
            [sys.executable, "-m", "scripts.cost.gpu", *same, "--worker"],
            env=kept | {"JAX_PLATFORMS": platform},
            capture_output=True,
            text=True,
        )
        if ran.returncode == 0:
            return json.loads(ran.stdout)
        if ran.returncode != NO_DEVICE:
            raise RuntimeError(f"on {platform}:\n{ran.stderr}")
    return None


def worker(cases: Sequence[Case], stack: int) -> int:
    """Print what this process finds on the device that it has."""
    import jax

    try:
        device = jax.devices()[0]
    except (RuntimeError, AssertionError):  # as JAX has it where a platform is not there
        return NO_DEVICE
    models = {case.model: of_model(case) for case in cases}
    sizes = sorted({tuple(size) for model in models.values() for size in model["sizes"]})
    solved = {f"{m} x {n}": of_size(m, n, device.platform, stack) for m, n, _ in sizes}
    print(json.dumps({"device": device.device_kind, "models": models, "solvers": solved}))
    return 0


def of_model(case: Case) -> dict[str, Any]:
    """Seconds of a first and of a second time, the curves, and (m, n, how many) of the matrices."""
    import sed2
    from sed2.data.load import load_dataset

    dataset = load_dataset(case.dataset)
    x = dataset.x.reshape(dataset.rows, -1) if case.model.startswith("MLP") else dataset.x
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data.npz")
        np.savez(data, x=x, y=dataset.y)
        settings = {"samples": case.samples, "draws": case.draws, "eps": EPS, "input_groups": 0}
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            result = sed2.compute(case.model, dataset=str(data), **settings)
            seconds.append(time.perf_counter() - start)
    return {
        "cold": seconds[0],
        "warm": min(seconds[1:]),
        "curves": [result.two_sed.estimate.tolist(), result.lower_two_sed.estimate.tolist()],
        "sizes": matrices(case, x.shape[1:]),
    }


def matrices(case: Case, input_shape: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Rows, columns and number of the factors that have a structure, of all draws."""
    from sed2.chain import build_chain
    from sed2.spec.schema import load_spec

    found = []
    for block in build_chain(load_spec(case.model).models[0].blocks, input_shape).blocks:
        layout = block.block.layout(block.input_shape)
        if layout is not None:
            rows, columns = case.samples * layout.positions, layout.parameters
            columns = min(rows, columns) if layout.common else columns
            found.append((rows, columns, case.draws * (1 if layout.shared else layout.units)))
    return found


def of_size(rows: int, columns: int, platform: str, most: int) -> dict[str, dict[str, float]]:
    """Seconds for one matrix of a stack of at most so many, and the error of its roots, of every
    solver."""
    import jax

    rng = np.random.default_rng(0)
    count = max(1, min(most, 2**27 // (rows * columns)))
    stack = rng.normal(size=(count, rows, columns)) * np.logspace(0, -10, columns)
    exact = np.linalg.svd(stack[0], compute_uv=False)
    found = {}
    with jax.enable_x64(True):
        placed = jax.device_put(stack)
        for name, solver in solvers(platform).items():
            program = jax.jit(jax.vmap(solver))
            roots = np.sort(np.asarray(program(placed)[0]))[::-1]
            seconds = min(seconds_of(program, placed) for _ in range(3))
            error = float(np.abs(roots - exact).max() / exact[0])
            found[name] = {"seconds": seconds / count, "error": error}
    return found


def seconds_of(program: Callable[[Any], Any], argument: Any) -> float:
    start = time.perf_counter()
    program(argument).block_until_ready()
    return time.perf_counter() - start


def solvers(platform: str) -> dict[str, Callable[[Any], Any]]:
    """From a matrix to its singular values."""
    import jax
    import jax.numpy as jnp
    from jax.lax.linalg import SvdAlgorithm

    from sed2.fisher.roots import squared_singular_values

    def svd(matrix: Any, algorithm: SvdAlgorithm | None = None) -> Any:
        return jax.lax.linalg.svd(
            matrix, full_matrices=False, compute_uv=False, algorithm=algorithm
        )

    found: dict[str, Callable[[Any], Any]] = {
        "svd": svd,
        "svd of the triangular factor": lambda matrix: svd(jnp.linalg.qr(matrix, mode="r")),
        "svd, QR iteration": lambda matrix: svd(matrix, SvdAlgorithm.QR),
        "eigvalsh of the Gram matrix": squared_singular_values,
    }
    if platform != "cpu":
        found["svd, Jacobi"] = lambda matrix: svd(matrix, SvdAlgorithm.JACOBI)
        found["svd, polar"] = lambda matrix: svd(matrix, SvdAlgorithm.POLAR)
    return found


@dataclass(frozen=True)
class Speed:
    """One network on one device."""

    cold: float
    warm: float
    solving: float
    """Seconds that the bare solver takes for as many matrices."""

    @classmethod
    def of(cls, case: Case, found: dict[str, Any]) -> Speed:
        model = found["models"][case.model]
        solving = sum(
            count * found["solvers"][f"{rows} x {columns}"]["svd"]["seconds"]
            for rows, columns, count in model["sizes"]
        )
        return cls(model["cold"], model["warm"], solving)


def as_page(cases: Sequence[Case], found: dict[str, dict[str, Any]]) -> tuple[str, bool]:
    """The page, and whether the values agree everywhere."""
    differences = {case.model: difference(case, *found.values()) for case in cases}
    agrees = all(value <= AGREES for value in differences.values())
    lines = [
        "# On a GPU",
        "",
        "Made by `python -m scripts.cost.gpu`. "
        + "; ".join(f"{name}: {each['device']}" for name, each in found.items())
        + ".",
        "",
    ]
    head = ["network", "N", "K", "device", "first, s", "again, s", "draws per second"]
    rows = []
    for case in cases:
        for name, each in found.items():
            speed = Speed.of(case, each)
            differs = "" if name == "CPU" else f"{differences[case.model]:.0e}"
            size = [case.model, f"{case.samples}", f"{case.draws}", name]
            seconds = [f"{speed.cold:.2g}", f"{speed.warm:.2g}", f"{case.draws / speed.warm:.3g}"]
            rows.append([*size, *seconds, f"{speed.solving / speed.warm:.0%}", differs])
    lines += [
        *table([*head, "share of the solver", "differs by"], rows),
        "",
        f"{'All values agree' if agrees else 'VALUES DIFFER'} (to {AGREES:.0e}). The share of the "
        "solver is the time that `svd` alone takes for as many matrices of these sizes, and can "
        "be above 100% where sed2's own are easier.",
        "",
        "## Solvers",
        "",
        "Milliseconds for one matrix of a stack, and the error of its roots as a share of the "
        f"largest. The fastest that is accurate to {ACCURATE:.0e} is bold.",
        "",
    ]
    rows = []
    for size in next(iter(found.values()))["solvers"]:
        for name, each in found.items():
            of_size = each["solvers"][size]
            best = best_solver(of_size)
            for solver, one in of_size.items():
                shown = f"**{solver}**" if solver == best else solver
                error = f"{one['error']:.0e}"
                rows.append([size, name, shown, f"{1e3 * one['seconds']:.3g}", error])
    lines += table(["matrix", "device", "solver", "ms", "error"], rows)
    return "\n".join(lines), agrees


def difference(case: Case, one: dict[str, Any], other: dict[str, Any]) -> float:
    """The largest, of both curves, relative; infinite where a value is not finite."""
    a, b = (np.array(each["models"][case.model]["curves"]) for each in (one, other))
    largest = float(np.abs(b / a - 1).max())
    return largest if math.isfinite(largest) else math.inf


def best_solver(found: dict[str, dict[str, float]]) -> str:
    accurate = {name: one for name, one in found.items() if one["error"] <= ACCURATE}
    return min(accurate, key=lambda name: accurate[name]["seconds"], default="")


if __name__ == "__main__":
    sys.exit(main())

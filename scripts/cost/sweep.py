"""What many candidates cost: on a Ray cluster, in one process, and in the process that ranks them.

    python -m scripts.cost.sweep [--candidates 24] [--draws 10] [--address local] [--save FILE]
    python -m scripts.cost.sweep --candidates 0 --counts 10 100 1000
    python -m scripts.cost.sweep --against CHECKOUT --candidates 100 --draws 100
    python -m scripts.cost.sweep --workers 1 2 --candidates 100 --draws 100

Small random networks of about 1,000 parameters are ranked by `sed2 rank`, with `--ray ADDRESS` and
without: fresh processes, nothing compiled before, the same JSON. Seconds for each candidate are the
slope between two of them and all, so what starting takes is told apart. What Ray takes for a task
is had from tasks that do nothing.

For the rest, results of so many candidates are made from three real ones, each moved by chance by a
tenth, and ranked, printed, written and read in a process of its own, whose peak is told.

With another checkout, all networks are ranked in one process on its code and on this one, and half
of them on this one: CPU seconds and peak memory, and nothing else.

With `--workers`, clusters of so many of them, each started for it on this machine, rank the
networks, and nothing else is done.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice, pairwise, product, zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from scripts.common.pages import show, table
from scripts.common.paths import ROOT
from scripts.common.processes import finding_scripts, peak_bytes, without_settings
from scripts.cost.startup import Spent, spent

BASE = ("MLP 54-16-7", "MLP 54-13-11-9-7", "MLP 54-10-2-10-25-7")


@dataclass(frozen=True)
class Nothing:
    """A task that costs what every task costs; see `sed2.tasks.Task`."""

    number: int

    def compute(self, dataset: Any, progress: Any) -> dict[str, Any]:
        return {}

    def is_lasting(self, value: Any) -> bool:
        return True


def random_networks(count: int, seed: int = 0) -> list[str]:
    """Different networks of two or three hidden layers and 900 to 1,100 parameters, in notation.

    Raises:
        ValueError: there are not so many.
    """
    spaces = [
        [(54, *hidden, 7) for hidden in product(range(4, 24), repeat=depth)] for depth in (2, 3)
    ]
    fitting = [
        [widths for widths in space if 900 <= sum(a * b for a, b in pairwise(widths)) <= 1100]
        for space in spaces
    ]
    rng = np.random.default_rng(seed)
    shuffled = [[widths[n] for n in rng.permutation(len(widths))] for widths in fitting]
    found = [widths for both in zip_longest(*shuffled) for widths in both if widths]
    if count > len(found):
        raise ValueError(f"there are {len(found)} networks, not {count}")
    return ["MLP " + "-".join(map(str, widths)) for widths in found[:count]]


def seconds_of(networks: Sequence[str], options: Sequence[str]) -> tuple[float, str]:
    """Wall time of one `sed2 rank` of these, and its JSON without the CPU seconds of each."""
    with tempfile.TemporaryDirectory() as folder:
        environment = finding_scripts() | {"SED2_CACHE_DIR": folder}
        start = time.perf_counter()
        done = subprocess.run(
            [*_rank(networks, folder), "--json", "-", *options],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - start
        if done.returncode:
            sys.exit(f"FAILED: {done.stderr}")
        return seconds, without_seconds(done.stdout)


def without_seconds(document: str) -> str:
    """What another run must come to as well."""

    def others(found: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in found.items() if key != "cpu_seconds"}

    return json.dumps(json.loads(document, object_hook=others))


def _rank(networks: Sequence[str], folder: str) -> list[str]:
    """The command that ranks these by the blocks; its spec is in the folder."""
    spec = Path(folder, "sweep.yaml")
    spec.write_text(json.dumps({"models": list(networks)}))
    return [sys.executable, "-m", "sed2", "rank", str(spec), "--score", "lower"]


def against_rows(given: argparse.Namespace) -> list[str]:
    """The table of what one process takes on this code, and for all networks on another one."""
    networks = random_networks(given.candidates)

    def one(count: int, checkout: Path) -> Spent:
        with tempfile.TemporaryDirectory() as folder:
            command = [*_rank(networks[:count], folder), *_settings(given)]
            own = {"PYTHONPATH": str(checkout), "SED2_CACHE_DIR": folder}
            return spent(command, without_settings() | own, Path(folder))

    half, now, before = (
        one(count, checkout)
        for count, checkout in (
            (len(networks) // 2, ROOT),
            (len(networks), ROOT),
            (len(networks), given.against.resolve()),
        )
    )
    rows = [
        [f"{count:,}, {which}", f"{each.seconds:.1f} s", f"{each.peak:,.0f} MB", times]
        for count, which, each, times in (
            (len(networks) // 2, "now", half, ""),
            (len(networks), "now", now, f"{now.seconds / before.seconds:.2f}"),
            (len(networks), "before", before, "1"),
        )
    ]
    return table(["networks", "CPU", "peak memory", "times that of before"], rows)


def _settings(given: argparse.Namespace) -> list[str]:
    sizes = ["--samples", str(given.samples), "--draws", str(given.draws)]
    return ["--dataset", given.dataset, *sizes]


def sweep_rows(given: argparse.Namespace, timed: Callable[..., tuple[float, str]]) -> list[str]:
    """The table of the candidates on a cluster and in one process.

    Raises:
        SystemExit: the two do not come to the same.
    """
    networks = random_networks(given.candidates)
    settings = _settings(given)
    rows: list[list[str]] = []
    documents = []
    for name, options in (("one process", []), ("Ray", ["--ray", given.address])):
        few, _ = timed(networks[:2], [*settings, *options])
        whole, document = timed(networks, [*settings, *options])
        each = (whole - few) / (len(networks) - 2)
        rows.append([name, f"{few - 2 * each:.1f} s", f"{each:.2f} s", f"{whole:.1f} s"])
        documents.append(document)
    if documents[0] != documents[1]:
        sys.exit("FAILED: the rankings differ")
    return table([f"{len(networks)} networks", "start", "each candidate", "in all"], rows)


def worker_rows(given: argparse.Namespace, timed: Callable[..., tuple[float, str]]) -> list[str]:
    """The table of clusters of so many workers on this machine, with a CPU each.

    Raises:
        SystemExit: two of them do not come to the same.
    """
    import ray

    networks = random_networks(given.candidates)
    found = []
    for workers in given.workers:
        head = ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
        try:
            options = ["--ray", head.address_info["gcs_address"], "--ray-cpus", "1"]
            found.append(timed(networks, [*_settings(given), *options]))
        finally:
            ray.shutdown()
    if len({document for _, document in found}) > 1:
        sys.exit("FAILED: the rankings differ")
    rows = [
        [f"{workers}", f"{seconds:.0f} s", f"{found[0][0] / seconds:.2f}"]
        for workers, (seconds, _) in zip(given.workers, found, strict=True)
    ]
    return table([f"workers, {len(networks)} networks", "in all", "times as fast"], rows)


def overhead(address: str, tasks: int) -> str:
    """What Ray takes for a task, in words."""
    from ray import cloudpickle

    from sed2.cluster.connect import connected
    from sed2.cluster.demand import demand
    from sed2.cluster.settings import Cluster
    from sed2.cluster.worker import Tally, work
    from sed2.request import load_data
    from sed2.settings import Settings
    from sed2.spec.schema import load_spec
    from sed2.tasks import ESTIMATE, Task

    cluster, settings = Cluster(address), Settings(dataset="covertype")
    data = load_data(settings)
    with connected(cluster) as ray:
        sent = ray.put(data)
        tally = ray.remote(Tally).options(num_cpus=0).remote()
        do = ray.remote(work).options(runtime_env={"env_vars": cluster.environment})

        def hand_out(count: int) -> None:
            sealed = [cloudpickle.dumps(Nothing(number)) for number in range(count)]
            ray.get([do.remote(each, "", sent, n, tally) for n, each in enumerate(sealed)])

        hand_out(16)  # not counted: the processes begin
        with _timed() as of_ray:
            hand_out(tasks)
    models = [load_spec(name).models[0] for name in random_networks(10)]
    with _timed() as of_forecast:
        for model in models:
            demand(Task(ESTIMATE, model, settings), data, 1, 0)
    return (
        f"Ray takes {1e3 * of_ray[0] / tasks:.1f} ms for a task that does nothing ({tasks} tasks), "
        f"the forecast of its memory {1e3 * of_forecast[0] / len(models):.0f} ms."
    )


@contextmanager
def _timed() -> Iterator[list[float]]:
    """Of which the first entry is the seconds, once it is over."""
    seconds: list[float] = []
    start = time.perf_counter()
    yield seconds
    seconds.append(time.perf_counter() - start)


def moved(result: Any, name: str, number: int, rng: np.random.Generator) -> Any:
    """A result of another network that came out a little different."""
    factor = 1 + 0.1 * rng.normal()
    tilt = factor + 0.05 * rng.normal() * np.linspace(-1, 1, len(result.eps))
    curve = result.lower_two_sed
    return replace(
        result,
        name=name,
        lower_two_sed=replace(curve, estimate=curve.estimate * tilt),
        score=replace(result.score, value=result.score.value * factor),
        replicates=replace(result.replicates, stream=number),
    )


def driver_costs(count: int) -> dict[str, float]:
    """Seconds, megabytes and the peak of what is done with the results of so many candidates."""
    from rich.console import Console

    from sed2.estimate import estimate
    from sed2.ranking.order import rank_results
    from sed2.report.documents.ranking import rank_document
    from sed2.report.documents.text import to_json
    from sed2.report.html.pages import rank_page
    from sed2.report.tables.ranking import print_rank
    from sed2.request import load_data
    from sed2.runs.directory import RunDirectory
    from sed2.runs.loading import load_run
    from sed2.settings import Settings
    from sed2.spec.schema import load_spec
    from sed2.tasks import ESTIMATE, Task

    settings = Settings(dataset="covertype", samples=50, draws=10)
    data = load_data(settings)
    real = [estimate(load_spec(name).models[0], data, settings) for name in BASE]
    names = [f"MLP 54-{a}-{b}-7" for a, b in islice(product(range(2, 99), repeat=2), count)]
    models = {name: load_spec(name).models[0] for name in names}
    rng = np.random.default_rng(0)
    results = [moved(real[n % len(real)], name, n, rng) for n, name in enumerate(names)]
    costs: dict[str, float] = {}

    def cost(what: str, do: Callable[[], Any]) -> Any:
        with _timed() as seconds:
            done = do()
        costs[what] = seconds[0]
        return done

    ranking = cost("rank", lambda: rank_results(results))
    costs["crossings"] = len(ranking.crossings)
    console = Console(file=io.StringIO(), width=10_000)
    cost("table", lambda: print_rank(console, ranking))
    document = cost("json", lambda: to_json(rank_document(ranking)))
    costs["json_mb"] = len(document) / 1e6
    page = cost("html", lambda: rank_page(ranking, "sed2 rank sweep.yaml"))
    costs["html_mb"] = len(page) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(folder)
        tasks = [Task(ESTIMATE, model, settings) for model in models.values()]
        cost("begin", lambda: run.begin("rank", tasks, data, "sweep.yaml"))
        pairs = list(zip(tasks, results, strict=True))
        cost("keep", lambda: [run.keep(task, data, result) for task, result in pairs])
        cost("find", lambda: [run.find(task, data) for task in tasks])
        cost("finish", lambda: run.finish(ranking))
        cost("load", lambda: load_run(folder))
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        costs["run_dir_mb"] = size / 1e6
    costs["peak_gb"] = peak_bytes() / 1e9
    return costs


COLUMNS = {
    "rank": "ranking",
    "crossings": "crossings",
    "table": "table",
    "json": "JSON",
    "json_mb": "its MB",
    "html": "HTML",
    "html_mb": "its MB",
    "keep": "keeping",
    "find": "taking over",
    "load": "loading",
    "run_dir_mb": "run directory, MB",
    "peak_gb": "peak, GB",
}


def driver_rows(counts: Sequence[int]) -> list[str]:
    """The table of what is done with so many results; each number in a process of its own."""
    rows = []
    for count in counts:
        command = [sys.executable, "-m", "scripts.cost.sweep", "--driver", str(count)]
        done = subprocess.run(
            command, env=finding_scripts(), stdout=subprocess.PIPE, text=True, check=True
        )
        costs = json.loads(done.stdout)
        rows.append([f"{count:,}", *(_cell(name, costs[name]) for name in COLUMNS)])
    return table(["candidates", *COLUMNS.values()], rows)


def _cell(name: str, value: float) -> str:
    if name == "crossings":
        return f"{value:,.0f}"
    return f"{value:.2g}" if value < 10 else f"{value:,.0f}"


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What many candidates cost.")
    parser.add_argument("--candidates", type=int, default=24, help="0 for none [%(default)s]")
    parser.add_argument("--samples", type=int, default=100, help="N [%(default)s]")
    parser.add_argument("--draws", type=int, default=10, help="K [%(default)s]")
    parser.add_argument("--dataset", default="covertype", help="[%(default)s]")
    parser.add_argument("--address", default="local", help="of the cluster [%(default)s]")
    parser.add_argument("--tasks", type=int, default=200, help="that do nothing [%(default)s]")
    parser.add_argument(
        "--counts", type=int, nargs="*", default=[10, 100, 1000], help="[%(default)s]"
    )
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="compare with that code")
    parser.add_argument("--workers", type=int, nargs="+", help="compare clusters of so many")
    parser.add_argument("--driver", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the page as well")
    given = parser.parse_args(arguments)
    if given.candidates < 0 or 0 < given.candidates < 3:
        parser.error("--candidates must be 0, or at least 3")
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    if given.driver is not None:
        print(json.dumps(driver_costs(given.driver)))
        return 0
    if given.workers:
        show("\n".join(worker_rows(given, seconds_of)) + "\n", given.save)
        return 0
    if given.against:
        show("\n".join(against_rows(given)) + "\n", given.save)
        return 0
    lines: list[str] = []
    if given.candidates:
        lines += [*sweep_rows(given, seconds_of), "", overhead(given.address, given.tasks), ""]
    if given.counts:
        lines += driver_rows(given.counts)
    show("\n".join(lines) + "\n", given.save)
    return 0


if __name__ == "__main__":
    sys.exit(main())

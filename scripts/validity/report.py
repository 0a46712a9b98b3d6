"""The page of the validity benchmark, and all its taus as a CSV beside it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np

from scripts.validity import tables
from scripts.validity.cells import CELLS
from scripts.validity.data import Benchmark, Key, load
from scripts.validity.defaults import defaults
from scripts.validity.plot import draw
from scripts.validity.statistics import SEED, halves
from sed2.common import terminal
from sed2.ranking.correlation import Correlation

TITLES = {"mlps": "MLPs on Covertype", "cnns": "CNNs on MNIST"}


def write(given: argparse.Namespace) -> None:
    """Read the CSVs, write everything else.

    Raises:
        ValueError: a file is no table of `run`.
    """
    families = {title: load([vars(given)[name]]) for name, title in TITLES.items()}
    page, rows = introduction(given.resamples), []
    page += on_defaults(families, given.resamples)
    with terminal.progress("validity") as report:
        for number, (title, benchmark) in enumerate(families.items()):
            report(title, number, len(families))
            found = tables.taus(benchmark.scores, benchmark.target, given.resamples)
            page += section(title, benchmark, found, given.resamples)
            rows += [csv_row(title, key, tau) for key, tau in found.items()]
    given.out.write_text("\n".join(page) + "\n", encoding="utf-8")
    head = "family,measure,cell,eps,per_parameter,tau,low,high"
    given.out.with_suffix(".csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    if given.plot:
        draw(families, given.plot, given.resamples)


def introduction(resamples: int) -> list[str]:
    """How it is to be read."""
    return [
        "# Does 2sED tell which architecture trains best?",
        "",
        "Made by `python -m scripts.validity report` from `docs/validity-mlps.csv` and "
        "`docs/validity-cnns.csv`, which `python -m scripts.validity run` wrote: networks of 900 "
        "to 1,100 parameters (`configs/validity-mlps.yaml`, `configs/validity-cnns.yaml`), scores "
        "and baselines before training, and the training loss of three seeds with Adam.",
        "",
        "Every number is Kendall's tau-b of a measure against minus the mean training loss at the "
        "end: 1 is the same order, 0 none, negative the wrong way round. Directions are fixed "
        "beforehand. In brackets a 95% interval: percentiles of a bootstrap over the architectures "
        f"({resamples:,} resamples, seed {SEED}), so it tells of other architectures of the same "
        "kind. A measure wins or loses if the interval of its tau less the best baseline's, over "
        "the same resampled architectures, excludes 0. Settings are chosen on a random half of the "
        "architectures and reported on the other. `tau` of every measure, cell and eps is in "
        "`validity.csv` beside this page.",
        "",
        "Names: `2sed` is (4) of the paper, `lower_2sed` is (10), `mean_logdet` is the mean of the "
        "log-determinants over |log eps|, not tilted; `_own` normalises each block by its own "
        "trace; `/ d` divides by the number of parameters; eps `1e-3:1e-1` is the mean over that "
        "grid in log eps. A cell is a parameter measure (Fisher `expected`) or `empirical` or "
        "`end-to-end` (both with `torch`), and the number N of inputs. "
        "`smc` takes minutes for each model and eps and is not among them.",
    ]


def on_defaults(families: Mapping[str, Benchmark], resamples: int) -> list[str]:
    """The table that the tool's defaults are chosen by, and how."""
    return [
        "",
        "## The defaults",
        "",
        "What `sed2 rank --score lower` takes unless told otherwise (lower 2sED, Fisher "
        "`expected`, parameters as `torch` draws them, N = 100, the mean over eps 1e-3 to 1e-1, "
        "not divided by d) is compared with every change of one setting that was computed. A "
        "default is changed if the "
        "gain in tau, in the mean over the families that have it, lies above 0 with its whole "
        "interval on the halves for choosing; `–` where a family does not have it. The halves for "
        "reporting have no say.",
        "",
        *defaults(families, resamples),
    ]


def section(
    title: str, benchmark: Benchmark, found: Mapping[Key, Correlation], resamples: int
) -> list[str]:
    """All tables of one family."""
    choosing, _ = halves(len(benchmark.models))
    chosen = tables.contenders(benchmark)
    trainings = [
        f"{cell.samples:,} points, {cell.epochs} epochs in batches of {cell.batch}"
        for cells in CELLS.values()
        for cell in cells
        if cell.name in benchmark.losses
    ]
    looked_at = {
        name: values
        for name, values in {**chosen, **benchmark.baselines}.items()
        if name in chosen or "width" in name
    }
    where_defined = [
        "",
        "These baselines are undefined for some architectures, so the verdicts above do without "
        "them. On those that have one, both halves together, and against it alone:",
        "",
        *tables.where_defined(benchmark, resamples),
    ]
    each_training = [
        "",
        "### Against each training, all architectures",
        "",
        *tables.each_training(benchmark, resamples),
    ]
    undefined = [f"Undefined, so left out: {'; '.join(benchmark.undefined)}."]
    return [
        "",
        f"## {title}",
        "",
        f"{len(benchmark.models)} architectures, {len(choosing)} of them for choosing. Trained: "
        f"{'; '.join(trainings)}.",
        *(undefined if benchmark.undefined else []),
        "",
        *tables.in_short(benchmark, resamples),
        "",
        "### 2sED and the baselines",
        "",
        *tables.headline(benchmark, resamples),
        *(where_defined if benchmark.partial else []),
        *(each_training if len(benchmark.losses) > 1 else []),
        "",
        "### One setting changed at a time",
        "",
        f"From {benchmark.default}, or the cell in the second column.",
        "",
        *tables.one_at_a_time(benchmark, resamples),
        "",
        "### Lower 2sED under every setting, all architectures",
        "",
        *tables.every_setting(found, "lower_2sed", per_parameter=False),
        "",
        "Divided by d:",
        "",
        *tables.every_setting(found, "lower_2sed", per_parameter=True),
        "",
        "### 2sED under every setting, all architectures",
        "",
        *tables.every_setting(found, "2sed", per_parameter=False),
        "",
        "Divided by d:",
        "",
        *tables.every_setting(found, "2sed", per_parameter=True),
        "",
        "### Among architectures of like size",
        "",
        *tables.among_alike(benchmark, resamples, by="size"),
        "",
        "### Among architectures of the same depth",
        "",
        *tables.among_alike(benchmark, resamples, by="depth"),
        "",
        "### Where lower 2sED errs",
        "",
        "How many places too high a measure puts architectures, on average, by the width of the "
        "last hidden layer and by the narrowest layer before it (in brackets a 95% interval of the "
        "mean):",
        "",
        *tables.misplaced_by_width(benchmark, looked_at),
        "",
        "tau without the architectures whose last hidden layer is narrower than the output:",
        "",
        *tables.without_narrow_ends(benchmark, looked_at, resamples),
        "",
        f"Those that {benchmark.default} misplaces most:",
        "",
        *tables.worst(benchmark, benchmark.scores[benchmark.default]),
        "",
        "### What was computed",
        "",
        *tables.computed(benchmark),
        "",
        "Seconds were measured while much else ran on the same two cores.",
    ]


def csv_row(title: str, key: Key, tau: Correlation) -> str:
    low, high = (np.nan, np.nan) if tau.interval is None else tau.interval
    numbers = ("" if np.isnan(number) else f"{number:.4f}" for number in (tau.value, low, high))
    fields = (title, key.measure, key.cell, key.eps, str(int(key.per_parameter)), *numbers)
    return ",".join(fields)

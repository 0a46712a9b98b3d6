"""The results as JSON and as a page, ratios first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from scripts.bench.goals import Goal, goals_of
from scripts.bench.suite import Measured, Options, Ratio, Result
from scripts.bench.ways import WAYS
from scripts.common.pages import table

COMMAND = "python -m scripts.bench"
COLUMNS = (
    *("way", "times sed2, cold", "times sed2, warm", "cold", "warm"),
    *("draws run", "differs by", "memory"),
)
FAMILIES = {
    "paper": "(a) the paper's way",
    "nngeometry": "(b) nngeometry",
    "curvlinops": "(b) curvlinops",
    "qiskit": "(c) Qiskit's formula",
    "training": "(d) training to convergence",
    "limit": "sed2 against bare LAPACK",
}


def as_json(
    results: Sequence[Result], options: Options, machine: str, versions: dict[str, str]
) -> dict[str, Any]:
    """Everything that was measured: ratios first, then the seconds of every run."""
    return {
        "machine": machine,
        "versions": versions,
        "rounds": options.rounds,
        "memory_gb": options.memory / 1e9,
        "models": [_model(result) for result in results],
    }


def _model(result: Result) -> dict[str, Any]:
    case = result.case
    return {
        "model": case.model,
        "parameters": result.parameters,
        "samples": case.samples,
        "draws": case.draws,
        "training": result.trained or None,
        "goals": [
            asdict(goal) | {"at": "most" if goal.family == "limit" else "least"}
            for goal in goals_of(result)
        ],
        "ways": [_way(result, way) for way in result.ways.values()],
    }


def _way(result: Result, way: Measured) -> dict[str, Any]:
    kind, runs, case = WAYS[way.name], way.runs, way.case
    found: dict[str, Any] = {"way": way.name, "title": kind.title, "left_out": way.left_out}
    if not runs:
        return found | {"ran": False}
    return found | {
        "ran": True,
        "times_sed2": {kind: asdict(result.ratio(way.name, kind)) for kind in ("cold", "warm")},
        "draws_run": case.few if kind.few else case.draws,
        "seconds_cold": [way.cold(run) for run in runs],
        "seconds_warm": [way.warm(run) for run in runs],
        "seconds_cached": [run.first for run in way.cached],
        "runs": [
            {"first": run.first, "warm": run.warm, "bytes": run.bytes, "stages": run.stages}
            for run in runs
        ],
        "agreement": asdict(way.agreement) if way.agreement else None,
    }


def as_page(
    results: Sequence[Result], options: Options, machine: str, versions: dict[str, str]
) -> str:
    """docs/benchmarks.md."""
    packages = ", ".join(f"{name} {number}" for name, number in versions.items())
    rounds, threads = _several(options.rounds, "round"), _several(options.cores, "thread")
    lines = [
        "# Benchmarks",
        "",
        f"Made by `{COMMAND}`, which also writes benchmarks.json with every run. {machine}.",
        f"{packages}. {rounds}, in which all ways take turns, each in a process of its own with "
        f"{threads}; the median, and the smallest and the largest in brackets.",
        "",
        "All have the same network, inputs, draws and noise, which are sed2's own, and the same "
        "grid of 25 eps; the values are compared before any time is reported. Cold is the time "
        "from the start of a process to its first answer, imports and compilation included, with "
        "nothing compiled before; warm is the second answer of the same process. Where a way does "
        "a few of the K draws only, the rest is extrapolated from its warm time; a way that takes "
        f"more than {options.once_above:g} s is run once, and its warm time is its first one.",
        "",
        "## How many times sed2's own time",
        "",
    ]
    rows = []
    for goals in zip(*map(goals_of, results), strict=True):
        sign = "at most" if goals[0].family == "limit" else "at least"
        cells = [_cell(goal, result) for goal, result in zip(goals, results, strict=True)]
        rows.append([FAMILIES[goals[0].family], f"{sign} {goals[0].goal:g}", *cells])
    lines += [
        *table(["", "goal", *(result.case.model for result in results)], rows),
        "",
        "Of each kind the fastest way that gives sed2's values, against the K draws of sed2 "
        "without errors over the inputs, which no other way has; training is held against sed2 "
        "with its errors. Goals are judged cold, that of bare LAPACK warm. A ratio after `>` is of "
        "some of the blocks against all of sed2's, since the others do not fit in memory, or of a "
        "way that was ended before its first answer.",
    ]
    for result in results:
        lines += _table(result)
    return "\n".join(lines) + "\n"


def _cell(goal: Goal, result: Result) -> str:
    if goal.warm is None:
        return "could not run"
    sign = "> " if result.ways[goal.way].partial else ""
    cold = f"{_short(goal.cold)} cold, " if goal.cold else ""
    verdict = {True: "met", False: "missed", None: "not known"}[goal.met]
    return f"{sign}{cold}{_short(goal.warm)} warm: {verdict}"


def _table(result: Result) -> list[str]:
    case = result.case
    lines = [
        "",
        f"## {case.model}",
        "",
        f"{result.parameters:,} parameters, N = {case.samples}, K = {case.draws}"
        + (f". Training {result.trained}." if result.trained else "."),
        "",
    ]
    rows, notes = [], []
    for way in result.ways.values():
        kind = WAYS[way.name]
        if not way.runs:
            rows.append([kind.title, "could not run", *[""] * (len(COLUMNS) - 2)])
        else:
            rows.append([kind.title, *_cells(result, way)])
        if way.left_out:
            rest = ", so the times are of the other blocks" if way.partial else ""
            notes.append(f"- {kind.title}: {'; '.join(way.left_out)}{rest}.")
        if way.stopped:
            seconds = f"{way.runs[0].first:,.0f} s"
            notes.append(f"- {kind.title}: ended after {seconds}, before its first answer.")
        if way.runs and way.runs[0].stages:
            notes.append(f"- {kind.title}: of its first answer, {_stages(way)}.")
        if way.cached:
            seconds = Ratio.of([run.first for run in way.cached], [1.0])
            notes.append(
                f"- {kind.title}: a new process with the compiled programs of the one before it "
                f"takes {_short(seconds)} s."
            )
    return [*lines, *table(COLUMNS, rows), *(["", *notes] if notes else [])]


def _stages(way: Measured) -> str:
    """The medians over the rounds, in words."""
    found = [run.stages or {} for run in way.runs]
    return ", ".join(
        f"{_number(median(stages[name] for stages in found))} s went into {name}"
        for name in found[0]
    )


def _cells(result: Result, way: Measured) -> list[str]:
    sign = "> " if way.partial else ""
    cold, warm = (result.ratio(way.name, kind) for kind in ("cold", "warm"))
    seconds = [
        Ratio.of([time(run) for run in way.runs], [1.0]).median for time in (way.cold, way.warm)
    ]
    agreement = "" if way.agreement is None else f"{way.agreement.difference:.0e}"
    if way.agreement and way.agreement.deviations is not None:
        agreement += f" (traces by {way.agreement.deviations:.1f} standard errors)"
    few = WAYS[way.name].few
    return [
        sign + _short(cold),
        sign + _short(warm),
        *(f"{sign}{_number(each)} s" for each in seconds),
        f"{way.case.few} of {way.case.draws}" if few else "all",
        agreement,
        f"{max(run.bytes for run in way.runs) / 1e9:.1f} GB",
    ]


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _short(ratio: Ratio) -> str:
    if ratio.low == ratio.high:
        return _number(ratio.median)
    return f"{_number(ratio.median)} ({_number(ratio.low)} to {_number(ratio.high)})"


def _number(value: float) -> str:
    """Two digits, and whole numbers from 10 on."""
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.{max(1 - math.floor(math.log10(value)), 0) if value > 0 else 1}f}"

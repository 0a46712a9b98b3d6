"""The results as JSON and as a page, ratios first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from scripts.bench.cases import GOALS, LIMIT_GOAL
from scripts.bench.suite import Measured, Options, Ratio, Result
from scripts.bench.ways import WAYS

COMMAND = "python -m scripts.bench"
FAMILIES = {
    "paper": "(a) the paper's way",
    "nngeometry": "(b) nngeometry",
    "curvlinops": "(b) curvlinops",
    "qiskit": "(c) Qiskit's formula",
    "training": "(d) training to convergence",
}


def as_json(results: Sequence[Result], options: Options, machine: str, versions: dict) -> dict:
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
            {"goal": name, "at_least": goal, **_ratio(ratio), "met": met}
            for name, goal, ratio, met, _ in _goals(result)
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
        "times_sed2": {kind: _ratio(result.ratio(way.name, kind)) for kind in ("cold", "warm")},
        "draws_run": case.few if kind.few else case.draws,
        "seconds_cold": [way.cold(run) for run in runs],
        "seconds_warm": [way.warm(run) for run in runs],
        "seconds_cached": [run.first for run in way.cached],
        "runs": [{"first": run.first, "warm": run.warm, "bytes": run.bytes} for run in runs],
        "agreement": asdict(way.agreement) if way.agreement else None,
    }


def _ratio(ratio: Ratio | None) -> dict[str, float | None]:
    return asdict(ratio) if ratio else {"median": None, "low": None, "high": None}


Goal = tuple[str, float, Ratio | None, bool | None, str]
"""The family, the goal, what was found, whether it is met (None: not known), and what was timed."""


def _goals(result: Result) -> list[Goal]:
    """Of every family, by its fastest way that agrees with sed2 in value: cold, as the issue of one
    command is, start-up and compilation included; of the limit, warm."""
    found: list[Goal] = []
    for family, goal in GOALS.items():
        candidates = [
            way
            for way in result.ways.values()
            if WAYS[way.name].family == family and way.runs and WAYS[way.name].tolerance is not None
        ]
        whole = [way for way in candidates if not way.partial]
        best = min(
            whole or candidates, key=lambda way: result.ratio(way.name, "cold").median, default=None
        )
        if best is None:
            found.append((family, goal, None, None, ""))
            continue
        below = "sed2+errors" if family == "training" and "sed2+errors" in result.ways else "sed2"
        ratio = result.ratio(best.name, "cold", below)
        met = ratio.median >= goal
        # Blocks that were left out make the ratio too small: it can be met, but not be missed.
        found.append((family, goal, ratio, met or (None if best.partial else False), best.name))
    if "limit" in result.ways:
        ratio = Ratio.of(
            *(
                [way.warm(run) for run in way.runs]
                for way in (result.ways["sed2"], result.ways["limit"])
            )
        )
        found.append(("limit", LIMIT_GOAL, ratio, ratio.median <= LIMIT_GOAL, "limit"))
    return found


def as_page(results: Sequence[Result], options: Options, machine: str, versions: dict) -> str:
    """docs/benchmarks.md."""
    packages = ", ".join(f"{name} {number}" for name, number in versions.items())
    lines = [
        "# Benchmarks",
        "",
        f"Made by `{COMMAND}`, which also writes benchmarks.json with every run. {machine}.",
        f"{packages}. {options.rounds} rounds, in which all ways take turns, each in a process of "
        f"its own with {options.cores} thread{'s' * (options.cores != 1)}; the median, and the "
        "smallest and the largest in brackets.",
        "",
        "All have the same network, inputs, draws and noise, which are sed2's own, and the same grid "
        "of 25 eps; the values are compared before any time is reported. Cold is the time from the "
        "start of a process to its first answer, imports and compilation included, with nothing "
        "compiled before; warm is the second answer of the same process. Where a way does a few of "
        "the K draws only, the rest is extrapolated from its warm time; a way that takes more than "
        f"{options.once_above:g} s is run once, and its warm time is its first one.",
        "",
        "## How many times sed2's own time",
        "",
        f"| | goal | {' | '.join(result.case.model for result in results)} |",
        f"| --- | --- |{' --- |' * len(results)}",
    ]
    goals = [_goals(result) for result in results]
    for row in zip(*goals, strict=True):
        family, goal = row[0][0], row[0][1]
        title = FAMILIES.get(family, "bare LAPACK: sed2 takes, warm,")
        sign = "at most" if family == "limit" else "at least"
        cells = [_cell(one, result) for one, result in zip(row, results, strict=True)]
        lines.append(f"| {title} | {sign} {goal:g} | {' | '.join(cells)} |")
    lines += [
        "",
        "Of each kind the fastest way that gives sed2's values, cold, against the K draws of sed2 "
        "without errors over the inputs, which no other way has; training is held against sed2 with "
        "its errors. A ratio after `>` is of some of the blocks against all of sed2's: the others do "
        "not fit in memory.",
    ]
    for result in results:
        lines += _table(result)
    return "\n".join(lines) + "\n"


def _cell(goal: Goal, result: Result) -> str:
    _, _, ratio, met, name = goal
    if ratio is None:
        return "could not run"
    sign = "> " if result.ways[name].partial else ""
    verdict = {True: "met", False: "missed", None: "not known"}[met]
    return f"{sign}{_short(ratio)}: {verdict}"


def _table(result: Result) -> list[str]:
    case = result.case
    lines = [
        "",
        f"## {case.model}",
        "",
        f"{result.parameters:,} parameters, N = {case.samples}, K = {case.draws}"
        + (f". Training {result.trained}." if result.trained else "."),
        "",
        "| way | times sed2, cold | times sed2, warm | cold | warm | draws run | differs by | memory |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    notes = []
    for way in result.ways.values():
        kind = WAYS[way.name]
        if not way.runs:
            lines.append(f"| {kind.title} | could not run | | | | | | |")
        else:
            cells = _cells(result, way)
            lines.append(f"| {kind.title} | {' | '.join(cells)} |")
        if way.left_out:
            rest = ", so the times are of the other blocks" if way.partial else ""
            notes.append(f"- {kind.title}: {'; '.join(way.left_out)}{rest}.")
        if way.cached:
            seconds = Ratio.of([run.first for run in way.cached], [1.0])
            notes.append(
                f"- {kind.title}: a new process with the compiled programs of the one before it "
                f"takes {_short(seconds)} s."
            )
    return lines + ([""] + notes if notes else [])


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


def _short(ratio: Ratio) -> str:
    if ratio.low == ratio.high:
        return _number(ratio.median)
    return f"{_number(ratio.median)} ({_number(ratio.low)} to {_number(ratio.high)})"


def _number(value: float) -> str:
    """Two digits, and whole numbers from 10 on."""
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.{max(1 - math.floor(math.log10(value)), 0) if value > 0 else 1}f}"

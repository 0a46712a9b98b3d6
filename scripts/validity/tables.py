"""The tables of the validity benchmark's page, each a list of lines of Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np

from scripts.common.pages import table
from scripts.validity.data import Benchmark, Key
from scripts.validity.measures import EPS_NAMES, GRID
from scripts.validity.statistics import SEED, halves, mean_interval, residuals, shown
from sed2.ranking.correlation import Advantage, Correlation, against_best, correlate, tau_b

WORST = 10
SIZES = (900, 950, 1000, 1050, 1101)
WIDTHS = (1, 4, 7, 10, 15, np.inf)
"""Edges of groups, the upper one not in."""

Name = TypeVar("Name")
Everything = slice(None)


def taus(
    measures: Mapping[Name, np.ndarray],
    target: np.ndarray,
    resamples: int,
    which: np.ndarray | slice = Everything,
) -> dict[Name, Correlation]:
    """Of each measure with the target, over some of the architectures."""
    return {
        name: correlate(values[which], target[which], seed=SEED, resamples=resamples)
        for name, values in measures.items()
    }


def contenders(benchmark: Benchmark) -> dict[str, np.ndarray]:
    """The scores that are compared: the tool's own, and of each kind that of the setting with the
    largest tau on the half kept for choosing. (M,) by label."""
    choosing, _ = halves(len(benchmark.models))
    target = benchmark.target[choosing]

    def best(kind: str, keys: Sequence[Key]) -> dict[str, np.ndarray]:
        if not keys:
            return {}
        found = [tau_b(benchmark.scores[key][choosing], target) for key in keys]
        key = keys[np.nanargmax(found)]
        return {f"{kind}, chosen: {key}": benchmark.scores[key]}

    end_to_end = [key for key in benchmark.scores if key.cell.startswith("end-to-end")]
    by_block = [key for key in benchmark.scores if key not in end_to_end]
    return {
        f"as `sed2 rank --score lower`: {benchmark.default}": benchmark.scores[benchmark.default],
        **best("lower 2sED", [key for key in by_block if key.measure == "lower_2sed"]),
        **best("own traces", [key for key in by_block if key.measure.endswith("_own")]),
        **best("end to end", [key for key in end_to_end if key.measure == "2sed"]),
    }


def in_short(benchmark: Benchmark, resamples: int) -> list[str]:
    """The verdicts on the half for reporting, and what a narrow last layer does, in sentences."""
    _, reporting = halves(len(benchmark.models))
    ours, rivals, target = contenders(benchmark), benchmark.rivals, benchmark.target
    found = taus(ours | rivals, target, resamples, reporting)
    lines = []
    for name, values in ours.items():
        verdict = against(values, rivals, target, resamples, reporting)
        best = list(rivals)[verdict.best or 0]
        lines.append(
            f"- {name}: tau {shown(found[name].value, found[name].interval)} on the half for "
            f"reporting. The best baseline is `{best}` with "
            f"{shown(found[best].value, found[best].interval)}: {outcome(verdict)}."
        )
    narrow = benchmark.narrow_end
    every, others = (
        taus(ours, target, resamples, which) for which in (Everything, np.flatnonzero(~narrow))
    )
    for name, values in ours.items():
        places = residuals(values, target)[narrow]
        lines.append(
            f"- {name}: the {narrow.sum()} architectures whose last hidden layer is narrower than "
            f"the output stand {shown(float(places.mean()), mean_interval(places), '+.0f')} places "
            f"too high of {len(target)}; without them tau is {others[name].value:.2f} instead of "
            f"{every[name].value:.2f}."
        )
    return lines


def against(
    values: np.ndarray,
    rivals: Mapping[str, np.ndarray],
    target: np.ndarray,
    resamples: int,
    which: np.ndarray,
) -> Advantage:
    """Whether a measure beats the best of the rivals on some of the architectures."""
    theirs = np.stack(list(rivals.values()))[:, which]
    return against_best(values[which], theirs, target[which], SEED, resamples)


def outcome(verdict: Advantage) -> str:
    """In words."""
    if verdict.wins:
        return "2sED wins"
    loses = verdict.interval is not None and verdict.interval[1] < 0
    return "2sED loses" if loses else "undecided"


def headline(benchmark: Benchmark, resamples: int) -> list[str]:
    """tau of the contenders and the baselines on both halves, and who wins."""
    choosing, reporting = halves(len(benchmark.models))
    ours, target = contenders(benchmark), benchmark.target
    columns = {
        f"tau, half for choosing ({len(choosing)})": choosing,
        f"tau, half for reporting ({len(reporting)})": reporting,
        f"tau, all ({len(target)})": Everything,
    }
    found = _by_column(ours | benchmark.baselines, target, resamples, columns)
    for name, line in found.items():
        if name not in ours:
            line += ["", ""]
            continue
        verdict = against(ours[name], benchmark.rivals, target, resamples, reporting)
        line.append(shown(verdict.difference, verdict.interval))
        line.append(outcome(verdict))
    head = ["measure", *columns, "less the best baseline's, half for reporting", "verdict"]
    return table(head, _named(found))


def where_defined(benchmark: Benchmark, resamples: int) -> list[str]:
    """The baselines that are undefined for some architectures, and the contenders on the others."""
    ours = contenders(benchmark)
    lines = {}
    for name, values in benchmark.partial.items():
        its = np.flatnonzero(~np.isnan(values))
        found = taus({name: values} | ours, benchmark.target, resamples, its)
        told = {one: shown(tau.value, tau.interval) for one, tau in found.items()}
        for one, score in ours.items():
            verdict = against(score, {name: values}, benchmark.target, resamples, its)
            told[one] += f", {outcome(verdict)}"
        lines[name] = [str(len(its)), *told.values()]
    return table(["baseline", "architectures", "its tau", *ours], _named(lines))


def each_training(benchmark: Benchmark, resamples: int) -> list[str]:
    """The same measures against every training that was done."""
    measures = contenders(benchmark) | benchmark.baselines
    found: dict[str, list[str]] = {name: [] for name in measures}
    for losses in benchmark.losses.values():
        for name, tau in taus(measures, -losses.mean(axis=1), resamples).items():
            found[name].append(shown(tau.value, tau.interval))
    return table(["measure", *benchmark.losses], _named(found))


def every_setting(
    found: Mapping[Key, Correlation], measure: str, *, per_parameter: bool
) -> list[str]:
    """tau of one measure, by cell and eps."""
    lines: dict[str, list[str]] = {}
    for key, tau in found.items():
        if (key.measure, key.per_parameter) == (measure, per_parameter):
            lines.setdefault(key.cell, []).append(shown(tau.value, tau.interval))
    return table(["", *(f"eps {eps}" for eps in EPS_NAMES)], _named(lines))


def one_at_a_time(benchmark: Benchmark, resamples: int) -> list[str]:
    """What a change of one setting does to tau."""
    found: dict[str, list[str]] = {}
    for label, key, base in changes(benchmark):
        line = [f"{base.cell}, eps {base.eps}"]
        for which in halves(len(benchmark.models)):
            new, old, target = (
                values[which]
                for values in (benchmark.scores[key], benchmark.scores[base], benchmark.target)
            )
            paired = against_best(new, old[None], target, SEED, resamples)
            line += [shown(tau_b(new, target), None), shown(paired.difference, paired.interval)]
        found[label] = line
    head = ["change", "from", "tau, choosing", "difference", "tau, reporting", "difference"]
    return table(head, _named(found))


def changes(benchmark: Benchmark) -> list[tuple[str, Key, Key]]:
    """What is changed, to which score, and from which: other parameter measures are compared with
    `torch` at the same N, where that was computed."""
    default = benchmark.default
    cells = list(dict.fromkeys(key.cell for key in benchmark.scores))
    found = [(f"eps {eps}", default._replace(eps=eps), default) for eps in EPS_NAMES if eps != GRID]
    found.append(("divided by d", default._replace(per_parameter=True), default))
    found += [
        (f"eps {eps}, divided by d", default._replace(eps=eps, per_parameter=True), default)
        for eps in ("0.5", "0.1")
    ]
    found += [
        (measure, default._replace(measure=measure), default)
        for measure in ("2sed", "mean_logdet", "lower_2sed_own")
    ]
    for cell in cells:
        like = f"torch N={cell.rpartition('=')[2]}"
        base = default._replace(cell=like) if like in cells and like != cell else default
        measure = "2sed" if cell.startswith("end-to-end") else "lower_2sed"
        if cell != default.cell:
            key = default._replace(cell=cell, measure=measure)
            found.append((cell, key, base))
            found += [
                (f"{cell}, eps {eps}", key._replace(eps=eps), base._replace(eps=eps))
                for eps in ("0.5", "0.1")
            ]
    return found


def among_alike(benchmark: Benchmark, resamples: int, by: str) -> list[str]:
    """tau among architectures of like size (`by` is size), or of the same depth."""
    d, depths = benchmark.parameters, benchmark.depths
    if by == "size":
        groups = {f"{a:,} to {b - 1:,}": (a <= d) & (d < b) for a, b in pairwise(SIZES)}
    else:
        groups = {f"{depth} blocks": depths == depth for depth in np.unique(depths)}
    columns = {f"{name} ({its.sum()})": np.flatnonzero(its) for name, its in groups.items()}
    measures = contenders(benchmark) | benchmark.baselines
    found = _by_column(measures, benchmark.target, resamples, columns)
    return table(["measure", *columns], _named(found))


def misplaced_by_width(benchmark: Benchmark, scores: Mapping[str, np.ndarray]) -> list[str]:
    """How many places too high architectures stand, by the width of the last hidden layer, and by
    the narrowest of those before."""
    lines = []
    for layer, widths in (
        ("the last hidden", benchmark.last_widths),
        ("the narrowest before it", benchmark.other_widths),
    ):
        for low, high in pairwise(WIDTHS):
            its = (low <= widths) & (widths < high) & np.isfinite(widths)
            span = f"{low} to {high - 1}" if high < np.inf else f"{low} or more"
            places = [residuals(score, benchmark.target)[its] for score in scores.values()]
            means = [
                shown(float(some.mean()) if len(some) else np.nan, mean_interval(some), "+.0f")
                for some in places
            ]
            lines.append([layer, span, str(its.sum()), *means])
    return table(["layer", "its width", "architectures", *scores], lines)


def without_narrow_ends(
    benchmark: Benchmark, scores: Mapping[str, np.ndarray], resamples: int
) -> list[str]:
    """tau of all architectures, and of those whose last hidden layer is as wide as the output."""
    wide = np.flatnonzero(~benchmark.narrow_end)
    columns = {
        f"all ({len(benchmark.models)})": Everything,
        f"last hidden width of {benchmark.outputs} or more ({len(wide)})": wide,
    }
    found = _by_column(scores, benchmark.target, resamples, columns)
    return table(["measure", *columns], _named(found))


def computed(benchmark: Benchmark) -> list[str]:
    """The cells, and what they took."""
    head = ["cell", "N, or training points", "K, or seeds", "seconds per architecture"]
    return table(
        head,
        [
            [cell, f"{samples:,}", str(draws), f"{seconds:.1f}"]
            for cell, (samples, draws, seconds) in benchmark.cells.items()
        ],
    )


def worst(benchmark: Benchmark, score: np.ndarray) -> list[str]:
    """The architectures that a score misplaces most."""
    places = residuals(score, benchmark.target)
    order = np.argsort(-np.abs(places), kind="stable")[:WORST]
    lines = [
        [
            str(benchmark.models[m]),
            f"{-benchmark.target[m]:.3f}",
            f"{places[m]:+.0f}",
            str(benchmark.last_widths[m]),
        ]
        for m in order
    ]
    return table(["architecture", "training loss", "places too high", "last hidden width"], lines)


def _by_column(
    measures: Mapping[str, np.ndarray],
    target: np.ndarray,
    resamples: int,
    columns: Mapping[str, np.ndarray | slice],
) -> dict[str, list[str]]:
    """tau of each measure over the architectures of each column."""
    found: dict[str, list[str]] = {name: [] for name in measures}
    for which in columns.values():
        for name, tau in taus(measures, target, resamples, which).items():
            found[name].append(shown(tau.value, tau.interval))
    return found


def _named(lines: Mapping[str, Sequence[str]]) -> list[list[str]]:
    return [[name, *cells] for name, cells in lines.items()]

"""Results as tables that read well in a narrow terminal and in a pipe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sed2.data.catalogue import DatasetInfo
from sed2.data.files import DataFile
from sed2.ranking import LEADING
from sed2.report.layout import fits as _fits
from sed2.report.layout import note as _note
from sed2.report.layout import number as _number
from sed2.report.layout import print_table as _print_table
from sed2.report.training import (
    accuracy_cell,
    baseline_columns,
    baseline_notes,
    loss_cell,
    print_baselines,
    print_prediction,
    training_note,
)
from sed2.results import (
    BlockPlan,
    Checked,
    Crossing,
    Demand,
    ModelResult,
    RankedModel,
    Ranking,
    Score,
)
from sed2.settings import Settings

_CROSSINGS = 10  # lines of changes of order
_CURVE_ROWS = 9  # rows of the eps table; the whole grid goes to --csv and --json
_RANK_COLUMNS = ("#", "model", "lower 2sED", "95% interval", "P(best)", "P(order)")
_LEGEND = {
    "95% interval": "for the limit of many draws, whichever N inputs are chosen.",
    "P(best)": "probability of being ahead of all others.",
    "P(order)": "probability of being ahead of the next.",
    "ESS": "effective draws of 2sED.",
    "bracket": "at most this, with these draws, by the traces and ranks of the blocks.",
    "at most": "the bound (11) on 2sED, with the measured rank and largest eigenvalue.",
}
_LOWER_ESTIMATE = (
    "lower estimate, >: too few effective draws for an honest error; the limit of many draws "
    "lies above, as a rule."
)
_OF_THE_FIRST = f"Changes of order are told of the first {LEADING} models."
_CLAIM = {
    False: "P is about the limit of many draws, at this N.",
    True: "P is about these settings, lower estimates as they are: how another seed at the same N "
    "and K would order them, on average; not about the limit of many draws.",
}


def print_compute(console: Console, result: ModelResult) -> None:
    """The curve of one model over eps, the share of each block, and the settings."""
    console.print(Text(f"{result.name}: {coverage(result)}", style="bold"), soft_wrap=True)
    points = shown_points(result.eps)
    shown = _print_table(console, *curve_table(result, points))
    if len(points) < len(result.eps):
        _note(console, f"{len(points)} of {len(result.eps)} points; all with --csv or --json.")
    console.print()
    _print_table(console, *block_table(result))
    console.print()
    for line in compute_notes(result, shown):
        _note(console, line)


def curve_table(result: ModelResult, points: np.ndarray) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of the curves, at these places of the grid."""
    lower, two = result.lower_two_sed, result.two_sed
    headers = ["eps", "lower 2sED", "95% interval", "2sED", "95% interval", "ESS"]
    return [*headers, "bracket", "at most"], [
        [
            f"{result.eps[e]:.3g}",
            *_with_interval(lower.estimate[e], lower.interval[e], lower.lower_estimate[e]),
            *_with_interval(two.estimate[e], two.interval[e], two.lower_estimate[e]),
            f"{result.effective_sample_size[e]:.1f}",
            _number(result.upper_bracket[e]),
            _number(result.upper_bound[e], digits=0),
        ]
        for e in points
    ]


def block_table(result: ModelResult) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of the blocks, with their shares in the middle of the grid."""
    middle = len(result.eps) // 2
    total = sum(block.share[middle] for block in result.blocks)
    return ["block", "parameters", "rank", f"share at eps {result.eps[middle]:.3g}", ""], [
        [
            block.name,
            f"{block.parameters:,}",
            f"{block.rank:,}",
            f"{block.share[middle]:.1f}",
            f"{block.share[middle] / total if total else 0.0:.0%}",
        ]
        for block in result.blocks
    ]


def compute_notes(result: ModelResult, shown: Sequence[str]) -> list[str]:
    """What a reader needs to judge the curves, one sentence a line.

    Args:
        shown: headers to explain.
    """
    lower = bool(result.lower_two_sed.lower_estimate.any() | result.two_sed.lower_estimate.any())
    at_eps_n = (
        []
        if result.eps_n is None
        else [
            f"At eps_n = {result.eps_n:.4g} (Theorem 5.1, n = {result.settings.n_train:,}): "
            f"lower 2sED {_in_words(result.score)}."
        ]
    )
    return [*at_eps_n, *_legend(shown, lower=lower), describe(result.settings, result.inputs)]


def print_rank(console: Console, ranking: Ranking) -> None:
    """All models, best first, with what a reader needs to judge the order."""
    headers, rows = rank_table(ranking)
    others, values = baseline_columns(ranking.models, without=headers)
    wide = [[*row, *more] for row, more in zip(rows, values, strict=True)]
    together = _fits(console, [*headers, *others], wide, foldable=1)
    if together:
        headers, rows = [*headers, *others], wide
    shown = _print_table(console, headers, rows, text=(1,), foldable=1)
    crossings = crossing_notes(ranking)
    more = len(crossings) - _CROSSINGS
    if more > 0:
        crossings[_CROSSINGS:] = [
            f"{more:,} more changes of order, at larger eps, are in --json and --html."
        ]
    for line in (order_note(ranking), *crossings, *rank_notes(ranking, shown)):
        _note(console, line)
    if others and not together:
        console.print()
        print_baselines(console, ranking.models)
    for line in baseline_notes(ranking.models):
        _note(console, line)
    if ranking.correlation:
        console.print()
        print_prediction(console, ranking)


def order_note(ranking: Ranking) -> str:
    """By what the models are ordered."""
    return f"Ordered by lower 2sED {_where(ranking)}."


def crossing_notes(ranking: Ranking) -> list[str]:
    """Where the order changes, one sentence a line."""
    return [_crossing(crossing) for crossing in ranking.crossings]


def rank_notes(ranking: Ranking, shown: Sequence[str]) -> list[str]:
    """What a reader needs to judge the table, one sentence a line.

    Args:
        shown: headers to explain.
    """
    scores = [score for m in ranking.models for score in (m.result.score, m.result.two_sed_score)]
    training, several = ranking.models[0].training, len(ranking.models) > 1
    by_lower = any(model.result.score.lower_estimate for model in ranking.models)
    began = "Began with: " if ranking.demand else ""
    inputs = min(model.result.inputs for model in ranking.models)
    return [
        *_legend(shown, lower=any(score.lower_estimate for score in scores)),
        *([_OF_THE_FIRST] if len(ranking.models) > LEADING else []),
        *([_CLAIM[by_lower]] if "P(best)" in shown and several else []),
        *([training_note(training)] if training else []),
        *([_decisions(ranking, ranking.demand)] if ranking.demand else []),
        f"{began}{describe(ranking.settings, inputs)}",
    ]


def _where(ranking: Ranking) -> str:
    """At which eps the score is taken."""
    if ranking.eps_n is not None:
        return f"at eps_n = {ranking.eps_n:.4g} (Theorem 5.1, n = {ranking.settings.n_train:,})"
    if len(ranking.eps) == 1:
        return f"at eps = {ranking.eps[0]:g}"
    return f"averaged over eps {ranking.eps[0]:g} to {ranking.eps[-1]:g} in log eps"


def rank_table(ranking: Ranking) -> tuple[list[str], list[list[str]]]:
    """Headers and rows, the most important columns first."""
    trained, grown = ranking.models[0].training is not None, ranking.demand is not None
    before, after = _RANK_COLUMNS[:4], _RANK_COLUMNS[4:]
    headers = [
        *before,
        *(["train loss"] if trained else []),
        *after,
        *(["N", "K"] if grown else []),
        "parameters",
        "2sED",
        "ESS",
        *(["accuracy"] if trained else []),
    ]
    return headers, [_rank_row(model, grown=grown) for model in ranking.models]


def _rank_row(model: RankedModel, *, grown: bool) -> list[str]:
    result, training = model.result, model.training
    score, two = result.score, result.two_sed_score
    return [
        str(model.rank),
        result.name,
        *_with_interval(score.value, score.interval, score.lower_estimate),
        *([loss_cell(training)] if training else []),
        _probability(model.probability_best.score),
        _probability(model.order_probability.score),
        *([f"{result.inputs:,}", f"{result.settings.draws:,}"] if grown else []),
        f"{result.parameters:,}",
        value_cell(two.value, two.lower_estimate),
        f"{result.effective_sample_size.min():.1f}",
        *([accuracy_cell(training)] if training else []),
    ]


def _crossing(crossing: Crossing) -> str:
    low, high = crossing.eps_interval
    probability = _probability(crossing.probability)
    if probability[0].isdigit():
        probability = f"= {probability}"
    sure = "" if math.isnan(low) else f" (95%: {low:.2g} to {high:.2g}; P {probability})"
    return (
        f"The order changes near eps {crossing.eps:.2g}{sure}: {crossing.larger_below} leads "
        f"below, {crossing.larger_above} above."
    )


def _decisions(ranking: Ranking, demand: Demand) -> str:
    """What `--until-decided` came to."""
    undecided = [
        f"{upper.result.name} / {lower.result.name}"
        for upper, lower in pairwise(ranking.models)
        if not upper.decided
    ]
    pairs = len(ranking.models) - 1
    return (
        f"{pairs - len(undecided)} of {pairs} orders decided at P = {demand.probability:g}, each "
        "at the N and K its two models had in common; values at other N and K do not compare."
        + (f" Not decided: {'; '.join(undecided)}." if undecided else "")
    )


def shown_points(eps: np.ndarray) -> np.ndarray:
    """The places of the grid that a table shows."""
    return np.unique(np.linspace(0, len(eps) - 1, _CURVE_ROWS).round().astype(int))


def ranking_warnings(ranking: Ranking) -> list[str]:
    """The ranking's own warnings, then the models', each said once for all it concerns."""
    concerned: dict[str, list[str]] = {}
    for model in ranking.models:
        for warning in model.warnings:
            concerned.setdefault(warning, []).append(model.result.name)
    return [
        *ranking.warnings,
        *(f"{', '.join(names)}: {warning}" for warning, names in concerned.items()),
    ]


def print_checked(console: Console, checked: Sequence[Checked]) -> None:
    """What `validate` found: one line per model."""
    _print_table(
        console,
        ["model", "parameters", "input", "output", "blocks"],
        [
            [
                model.name,
                f"{model.parameters:,}",
                _shape(model.input_shape),
                _shape(model.output_shape),
                str(model.blocks),
            ]
            for model in checked
        ],
        text=(0, 2, 3),
        foldable=0,
    )
    _note(console, f"{len(checked)} model{'s' * (len(checked) != 1)}: no fault found.")


def print_plan(console: Console, name: str, plan: Sequence[BlockPlan]) -> None:
    """How each block's spectrum is had, and what one draw of it takes."""
    console.print(Text(f"{name}: the way of each block", style="bold"))
    _print_table(
        console,
        ["block", "parameters", "GB", "GFlop", "way"],
        [
            [
                block.name,
                f"{block.parameters:,}",
                f"{block.bytes / 1e9:.2g}",
                f"{block.work / 1e9:.2g}",
                block.way,
            ]
            for block in plan
        ],
        text=(0, 4),
        foldable=4,
    )


def print_smc(console: Console, result: ModelResult) -> None:
    """How sequential Monte Carlo went, if it did."""
    report = result.smc
    if report is None:
        return
    console.print(Text(f"{result.name}: sequential Monte Carlo", style="bold"))
    headers = ["eps", "temperatures", "moves", "accepted", "correlation", "ESS", "island spread"]
    rows = [
        [
            f"{result.eps[e]:.3g}",
            f"{report.temperatures[e]}",
            f"{report.moves[e]}",
            f"{report.acceptance[e]:.0%}",
            f"{report.correlation[e]:.2f}",
            f"{report.ess_share[e]:.0%}",
            f"{report.island_spread[e]:.1f}",
        ]
        for e in shown_points(result.eps)
    ]
    _print_table(console, headers, rows)


def print_datasets(console: Console, datasets: Sequence[tuple[DatasetInfo, bool]]) -> None:
    """What `--dataset` accepts by name, and whether it is on this machine."""
    _print_table(
        console,
        ["name", "rows", "input", "classes", "here", "licence"],
        [
            [
                info.name,
                f"{info.rows:,}",
                _shape(info.input_shape),
                str(info.classes),
                "yes" if here else "fetch",
                info.licence,
            ]
            for info, here in datasets
        ],
        text=(0, 2, 4, 5),
    )
    _note(
        console,
        "Or the path of a .npz file (arrays x and, if any, y), of a .csv with a header, of idx "
        "files as MNIST has them, or of CIFAR's archive; or the folder of the last two.",
    )


def print_dataset(console: Console, info: DatasetInfo, here: bool) -> None:
    """Everything about one named data set."""
    place = "ships with sed2" if info.bundled else f"`sed2 datasets fetch {info.name}`"
    table = Table(box=None, show_header=False, pad_edge=False)
    for key, value in (
        ("name", info.name),
        ("what", info.description),
        ("rows", f"{info.rows:,}"),
        ("input", _shape(info.input_shape)),
        ("classes", str(info.classes)),
        ("here", f"yes ({place})" if info.bundled else "yes" if here else f"no: {place}"),
        ("from", info.home),
        *(row for file in info.files for row in _file_rows(file)),
        ("licence", info.licence),
        ("cite", info.citation),
    ):
        table.add_row(Text(key, style="bold"), Text(value, overflow="fold"))
    console.print(table)


def _file_rows(file: DataFile) -> list[tuple[str, str]]:
    return [("file", file.url or file.name), ("sha256", file.sha256)]


def describe(settings: Settings, inputs: int) -> str:
    """The settings that determine the numbers, in one line."""
    smc = settings.estimator == "smc"
    by = f"smc of {settings.islands} x {settings.particles} particles, " if smc else ""
    return (
        f"{settings.dataset}, N = {inputs} inputs, K = {settings.draws} draws, {by}"
        f"{settings.fisher} Fisher, prior {settings.prior}, {settings.likelihood} likelihood, "
        f"chain {settings.chain}, sigma {settings.sigma:g}, "
        f"zeta {settings.zeta:g}, seed {settings.seed}."
    )


def coverage(result: ModelResult) -> str:
    counted, left_out = f"{result.parameters:,} parameters", result.left_out
    if not left_out:
        return f"{counted}, all counted"
    return f"{counted} counted, {left_out:,} other numbers held constant"


def _legend(headers: Sequence[str], *, lower: bool) -> list[str]:
    """What the columns mean."""
    meanings = [f"{header}: {meaning}" for header, meaning in _LEGEND.items() if header in headers]
    return [*meanings, *([_LOWER_ESTIMATE] if lower else [])]


def value_cell(value: float, lower_estimate: bool) -> str:
    return f"> {value:.1f}" if lower_estimate else f"{value:.1f}"


def _with_interval(value: float, interval: Sequence[float], lower_estimate: bool) -> list[str]:
    """A value, and its interval or the reason why there is none."""
    return [
        value_cell(value, lower_estimate),
        "lower estimate" if lower_estimate else _interval(interval),
    ]


def _interval(interval: Sequence[float]) -> str:
    low, high = interval
    return "–" if math.isnan(low) or math.isnan(high) else f"{low:.1f} to {high:.1f}"


def _in_words(score: Score) -> str:
    value, interval = _with_interval(score.value, score.interval, score.lower_estimate)
    return f"{value} ({'' if score.lower_estimate else '95%: '}{interval})"


def _probability(probability: float) -> str:
    """Two digits; never a certainty that simulations do not give."""
    if math.isnan(probability):
        return "–"
    if probability > 0.99:
        return "> 0.99"
    return "< 0.01" if probability < 0.01 else f"{probability:.2f}"


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))

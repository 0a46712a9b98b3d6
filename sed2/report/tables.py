"""Results as tables that read well in a narrow terminal and in a pipe."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sed2.data.catalogue import DatasetInfo
from sed2.data.files import DataFile
from sed2.report.layout import note as _note
from sed2.report.layout import number as _number
from sed2.report.layout import print_table as _print_table
from sed2.results import (
    BlockPlan,
    BoundResult,
    Bracket,
    Checked,
    Covering,
    ModelResult,
    Ranking,
    Score,
)
from sed2.settings import Settings

_CURVE_ROWS = 9  # rows of the eps table; the whole grid goes to --csv and --json
_NOT_JUDGED = (
    "Whether that is less than the range of the loss is not judged: give --theorem-c and "
    "--loss-bound."
)
_LEGEND = {
    "±": "standard error from draws and inputs at this N and K.",
    "ESS": "effective draws.",
    "bracket": "at most this, with these draws, by the traces and ranks of the blocks.",
    "at most": "the bound (11) on 2sED, with the measured rank and largest eigenvalue.",
    "to next": "gap to the next model in standard errors; below 2, not told apart.",
}


def print_compute(console: Console, result: ModelResult) -> None:
    """The curve of one model over eps, the share of each block, and the settings."""
    console.print(Text(f"{result.name}: {_coverage(result)}", style="bold"), soft_wrap=True)
    lower, two = result.lower_two_sed, result.two_sed
    points = _points(result.eps)
    shown = _print_table(
        console,
        ["eps", "lower 2sED", "±", "2sED", "±", "ESS", "bracket", "at most"],
        [
            [
                f"{result.eps[e]:.3g}",
                f"{lower.estimate[e]:.1f}",
                _number(lower.std_error[e]),
                _two_sed(two.estimate[e], two.std_error[e]),
                _number(two.std_error[e]),
                f"{result.effective_sample_size[e]:.1f}",
                _number(result.upper_bracket[e]),
                _number(result.upper_bound[e], digits=0),
            ]
            for e in points
        ],
    )
    if len(points) < len(result.eps):
        _note(console, f"{len(points)} of {len(result.eps)} points; all with --csv or --json.")

    console.print()
    middle = len(result.eps) // 2
    total = sum(block.share[middle] for block in result.blocks)
    _print_table(
        console,
        ["block", "parameters", "rank", f"share at eps {result.eps[middle]:.3g}", ""],
        [
            [
                block.name,
                f"{block.parameters:,}",
                f"{block.rank:,}",
                f"{block.share[middle]:.1f}",
                f"{block.share[middle] / total if total else 0.0:.0%}",
            ]
            for block in result.blocks
        ],
    )
    console.print()
    if result.eps_n is not None:
        _note(
            console,
            f"At eps_n = {result.eps_n:.4g} (Theorem 5.1, n = {result.settings.n_train:,}): "
            f"lower 2sED {_with_error(result.score)}.",
        )
    _legend(console, shown, two_sed_is_lower=bool(np.isnan(two.std_error).any()))
    _note(console, describe(result.settings, result.inputs))


def print_rank(console: Console, ranking: Ranking) -> None:
    """All models, best first, with what a reader needs to judge the order."""
    shown = _print_table(
        console,
        ["#", "model", "parameters", "lower 2sED", "±", "2sED", "ESS", "to next"],
        [
            [
                str(model.rank),
                model.result.name,
                f"{model.result.parameters:,}",
                f"{model.result.score.value:.1f}",
                _number(model.result.score.std_error),
                _two_sed(model.result.two_sed_score.value, model.result.two_sed_score.std_error),
                f"{model.result.effective_sample_size.min():.1f}",
                "" if math.isnan(model.separation) else f"{model.separation:.1f} s.e.",
            ]
            for model in ranking.models
        ],
        text=(1,),
        foldable=1,
    )
    at = (
        f"at eps_n = {ranking.eps_n:.4g} (Theorem 5.1, n = {ranking.settings.n_train:,})"
        if ranking.eps_n is not None
        else f"at eps = {ranking.eps[0]:g}"
        if len(ranking.eps) == 1
        else f"averaged over eps {ranking.eps[0]:g} to {ranking.eps[-1]:g} in log eps"
    )
    _note(console, f"Ordered by lower 2sED {at}.")
    for crossing in ranking.crossings:
        _note(
            console,
            f"The order changes near eps {crossing.eps:.2g}: {crossing.larger_below} leads below, "
            f"{crossing.larger_above} above.",
        )
    uncertain = any(math.isnan(m.result.two_sed_score.std_error) for m in ranking.models)
    _legend(console, shown, two_sed_is_lower=uncertain)
    _note(console, describe(ranking.settings, ranking.models[0].result.inputs))


def print_bound(console: Console, result: BoundResult) -> None:
    """Theorem 5.1 at eps_n, Lemma B.2 over eps, and on whose word both stand."""
    model, at = result.model, result.covering_at_eps_n
    n_train, gamma = model.settings.n_train, model.settings.gamma
    console.print(Text(f"{model.name}: {_coverage(model)}", style="bold"), soft_wrap=True)
    _note(
        console,
        f"Theorem 5.1: P(sup |R - R_n| >= {_deviation(result)}) <= "
        f"4 C_d eps_n^(-d_zeta) n^(-K/gamma), n = {n_train:,}, gamma = {gamma:g}, "
        f"K = {result.theorem_k:g}, L = {result.lipschitz:g}.",
    )
    two, error = result.two_sed, model.two_sed_score.std_error
    _print_table(
        console,
        [f"at eps_n = {result.eps_n:.4g}", "2sED estimated", "2sED at most"],
        [
            ["d_zeta", _two_sed(two.estimate, error), _number(two.at_most)],
            ["bound on P", *_powers(result.log_probability)],
            ["covering number", *map(_power, (at.estimate[0], at.at_most[0]))],
            ["K above which P < 1", *map(_four_digits, _both(result.smallest_k))],
        ],
    )
    _note(console, _verdict(result))
    _note(console, _as_n_grows(result))
    console.print()
    _print_covering(console, model, result.covering)
    console.print()
    _print_table(
        console,
        ["assumption", "word", "that"],
        [[each.name, each.source, each.statement] for each in result.assumptions],
        text=(0, 1, 2),
        foldable=2,
    )
    _note(console, "2sED at most: its upper bound (11), with the measured rank and eigenvalue.")
    if math.isnan(error):
        _note(console, ">: a lower estimate of 2sED, of which the bound needs an upper one.")
    _note(console, describe(model.settings, model.inputs))


def _print_covering(console: Console, model: ModelResult, covering: Covering) -> None:
    """Lemma B.2 over eps."""
    points = _points(model.eps)
    _print_table(
        console,
        ["eps", "2sED", "at most", "covering number", "at most", "equal cubes", ""],
        [
            [
                f"{model.eps[e]:.3g}",
                _two_sed(model.two_sed.estimate[e], model.two_sed.std_error[e]),
                _number(model.upper_bound[e]),
                _power(covering.estimate[e]),
                _power(covering.at_most[e]),
                _power(covering.cubes[e]),
                "vacuous" if covering.vacuous[e] else "",
            ]
            for e in points
        ],
    )
    if len(points) < len(model.eps):
        _note(console, f"{len(points)} of {len(model.eps)} points; all with --json.")
    if covering.vacuous.any():
        _note(
            console,
            "vacuous: as many equal cubes cover the parameters, without Lemma B.2.",
        )


def _verdict(result: BoundResult) -> str:
    """What the theorem tells of this model, in one sentence."""
    if math.isnan(result.log_probability.at_most):
        return (
            "The bound is vacuous: 2sED is not bounded from above, so P is not shown to be below 1."
        )
    if result.vacuous and result.says_nothing_of_the_loss:
        return (
            "The bound is vacuous: risks in [0, 2b] are never further apart than "
            f"{_deviation(result)}."
        )
    if result.vacuous:
        return "The bound is vacuous: it is not below 1, and no probability is above 1."
    judged = result.deviation is not None and result.loss_bound is not None
    return (
        f"The bound is not vacuous: with a probability of at least 1 - "
        f"{_power(result.log_probability.at_most)}, |R - R_n| is below {_deviation(result)} for "
        "all parameters, if the assumptions hold." + ("" if judged else f" {_NOT_JUDGED}")
    )


def _as_n_grows(result: BoundResult) -> str:
    gamma = result.model.settings.gamma
    if math.isnan(result.gamma_0):
        return "gamma_0 is not known: the largest eigenvalue is not measured."
    if gamma < result.gamma_0:
        return f"It vanishes as n grows: gamma = {gamma:g} is below gamma_0 = {result.gamma_0:.3g}."
    return (
        f"It is not known to vanish as n grows: gamma = {gamma:g} is not below "
        f"gamma_0 = {result.gamma_0:.3g}."
    )


def _deviation(result: BoundResult) -> str:
    return "C eps_n" if result.deviation is None else f"{result.deviation:.4g}"


def _both(bracket: Bracket) -> tuple[float, float]:
    return bracket.estimate, bracket.at_most


def _powers(bracket: Bracket) -> list[str]:
    return [_power(value) for value in _both(bracket)]


def _four_digits(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"


def _power(log: float) -> str:
    """A number by its natural logarithm, as a power of ten."""
    return "–" if math.isnan(log) else f"10^{log / math.log(10):.1f}"


def _points(eps: np.ndarray) -> np.ndarray:
    """The places of the grid that a table shows."""
    return np.unique(np.linspace(0, len(eps) - 1, _CURVE_ROWS).round().astype(int))


def ranking_warnings(ranking: Ranking) -> list[str]:
    """The ranking's own warnings, then the models', each said once for all it concerns."""
    concerned: dict[str, list[str]] = {}
    for model in ranking.models:
        for warning in model.result.warnings:
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
        for e in _points(result.eps)
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


def _coverage(result: ModelResult) -> str:
    counted, left_out = f"{result.parameters:,} parameters", result.left_out
    if not left_out:
        return f"{counted}, all counted"
    return f"{counted} counted, {left_out:,} other numbers held constant"


def _legend(console: Console, headers: Sequence[str], *, two_sed_is_lower: bool) -> None:
    for header, meaning in _LEGEND.items():
        if header in headers:
            _note(console, f"{header}: {meaning}")
    if two_sed_is_lower:
        _note(console, ">: too few effective draws; a lower estimate of 2sED, without an error.")


def _two_sed(value: float, error: float) -> str:
    return f"> {value:.1f}" if math.isnan(error) else f"{value:.1f}"


def _with_error(score: Score) -> str:
    error = "" if math.isnan(score.std_error) else f" ± {score.std_error:.1f}"
    return f"{score.value:.1f}{error}"


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))

"""Results as tables that read well in a narrow terminal and in a pipe."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sed2.data.registry import DatasetInfo
from sed2.results import BlockPlan, Checked, ModelResult, Ranking, Score
from sed2.settings import Settings

_CURVE_ROWS = 9  # rows of the eps table; the whole grid goes to --csv and --json


def print_compute(console: Console, result: ModelResult) -> None:
    """The curve of one model over eps, the share of each block, and the settings."""
    console.print(Text(f"{result.name}: {_coverage(result)}", style="bold"), soft_wrap=True)
    curve = _table("eps", "lower 2sED", "±", "2sED", "±", "ESS", "at most")
    shown = np.unique(np.linspace(0, len(result.eps) - 1, _CURVE_ROWS).round().astype(int))
    for e in shown:
        curve.add_row(
            f"{result.eps[e]:.3g}",
            f"{result.lower_two_sed.estimate[e]:.1f}",
            _number(result.lower_two_sed.std_error[e]),
            _two_sed(result.two_sed.estimate[e], result.two_sed.std_error[e]),
            _number(result.two_sed.std_error[e]),
            f"{result.effective_sample_size[e]:.1f}",
            "–" if np.isnan(result.upper_bound[e]) else f"{result.upper_bound[e]:.0f}",
        )
    console.print(curve)
    if len(shown) < len(result.eps):
        _note(console, f"{len(shown)} of {len(result.eps)} points; all with --csv or --json.")

    middle = len(result.eps) // 2
    blocks = _table("block", "parameters", "rank", f"share at eps {result.eps[middle]:.3g}", "")
    total = sum(block.share[middle] for block in result.blocks)
    for block in result.blocks:
        part = block.share[middle] / total if total else 0.0
        blocks.add_row(
            block.name,
            f"{block.parameters:,}",
            f"{block.rank:,}",
            f"{block.share[middle]:.1f}",
            f"{part:.0%}",
        )
    console.print(blocks)
    if not math.isnan(result.score.value) and result.eps_n is not None:
        _note(
            console,
            f"At eps_n = {result.eps_n:.4g} (Theorem 5.1, n = {result.settings.n_train:,}): "
            f"lower 2sED {_with_error(result.score)}.",
        )
    _legend(console, two_sed_is_lower=bool(np.isnan(result.two_sed.std_error).any()))
    _note(console, describe(result.settings, result.inputs))


def print_rank(console: Console, ranking: Ranking) -> None:
    """All models, best first, with what a reader needs to judge the order."""
    table = _table(
        "#", "model", "parameters", "lower 2sED", "±", "2sED", "ESS", "to next", text=(1,)
    )
    for model in ranking.models:
        result = model.result
        table.add_row(
            str(model.rank),
            result.name,
            f"{result.parameters:,}",
            f"{result.score.value:.1f}",
            _number(result.score.std_error),
            _two_sed(result.two_sed_score.value, result.two_sed_score.std_error),
            f"{result.effective_sample_size.min():.1f}",
            "" if math.isnan(model.separation) else f"{model.separation:.1f} s.e.",
        )
    console.print(table)
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
    _legend(console, two_sed_is_lower=uncertain)
    _note(console, "to next: gap to the next model in standard errors; below 2, not told apart.")
    _note(console, describe(ranking.settings, ranking.models[0].result.inputs))


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
    table = _table("model", "parameters", "input", "output", "blocks", text=(0, 2, 3))
    for model in checked:
        table.add_row(
            model.name,
            f"{model.parameters:,}",
            _shape(model.input_shape),
            _shape(model.output_shape),
            str(len(model.plan)),
        )
    console.print(table)
    _note(console, f"{len(checked)} model{'s' * (len(checked) != 1)}: no fault found.")


def print_plan(console: Console, name: str, plan: Sequence[BlockPlan]) -> None:
    """How each block's spectrum is had, and what one draw of it takes."""
    console.print(Text(f"{name}: the way of each block", style="bold"))
    table = _table("block", "parameters", "GB", "GFlop", "way", text=(0, 4))
    for block in plan:
        table.add_row(
            block.name,
            f"{block.parameters:,}",
            f"{block.bytes / 1e9:.2g}",
            f"{block.work / 1e9:.2g}",
            block.way,
        )
    console.print(table)


def print_datasets(console: Console, datasets: Sequence[tuple[DatasetInfo, bool]]) -> None:
    """What `--dataset` accepts by name, and whether it is on this machine."""
    table = _table("name", "rows", "input", "classes", "here", "licence", text=(0, 2, 4, 5))
    for info, here in datasets:
        table.add_row(
            info.name,
            f"{info.rows:,}",
            _shape(info.input_shape),
            str(info.classes),
            "yes" if here else "fetch",
            info.licence,
        )
    console.print(table)
    _note(console, "Or the path of a .npz file (arrays x and, if any, y) or a .csv with a header.")


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
        ("from", info.url),
        ("sha256", info.sha256),
        ("licence", info.licence),
        ("cite", info.citation),
    ):
        table.add_row(Text(key, style="bold"), Text(value, overflow="fold"))
    console.print(table)


def describe(settings: Settings, inputs: int) -> str:
    """The settings that determine the numbers, in one line."""
    return (
        f"{settings.dataset}, N = {inputs} inputs, K = {settings.draws} draws, "
        f"{settings.fisher} Fisher, prior {settings.prior}, {settings.likelihood} likelihood, "
        f"chain {settings.chain}, sigma {settings.sigma:g}, "
        f"zeta {settings.zeta:g}, seed {settings.seed}."
    )


def _coverage(result: ModelResult) -> str:
    counted, left_out = f"{result.parameters:,} parameters", result.left_out
    if not left_out:
        return f"{counted}, all counted"
    return f"{counted} counted, {left_out:,} other numbers held constant"


def _legend(console: Console, *, two_sed_is_lower: bool) -> None:
    _note(console, "±: standard error from draws and inputs at this N and K. ESS: effective draws.")
    if two_sed_is_lower:
        _note(console, ">: too few effective draws; a lower estimate of 2sED, without an error.")


def _table(*headers: str, text: tuple[int, ...] = (0,)) -> Table:
    """A plain table: text to the left, numbers to the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for i, header in enumerate(headers):
        table.add_column(
            header,
            justify="left" if i in text else "right",
            no_wrap=i not in text,
            overflow="fold",
        )
    return table


def _note(console: Console, message: str) -> None:
    console.print(Text(message, style="dim"))


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.1f}"


def _two_sed(value: float, error: float) -> str:
    return f"> {value:.1f}" if math.isnan(error) else f"{value:.1f}"


def _with_error(score: Score) -> str:
    error = "" if math.isnan(score.std_error) else f" ± {score.std_error:.1f}"
    return f"{score.value:.1f}{error}"


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))

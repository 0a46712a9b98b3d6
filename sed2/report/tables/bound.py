"""What `bound` returns, as tables and sentences."""

from __future__ import annotations

import math

from rich.console import Console

from sed2.generalisation.results import BoundResult, Covering
from sed2.report.layout import Column, Table, note, number, print_table
from sed2.report.layout import sentence as _sentence
from sed2.report.tables.cells import coverage, describe, value_cell
from sed2.report.tables.model import shown_points
from sed2.results import ModelResult

_NOT_JUDGED = (
    "Whether that is less than the range of the loss is not judged: give --theorem-c and "
    "--loss-bound."
)


def print_bound(console: Console, result: BoundResult) -> None:
    """Theorem 5.1 at eps_n, Lemma B.2 over eps, and on whose word both stand."""
    model = result.model
    n_train, gamma = model.settings.n_train, model.settings.gamma
    _sentence(console, f"{model.name}: {coverage(model)}", "bold", wrap=False)
    note(
        console,
        f"Theorem 5.1: P(sup |R - R_n| >= {_deviation(result)}) <= "
        f"4 C_d eps_n^(-d_zeta) n^(-K/gamma), n = {n_train:,}, gamma = {gamma:g}, "
        f"K = {result.theorem_k:g}, L = {result.lipschitz:g}.",
    )
    print_table(console, theorem_table(result))
    note(console, verdict(result))
    note(console, _as_n_grows(result))
    console.print()
    _print_covering(console, model, result.covering)
    console.print()
    rows = [[each.name, each.source, each.statement] for each in result.assumptions]
    print_table(console, Table(["assumption", "word", "that"], rows, text=(0, 1, 2), named=2))
    note(console, "2sED at most: its upper bound (11), with the measured rank and eigenvalue.")
    if model.two_sed_score.lower_estimate:
        note(console, ">: 2sED is biased low, and the bound needs a value that is not.")
    note(console, describe(model.settings, model.inputs))


def theorem_table(result: BoundResult) -> Table:
    """Theorem 5.1 at eps_n."""
    two, at = result.two_sed, result.covering_at_eps_n
    is_lower = result.model.two_sed_score.lower_estimate
    log_p, k = result.log_probability, result.smallest_k
    rows = [
        ["d_zeta", value_cell(two.estimate, is_lower), number(two.at_most)],
        ["bound on P", power(log_p.estimate), power(log_p.at_most)],
        ["covering number", power(at.estimate[0]), power(at.at_most[0])],
        ["K above which P < 1", _four_digits(k.estimate), _four_digits(k.at_most)],
    ]
    return Table([f"at eps_n = {result.eps_n:.4g}", "2sED estimated", "2sED at most"], rows)


def _print_covering(console: Console, model: ModelResult, covering: Covering) -> None:
    """Lemma B.2 over eps."""
    points, two = shown_points(model.eps), model.two_sed
    columns: list[Column[int]] = [
        Column("eps", lambda e: f"{model.eps[e]:.3g}"),
        Column("2sED", lambda e: value_cell(two.estimate[e], two.lower_estimate[e])),
        Column("at most", lambda e: number(model.upper_bound[e])),
        Column("covering number", lambda e: power(covering.estimate[e])),
        Column("at most", lambda e: power(covering.at_most[e])),
        Column("equal cubes", lambda e: power(covering.cubes[e])),
        Column("", lambda e: "vacuous" if covering.vacuous[e] else ""),
    ]
    print_table(console, Table.of(columns, points))
    if len(points) < len(model.eps):
        note(console, f"{len(points)} of {len(model.eps)} points; all with --json.")
    if covering.vacuous.any():
        note(
            console,
            "vacuous: as many equal cubes cover the parameters, without Lemma B.2.",
        )


def verdict(result: BoundResult) -> str:
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
        f"{power(result.log_probability.at_most)}, |R - R_n| is below {_deviation(result)} for "
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


def _four_digits(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"


def power(log: float) -> str:
    """A number by its natural logarithm, as a power of ten."""
    return "–" if math.isnan(log) else f"10^{log / math.log(10):.1f}"

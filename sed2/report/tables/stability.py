"""The stability study as tables and in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rich.console import Console

from sed2.report.layout import Column, Table, note, number, print_table
from sed2.report.layout import sentence as _sentence
from sed2.report.tables.cells import level, score_at
from sed2.robustness.results import Pair, StabilityResult, Sweep

SYMBOLS = {"samples": "N", "draws": "K", "sigma": "sigma"}
_NAMED = 6  # models that a sentence names and a table orders


def print_stability(console: Console, result: StabilityResult) -> None:
    """The scores along every sweep and under every seed, and the verdict."""
    at = _at_base(result)
    note(console, scores_note(result))
    print_table(console, models_table(result))
    for sweep in result.sweeps:
        console.print()
        others = ", ".join(text for name, text in at.items() if name != sweep.setting)
        _sentence(console, f"{SYMBOLS[sweep.setting]} varies, {others}", "bold")
        _print_sweep(console, sweep)
    console.print()
    _sentence(console, f"the seed varies, {', '.join(at.values())}", "bold")
    _print_seeds(console, result)
    console.print()
    note(console, "*: as given. order: of the mean scores, models by their #.")
    note(console, "agree: seeds that have this order. tau: Kendall's, between seeds.")
    _sentence(console, sentence(result), "bold")
    _sentence(console, sigma_sentence(result))


def models_table(result: StabilityResult) -> Table:
    """The models at the base, by their mean score there."""
    sweep, models = result.sweeps[0], result.models
    columns: list[Column[tuple[int, int]]] = [
        Column("#", lambda at: str(at[0])),
        Column("model", lambda at: models[at[1]].name),
        Column("parameters", lambda at: f"{models[at[1]].parameters:,}"),
        Column(models[0].settings.score_name, lambda at: number(sweep.mean[at[1], sweep.base])),
        Column("±", lambda at: number(sweep.scatter[at[1], sweep.base])),
    ]
    return Table.of(columns, enumerate(sweep.order(sweep.base), 1), text=(1,), named=1)


def _print_sweep(console: Console, sweep: Sweep) -> None:
    models, _, seeds = sweep.scores.shape
    shown = sweep.order(sweep.base)
    headers = [SYMBOLS[sweep.setting], _order_header(models), "agree", "tau"]
    rows = [
        [
            f"{level(value)}{'*' if g == sweep.base else ''}",
            _order(sweep.order(g), shown),
            f"{sweep.agreeing[g]} of {seeds}",
            number(sweep.tau[g], digits=2),
        ]
        for g, value in enumerate(sweep.grid)
    ]
    for place, m in enumerate(shown, 1):
        headers += [f"#{place}", "±"]
        for g, row in enumerate(rows):
            row += [number(sweep.mean[m, g]), number(sweep.scatter[m, g])]
    print_table(console, Table(headers, rows, text=(1,)))


def _print_seeds(console: Console, result: StabilityResult) -> None:
    scores = result.base_scores
    shown = result.sweeps[0].order(result.sweeps[0].base)
    headers = ["seed", _order_header(len(scores)), *(f"#{m + 1}" for m in range(len(scores)))]
    rows = [
        [
            str(seed),
            _order((-scores[:, s]).argsort(kind="stable"), shown),
            *(number(scores[m, s]) for m in shown),
        ]
        for s, seed in enumerate(result.seeds)
    ]
    print_table(console, Table(headers, rows, text=(1,)))


def scores_note(result: StabilityResult) -> str:
    """What the scores are."""
    at = score_at(result.models[0].settings, result.models[0].eps)
    return f"Lower 2sED {at}: mean and scatter (±) over {_seeds(result)}."


def _order_header(models: int) -> str:
    return "order" if models <= _NAMED else "swapped"


def _order(order: np.ndarray, shown: np.ndarray) -> str:
    """The models by their # in the table; of many, how many pairs are swapped against it."""
    place = {m: p for p, m in enumerate(shown, start=1)}
    places = [place[m] for m in order]
    if len(places) <= _NAMED:
        return " ".join(map(str, places))
    return str(sum(a > b for i, a in enumerate(places) for b in places[i + 1 :]))


def sentence(result: StabilityResult) -> str:
    """Whether the ranking is settled at the base, and what N and K would settle it."""
    verdict, seeds = result.verdict, len(result.seeds)
    at = f"at N = {_base(result, 'samples')}, K = {_base(result, 'draws')}"
    named = len(verdict.order) <= _NAMED
    order = " > ".join(verdict.order) if named else "the whole order"
    if verdict.settled is None:
        return f"Whether the ranking is settled {at} cannot be told: {verdict.why}."
    if verdict.settled:
        return (
            f"The ranking {f'{order} ' * named}is settled {at}: all {seeds} seeds agree on it, "
            "here and at every larger N and every larger K of the grids (two equal models would "
            f"be ordered alike by {seeds} seeds in 1 of {2 ** (seeds - 1):,} cases)."
        )
    return (
        f"The ranking is not settled {at}: {verdict.agreeing} of {seeds} seeds "
        f"agree{'s' * (verdict.agreeing == 1)} with the largest N on {order}{_tau(verdict.tau)}; "
        f"{_remedy(result)}."
    )


def _remedy(result: StabilityResult) -> str:
    """What would settle it, one setting at a time."""
    verdict, extrapolated = result.verdict, result.verdict.draws_extrapolated
    if verdict.never:
        return f"no setting of the grids settles {_pairs(verdict.never)}"
    open_n = [pair for pair in verdict.pairs if pair.samples is None]
    open_k = [p for p in verdict.pairs if p.draws is None and math.isnan(p.draws_extrapolated)]
    by_n = (
        f"no N of the grid settles {_pairs(open_n)}"
        if verdict.samples is None
        else _from("N", verdict.samples, result.sweeps[0])
    )
    if verdict.draws is not None:
        by_k = _from("K", verdict.draws, result.sweeps[1])
    elif not math.isnan(extrapolated):
        needed = _two_digits(extrapolated)
        by_k = f"all seeds would from about K = {needed:,} on, extrapolated by 1/sqrt(K)"
    else:
        by_k = f"no K of the grid settles {_pairs(open_k)}"
    return f"at K = {_base(result, 'draws')}, {by_n}; at N = {_base(result, 'samples')}, {by_k}"


def _from(symbol: str, value: int, sweep: Sweep) -> str:
    """From which point of the grid on all seeds agree; one point alone is little to go by."""
    if value == sweep.grid[-1]:
        return f"all seeds agree on it at {symbol} = {value:,}, the largest tried"
    return f"all seeds agree on it from {symbol} = {value:,} on"


def sigma_sentence(result: StabilityResult) -> str:
    """For which sigma the ranking changes."""
    changes, base = result.verdict.sigma_changes, f"sigma = {_base(result, 'sigma')}"
    if len(result.models) == 1:
        return "One model has no order that sigma could change."
    if not changes:
        return f"The order of the mean scores at {base} is that at every sigma of the grid."
    listed = _listed([level(value) for value in changes])
    return f"The order of the mean scores is another than at {base} for sigma = {listed}."


def _at_base(result: StabilityResult) -> dict[str, str]:
    return {name: f"{SYMBOLS[name]} = {_base(result, name)}" for name in SYMBOLS}


def _base(result: StabilityResult, name: str) -> str:
    sweep = next(sweep for sweep in result.sweeps if sweep.setting == name)
    return level(sweep.base_value)


def _seeds(result: StabilityResult) -> str:
    first, last = result.seeds[0], result.seeds[-1]
    return f"seeds {first} to {last}" if last > first else f"seed {first} alone"


def _tau(tau: float) -> str:
    return "" if math.isnan(tau) else f" (Kendall's tau between seeds: {tau:.2f})"


def _pairs(pairs: Sequence[Pair]) -> str:
    listed = [f"{pair.ahead} against {pair.behind}" for pair in pairs[:_NAMED]]
    return _listed([*listed, f"{len(pairs) - _NAMED} more"] if len(pairs) > _NAMED else listed)


def _listed(items: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]]))


def _two_digits(value: float) -> int:
    """Rounded up to two significant digits: more would pretend to a precision."""
    unit = 10 ** max(0, math.floor(math.log10(value)) - 1)
    return math.ceil(value / unit) * unit

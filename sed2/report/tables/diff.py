"""What changed between two results, in the terminal."""

from __future__ import annotations

import numpy as np
from rich.console import Console

from sed2.report.comparison import Change, Comparison, Difference, ModelDifference
from sed2.report.documents.stored import StoredModel
from sed2.report.layout import Column, Table, in_words, note, print_in_parts, print_table
from sed2.report.tables.cells import value_cell

_POINTS = 5  # of eps that a table shows; all are in the JSON
_PLACE = {"rank": "rank", "gate": "gate", "compute": ""}
_SAME = {None: "–", True: "same", False: "changed"}
_MEANING = (
    "difference: after - before ± its standard error, as if the two were independent. With one "
    "seed and the same data they share their inputs, and of one architecture their draws: what "
    "these do to both alike cancels, so that ± is too large as a rule."
)
_BEYOND = (
    "beyond chance: further from 0 than 1.96 standard errors; of 20 differences that are chance "
    "alone, one is."
)
_LOWER = (
    "Where a value is biased low (>), ± is how far apart two seeds at the same N and K land: no "
    "error of the limit of many draws."
)
_SIZES = (
    "Where N, K or the estimator differ, values biased low do not compare: these alone move them."
)


def print_diff(console: Console, comparison: Comparison) -> None:
    """Settings, data and versions that differ; then the models, and how their scores changed."""
    changes = [*comparison.settings, *comparison.provenance]
    if changes:
        rows = [[one.name, in_words(one.before), in_words(one.after)] for one in changes]
        headers = ["changed", "before", "after"]
        print_table(console, Table(headers, rows, text=(0, 1, 2), named=2))
    else:
        note(console, "Settings, data and versions are the same.")
    console.print()
    if comparison.models:
        _print_models(console, comparison)
    for names, words in ((comparison.added, "added"), (comparison.missing, "missing")):
        if names:
            note(console, f"{words}: {', '.join(names)}.")
    for model in comparison.models:
        if model.settings:
            note(console, f"{model.name}: {'; '.join(map(_own, model.settings))}.")
    if not comparison.scores_compare:
        _print_points(console, comparison)
    for line in _notes(comparison):
        note(console, line)


def _print_models(console: Console, comparison: Comparison) -> None:
    place = _PLACE[comparison.kind]
    columns: list[Column[ModelDifference]] = [
        Column("model", lambda its: its.name),
        Column(place, lambda its: _pair(its.before.place, its.after.place)),
        Column("before", lambda its: _score(its.before)),
        Column("after", lambda its: _score(its.after)),
        Column("difference", lambda its: _difference(its.score) if its.score else "–"),
        Column("beyond chance", lambda its: _beyond(its.score) if its.score else "–"),
        Column("architecture", lambda its: _SAME[its.same_spec]),
        Column("parameters", lambda its: _pair(_count(its.before), _count(its.after))),
    ]
    shown = [column for column in columns if column.header]
    print_table(console, Table.of(shown, comparison.models, named=0))


def _print_points(console: Console, comparison: Comparison) -> None:
    """The curves at the eps in common, where the scores are taken at different ones."""
    grids = " and ".join(
        f"at eps_n = {one.eps_n:.4g}"
        if one.eps_n is not None
        else f"over {in_words(list(one.eps))}"
        for one in (comparison.before, comparison.after)
    )
    count = len(comparison.eps)
    note(console, f"The scores are taken at other eps each ({grids}) and do not compare.")
    models = [model for model in comparison.models if model.curve]
    if not models:
        note(console, "The curves have no eps in common, or there are none: nothing compares.")
        return
    note(console, f"Differences of lower 2sED at {count} eps in common (*: beyond chance):")
    console.print()
    places = np.unique(np.linspace(0, count - 1, _POINTS).round().astype(int))
    rows = [[model.name, *(_starred(model.curve[e]) for e in places)] for model in models]
    headers = ["model", *(f"{comparison.eps[e]:.3g}" for e in places)]
    print_in_parts(console, Table(headers, rows, named=0))


def _notes(comparison: Comparison) -> list[str]:
    if not comparison.models:
        return ["No model is in both."]
    scores = [one.score for model in comparison.models for one in (model.before, model.after)]
    found = [one for model in comparison.models for one in (model.score, *model.curve) if one]
    return [
        _MEANING,
        _BEYOND,
        *([_LOWER] if any(score.score_lower_estimate for score in scores) else []),
        *([] if all(one.compares for one in found) else [_SIZES]),
    ]


def _count(model: StoredModel) -> str:
    return "–" if model.parameters is None else f"{model.parameters:,}"


def _score(model: StoredModel) -> str:
    score = model.score
    return "–" if score.score is None else value_cell(score.score, score.score_lower_estimate)


def _difference(difference: Difference) -> str:
    if difference.value is None:
        return "–"
    if difference.value == 0:
        return "0"
    error = "" if difference.std_error is None else f" ± {difference.std_error:.1f}"
    return f"{difference.value:+.1f}{error}"


def _beyond(difference: Difference) -> str:
    return {None: "–", True: "yes", False: "no"}[difference.beyond_chance]


def _starred(difference: Difference) -> str:
    return f"{_difference(difference)}{' *' if difference.beyond_chance else ''}"


def _pair(before: str, after: str) -> str:
    return after if before == after else f"{before} → {after}"


def _own(change: Change) -> str:
    return f"{change.name} {in_words(change.before)} → {in_words(change.after)}"

"""The gate as a table, and what all forms of it say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.console import Console

from sed2.gating.outcome import Check, GatedModel, GatedScore, GateResult, Status
from sed2.report.layout import Column, Table, note, print_table
from sed2.report.tables.cells import describe, score_cell

_KINDS = {
    "ratio": "ratio to the baseline",
    "floor": "floor of the score",
    "parameters": "number of parameters",
    "missing": "missing in the spec",
    "new": "new in the spec",
}


def print_gate(console: Console, result: GateResult) -> None:
    """All models with their verdicts, and how these came about.

    The verdict stands first in its line: a name of the spec's never begins one, where a runner of
    CI would read it as a command."""
    print_table(console, gate_table(result))
    for line in notes(result):
        note(console, line)


def gate_table(
    result: GateResult, models: Iterable[GatedModel] | None = None, *, reasons: bool = False
) -> Table:
    """The models with their verdicts, and how these came about.

    Args:
        models: in another order; by default that of the result.
        reasons: whether to say why.
    """
    floor = result.rules.min_score
    columns: list[Column[GatedModel]] = [
        Column("gate", _status, _status, lambda its: f"status {its.status}"),
        Column.of("model", lambda its: its.name),
        _score(result.settings.score_name, lambda its: its.score),
        _score("baseline", lambda its: its.baseline),
        Column("ratio", _ratio, lambda its: its.ratio.value if its.ratio else None),
        _sure("P(ratio)", "ratio"),
        *([] if floor is None else [_sure(f"P(>= {floor:g})", "floor")]),
        Column.of("K", lambda its: its.score and its.score.draws, _count),
        Column.of("parameters", lambda its: its.parameters, _count),
        *([Column("reason", _reasons, _reasons, lambda its: "reason")] if reasons else []),
    ]
    text = (0, 1, len(columns) - 1) if reasons else (0, 1)
    return Table.of(columns, result.models if models is None else models, text, named=1)


def _status(model: GatedModel) -> str:
    return str(model.status)


def _reasons(model: GatedModel) -> str:
    return "; ".join(f"{title(check)}: {check.message}" for check in model.checks)


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _score(header: str, score: Callable[[GatedModel], GatedScore | None]) -> Column[GatedModel]:
    return Column(
        header,
        lambda its: score_cell(found) if (found := score(its)) else "–",
        lambda its: found.value if (found := score(its)) else None,
    )


def _sure(header: str, kind: str) -> Column[GatedModel]:
    """The probability of a check of this kind."""

    def found(model: GatedModel) -> float | None:
        return next((its.probability for its in model.checks if its.kind == kind), None)

    return Column.of(header, found, lambda p: "–" if p is None else _probability(p))


def _ratio(model: GatedModel) -> str:
    if model.ratio is None:
        return "–"
    if model.unchanged:
        return "1, unchanged"
    return f"{model.ratio.value:.3f} ± {model.ratio.std_error:.3f}"


def _probability(value: float) -> str:
    if value < 0.001:
        return "< 0.001"
    return "> 0.999" if value > 0.999 else f"{value:.3f}"


def title(check: Check) -> str:
    """The gate of a check."""
    return _KINDS[check.kind]


def complaint(model: GatedModel, check: Check) -> str:
    """Why a check is no pass, in one sentence."""
    p = "" if check.probability is None else _probability(check.probability)
    sure = p and f" (P {'' if p[0] in '<>' else '= '}{p})"
    return f"{model.name}: {check.status}, {title(check)}: {check.message}{sure}."


def complaints(result: GateResult) -> list[str]:
    """All that is no pass, failures first."""
    found = [
        (check.status is not Status.FAILED, complaint(model, check))
        for model in result.models
        for check in model.checks
        if check.status is not Status.PASSED
    ]
    return [text for _, text in sorted(found, key=lambda each: each[0])]


def headline(result: GateResult) -> str:
    """The verdict in one sentence."""
    return f"The gate {_VERBS[result.status]}: {counts(result)}."


def counts(result: GateResult) -> str:
    """How many models have each status."""
    of = dict.fromkeys(Status, 0)
    for model in result.models:
        of[model.status] += 1
    return ", ".join(f"{count} {status}" for status, count in of.items() if count)


_VERBS = {
    Status.PASSED: "passed",
    Status.FAILED: "failed",
    Status.UNDECIDED: "could not decide",
}


def notes(result: GateResult) -> list[str]:
    """What a reader needs to judge the verdict, one sentence a line."""
    rules, settings = result.rules, result.settings
    if result.models and all(model.unchanged for model in result.models):
        return [describe(settings, result.inputs)]
    eps = settings.eps
    at = (
        f"at eps_n = {settings.eps_n:.4g}"
        if settings.eps_n is not None
        else f"at eps = {eps[0]:g}"
        if len(eps) == 1
        else f"averaged over eps {eps[0]:g} to {eps[-1]:g} in log eps"
    )
    lower = [score.lower_estimate for model in result.models if (score := model.score)]
    return [
        f"Demanded: {settings.score_name} {at} of at least {rules.min_ratio:g} times the "
        "baseline's.",
        f"P: probability that this is so. {_looks(rules.levels, rules.draws, rules.batches)}",
        "P is about these settings: how other seeds at the same N and K would have it, on average"
        + (", values biased low (>) as they are; not about the limit." if any(lower) else "."),
        *([_UNDECIDED] if any(m.status is Status.UNDECIDED for m in result.models) else []),
        *_renamed(result.models),
        describe(settings, result.inputs),
    ]


_UNDECIDED = (
    "Undecided is no pass: a higher --max-draws may decide, as far as the errors of the baseline "
    "and of the inputs allow; more --samples or --draws, with a new baseline, lower these."
)


def _looks(levels: Sequence[float], draws: int, batches: int) -> str:
    first = f"Passed at P >= {levels[0]:g}, failed at P <= {1 - levels[0]:g}"
    if len(levels) == 1:
        return f"{first}."
    return (
        f"{first} with {draws:,} draws; if neither, at {levels[1]:g} and {1 - levels[1]:g} "
        f"with {draws * batches:,}, the mean over {batches} batches."
    )


def _renamed(models: Sequence[GatedModel]) -> list[str]:
    """A model without a name is called by its blocks, so that a change renames it."""
    kinds = {check.kind for model in models for check in model.checks}
    if not {"new", "missing"} <= kinds:
        return []
    return ["A changed notation is another model: give it a `name`, to be compared by that."]

"""What the table, the summary and the annotations of the gate say in common."""

from __future__ import annotations

from collections.abc import Sequence

from sed2.gating.outcome import Check, GatedModel, GatedScore, GateResult, Status
from sed2.report.tables.cells import describe

_LAST = ("K", "parameters")
_KINDS = {
    "ratio": "ratio to the baseline",
    "floor": "floor of the score",
    "parameters": "number of parameters",
    "missing": "missing in the spec",
    "new": "new in the spec",
}


def columns(result: GateResult) -> list[str]:
    """Headers of the table."""
    floor = [] if result.rules.min_score is None else [f"P(>= {result.rules.min_score:g})"]
    return [
        "gate",
        "model",
        result.settings.score_name,
        "baseline",
        "ratio",
        "P(ratio)",
        *floor,
        *_LAST,
    ]


def row(result: GateResult, model: GatedModel) -> list[str]:
    """One line of the table."""
    kinds = ("ratio",) if result.rules.min_score is None else ("ratio", "floor")
    found = {check.kind: check for check in model.checks if check.probability is not None}
    return [
        str(model.status),
        model.name,
        _score(model.score),
        _score(model.baseline),
        "–" if model.ratio is None else _ratio(model),
        *(_probability(found[kind]) if kind in found else "–" for kind in kinds),
        "–" if model.score is None else f"{model.score.draws:,}",
        "–" if model.parameters is None else f"{model.parameters:,}",
    ]


def _score(score: GatedScore | None) -> str:
    if score is None:
        return "–"
    return f"> {score.value:.1f}" if score.lower_estimate else f"{score.value:.1f}"


def _ratio(model: GatedModel) -> str:
    assert model.ratio is not None
    if model.unchanged:
        return "1, unchanged"
    return f"{model.ratio.value:.3f} ± {model.ratio.std_error:.3f}"


def _probability(check: Check) -> str:
    assert check.probability is not None
    if check.probability < 0.001:
        return "< 0.001"
    return "> 0.999" if check.probability > 0.999 else f"{check.probability:.3f}"


def title(check: Check) -> str:
    """The gate of a check."""
    return _KINDS[check.kind]


def complaint(model: GatedModel, check: Check) -> str:
    """Why a check is no pass, in one sentence."""
    sure = "" if check.probability is None else f" (P = {_probability(check)})"
    if check.probability is not None and _probability(check)[0] in "<>":
        sure = f" (P {_probability(check)})"
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

"""What Python shows of a result: its `repr`, the table in a notebook, the data frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sed2.common.display import Brief
from sed2.errors import UsageError
from sed2.gating.baseline import Baseline
from sed2.gating.outcome import GatedModel, GateResult
from sed2.generalisation.results import BoundResult
from sed2.ranking.results import RankedModel, Ranking
from sed2.report.decision import decision
from sed2.report.documents.gate import gate_document
from sed2.report.documents.model import curve_columns
from sed2.report.documents.ranking import csv_columns
from sed2.report.documents.selection import selection_document
from sed2.report.documents.stability import stability_rows
from sed2.report.html.elements import element, table_element, to_text
from sed2.report.html.elements import notes as listed
from sed2.report.tables import bound, gate, ranking, selection, stability
from sed2.report.tables.cells import coverage, probability_cell, score_in_words
from sed2.report.tables.model import compute_notes, curve_table, shown_points
from sed2.report.tables.training import baseline_notes
from sed2.results import Curve, ModelResult, Score
from sed2.robustness.results import StabilityResult
from sed2.selection.results import SelectedModel, Selection

if TYPE_CHECKING:
    import pandas

_FEW = 4  # items of a list, or names of models, that one line shows
_SETTLED = {True: "settled", False: "not settled", None: "whether settled cannot be told"}


def line(result: Any, /) -> str:
    """The decision first, then how sure it is; of a part of a result its fields."""
    match result:
        case Score():
            return score_in_words(result)
        case Curve():
            return f"{len(result.estimate)} points, {_range(result.estimate)}"
        case ModelResult(eps=eps):
            said = [result.name, _scored(result), coverage(result)]
            said += [f"{len(eps)} eps, {_range(eps)}"]
        case RankedModel(probability_best=best, order_probability=order):
            said = [f"#{result.rank} {result.name}"]
            said += [_scored(result.result)]
            said += [*_probable("P(best)", best.score), *_probable("P(order)", order.score)]
        case Ranking(models=(best, *_)):
            said = [_models(len(result)), f"best {best.name}"]
            said += _probable("P(best)", best.probability_best.score) if len(result) > 1 else []
            said += [_scored(best.result)]
        case SelectedModel():
            said = [result.name, f"{result.epochs} epochs", f"forecast {result.forecast:.4g}"]
            said += _probable("P(best)", result.probability)
        case Selection():
            said = [_models(len(result)), selection.headline(result)]
        case StabilityResult(verdict=verdict):
            few = len(verdict.order) <= _FEW
            said = [_SETTLED[verdict.settled]]
            said += [" > ".join(verdict.order) if few else _models(len(result))]
            said += [f"{verdict.agreeing} of {len(result.seeds)} seeds agree"]
        case GatedModel():
            said = [result.status, result.name]
            said += [f"ratio {result.ratio.value:.3f}"] if result.ratio else []
        case GateResult():
            said = [gate.counts(result), f"{result.spec} against {result.baseline}"]
        case BoundResult(model=model):
            at_most = bound.power(result.log_probability.at_most)
            said = ["vacuous" if result.vacuous else "not vacuous", model.name]
            said += [f"P at most {at_most} at eps_n = {result.eps_n:.4g}"]
        case Baseline():
            said = [_models(len(result.models)), result.data.name, f"N = {result.data.inputs:,}"]
        case _:
            return ", ".join(f"{f.name}={_brief(getattr(result, f.name))}" for f in fields(result))
    warnings = _warnings(result)
    said += [f"{len(warnings)} warning{'s' * (len(warnings) != 1)}"] if warnings else []
    return ", ".join(said)


def markup(result: Any, /) -> str:
    """The line, the table, and what a reader needs to judge it, as HTML; all text stays text."""
    match result:
        case ModelResult():
            table = curve_table(result, shown_points(result.eps))
            notes = compute_notes(result, table.headers)
        case Ranking(models=models):
            table = ranking.rank_table(result)
            notes = [*decision(result), ranking.order_note(result)]
            notes += [*ranking.size_notes(result), *ranking.rank_notes(result, table.headers)]
            notes += baseline_notes(models)
        case Selection():
            table = selection.selection_table(result)
            notes = [*selection.verdict(result), selection.spent_note(result)]
            notes += selection.selection_notes(result, table.headers)
        case StabilityResult():
            table = stability.models_table(result)
            notes = [stability.scores_note(result), stability.sentence(result)]
            notes += [stability.sigma_sentence(result)]
        case GateResult():
            table = gate.gate_table(result)
            notes = [*gate.complaints(result), *gate.notes(result)]
        case BoundResult():
            table, notes = bound.theorem_table(result), [bound.verdict(result)]
        case _:
            raise NotImplementedError(type(result))
    name = type(result).__name__
    parts = [
        element("p", element("strong", f"{name}: {line(result)}")),
        table_element(name, replace(table, keys=(), kinds=())),
        listed([*notes, *_warnings(result)]),
    ]
    return "".join(map(to_text, parts))


def frame(result: Any, /) -> pandas.DataFrame:
    """A row per model of a ranking or a gate, in order; per eps of one model or of its covering
    numbers; per sweep, point, model and seed of a study.

    Raises:
        UsageError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise UsageError(
            "a data frame needs pandas, which is not installed",
            mend="Install it: `pip install pandas`",
        ) from error
    rows: Any
    match result:
        case ModelResult():
            named = {"model": result.name, "parameters": result.parameters}
            rows = named | curve_columns(result)
        case Ranking():
            rows = [_ranked(model) for model in result]
        case Selection():
            rows = selection_document(result)["models"]
            for row in rows:
                del row["training"]
        case StabilityResult():
            rows = stability_rows(result)
        case GateResult():
            rows = gate_document(result)["models"]
            for row in rows:
                del row["checks"]
        case BoundResult(covering=covering):
            rows = {
                "eps": covering.eps,
                "log_covering": covering.estimate,
                "log_covering_upper_bound": covering.at_most,
                "log_equal_cubes": covering.cubes,
                "vacuous": covering.vacuous,
            }
        case _:
            raise NotImplementedError(type(result))
    return pandas.DataFrame(rows)


def _ranked(model: RankedModel) -> dict[str, Any]:
    result, score, two = model.result, model.result.score, model.result.two_sed_score
    return {
        "rank": model.rank,
        "model": result.name,
        "parameters": result.parameters,
        "score": score.value,
        "score_std_error": score.std_error,
        "score_low": score.interval[0],
        "score_high": score.interval[1],
        "score_lower_estimate": score.lower_estimate,
        "probability_best": model.probability_best.score,
        "order_probability": model.order_probability.score,
        "decided": model.decided,
        "two_sed_score": two.value,
        "two_sed_score_std_error": two.std_error,
        "inputs": result.inputs,
        "draws": result.settings.draws,
        **csv_columns(model),
    }


def _scored(result: ModelResult) -> str:
    return f"{result.settings.score_name} {score_in_words(result.score)}"


def _models(count: int) -> str:
    return f"{count} model{'s' * (count != 1)}"


def _probable(name: str, probability: float) -> list[str]:
    return [] if math.isnan(probability) else [f"{name} {probability_cell(probability)}"]


def _warnings(result: Any) -> Sequence[str]:
    if isinstance(result, Ranking):
        return ranking.ranking_warnings(result)
    return getattr(result, "warnings", ())


def _brief(value: object) -> str:
    match value:
        case np.ndarray():
            return f"<{' x '.join(map(str, value.shape))}, {_range(value)}>"
        case float():
            return f"{value:.4g}"
        case tuple() if len(value) > _FEW:
            return f"<{len(value)} items>"
        case tuple():
            return f"({', '.join(map(_brief, value))})"
        case str() | int() | None | Brief():
            return repr(value)
        case _:
            return f"<{type(value).__name__}>"


def _range(values: np.ndarray) -> str:
    """The least and the largest number that is defined."""
    known = values[~np.isnan(values)]
    return f"{known.min():.4g} to {known.max():.4g}" if known.size else "undefined"

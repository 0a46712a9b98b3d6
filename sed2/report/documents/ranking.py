"""The JSON of `rank`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sed2.ranking.results import Probability, Ranking
from sed2.ranking.size import fronts, size_dependence
from sed2.report.decision import decision
from sed2.report.documents.model import brackets_document, curves_document, score_document
from sed2.report.documents.text import SCHEMA_VERSION
from sed2.report.documents.training import (
    baselines_document,
    prediction_document,
    training_document,
)


def rank_document(ranking: Ranking) -> dict[str, Any]:
    """The JSON of `rank` (docs/reference/contract.md, section 6)."""
    first, size = ranking.models[0].result, size_dependence(ranking)
    own = {"spec_sha256", "data_sha256", "engine"}
    return {
        "schema_version": SCHEMA_VERSION,
        "settings": ranking.settings.model_dump() | {"inputs": first.inputs},
        "eps": ranking.eps,
        "eps_n": ranking.eps_n,
        "models": [
            {
                "rank": model.rank,
                "place": model.place,
                "name": model.result.name,
                "parameters": model.result.parameters,
                "flops": model.flops,
                "pareto": {"parameters": front[0], "flops": front[1]},
                "places_gained_with_size_held": gained,
                **score_document(model.result.score),
                "separation": model.separation,
                "probability_best": _probability(model.probability_best),
                "order_probability": _probability(model.order_probability),
                "decided": model.decided,
                "inputs": model.result.inputs,
                "settings": model.result.settings.model_dump(),
                **curves_document(model.result),
                **brackets_document(model.result),
                "training": model.training and training_document(model.training),
                "baselines": model.baselines and baselines_document(model.baselines),
                "warnings": model.warnings,
                "cost": asdict(model.result.cost),
                "spec_sha256": model.result.provenance.spec_sha256,
                "engine": model.result.provenance.engine,
            }
            for model, gained, *front in zip(
                ranking.models, size.gained, *fronts(ranking), strict=True
            )
        ],
        "decision": decision(ranking),
        "decide_at": ranking.decide_at,
        "size": {"tau_b": size.tau, "follows": size.follows, "left_out": ranking.left_out},
        "crossings": [asdict(crossing) for crossing in ranking.crossings],
        "until_decided": ranking.demand and asdict(ranking.demand),
        "correlation": ranking.correlation and prediction_document(ranking.correlation),
        "warnings": ranking.warnings,
        "provenance": {k: v for k, v in asdict(first.provenance).items() if k not in own}
        | {"data_sha256": first.provenance.data_sha256},
    }


def _probability(probability: Probability) -> dict[str, Any]:
    return {"score": probability.score, "curve": probability.curve}

"""Baselines and verdicts with chosen numbers, without any computing."""

from __future__ import annotations

from collections.abc import Sequence

from sed2.gating.baseline import (
    Baseline,
    BaselineData,
    BaselineModel,
    BaselineScore,
    compared_settings,
)
from sed2.gating.evidence import Evidence
from sed2.gating.outcome import Check, GatedModel, GatedScore, GateResult, Ratio, Status
from sed2.gating.rules import Rules, read_rules
from sed2.options import GateOptions
from sed2.settings import Settings, resolve

SETTINGS = Settings.model_validate({"dataset": "made", "eps": [0.1]})
HASH = "0123456789abcdef" * 4


def made_rules(**given: object) -> Rules:
    return read_rules(resolve(given, {}, of=GateOptions), [SETTINGS])


def made_stored(
    value: float = 100.0, error: float = 1.0, *, spec: str = HASH, parameters: int = 976
) -> BaselineModel:
    """A model of four batches."""
    values = (value - 1, value + 1, value - 2, value + 2)
    evidence = Evidence(values, draws=error, draws_freedom=3.0, inputs=(0.5, -0.5))
    return BaselineModel(
        lower_estimate=True,
        parameters=parameters,
        score=BaselineScore(**vars(evidence)),
        settings={},
        spec_sha256=spec,
    )


def made_baseline(models: dict[str, BaselineModel] | None = None) -> Baseline:
    return Baseline(
        data=BaselineData(
            files_sha256=None, input_shape=(54,), inputs=100, name="made", sha256=HASH
        ),
        models=models or {"a": made_stored(), "b": made_stored(80.0)},
        provenance={"sed2": "0.1.0", "jax": "0.10.0", "flax": "0.12.8"},
        schema_version=1,
        settings=compared_settings(SETTINGS),
    )


def made_gated(
    name: str = "a", status: Status = Status.PASSED, *, where: str = "s.yaml:3:5", p: float = 0.995
) -> GatedModel:
    """A model with one gate, the ratio."""
    message = "score 98.0, 0.980 of the baseline's 100.0; at least 0.95 demanded"
    return GatedModel(
        name=name,
        where=where,
        checks=(Check("ratio", status, message, p),),
        parameters=976,
        score=GatedScore(98.0, True, 100, 4.0),
        baseline=GatedScore(100.0, True, 400, 4.0),
        ratio=Ratio(0.98, 0.012),
        unchanged=False,
        computed=True,
    )


def made_result(models: Sequence[GatedModel], **rules: object) -> GateResult:
    return GateResult(
        models=tuple(models),
        rules=made_rules(**rules),
        settings=SETTINGS,
        inputs=100,
        spec="s.yaml",
        baseline="b.json",
        warnings=(),
        provenance=None,
    )

"""The gates of one model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sed2.gating.baseline import BaselineModel
from sed2.gating.evidence import Evidence, probability_at_least, std_error_of_ratio
from sed2.gating.outcome import Check, GatedModel, GatedScore, Kind, Ratio, Status
from sed2.gating.rules import Rules
from sed2.results import ModelResult
from sed2.spec.schema import ModelSpec

SAME = 1e-6
"""Relative difference within which two scores of one architecture are the same: rounding on another
machine moves them by less, and other numerics or other code by more."""


class GateRun:
    """One model, with the batches of draws that were taken of it so far."""

    def __init__(self, batch: Callable[[int], ModelResult]) -> None:
        self._batch = batch
        self.batches: list[ModelResult] = []

    def take(self, count: int) -> list[ModelResult]:
        """The first `count` batches; those that are not there yet are computed."""
        while len(self.batches) < count:
            self.batches.append(self._batch(len(self.batches)))
        return self.batches[:count]


@dataclass(frozen=True)
class _Minimum:
    """That a score is at least `factor` times another, or than an exact number."""

    kind: Kind
    factor: float
    base: Evidence

    def check(self, evidence: Evidence, level: float) -> Check:
        """What a look at the evidence tells, if it must be as sure as `level`."""
        probability = probability_at_least(evidence, self.factor, self.base)
        status = Status.UNDECIDED
        if probability >= level:
            status = Status.PASSED
        elif probability <= 1 - level:
            status = Status.FAILED
        if self.kind == "floor":
            found = f"score {evidence.value:.1f}, at least {self.base.value:g} demanded"
        else:
            found = (
                f"score {evidence.value:.1f}, {evidence.value / self.base.value:.3f} of the "
                f"baseline's {self.base.value:.1f}; at least {self.factor:g} demanded"
            )
        return Check(self.kind, status, found, probability)


def judge_model(
    model: ModelSpec,
    parameters: int,
    stored: BaselineModel | None,
    rules: Rules,
    run: GateRun,
    *,
    answered: bool,
) -> GatedModel:
    """All gates of a model of the spec.

    Args:
        model: of the spec.
        parameters: d.
        stored: the model of that name in the baseline; None if it is new.
        rules: what is demanded.
        run: of the model as it is now.
        answered: whether the stored score stands for one computed now.
    """
    unchanged = stored is not None and (answered or _is_unchanged(model, stored, run))
    checks = _by_number(parameters, stored, rules, unchanged=unchanged)
    demands = []
    if stored and not unchanged:
        demands.append(_Minimum("ratio", rules.min_ratio, stored.evidence))
    if rules.min_score is not None:
        demands.append(_Minimum("floor", 1.0, Evidence((rules.min_score,))))

    def look(number: int) -> Evidence:
        if stored and answered and number == 0:
            return stored.evidence
        return Evidence.of(run.take(rules.batches if number else 1))

    failed = any(check.status is Status.FAILED for check in checks)
    levels = rules.levels[:1] if failed else rules.levels  # more draws would not mend it
    checks += _decide(demands, levels, look)

    base = _score(stored.evidence, rules, lower=stored.lower_estimate) if stored else None
    evidence, score = None, None
    if run.batches:
        evidence = Evidence.of(run.batches)
        lower = any(batch.score.lower_estimate for batch in run.batches)
        score = _score(evidence, rules, lower=lower)
    elif stored:
        evidence, score = stored.evidence, base
    return GatedModel(
        name=model.name,
        where=model.where,
        checks=tuple(checks),
        parameters=parameters,
        score=score,
        baseline=base,
        ratio=_ratio(evidence, stored, unchanged=unchanged),
        unchanged=unchanged,
        computed=bool(run.batches),
    )


def missing_model(name: str, stored: BaselineModel, rules: Rules, where: str) -> GatedModel:
    """A model of the baseline that the spec has no longer."""
    status = Status.PASSED if rules.allow_missing else Status.FAILED
    check = Check("missing", status, "it is in the baseline, but not in the spec")
    score = _score(stored.evidence, rules, lower=stored.lower_estimate)
    return GatedModel(name, where, (check,), None, None, score, None, False, False)


def _score(evidence: Evidence, rules: Rules, *, lower: bool) -> GatedScore:
    return GatedScore(evidence.value, lower, rules.draws * len(evidence.batches), evidence.scatter)


def _is_unchanged(model: ModelSpec, stored: BaselineModel, run: GateRun) -> bool:
    """Whether a model that was not answered from the baseline is the same architecture still.

    The hash of blocks says so by itself. That of a user's own network is of one file, which may
    import others: equal numbers say so."""
    if model.sha256 != stored.spec_sha256:
        return False
    (result,) = run.take(1)
    return not model.module or is_same(result.score.value, stored.score.batches[0])


def is_same(score: float, other: float) -> bool:
    """Whether two scores differ by rounding alone."""
    return abs(score - other) <= SAME * abs(other)


def _by_number(
    parameters: int, stored: BaselineModel | None, rules: Rules, *, unchanged: bool
) -> list[Check]:
    """The gates that chance has no part in."""

    def check(kind: Kind, passed: bool, message: str) -> Check:
        return Check(kind, Status.PASSED if passed else Status.FAILED, message)

    checks = []
    if stored is None:
        checks.append(check("new", rules.allow_new, "it is in the spec, but not in the baseline"))
    if unchanged:
        words = f"unchanged, so the ratio is 1; at least {rules.min_ratio:g} demanded"
        checks.append(check("ratio", rules.min_ratio <= 1, words))
    if rules.max_parameters is not None:
        words = f"{parameters:,} parameters, at most {rules.max_parameters:,} demanded"
        checks.append(check("parameters", parameters <= rules.max_parameters, words))
    return checks


def _decide(
    demands: Sequence[_Minimum], levels: Sequence[float], look: Callable[[int], Evidence]
) -> list[Check]:
    """Look until all is decided or something has failed; what was decided once stays so."""
    checks: dict[Kind, Check] = {}
    for number, level in enumerate(levels if demands else ()):
        evidence = look(number)
        for demand in demands:
            if demand.kind not in checks or checks[demand.kind].status is Status.UNDECIDED:
                checks[demand.kind] = demand.check(evidence, level)
        if Status.worst([check.status for check in checks.values()]) is not Status.UNDECIDED:
            break
    return list(checks.values())


def _ratio(
    evidence: Evidence | None, stored: BaselineModel | None, *, unchanged: bool
) -> Ratio | None:
    if evidence is None or stored is None:
        return None
    if unchanged:
        return Ratio(1.0, 0.0)
    base = stored.evidence
    return Ratio(evidence.value / base.value, std_error_of_ratio(evidence, base))

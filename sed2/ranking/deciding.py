"""`rank --until-decided`: more draws and inputs where neighbours are not told apart yet.

Scores at another N or K have other targets: finite N caps the rank of the Fisher matrix, and a
log-mean-exp over few draws grows with K. So models are compared at the same N and K only:

- All models begin as one cluster with the N and K that were given.
- A cluster splits where every model above is ahead of every model below with the probability that
  is demanded. These orders are final, with the probabilities of the round that decided them.
- In what is left of a cluster all models get the same new N or K: twice that of the source, inputs
  or draws, which dominates the error of the gaps that are not decided, up to the budget. Then they
  are ranked anew.

Models that were told apart early may so end with a smaller N and K than others, and their values
are not to be compared with those of other clusters. The probability of being the best is that of
the cluster, in the round that split it off, times that within the cluster. Every round looks
again: over r rounds an order is decided wrongly with a probability of at most about r (1 - p).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from sed2.errors import ResourceError, UsageError
from sed2.options import DecidingOptions
from sed2.ranking.order import as_probability, rank_results, separation
from sed2.ranking.outlook import Outlook, outlook, usual_demand
from sed2.ranking.probabilities import probability_ahead, simulate, variance_of_difference
from sed2.ranking.results import Crossing, Demand, Probability, RankedModel, Ranking
from sed2.results import ModelResult
from sed2.settings import Settings

RunAgain = Callable[[Mapping[str, Settings], str], Sequence[ModelResult]]
"""The results of the models of these names, each with its settings, in this order; and what can be
told of how long it is until they are decided."""


def read_demand(wish: DecidingOptions, settings: Mapping[str, Settings]) -> Demand:
    """The demand, with the budget for the models of these settings, by name.

    Raises:
        UsageError: the models begin with different N or K, or the errors of the inputs are not
            asked for.
    """
    first, *others = settings.values()
    for field in ("draws", "samples"):
        if any(getattr(other, field) != getattr(first, field) for other in others):
            raise UsageError(
                f"the models begin with different `{field}`, and those that are not told apart "
                "are to have the same",
                mend=f"Set `{field}:` for the whole file",
                where="until_decided",
            )
    if any(its.input_groups < 2 for its in settings.values()):
        raise UsageError(
            "nothing is decided where the error of the inputs is left undefined",
            mend="Give `input_groups` 2 or more, such as the default",
            where="until_decided",
        )
    usual = usual_demand(wish.decide_at, first)
    return replace(
        usual,
        max_draws=wish.max_draws or usual.max_draws,
        max_samples=wish.max_samples or usual.max_samples,
        budget=wish.budget,
    )


def rank_until_decided(
    settings: Mapping[str, Settings],
    run: RunAgain,
    demand: Demand,
) -> Ranking:
    """Rank, and go on until every order of neighbours is as sure as demanded, or nothing is left.

    Args:
        settings: of the models, by name; the same N and K for all.
        run: how results are computed.
        demand: what to reach, within which budget.
    """
    clock = _Clock(run, demand.budget)
    begun = clock(settings)
    ranking = _decide(begun, clock, demand)
    undecided = [
        f"{upper.result.name} and {lower.result.name}"
        for upper, lower in pairwise(ranking.models)
        if not upper.decided
    ]
    short = (
        f"not decided at {demand.probability:g} within {demand.max_draws:,} draws and "
        f"{demand.max_samples:,} inputs: {'; '.join(undecided)}"
    )
    return replace(
        ranking,
        settings=begun[0].settings,
        demand=demand,
        decide_at=demand.probability,
        warnings=(*ranking.warnings, *([short] if undecided else [])),
    )


class _Clock:
    """Runs, as long as the time suffices.

    Args:
        run: the work.
        budget: seconds for all of it; None for no limit.
    """

    def __init__(self, run: RunAgain, budget: float | None) -> None:
        self._run, self._budget = run, budget
        self._begun, self._done = time.monotonic(), 0

    def __call__(
        self, settings: Mapping[str, Settings], ahead: Outlook | None = None
    ) -> Sequence[ModelResult]:
        """
        Args:
            settings: as `RunAgain` takes them.
            ahead: all that is left to do for these models, this included.

        Raises:
            ResourceError: the work would take longer than is left, as far as what was done tells.
        """
        work = sum(its.draws * its.samples for its in settings.values())
        elapsed = time.monotonic() - self._begun
        forecast = elapsed * work / self._done if self._done else 0.0
        if self._budget is not None and elapsed + forecast > self._budget:
            raise ResourceError(
                f"the next step would take about {forecast:.0f} s, and {self._budget:g} s are not "
                "to be exceeded"
            )
        results = self._run(settings, self._told(ahead) if ahead else "")
        self._done += work
        return results

    def _told(self, ahead: Outlook) -> str:
        seconds = (time.monotonic() - self._begun) * ahead.work / self._done
        end = "decided" if ahead.enough else "at the limits, perhaps undecided,"
        return f"{end} in about {seconds:.0f} s"


@dataclass(frozen=True)
class _Round:
    """One cluster at one N and K: its models in order, and their simulated scores (S, 1)."""

    ranking: Ranking
    scores: list[np.ndarray]
    demand: Demand

    @classmethod
    def of(cls, results: Sequence[ModelResult], demand: Demand) -> _Round:
        ranking = rank_results(results, demand.probability)
        scores = [simulate(model.result)[:, -1:].copy() for model in ranking.models]
        return cls(ranking, scores, demand)

    def result(self, place: int) -> ModelResult:
        return self.ranking.models[place].result

    def ahead(self, upper: int, lower: int) -> Probability:
        return as_probability(
            probability_ahead(simulate(self.result(upper)), simulate(self.result(lower)))
        )

    def is_decided(self, upper: int, lower: int) -> bool:
        (probability,) = probability_ahead(self.scores[upper], self.scores[lower])
        return bool(probability >= self.demand.probability)

    def clusters(self) -> list[range]:
        """Places of the models, split where every order across is decided."""
        count = len(self.scores)
        starts, reach = [0], 0  # the last that some model so far is not told apart from
        for upper in range(count):
            if upper > reach:
                starts.append(upper)
                reach = upper
            farther = reversed(range(reach + 1, count))
            reach = next((lower for lower in farther if not self.is_decided(upper, lower)), reach)
        return [range(a, b) for a, b in pairwise([*starts, count])]

    def more(self, cluster: range) -> dict[str, int] | None:
        """The next N or K of a cluster; None if the budget is spent."""
        shares = np.zeros(3)
        for upper, lower in pairwise(cluster):
            if not self.is_decided(upper, lower):
                sources = variance_of_difference(self.result(upper), self.result(lower))[:, -1]
                shares += np.nan_to_num(sources / max(np.nansum(sources), 1e-300), nan=1.0)
        settings = self.result(cluster[0]).settings
        # Where the inputs have no variance they are all rows, and there are no more of them.
        limits = {
            "draws": self.demand.max_draws,
            "samples": self.demand.max_samples if shares[1] > 0 else 0,
        }
        in_turn = (
            ("samples", "draws") if shares[1] > shares[0] + shares[2] else ("draws", "samples")
        )
        for field in in_turn:
            now, limit = getattr(settings, field), limits[field]
            if now < limit:
                return {field: min(2 * now, limit)}
        return None


def _decide(results: Sequence[ModelResult], run: _Clock, demand: Demand) -> Ranking:
    """Rank one cluster, and go on with what it splits into."""
    round_ = _Round.of(results, demand)
    clusters = round_.clusters()
    models: list[RankedModel] = []
    part_of: dict[str, int] = {}
    crossings: list[Crossing] = []
    warnings = list(round_.ranking.warnings)
    for number, cluster in enumerate(clusters):
        part = _go_on(round_, cluster, run)
        if models:
            models[-1] = _decided_between(round_, models[-1], part.models[0])
        its = round_.ranking.models[cluster.start : cluster.stop]
        models += _within(part.models, [one.probability_best for one in its], cluster.start)
        crossings += part.crossings
        warnings += [text for text in part.warnings if text not in warnings]
        part_of |= {model.result.name: number for model in part.models}
    crossings += [
        crossing
        for crossing in round_.ranking.crossings
        if part_of[crossing.larger_below] != part_of[crossing.larger_above]
    ]
    return Ranking(
        models=tuple(replace(model, rank=i) for i, model in enumerate(models, start=1)),
        settings=round_.ranking.settings,
        crossings=tuple(sorted(crossings, key=lambda crossing: crossing.eps)),
        warnings=tuple(warnings),
    )


def _go_on(round_: _Round, cluster: range, run: _Clock) -> Ranking:
    """A cluster at its next N and K, or as it is if it is one model or nothing is left."""
    results = [round_.result(place) for place in cluster]
    more = round_.more(cluster) if len(cluster) > 1 else None
    stopped = ""
    if more is not None:
        try:
            # In the order of their names: how they stand now must not matter.
            again = {
                result.name: _with_more(result.settings, more)
                for result in sorted(results, key=lambda result: result.name)
            }
            spent = {result.name: result.cost for result in results}
            ahead = outlook(round_.ranking.models[cluster.start : cluster.stop], round_.demand)
            found = [replace(one, cost=one.cost + spent[one.name]) for one in run(again, ahead)]
            return _decide(found, run, round_.demand)
        except ResourceError as error:
            stopped = f"stopped before the budget was spent: {error.cause}"
    ranking = rank_results(results, round_.demand.probability)
    return replace(
        ranking,
        models=tuple(_judged(ranking.models, round_.demand)),
        warnings=(*ranking.warnings, *([stopped] if stopped else [])),
    )


def _with_more(settings: Settings, more: Mapping[str, int]) -> Settings:
    """More draws end-to-end as well, in proportion, where their number is given."""
    whole = settings.end_to_end_draws
    if whole and "draws" in more:
        more = {**more, "end_to_end_draws": whole * more["draws"] // settings.draws}
    return settings.model_copy(update=more)


def _judged(models: Sequence[RankedModel], demand: Demand) -> Iterator[RankedModel]:
    """Neighbours that stay in one cluster: decided or not, each by itself."""
    for model in models[:-1]:
        yield replace(model, decided=model.order_probability.score >= demand.probability)
    yield models[-1]


def _decided_between(round_: _Round, upper: RankedModel, lower: RankedModel) -> RankedModel:
    """The last of one cluster, with its order to the first of the next, as it was decided."""
    places = {model.result.name: place for place, model in enumerate(round_.ranking.models)}
    above, below = places[upper.result.name], places[lower.result.name]
    return replace(
        upper,
        separation=separation(round_.result(above), round_.result(below)),
        order_probability=round_.ahead(above, below),
        decided=True,
    )


def _within(
    models: Sequence[RankedModel], whole: Sequence[Probability], before: int
) -> list[RankedModel]:
    """Models of a cluster, one of which is the best with the sum of these probabilities, and that
    has so many models before it."""
    score, curve = sum(one.score for one in whole), np.sum([one.curve for one in whole], axis=0)
    return [
        replace(
            model,
            place=before + model.place,
            probability_best=Probability(
                model.probability_best.score * score, model.probability_best.curve * curve
            ),
        )
        for model in models
    ]

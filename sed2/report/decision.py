"""What to do after a ranking, in the words of an engineer: the first lines of every form of it."""

from __future__ import annotations

import math

from sed2.ranking.outlook import outlook, usual_demand
from sed2.ranking.results import RankedModel, Ranking
from sed2.report.tables.cells import probability_cell

_NAMED = 4  # models that one sentence names
_UNLIKELY = 0.05
"""Models that hold the best with less than this probability together can be left out."""


def decision(ranking: Ranking) -> list[str]:
    """Who leads, who is tied with it, and who can be left out; one sentence a line."""
    leaders = _tied(ranking)
    others = ranking.models[len(leaders) :]
    if len(ranking.models) == 1:
        return [f"{leaders[0].name} is the only candidate."]
    return [_leaders(leaders, ranking), *([_others(leaders, others)] if others else [])]


def headline(ranking: Ranking) -> str:
    """The decision as a title."""
    first, count = ranking.models[0], len(ranking.models)
    if count == 1:
        return f"{first.name}, the only candidate"
    tied = len(_tied(ranking))
    sure = _equals(first.probability_best.score)
    verdict = "decided" if tied == 1 else f"not decided, {tied} of {count} are tied"
    return f"{first.name} leads with P {sure}: {verdict}"


def next_step(ranking: Ranking, command: str) -> str | None:
    """The command to go on with; None if there is none.

    Args:
        command: the one that made the ranking, as it is typed.
    """
    if len(ranking.models) == 1 or not command:
        return None
    tied = len(_tied(ranking)) > 1
    if not tied or ranking.demand:
        if ranking.models[0].training:
            return None
        what = "train the tied models, which tells them apart" if tied else "check it by training"
        return f"Next, {what}: {command} --train"
    return f"Next, tell them apart with more draws{_work(ranking)}: {command} --until-decided"


def _work(ranking: Ranking) -> str:
    """What `--until-decided` would take, in what the ranking took: the same words every time."""
    ahead = outlook(ranking.models, usual_demand(ranking.decide_at, ranking.settings))
    results = [model.result for model in ranking.models]
    done = sum(its.settings.draws * its.settings.samples for its in results)
    doubt = "" if ahead.enough else ", which may not suffice"
    times = round(ahead.work / done)
    work = f"{times:,} times the work" if times > 1 else "the work"
    return f" (about {work} of this run{doubt})"


def _tied(ranking: Ranking) -> list[RankedModel]:
    """The first, and those that are tied with it."""
    return [model for model in ranking.models if model.place == 1]


def _leaders(leaders: list[RankedModel], ranking: Ranking) -> str:
    first = leaders[0]
    if len(leaders) == 1:
        ahead = _equals(first.order_probability.score)
        return f"Train {first.name}: it is ahead of the next with P {ahead}."
    if len(leaders) == 2:
        probability = first.order_probability.score
        cell = _equals(probability)
        if cell == _equals(ranking.decide_at):  # by rounding
            cell = f"= {math.floor(probability * 1000) / 1000:g}"
        return (
            f"Not decided: {first.name} or {leaders[1].name}. Their order has P {cell}, below "
            f"{ranking.decide_at:g}."
        )
    return (
        f"Not decided: {_names(leaders)} are tied: {first.name} is ahead of each with less than "
        f"P = {ranking.decide_at:g}."
    )


def _others(leaders: list[RankedModel], others: tuple[RankedModel, ...]) -> str:
    best = sum(model.probability_best.score for model in others)
    chance = f"it is the best with P {_equals(best)}"
    if len(others) > 1:
        chance = f"the best is among them with P {_equals(best)}"
    if best < _UNLIKELY:
        return f"Leave out {_names(others)}: {chance}."
    return f"Behind: {_names(others)}; {chance}."


def _names(models: list[RankedModel] | tuple[RankedModel, ...]) -> str:
    names = [model.name for model in models[:_NAMED]]
    more = len(models) - len(names)
    if more:
        return f"{', '.join(names)} and {more:,} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _equals(probability: float) -> str:
    """A probability after its P."""
    cell = probability_cell(probability)
    return cell if cell[0] in "<>" else f"= {cell}"

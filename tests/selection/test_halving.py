"""The race: who goes on, when it ends, and whether the best wins as often as is said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pytest

from sed2.selection.halving import Race
from sed2.selection.schedule import schedule
from sed2.training.result import Training
from tests.selection.made import made_curve

EPOCHS = 32


class World:
    """Candidates with power laws of their own, and noise of the seeds that stays."""

    def __init__(self, ends: Mapping[str, float], seed: int = 0, noise: float = 0.01) -> None:
        rng = np.random.default_rng(seed)
        t = np.arange(1, EPOCHS + 1)
        self.whole = {
            name: np.exp(noise * rng.normal(size=(3, 1)))
            * (end + rng.uniform(0.5, 1.5) * t ** -rng.uniform(0.5, 1.0))
            for name, end in ends.items()
        }
        self.calls: list[tuple[list[str], int]] = []

    def train(self, alive: Sequence[str], epochs: int) -> dict[str, Training]:
        self.calls.append((list(alive), epochs))
        return {name: made_curve(self.whole[name][:, :epochs]) for name in alive}

    @property
    def best(self) -> str:
        return min(self.whole, key=lambda name: self.whole[name][:, -1].mean())


def race(
    world: World,
    priors: Mapping[str, float] | None = None,
    share: float = 0.3,
    decide_at: float = 0.95,
) -> Race:
    known = priors or dict.fromkeys(world.whole, math.nan)
    rungs = schedule(len(known), EPOCHS, share, prune=priors is not None)
    made = Race(known, rungs, EPOCHS, decide_at, seed=0)
    made.run(world.train)
    return made


ENDS = {name: 0.3 + 0.05 * i for i, name in enumerate("abcdefgh")}


def test_the_better_half_goes_on() -> None:
    world = World(ENDS)
    ended = race(world, decide_at=0.999)
    for (alive, start), (following, epochs) in pairwise(world.calls):
        assert set(following) < set(alive)
        assert len(following) == (len(alive) + 1) // 2
        assert start < epochs
    assert ended.came[world.best] == len(world.calls)


def test_what_was_judged_worst_is_never_trained() -> None:
    world = World(ENDS)
    ended = race(world, {name: -i for i, name in enumerate(ENDS)})
    assert set(world.calls[0][0]) == {"a", "b"}
    assert set(ended.trained) == {"a", "b"}


def test_a_judgement_weighs_less_and_less_against_the_losses() -> None:
    """After one epoch of 32 the first by the measure stays, though its loss is the worst; after 31
    of them the losses decide."""
    worst_first = dict(zip("abcdefgh", range(8), strict=True))  # h is the best by the measure
    world = World(ENDS, noise=0.0)
    made = Race(worst_first, schedule(8, EPOCHS, 1.0, prune=False), EPOCHS, 0.95, 0)
    alive = list(ENDS)
    for epochs, stays in ((1, True), (31, False)):
        made.trained = world.train(alive, epochs)
        kept = made._better(alive, type(made.rungs[0])(len(alive), epochs))
        assert ("h" in kept) is stays


def test_it_ends_as_soon_as_one_is_sure_enough() -> None:
    ends = {"a": 0.1, "b": 2.0, "c": 2.1, "d": 2.2}
    world = World(ends, noise=0.001)
    ended = race(world, share=0.5, decide_at=0.9)
    assert ended.done < len(ended.rungs)
    _, (chances, _) = ended.outlook()
    assert chances[ended.racing.index("a")] >= 0.9


def test_what_diverged_drops_out_and_is_not_counted() -> None:
    world = World(ENDS)
    world.whole["a"][:, 1:] = np.nan
    ended = race(world)
    assert "a" not in ended.racing
    found, (chances, _) = ended.outlook()
    assert len(found.log_loss) == len(ended.racing)
    assert np.isfinite(chances).all()


@pytest.mark.parametrize("share", [0.15, pytest.param(0.5, marks=pytest.mark.slow)])
def test_the_best_is_chosen_as_often_as_is_said(share: float) -> None:
    """Over 150 worlds: the mean of the probability said of the choice against how often it was the
    best. The binomial error of the latter is at most 4%, so a right rule fails by more than 0.16 in
    one of some 10,000 choices of the seeds."""
    rng = np.random.default_rng(5)
    said, right = [], []
    for number in range(150):
        ends = {f"m{i}": float(end) for i, end in enumerate(rng.uniform(0.2, 0.5, size=8))}
        world = World(ends, seed=number)
        ended = race(world, share=share, decide_at=0.99)
        found, (chances, _) = ended.outlook()
        furthest = max(ended.came.values())
        last = [i for i, name in enumerate(ended.racing) if ended.came[name] == furthest]
        choice = min(last, key=lambda i: found.log_loss[i])
        said.append(chances[choice])
        right.append(ended.racing[choice] == world.best)
    assert np.mean(said) == pytest.approx(np.mean(right), abs=0.16)

"""Many candidates, trained to some epochs and, later, on from there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from sed2.chain import Chain
from sed2.common.cost import Cost
from sed2.common.progress import Report
from sed2.data.load import Dataset
from sed2.options import TrainingSettings
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec
from sed2.training.batches import epoch_batches
from sed2.training.lanes import (
    LANES,
    Form,
    LaneState,
    compiled,
    form_of,
    masks,
    natural_shapes,
    one_lane,
    places,
    side_by_side,
)
from sed2.training.network import draw_dense_layers
from sed2.training.plan import TrainingPlan, check_training
from sed2.training.recipe import check_fits, summary, train_one, training_set
from sed2.training.result import Checkpoint, Stopped, Training


def train_some(
    models: Sequence[ModelSpec],
    dataset: Dataset,
    settings: Settings,
    training: TrainingSettings,
    stops: Sequence[int],
    checkpoints: Sequence[Checkpoint | None] | None = None,
    progress: Report = lambda done, total: None,
) -> Iterator[tuple[int, Stopped]]:
    """Train models to some epochs, from the beginning or from where an earlier call left them.

    Small MLPs are trained several at a time, all of one `Form` by one program; any other model by
    itself, by `train_one`. A model's numbers do not depend on the others, and 2 epochs and then
    6 more are bit for bit 8 at once.

    Args:
        models, dataset, settings: as for `train`, the same data and settings for all models.
        training: as for `train`, but for its epochs, which mean nothing here.
        stops: epochs from the very beginning, ascending; after each the losses are what `train`
            with so many epochs comes to (to rounding, for small MLPs).
        checkpoints: of an earlier call that differs in its stops alone, for each model; None
            trains it from the beginning.
        progress: called with the steps of networks that are done, and their total.

    Yields:
        the place of a model, and what it came to: once for each, as they are done.

    Raises:
        as `check_training`, before anything is trained.
        ValueError: the stops do not ascend from a checkpoint on, or one is of another model.
    """
    left = list(checkpoints or [None] * len(models))
    for checkpoint in left:
        epochs = [checkpoint.epochs if checkpoint else 0, *stops]
        if not stops or any(later <= sooner for sooner, later in pairwise(epochs)):
            raise ValueError(f"the stops {list(stops)} do not ascend from epoch {epochs[0]} on")
    plans = [check_training(model, dataset, settings, training) for model in models]
    return _train(_Work(dataset, settings, training, stops), plans, left, progress)


@dataclass(frozen=True)
class _Work:
    """What all models have in common."""

    dataset: Dataset
    settings: Settings
    training: TrainingSettings
    stops: Sequence[int]


def _train(
    work: _Work,
    plans: Sequence[TrainingPlan],
    left: Sequence[Checkpoint | None],
    progress: Report,
) -> Iterator[tuple[int, Stopped]]:
    groups: dict[Any, list[int]] = {}
    for place, (plan, checkpoint) in enumerate(zip(plans, left, strict=True)):
        form = form_of(plan, work.training.train_seeds)
        key = place if form is None else (form, checkpoint.epochs if checkpoint else 0)
        groups.setdefault(key, []).append(place)
    todo = [
        plan.steps * (work.stops[-1] - (checkpoint.epochs if checkpoint else 0))
        for plan, checkpoint in zip(plans, left, strict=True)
    ]
    done, total = 0, sum(todo)
    for key, members in groups.items():
        if isinstance(key, int):
            before, (plan, checkpoint) = done, (plans[key], left[key])
            skipped = checkpoint.epochs * plan.steps if checkpoint else 0

            def report(steps: int, of: int, start: int = before - skipped) -> None:
                progress(start + steps, total)

            common = work.dataset, work.settings, work.training, work.stops
            yield key, train_one(plan, *common, checkpoint, report)
            done += todo[key]
            continue
        group = _Group(key[0], work, plans[members[0]], len(members))
        for first in range(0, len(members), LANES):
            chunk = members[first : first + LANES]

            def told(steps: int, start: int = done, lanes: int = len(chunk)) -> None:
                progress(start + lanes * steps, total)

            found = group.train([plans[i] for i in chunk], [left[i] for i in chunk], told)
            yield from zip(chunk, found, strict=True)
            done += sum(todo[i] for i in chunk)


class _Group:
    """MLPs of one form, with the same number of epochs behind them.

    Args:
        plan: of any of them.
        models: how many there are, who share the cost of what is made here.
    """

    def __init__(self, form: Form, work: _Work, plan: TrainingPlan, models: int) -> None:
        self._form, self._work = form, work
        its, seed = work.training, work.settings.seed
        start = time.process_time()
        with self._precision():
            self._x, self._y = training_set(work.dataset, plan, seed, its.precision)
            to_compile = time.process_time()
            self._programs = compiled(
                form, its.train_seeds, plan.samples, plan.batch, its.precision
            )
        now = time.process_time()
        self._shared = Cost((now - start) / models, (now - to_compile) / models)
        batches = partial(epoch_batches, plan.samples, plan.batch, seed, its.train_seeds)
        self._batches = lru_cache(maxsize=8)(batches)

    def train(
        self,
        plans: Sequence[TrainingPlan],
        left: Sequence[Checkpoint | None],
        progress: Callable[[int], None],
    ) -> list[Stopped]:
        """Of at most as many networks as there are lanes.

        Args:
            progress: called with the steps that are done of each.
        """
        start, its, plan = time.process_time(), self._work.training, plans[0]
        chains, first = [each.chain for each in plans], left[0].epochs if left[0] else 0
        curves = [[] if each is None else list(each.loss.T) for each in left]
        trainings: list[list[Training]] = [[] for _ in plans]
        piece = max(1, plan.piece // LANES)
        with self._precision():
            mask = masks(self._form, chains, its.precision)
            now = self._begin(plans, left, plan.steps)
            done = first
            for stop in self._work.stops:
                for epoch in range(done, stop):
                    batches = self._batches(epoch)
                    for step in range(0, plan.steps, piece):
                        end = min(step + piece, plan.steps)
                        now = self._programs.advance(
                            its.learning_rate,
                            mask,
                            now,
                            self._x,
                            self._y,
                            batches,
                            np.int32(step),
                            np.int32(end),
                        )
                        progress((epoch - first) * plan.steps + end)
                    losses = np.asarray(now.losses, float).mean(axis=2)
                    for curve, its_loss in zip(curves, losses, strict=False):
                        curve.append(its_loss)
                done = stop
                rows = places(plan.samples)
                found = self._programs.evaluate(mask, now.parameters, self._x, self._y, rows)
                of_rows = [np.asarray(each) for each in found]
                spent = (time.process_time() - start) / len(plans)
                for lane, checkpoint in enumerate(left):
                    before = checkpoint.cost if checkpoint else Cost(0.0, 0.0)
                    cost = before + self._shared + Cost(spent, 0.0)
                    curve = np.stack(curves[lane], axis=1)
                    at_end = (each[lane] for each in of_rows)
                    trainings[lane].append(summary(plans[lane], its, curve, *at_end, cost))
        return [
            Stopped(Checkpoint(done, arrays, ended[-1].loss, ended[-1].cost), tuple(ended))
            for arrays, ended in zip(self._end(now, chains), trainings, strict=True)
        ]

    def _precision(self) -> AbstractContextManager[Any]:
        return jax.enable_x64(self._work.training.precision == "float64")

    def _begin(
        self, plans: Sequence[TrainingPlan], left: Sequence[Checkpoint | None], steps: int
    ) -> LaneState:
        """Before the first step of an epoch."""
        seeds = self._work.training.train_seeds
        padded = self._form.layer_shapes(seeds)
        losses = jnp.zeros((LANES, seeds, steps), self._work.training.precision)
        arrays = []
        for plan, checkpoint in zip(plans, left, strict=True):
            if checkpoint is None:
                arrays.append(draw_dense_layers(plan.chain, self._work.settings, seeds))
                continue
            shapes = natural_shapes(plan.chain, seeds)
            check_fits(checkpoint, [*shapes, (seeds,), *shapes, *shapes])
            arrays.append(list(checkpoint.arrays))
        count = len(padded)
        parameters = side_by_side([its[:count] for its in arrays], padded)
        moments = optax.adam(0.0).init(parameters)
        if left[0] is not None:
            mu = side_by_side([its[count + 1 : 2 * count + 1] for its in arrays], padded)
            nu = side_by_side([its[2 * count + 1 :] for its in arrays], padded)
            leaves = [arrays[0][count][0], *mu, *nu]  # of the seeds' counts, which are the same
            moments = jax.tree.unflatten(jax.tree.structure(moments), leaves)
        return LaneState(parameters, moments, losses)

    def _end(self, now: LaneState, chains: Sequence[Chain]) -> Iterator[tuple[np.ndarray, ...]]:
        """The arrays of each network's checkpoint."""
        seeds = self._work.training.train_seeds
        count, *moments = map(np.asarray, jax.tree.leaves(now.moments))
        parameters, half = [np.asarray(array) for array in now.parameters], len(moments) // 2
        for lane, chain in enumerate(chains):
            shapes = natural_shapes(chain, seeds)
            its, mu, nu = (
                one_lane(arrays, lane, shapes)
                for arrays in (parameters, moments[:half], moments[half:])
            )
            yield (*its, np.full(seeds, count), *mu, *nu)

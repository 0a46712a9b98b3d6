"""Many candidates, trained to some epochs and, later, on from there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
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
    begun = [each.epochs if each else 0 for each in left]
    todo = [plan.steps * (work.stops[-1] - its) for plan, its in zip(plans, begun, strict=True)]
    done = 0

    def report(steps: int, of: int, networks: int = 1) -> None:
        progress(done + networks * steps, sum(todo))

    groups: dict[tuple[Form | None, int], list[int]] = {}
    for place, plan in enumerate(plans):
        form = form_of(plan, work.training.train_seeds)
        groups.setdefault((form, begun[place]), []).append(place)
    for (form, epochs), members in groups.items():
        group = _Group(form, epochs, work, plans[members[0]], len(members)) if form else None
        size = LANES if group else 1
        for first in range(0, len(members), size):
            chunk = members[first : first + size]
            its_plans, its_left = [plans[i] for i in chunk], [left[i] for i in chunk]
            if group:
                found = group.train(its_plans, its_left, partial(report, networks=len(chunk)))
            else:
                common = work.dataset, work.settings, work.training, work.stops
                found = [train_one(its_plans[0], *common, its_left[0], report)]
            yield from zip(chunk, found, strict=True)
            done += sum(todo[i] for i in chunk)


class _Group:
    """MLPs of one form, with the same number of epochs behind them.

    Args:
        plan: of any of them.
        models: how many there are, who share the cost of what is made here.
    """

    def __init__(
        self, form: Form, begun: int, work: _Work, plan: TrainingPlan, models: int
    ) -> None:
        self._form, self._begun, self._work = form, begun, work
        its, seed, start = work.training, work.settings.seed, time.process_time()
        self._seeds, self._steps, self._rows = its.train_seeds, plan.steps, places(plan.samples)
        with self._precision():
            self._x, self._y = training_set(work.dataset, plan, seed, its.precision)
            sizes = self._seeds, plan.samples, plan.batch, its.precision
            to_compile = time.process_time()
            self._programs = compiled(form, *sizes)
        now = time.process_time()
        self._shared = Cost((now - start) / models, (now - to_compile) / models)
        batches = partial(epoch_batches, plan.samples, plan.batch, seed, self._seeds)
        self._batches = lru_cache(maxsize=8)(batches)

    def train(
        self,
        plans: Sequence[TrainingPlan],
        left: Sequence[Checkpoint | None],
        progress: Report,
    ) -> list[Stopped]:
        """Of at most as many networks as there are lanes.

        Args:
            progress: called with the steps of each that are done, and their total.
        """
        start, work = time.process_time(), self._work
        chains = [plan.chain for plan in plans]
        curve = list[np.ndarray]()  # of each epoch (LANES, S)
        trainings: list[list[Training]] = [[] for _ in plans]
        total = (work.stops[-1] - self._begun) * self._steps
        piece = max(1, plans[0].piece // LANES)
        with self._precision():
            mask = masks(self._form, chains, work.training.precision)
            now = self._first_state(chains, left)
            for stop in work.stops:
                for epoch in range(self._begun + len(curve), stop):
                    for first in range(0, self._steps, piece):
                        last = min(first + piece, self._steps)
                        now = self._advance(mask, now, epoch, first, last)
                        progress((epoch - self._begun) * self._steps + last, total)
                    curve.append(np.asarray(now.losses, float).mean(axis=2))
                found = self._programs.evaluate(mask, now.parameters, self._x, self._y, self._rows)
                losses, hits = map(np.asarray, found)
                spent = Cost((time.process_time() - start) / len(plans), 0.0) + self._shared
                for lane, (plan, checkpoint) in enumerate(zip(plans, left, strict=True)):
                    its, cost = np.stack([each[lane] for each in curve], axis=1), spent
                    if checkpoint:
                        its = np.concatenate([checkpoint.loss, its], axis=1)
                        cost += checkpoint.cost
                    its_end = losses[lane], hits[lane]
                    trainings[lane].append(summary(plan, work.training, its, *its_end, cost))
        return [
            Stopped(Checkpoint(stop, arrays, ended[-1].loss, ended[-1].cost), tuple(ended))
            for arrays, ended in zip(self._arrays(now, chains), trainings, strict=True)
        ]

    def _precision(self) -> AbstractContextManager[Any]:
        return jax.enable_x64(self._work.training.precision == "float64")

    def _advance(
        self, mask: np.ndarray, now: LaneState, epoch: int, first: int, last: int
    ) -> LaneState:
        """By some steps of an epoch."""
        rate, batches = self._work.training.learning_rate, self._batches(epoch)
        steps = np.int32(first), np.int32(last)
        return self._programs.advance(rate, mask, now, self._x, self._y, batches, *steps)

    def _first_state(self, chains: Sequence[Chain], left: Sequence[Checkpoint | None]) -> LaneState:
        """From the beginning, or as checkpoints left it."""
        padded = self._form.layer_shapes(self._seeds)
        losses = jnp.zeros((LANES, self._seeds, self._steps), self._work.training.precision)
        arrays = []
        for chain, checkpoint in zip(chains, left, strict=True):
            if checkpoint is None:
                arrays.append(draw_dense_layers(chain, self._work.settings, self._seeds))
                continue
            shapes = natural_shapes(chain, self._seeds)
            check_fits(checkpoint, [*shapes, (self._seeds,), *shapes, *shapes])
            arrays.append(list(checkpoint.arrays))
        count = len(padded)
        parameters = side_by_side([its[:count] for its in arrays], padded)
        moments = optax.adam(0.0).init(parameters)
        if self._begun:
            mu = side_by_side([its[count + 1 : 2 * count + 1] for its in arrays], padded)
            nu = side_by_side([its[2 * count + 1 :] for its in arrays], padded)
            # Every seed of every network has counted the same steps.
            leaves = [arrays[0][count][0], *mu, *nu]
            moments = jax.tree.unflatten(jax.tree.structure(moments), leaves)
        return LaneState(parameters, moments, losses)

    def _arrays(self, now: LaneState, chains: Sequence[Chain]) -> Iterator[tuple[np.ndarray, ...]]:
        """Of each network's checkpoint."""
        count, *moments = map(np.asarray, jax.tree.leaves(now.moments))
        parameters, half = [np.asarray(array) for array in now.parameters], len(moments) // 2
        for lane, chain in enumerate(chains):
            shapes = natural_shapes(chain, self._seeds)
            its, mu, nu = (
                one_lane(arrays, lane, shapes)
                for arrays in (parameters, moments[:half], moments[half:])
            )
            yield (*its, np.full(self._seeds, count), *mu, *nu)

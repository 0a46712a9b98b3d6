"""Adaptive tempering: particles from one tilt of the parameter measure to another.

The tilt exp(lambda logdet), 0 <= lambda <= 1, goes up by steps that keep the effective sample size
at a set share of the particles (Jasra et al. 2011, doi:10.1111/j.1467-9469.2010.00723.x). After
each step the particles are resampled and moved. The move of block j takes a random subset of its
units some steps (`sed2.estimators.smc.proposals`) under a surrogate of their terms of the
log-determinant, accepts each unit by the terms themselves (surrogate transitions: Liu 2001,
doi:10.1007/978-0-387-76371-2, section 9.4.3), and the whole by those of the blocks after it: a
delayed acceptance (Christen and Fox 2005, doi:10.1198/106186005X76983). Under the tilt of the first
block alone its units are independent, so there they are tempered and resampled one by one, and as
one population of units where they are alike: a small problem with many particles in place of a
large one with few.

Islands are populations that share their temperatures and the length of their steps; each one's
proposals are fitted to the others. Their spread is the error. The solver for the temperatures, the
effective sample size and the resampling are blackjax's. Its kernels know neither populations per
unit with a normaliser for each, nor a move that is accepted in parts, so the loop is our own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from sed2.estimators.smc.particles import BlockState, ParticleChain, Split
from sed2.estimators.smc.proposals import Gaussian, Tuning
from sed2.estimators.smc.resampling import next_step, resample
from sed2.measure.montecarlo import log_mean_exp

ESS_SHARE = 0.7
"""Of the particles, in each step from one temperature to the next."""
CORRELATION = 0.5
"""The moves at one temperature go on until the log-determinants are no more correlated than this
with those before the moves."""
EXCHANGED = 0.1
"""Of the units offered by the reservoir, above which a block needs no steps of its own."""
STEPS = 8
"""Of a unit under the surrogate, for each move."""


@dataclass(frozen=True)
class Tilt:
    """sum over terms (c, a) of c sum_i log(1 + a sqrt(lambda_i)): a path between amplitudes."""

    terms: tuple[tuple[float, float], ...] = ()

    def towards(self, other: Tilt, share: float) -> Tilt:
        """The tilt at this share of the way to another one."""
        merged: dict[float, float] = {}
        for (coefficient, amplitude), part in (
            *((term, 1 - share) for term in self.terms),
            *((term, share) for term in other.terms),
        ):
            merged[amplitude] = merged.get(amplitude, 0.0) + part * coefficient
        return Tilt(tuple((c, a) for a, c in merged.items() if c))

    def scaled(self, factor: float) -> Tilt:
        """The same for roots that are all `factor` times as large."""
        return Tilt(tuple((c, factor * a) for c, a in self.terms))

    def values(self, state: BlockState) -> np.ndarray:
        """(B, groups)."""
        total = np.zeros(state.roots.shape[:2])
        for coefficient, amplitude in self.terms:
            total += coefficient * np.log1p(amplitude * state.roots).sum(axis=2)
        return state.multiplicity * total

    def slopes(self, state: BlockState) -> np.ndarray:
        """(B,) derivative of the sum of the values by the logarithm of the normaliser."""
        total = np.zeros(len(state.roots))
        for coefficient, amplitude in self.terms:
            scaled = amplitude * state.roots
            total += coefficient * (scaled / (1 + scaled)).sum(axis=(1, 2)) / 2
        return state.multiplicity * total


@dataclass
class Health:
    """How well the particles did, over all temperatures it was kept for."""

    temperatures: int = 0
    moves: int = 0
    acceptance: float = 1.0
    """The smallest over temperatures and blocks."""
    correlation: float = 0.0
    """The largest that was left after the moves of a temperature."""
    ess_share: float = 1.0
    """The smallest over temperatures."""

    def join(self, other: Health) -> None:
        """Add what another stage went through."""
        self.temperatures += other.temperatures
        self.moves += other.moves
        self.acceptance = min(self.acceptance, other.acceptance)
        self.correlation = max(self.correlation, other.correlation)
        self.ess_share = min(self.ess_share, other.ess_share)


@dataclass
class Reservoir:
    """Units of the first block under its tilt alone, for exchange with those of the particles.

    Such units are independent and alike. Particles under the tilt of later blocks, too, and a
    reservoir beside them are one product of measures, which an exchange of a unit of either leaves
    as it is if it is accepted by what changes: the tilts of later blocks, and the first block's
    where it is not the reservoir's (as in evolutionary Monte Carlo: Liang and Wong 2001,
    doi:10.1198/016214501753168325). So a particle gets units that have nothing to do with those it
    has, for an evaluation of the later blocks."""

    cloud: Cloud
    tilt: Tilt

    @classmethod
    def of(cls, cloud: Cloud, tilt: Tilt) -> Reservoir | None:
        """From particles of the first block; None if their units are not alike."""
        return cls(cloud.copy(), tilt) if cloud._pooled else None

    def stir(self) -> None:
        """Move its own units."""
        self.cloud.fits = [self.cloud._fit(0)]
        self.cloud._move_block(0, [self.tilt])


@dataclass
class Cloud:
    """Particles of blocks 1..m in islands of equal size, and how they are moved."""

    chain: ParticleChain
    islands: int
    rng: np.random.Generator
    max_moves: int
    blocks: list[BlockState] = field(default_factory=list)
    tunings: list[Tuning] = field(default_factory=list)
    fits: list[list[Gaussian]] = field(default_factory=list)
    """Per block, of each island to the others; of the temperature that is at work."""
    reservoir: Reservoir | None = None
    """Of units of the first block, if later blocks tilt it, too."""

    def copy(self) -> Cloud:
        """The same particles, to go another way."""
        return replace(
            self, blocks=list(self.blocks), tunings=[replace(tuning) for tuning in self.tunings]
        )

    def extend(self, particles: int) -> None:
        """Draw the next block from the parameter measure."""
        j = len(self.blocks)
        normals = self.rng.normal(size=(particles, self.chain.numbers(j)))
        self.blocks.append(self.chain.evaluate(j, normals, self._input(j)))
        self.tunings.append(Tuning())

    def temper(self, start: list[Tilt], stop: list[Tilt]) -> tuple[np.ndarray, Health]:
        """Take the particles from one tilt of their blocks to another.

        Returns:
            (islands,) estimates of the logarithm of the ratio of their normalisers, and how it
            went.
        """
        change, health, at = np.zeros(self.islands), Health(), 0.0
        while at < 1:
            gain = self._per_population(self._terms(stop)) - self._per_population(
                self._terms(start)
            )
            step, share = next_step(gain, 1 - at, ESS_SHARE)
            at = 1.0 if at + step > 1 - 1e-9 else at + step
            logs = step * gain
            alike = self.chain.splits[0].units if self._pooled else 1
            change += alike * log_mean_exp(logs, axis=2).sum(axis=1)
            self._resample(logs)
            tilts = [one.towards(other, at) for one, other in zip(start, stop, strict=True)]
            health.join(self._move(tilts))
            health.temperatures += 1
            health.ess_share = min(health.ess_share, share)
        return change, health

    def values(self, tilt: Tilt, weights: np.ndarray | None = None) -> np.ndarray:
        """(B, m) of every block under the same tilt; `weights` (N,), square roots, of the inputs in
        the Fisher matrices, by default all one."""
        states = self.blocks
        if weights is not None:
            alike = np.broadcast_to(weights, (len(states[0].normals), len(weights)))
            states = [
                self.chain.evaluate(j, state.normals, self._input(j), alike)
                for j, state in enumerate(states)
            ]
        return np.stack([tilt.values(state).sum(axis=1) for state in states], axis=1)

    def slopes(self, tilt: Tilt) -> np.ndarray:
        """(B, m) of every block under the same tilt."""
        return np.stack([tilt.slopes(state) for state in self.blocks], axis=1)

    @property
    def _by_unit(self) -> bool:
        """Whether the units are populations of their own."""
        return len(self.blocks) == 1 and self.chain.splits[0].owns_roots

    def _terms(self, tilts: list[Tilt]) -> list[np.ndarray]:
        return [tilt.values(state) for tilt, state in zip(tilts, self.blocks, strict=True)]

    @property
    def _pooled(self) -> bool:
        """Whether they are one population together."""
        return self._by_unit and self.chain.splits[0].alike

    def _per_population(self, terms: list[np.ndarray]) -> np.ndarray:
        """(islands, populations, P); the units of all particles are one population if alike."""
        total = (
            terms[0]
            if self._by_unit
            else np.sum([term.sum(axis=1) for term in terms], axis=0)[:, None]
        )
        if self._pooled:
            return total.reshape(self.islands, 1, -1)
        return np.moveaxis(total.reshape(self.islands, -1, total.shape[1]), 1, 2)

    def _resample(self, logs: np.ndarray) -> None:
        """By weights exp(logs), (islands, populations, P)."""
        islands, populations, particles = logs.shape
        own = resample(logs, int(self.rng.integers(2**63)))
        if self._pooled:
            # Shuffled, so that a particle is made of units that are independent of each other.
            own = self.rng.permuted(own, axis=2).reshape(len(self.blocks[0].normals), -1)
            units = self.chain.splits[0].units
            first = particles // units * np.repeat(np.arange(islands), particles // units)
            rows = first[:, None] + own // units
            self.blocks = [self.blocks[0].pick(rows, own % units, self.chain.splits[0])]
            return
        rows = own + particles * np.arange(islands)[:, None, None]
        rows = np.moveaxis(rows, 1, 2).reshape(-1, populations)
        self.blocks = [
            state.take(rows, split)
            for state, split in zip(self.blocks, self.chain.splits, strict=False)
        ]

    def _move(self, tilts: list[Tilt]) -> Health:
        """Move the particles under a fixed tilt until they have decorrelated."""
        self.fits = [self._fit(j) for j in range(len(self.blocks))]
        before = [self._statistic(terms) for terms in self._terms(tilts)]
        rates: list[list[float]] = []
        if self.reservoir:
            self.reservoir.stir()
        while len(rates) < self.max_moves:
            rates.append([self._move_block(j, tilts) for j in range(len(self.blocks))])
            now = [self._statistic(terms) for terms in self._terms(tilts)]
            left = max(_correlation(*pair) for pair in zip(before, now, strict=True))
            if left < CORRELATION:
                break
        acceptance = float(np.mean(rates, axis=0).min())
        return Health(moves=len(rates), acceptance=acceptance, correlation=left)

    def _statistic(self, terms: np.ndarray) -> np.ndarray:
        """(B, U or 1) of one block, by which its decorrelation is judged."""
        return terms if self._by_unit else terms.sum(axis=1, keepdims=True)

    def _move_block(self, j: int, tilts: list[Tilt]) -> float:
        """One move of the units of block j, a group of them after the other; the share of what was
        proposed that was accepted."""
        if j == 0 and self.reservoir:
            turns = range(self.chain.splits[0].units)
            exchanged = float(np.mean([self._exchange(tilts) for _ in turns]))
            if exchanged > EXCHANGED:
                return exchanged
        rates = [self._move_units(j, tilts, units) for units in self._groups(j)]
        return float(np.mean(rates))

    def _exchange(self, tilts: list[Tilt]) -> float:
        """Exchange one unit of every particle with one of the reservoir; the share that was."""
        assert self.reservoir
        split, state, tilt = self.chain.splits[0], self.blocks[0], self.reservoir.tilt
        other = self.reservoir.cloud.blocks[0]
        particles = len(state.normals)
        rows = np.arange(particles)
        own, theirs = self.rng.integers(split.units, size=(2, particles))
        # A particle of the reservoir's same island for each, so that islands stay independent.
        partners = self.rng.permuted(rows.reshape(self.islands, -1), axis=1).ravel()
        proposal = state.exchanged(rows, own, other, partners, theirs, split)
        gain = np.zeros(particles)
        for some, sign in ((tilts[0], 1.0), (tilt, -1.0)):
            if tilts[0] != tilt:
                gain += sign * some.values(proposal)[rows, own]
                gain -= sign * some.values(state)[rows, own]
        tail, rest = self._tail(0, tilts, proposal)
        taken = np.log(self.rng.random(particles)) < gain + rest
        back = other.exchanged(
            partners[taken], theirs[taken], state, rows[taken], own[taken], split
        )
        self.reservoir.cloud.blocks[0] = back
        self._accept(0, tail, taken)
        return float(taken.mean())

    def _tail(
        self, j: int, tilts: list[Tilt], proposal: BlockState
    ) -> tuple[list[BlockState], np.ndarray]:
        """The blocks from j on if block j were another, and (B,) by how much the terms of those
        after j grow."""
        tail, rest = [proposal], np.zeros(len(proposal.normals))
        for i in range(j + 1, len(self.blocks)):
            tail.append(self.chain.evaluate(i, self.blocks[i].normals, tail[-1].output))
            rest += (tilts[i].values(tail[-1]) - tilts[i].values(self.blocks[i])).sum(axis=1)
        return tail, rest

    def _accept(self, j: int, tail: list[BlockState], taken: np.ndarray) -> None:
        """Take the blocks from j on in some particles, (B,)."""
        for i, new in enumerate(tail, start=j):
            whole = Split(1, np.zeros(new.normals.shape[1], int), owns_roots=False)
            self.blocks[i] = self.blocks[i].where(taken[:, None], new, whole)

    def _move_units(self, j: int, tilts: list[Tilt], units: np.ndarray) -> float:
        """Propose other numbers for some units of block j, (B, m) of each particle."""
        split, state, tuning = self.chain.splits[j], self.blocks[j], self.tunings[j]
        chosen = np.zeros((len(units), split.units), bool)
        np.put_along_axis(chosen, units, True, axis=1)
        if split.owns_roots:
            arrived, ahead, walked = self._walk(j, tilts[j], units)
            normals = np.where(chosen[:, split.owner], arrived, state.normals)
            proposal = self.chain.change(j, state, normals, self._input(j), units)
            gain = tilts[j].values(proposal) - tilts[j].values(state) - ahead
            accepted = chosen & (np.log(self.rng.random(gain.shape)) < gain)
            own, rest = walked * accepted.sum() / chosen.sum(), np.zeros(len(gain))
        else:
            moved = self._step(state.normals, tuning.step)
            normals = np.where(chosen[:, split.owner], moved, state.normals)
            proposal = self.chain.evaluate(j, normals, self._input(j))
            gain = tilts[j].values(proposal) - tilts[j].values(state)
            accepted, own, rest = chosen, 1.0, gain.sum(axis=1)
        tail, later = self._tail(j, tilts, state.where(accepted, proposal, split))
        rest += later
        taken = np.log(self.rng.random(len(rest))) < rest
        self._accept(j, tail, taken)
        changed = accepted.any(axis=1)
        joint = float(taken[changed].mean()) if changed.any() else 1.0
        tuning.adapt(float(own), joint, split.units)
        return float(own) * joint

    def _walk(self, j: int, tilt: Tilt, units: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Steps of some units of block j, (B, m) of each particle, under the surrogate of its tilt;
        their noise, of which it knows nothing, goes as far in one.

        Returns:
            (B, n) where they arrive, (B, U) by how much the surrogate grew on the way, and the
            share of the steps that was accepted.
        """
        split, normals, step = self.chain.splits[j], self.blocks[j].normals, self.tunings[j].step
        rows, d = np.arange(len(normals))[:, None], self.chain.chain.blocks[j].parameters
        arrived = self._step(normals, np.sqrt(1 - (1 - step**2) ** STEPS))
        own = normals[:, :d].reshape(len(normals), -1, split.units).copy()  # the units are last

        def surrogate(z: np.ndarray) -> np.ndarray:
            own[rows, :, units] = z
            parameters = own.reshape(len(normals), d)
            return self.chain.surrogate(j, parameters, self._input(j), units, tilt.terms)

        z, taken = own[rows, :, units], []
        start = value = surrogate(z)
        for _ in range(STEPS):
            moved, correction = self._propose(j, z, step)
            there = surrogate(moved)
            accepted = np.log(self.rng.random(value.shape)) < there - value + correction
            z, value = np.where(accepted[:, :, None], moved, z), np.where(accepted, there, value)
            taken.append(accepted.mean())
        own[rows, :, units] = z
        arrived[:, :d] = own.reshape(len(normals), d)
        ahead = np.zeros((len(normals), split.units))
        np.put_along_axis(ahead, units, value - start, axis=1)
        return arrived, ahead, float(np.mean(taken))

    def _propose(self, j: int, z: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
        """Other parameters of some units, (B, m, c), by the fits; and (B, m) what these add to the
        logarithm of the acceptance."""
        islands = z.reshape(self.islands, -1, z.shape[-1])
        moved = np.stack(
            [
                fit.propose(now, self.rng.normal(size=now.shape), step)
                for fit, now in zip(self.fits[j], islands, strict=True)
            ]
        )
        correction = np.stack(
            [
                fit.log_ratio(new) - fit.log_ratio(now)
                for fit, new, now in zip(self.fits[j], moved, islands, strict=True)
            ]
        )
        return moved.reshape(z.shape), correction.reshape(z.shape[:2])

    def _step(self, normals: np.ndarray, step: float) -> np.ndarray:
        """Of the given length, under the parameter measure."""
        noise = self.rng.normal(size=normals.shape)
        return np.sqrt(1 - step**2) * normals + step * noise

    def _fit(self, j: int) -> list[Gaussian]:
        """For each island a fit to all others: a kernel that knows the particles which it moves
        does not leave the target as it is."""
        if not self.chain.splits[j].owns_roots:
            return []
        units = self._units(j, self.blocks[j].normals)
        others = (np.delete(units, island, axis=0) for island in range(self.islands))
        return [Gaussian.fit(each.reshape(-1, units.shape[-1])) for each in others]

    def _units(self, j: int, normals: np.ndarray) -> np.ndarray:
        """(islands, P, U, c) the parameters of each unit of block j."""
        d, units = self.chain.chain.blocks[j].parameters, self.chain.splits[j].units
        return np.moveaxis(normals[:, :d].reshape(self.islands, -1, d // units, units), 2, 3)

    def _groups(self, j: int) -> list[np.ndarray]:
        """Which units of block j move one after the other, (B, m) each, in random order.

        All have their turn, if that is no more work than moving all at once: the later blocks are
        evaluated for each group. Else as many groups have as can be afforded."""
        units, works = self.chain.splits[j].units, [way.work for way in self.chain.plan.ways]
        size, later = self.tunings[j].size(units), sum(works[j + 1 : len(self.blocks)])
        affordable = max(1, int(works[j] / later)) if later else 1
        turns = min(math.ceil(units / size), affordable)
        particles = len(self.blocks[j].normals)
        order = self.rng.permuted(np.tile(np.arange(units), (particles, 1)), axis=1)
        # The last group is filled up with units that had their turn: one size, one program.
        return [
            order.take(range(t * size, (t + 1) * size), axis=1, mode="wrap") for t in range(turns)
        ]

    def _input(self, j: int) -> np.ndarray | None:
        return self.blocks[j - 1].output if j else None


def _correlation(before: np.ndarray, now: np.ndarray) -> float:
    """Of the particles' values (B, U) before and after, about each unit's mean; 0 if constant."""
    one, other = before - before.mean(axis=0), now - now.mean(axis=0)
    scale = np.sqrt((one**2).sum() * (other**2).sum())
    constant = scale <= (1e-9 * np.abs(before).max(initial=0.0)) ** 2 * before.size
    return 0.0 if constant else float((one * other).sum() / scale)

"""Particles: draws of all parameters and noise that can be moved, and the roots they have.

A particle holds, for each block, the standard normal numbers z whose images u = erf(z / sqrt 2)
are the uniform numbers that `sed2.fisher.sample` makes parameters and noise from. So the parameter
measure and the noise are together N(0, I) in z, whatever the measure. eps is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from sed2.blocks import Block, Linearisable, Shape
from sed2.blocks.conv import Conv
from sed2.blocks.convolve import use_matrix_products
from sed2.blocks.dense import Dense
from sed2.blocks.freeze import freeze
from sed2.chain import Chain, ChainBlock, Joined
from sed2.common.devices import fetched, filled, on_shares, placed
from sed2.common.randomness import block_keys
from sed2.errors import NumericsError, UsageError
from sed2.fisher.likelihood import score_scale
from sed2.fisher.plan import Plan
from sed2.fisher.structured import half_log_determinants
from sed2.fisher.ways import COPIES, FLOAT, Way
from sed2.fisher.xla import block_program, numbers_used
from sed2.priors import draw_module
from sed2.settings import Prior, Settings, parse_prior


@dataclass(frozen=True)
class Split:
    """Which numbers of a block belong to which of its units."""

    units: int
    """U, units with parameters, noise and outputs (last axis) of their own; 1: not split."""
    owner: np.ndarray
    """(n,) the unit of each number."""
    owns_roots: bool
    """Whether the groups of the roots are the units' own: given the block's input, group u depends
    on the numbers of unit u alone."""
    alike: bool = False
    """Whether all units do so by the same function, so that they are independent and identically
    distributed given the block's input."""


@dataclass(frozen=True)
class BlockState:
    """One block of B particles. Arrays are never changed in place."""

    normals: np.ndarray
    """(B, n): parameters, then output noise (N, *output_shape)."""
    roots: np.ndarray
    """(B, groups, r): sqrt(lambda)."""
    multiplicity: float
    """How many eigenvalues each root stands for."""
    output: np.ndarray
    """(B, N, *output_shape): the noisy output x_j."""

    def where(self, units: np.ndarray, other: BlockState, split: Split) -> BlockState:
        """This state, but the other one's in the chosen units, (B, U)."""
        chosen = units if split.owns_roots else np.any(units, axis=1, keepdims=True)
        chosen = np.asarray(chosen)
        last = units.reshape(len(units), *[1] * (self.output.ndim - 2), -1)
        return BlockState(
            np.where(units[:, split.owner], other.normals, self.normals),
            np.where(chosen[:, :, None], other.roots, self.roots),
            self.multiplicity,
            np.where(last, other.output, self.output),
        )

    def take(self, rows: np.ndarray, split: Split) -> BlockState:
        """Unit u of particle b from particle rows[b, u]; rows (B, U), or (B, 1) for all units."""
        if rows.shape[1] == 1:
            which = rows[:, 0]
            return BlockState(
                self.normals[which], self.roots[which], self.multiplicity, self.output[which]
            )
        last = rows.reshape(len(rows), *[1] * (self.output.ndim - 2), -1)
        return BlockState(
            self.normals[rows[:, split.owner], np.arange(self.normals.shape[1])],
            self.roots[rows, np.arange(self.roots.shape[1])],
            self.multiplicity,
            np.take_along_axis(self.output, last, axis=0),
        )

    def pick(self, rows: np.ndarray, units: np.ndarray, split: Split) -> BlockState:
        """Unit u of particle b from unit units[b, u] of particle rows[b, u]; units are alike."""
        first = np.arange(self.normals.shape[1]) - split.owner
        outputs = np.moveaxis(self.output, -1, 1)[rows, units]
        return BlockState(
            self.normals[rows[:, split.owner], first + units[:, split.owner]],
            self.roots[rows, units],
            self.multiplicity,
            np.moveaxis(outputs, 1, -1),
        )

    def exchanged(
        self,
        rows: np.ndarray,
        units: np.ndarray,
        other: BlockState,
        their_rows: np.ndarray,
        their_units: np.ndarray,
        split: Split,
    ) -> BlockState:
        """This state, but unit units[i] of particle rows[i] is unit their_units[i] of particle
        their_rows[i] of the other one; units are alike."""
        normals, roots = self.normals.copy(), self.roots.copy()
        outputs, theirs = self.output.copy(), other.output
        first = np.arange(0, normals.shape[1], split.units)
        normals[rows[:, None], first + units[:, None]] = other.normals[
            their_rows[:, None], first + their_units[:, None]
        ]
        roots[rows, units] = other.roots[their_rows, their_units]
        np.moveaxis(outputs, -1, 1)[rows, units] = np.moveaxis(theirs, -1, 1)[
            their_rows, their_units
        ]
        return BlockState(normals, roots, self.multiplicity, outputs)


class ParticleChain:
    """Evaluates the blocks of a chain at given normal numbers, in float64.

    Raises:
        UsageError: a spectrum is sampled, or parameters are drawn by the module itself, from a key
            that no small step can change.
    """

    def __init__(self, chain: Chain, inputs: np.ndarray, settings: Settings, plan: Plan) -> None:
        for block, way in zip(chain.blocks, plan.ways, strict=True):
            _check(block, way, settings)
        self.chain, self.inputs, self.settings, self.plan = chain, inputs, settings, plan
        self.splits = tuple(
            _split(block, way, len(inputs), settings)
            for block, way in zip(chain.blocks, plan.ways, strict=True)
        )

    def evaluate(
        self, j: int, normals: np.ndarray, x: np.ndarray | None, weights: np.ndarray | None = None
    ) -> BlockState:
        """Block j (from 0) of B particles.

        Args:
            normals: (B, n).
            x: (B, N, *input_shape) the output of the block before it; None for the inputs.
            weights: (B, N) square roots of the weights of the inputs, by default all one.

        Raises:
            NumericsError: a spectrum is not finite.
        """
        roots, multiplicity, output = self._run(
            j, self.plan.ways[j], _to_uniform(normals), x, weights
        )
        return BlockState(normals, roots, multiplicity, output)

    def change(
        self,
        j: int,
        state: BlockState,
        normals: np.ndarray,
        x: np.ndarray | None,
        units: np.ndarray,
    ) -> BlockState:
        """Block j with other numbers in some of its units, of which alone the roots are computed.

        Args:
            state: what changes. Its units own their roots.
            normals: (B, n), those of the state but for the units.
            x: as for `evaluate`, the input that the state has.
            units: (B, m) which units of each particle have other numbers, none of them twice.

        Raises:
            NumericsError: a spectrum is not finite.
        """
        count, (particles, changed) = self.splits[j].units, units.shape
        if changed == count:
            return self.evaluate(j, normals, x)
        way = self.plan.ways[j]
        some = replace(
            way,
            samples=changed,
            batch=min(way.batch, changed),
            numbers=count,
            work=way.work * changed / count,
        )
        # The program takes the units with the smallest numbers, in their order.
        choices = np.ones((particles, count))
        np.put_along_axis(choices, units, np.arange(-changed, 0.0)[None], axis=1)
        uniform = np.concatenate([_to_uniform(normals), choices], axis=1)
        values, _, output = self._run(j, some, uniform, x, None)
        roots = state.roots.copy()
        np.put_along_axis(roots, units[:, :, None], values, axis=1)
        return BlockState(normals, roots, state.multiplicity, output)

    def surrogate(
        self,
        j: int,
        parameters: np.ndarray,
        x: np.ndarray | None,
        units: np.ndarray,
        terms: Sequence[tuple[float, float]],
    ) -> np.ndarray:
        """What is near the tilt of some units of block j, for a fraction of the work.

        Args:
            parameters: (B, d_j) normal numbers of the parameters. The units own their roots.
            x: as for `evaluate`.
            units: (B, m) which units.
            terms: (T, 2) coefficients and amplitudes of the tilt.

        Returns:
            (B, m); see `half_log_determinants`.
        """
        block, particles = self.chain.blocks[j], len(parameters)
        x = self._fed(x, particles)
        uniform, (coefficients, amplitudes) = _to_uniform(parameters), np.transpose(terms)
        batch, parts = min(self.plan.ways[j].batch, units.shape[1]), []
        with jax.enable_x64(True):
            for keys, rows, kept in self._chunks(j, particles):
                values = _surrogates(
                    block.block,
                    block.input_shape,
                    parse_prior(self.settings.prior),
                    batch,
                    (self.settings.noise, coefficients, amplitudes),
                    keys,
                    *placed(uniform[rows], x[rows], units[rows]),
                )
                parts.append(fetched(values)[:kept])
        return np.concatenate(parts)

    def _run(
        self,
        j: int,
        way: Way,
        uniform: np.ndarray,
        x: np.ndarray | None,
        weights: np.ndarray | None,
    ) -> tuple[np.ndarray, float, np.ndarray]:
        """Roots, how many eigenvalues each stands for, and outputs."""
        block, particles = self.chain.blocks[j], len(uniform)
        x = self._fed(x, particles)
        if weights is None:
            weights = np.ones((particles, len(self.inputs)))
        program, parts = block_program(self.chain, block, way, self.settings), []
        with jax.enable_x64(True):
            for keys, rows, kept in self._chunks(j, particles):
                noise = np.full(len(rows), self.settings.noise)
                sigma, *shares = placed(noise, uniform[rows], weights[rows], x[rows])
                roots, _, noisy = program(sigma, keys, *shares)
                roots, noisy = fetched((roots, noisy))
                multiplicity = float(roots.weights[0, 0, 0])
                parts.append((roots.values[:kept], noisy[:kept]))
        values, outputs = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        if not (np.isfinite(values).all() and np.isfinite(outputs).all()):
            raise NumericsError(
                f"the Fisher spectrum of block {block.name} is not finite in some particles",
                mend="Activations overflow: use a smaller parameter measure (`prior`) or scale the "
                "inputs (`standardize`, for a file)",
            )
        return values, multiplicity, outputs

    def _fed(self, x: np.ndarray | None, particles: int) -> np.ndarray:
        """(B, N, *input_shape) of a block: what the block before it puts out, or the inputs."""
        if x is None:
            return np.broadcast_to(self.inputs, (particles, *self.inputs.shape))
        return x

    def _chunks(self, j: int, particles: int) -> Iterator[tuple[jax.Array, np.ndarray, int]]:
        """Of as many particles as run at a time: keys, which they are, and how many of them count;
        the last chunk is filled up, for one program."""
        chunk = min(self.plan.chunk, filled(particles))
        # Nothing is drawn from the key, see `_check`.
        (number,) = placed(np.zeros(chunk, int))
        keys = block_keys(self.settings.seed, self.chain.blocks[j].stream, jnp.asarray(number))
        for start in range(0, particles, chunk):
            rows = np.minimum(np.arange(start, start + chunk), particles - 1)
            yield keys, rows, min(chunk, particles - start)

    def numbers(self, j: int) -> int:
        """How many normal numbers a particle holds for block j."""
        return len(self.splits[j].owner)


def _surrogate(
    spec: Block,
    input_shape: Shape,
    prior: Prior,
    batch: int,
    shared: tuple[jax.Array, jax.Array, jax.Array],
    key: jax.Array,
    uniform: jax.Array,
    x: jax.Array,
    units: jax.Array,
) -> jax.Array:
    """(m,) the surrogate of some units of one particle; as `sed2.fisher.sample` makes the roots.

    Args:
        shared: sigma, and the (T,) coefficients and amplitudes of the tilt."""
    sigma, coefficients, amplitudes = shared
    module = draw_module(spec, input_shape, prior, key, uniform)
    use_matrix_products(module)
    freeze(module, x)
    assert isinstance(module, Linearisable)  # else its units would not own their roots
    _, structure = module.linearise(x)
    return half_log_determinants(
        structure, jnp.ones(len(x)), score_scale(sigma), units, coefficients, amplitudes, batch
    )


@partial(jax.jit, static_argnums=range(4))
def _surrogates(*arguments: Any) -> jax.Array:
    """`_surrogate` for all particles, of which the first argument that is not static is shared."""
    one = partial(_surrogate, *arguments[:4])
    values: jax.Array = on_shares(
        jax.vmap(one, (None, 0, 0, 0, 0)), *arguments[5:], shared=arguments[4:5]
    )
    return values


def _to_uniform(normals: np.ndarray) -> np.ndarray:
    """Uniform on the open interval (-1, 1): at its ends a normal number would be infinite."""
    from scipy import special

    end = 1 - np.finfo(float).eps
    return np.clip(special.erf(normals / np.sqrt(2.0)), -end, end)


def _split(block: ChainBlock, way: Way, samples: int, settings: Settings) -> Split:
    """By unit, if every parameter, output and number of noise belongs to one."""
    layout = block.block.layout(block.input_shape)
    leaves = jax.tree.leaves(nnx.state(_module(block, settings, 0), nnx.Param))
    if (
        way.name != "units"
        or layout is None
        or settings.fisher != "expected"
        or block.output_shape[-1] != layout.units
        or any(leaf.shape[-1:] != (layout.units,) for leaf in leaves)
    ):
        return Split(1, np.zeros(numbers_used(block, samples), int), owns_roots=False)
    # All arrays have the units last and are flattened in C order.
    owner = np.arange(numbers_used(block, samples)) % layout.units
    spec = block.block.block if isinstance(block.block, Joined) else block.block
    alike = isinstance(spec, Dense) or (isinstance(spec, Conv) and spec.groups == 1)
    return Split(layout.units, owner, owns_roots=not layout.shared, alike=alike)


def _check(block: ChainBlock, way: Way, settings: Settings) -> None:
    if way.sampling:
        raise UsageError(
            f"`smc` needs exact spectra, but that of {block.name} goes {way}: the measure would "
            "be tilted towards the errors of the sampling",
            mend="Raise `max_flops` or `memory_gb`, take a smaller model, or `estimator` mc",
            where="estimator",
        )
    one, other = (jax.tree.leaves(nnx.state(_module(block, settings, key))) for key in (0, 1))
    if not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True)):
        raise UsageError(
            f"`smc` cannot move parameters of {block.name}, which its module draws by itself "
            f"under the measure `{settings.prior}`",
            mend="Take a `prior` that draws all parameters, such as uniform:A:B, normal:STD or, "
            "for dense and convolutional blocks, torch; or `estimator` mc",
            where="estimator",
        )


def _module(block: ChainBlock, settings: Settings, key: int) -> nnx.Module:
    """The block's module under the measure, with all that is drawn from z at its median."""
    with jax.enable_x64(True):
        middle = jnp.zeros(block.parameters)
        prior = parse_prior(settings.prior)
        return draw_module(block.block, block.input_shape, prior, jax.random.key(key), middle)


def particle_bytes(chain: Chain, ways: tuple[Way, ...], samples: int, settings: Settings) -> int:
    """Bytes of all particles: cloud m holds blocks 1..m and, if m > 1, a reservoir of the first,
    and is moved in copies."""
    each = 0
    for clouds, block, way in zip(range(len(ways), 0, -1), chain.blocks, ways, strict=True):
        outputs = samples * math.prod(block.output_shape)
        clouds = 2 * clouds - 1 if block is chain.blocks[0] else clouds
        each += (clouds + COPIES) * (block.parameters + 2 * outputs + way.kept)
    return FLOAT * settings.islands * settings.particles * each

"""Users' own networks, as a user would write them, in every form that is taken."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen, nnx
from jax.example_libraries import stax


def sequential(rngs: nnx.Rngs) -> nnx.Sequential:
    return nnx.Sequential(
        nnx.Linear(4, 5, rngs=rngs), jax.nn.relu, jnp.tanh, nnx.Linear(5, 2, rngs=rngs)
    )


class Own(nnx.Module):
    """Cannot be split: one block. Batch norm is frozen, dropout is the identity."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = nnx.Linear(4, 5, rngs=rngs)
        self.norm = nnx.BatchNorm(5, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.last = nnx.Linear(5, 2, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(self.dropout(jnp.tanh(self.norm(self.first(x)))))


class Linen(linen.Module):
    """The same idea in linen."""

    norm: bool = False

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = linen.Dense(5)(x)
        if self.norm:
            x = linen.BatchNorm(use_running_average=False)(x)
        return linen.Dense(2)(jnp.tanh(x))


def linen_network() -> Linen:
    return Linen()


def linen_with_batch_norm() -> Linen:
    return Linen(norm=True)


def pair() -> tuple[Any, Any]:
    def init(key: jax.Array, x: jax.Array) -> dict[str, jax.Array]:
        return {"w": jax.random.normal(key, (x.shape[-1], 2)), "b": jnp.zeros(2)}

    return init, lambda parameters, x: jnp.tanh(x @ parameters["w"] + parameters["b"])


def several() -> list[Any]:
    return [linen.Dense(5), jax.nn.relu, nnx.Linear(5, 2, rngs=nnx.Rngs(0))]


def fixed() -> nnx.Module:
    return Own(nnx.Rngs(0))


class Odd(nnx.Module):
    """Keeps numbers that are no parameters."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.linear = nnx.Linear(4, 2, rngs=rngs)
        self.gain = nnx.Variable(jnp.ones(3))

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.linear(x) * self.gain[0]


def odd(rngs: nnx.Rngs) -> Odd:
    return Odd(rngs)


def nothing() -> Any:
    return [jax.nn.relu]


def number() -> int:
    return 3


def wrong_width(rngs: nnx.Rngs) -> nnx.Module:
    return nnx.Linear(7, 2, rngs=rngs)


def used_twice(rngs: nnx.Rngs) -> nnx.Sequential:
    """30 parameters: 4 * 4 + 4 once, 4 * 2 + 2."""
    layer = nnx.Linear(4, 4, rngs=rngs)
    return nnx.Sequential(layer, jnp.tanh, layer, jnp.tanh, nnx.Linear(4, 2, rngs=rngs))


def used_twice_in_a_list(rngs: nnx.Rngs) -> list[Any]:
    return list(used_twice(rngs).layers)


def used_twice_made() -> list[Any]:
    return used_twice_in_a_list(nnx.Rngs(0))


def tied_head(rngs: nnx.Rngs) -> list[Any]:
    """15 parameters: the embedding is the head as well."""
    embedding = nnx.Embed(5, 3, rngs=rngs)
    return [codes, embedding, mean_of_tokens, jnp.tanh, embedding.attend]


def codes(x: jax.Array) -> jax.Array:
    return (3 * jnp.abs(x)).astype(int) % 5


def mean_of_tokens(x: jax.Array) -> jax.Array:
    return x.mean(axis=1)


def linen_twice() -> list[Any]:
    """20 parameters, as in `linen.Sequential`."""
    layer = linen.Dense(4)
    return [layer, jnp.tanh, layer]


def pair_twice() -> list[Any]:
    """Functions hold nothing, so each use has parameters of its own."""
    one = pair()
    return [one, jnp.tanh, one]


class Skip(nnx.Sequential):
    """No sequence: its own `__call__` adds the input."""

    def __call__(self, x: jax.Array) -> jax.Array:  # type: ignore[override]
        return x + super().__call__(x)


def skip(rngs: nnx.Rngs) -> Skip:
    return Skip(nnx.Linear(4, 3, rngs=rngs), jnp.tanh, nnx.Linear(3, 4, rngs=rngs))


class Gained(nnx.Sequential):
    """No sequence: it has a parameter of its own."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        super().__init__(nnx.Linear(4, 3, rngs=rngs), jnp.tanh, nnx.Linear(3, 2, rngs=rngs))
        self.gain = nnx.Param(jnp.ones(2))

    def __call__(self, x: jax.Array) -> jax.Array:  # type: ignore[override]
        return self.gain[...] * super().__call__(x)


class Unused(nnx.Sequential):
    """Its own parameter stays outside of all layers."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        super().__init__(nnx.Linear(4, 3, rngs=rngs), jnp.tanh, nnx.Linear(3, 2, rngs=rngs))
        self.gain = nnx.Param(jnp.ones(2))


class Product(nnx.Module):
    """A layer of two inputs."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.linear = nnx.Linear(5, 3, rngs=rngs)

    def __call__(self, a: jax.Array, b: jax.Array) -> jax.Array:
        return self.linear(a * b)


def gates(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return x, jax.nn.sigmoid(x)


def named_gates(x: jax.Array) -> dict[str, jax.Array]:
    return {"b": x, "a": jax.nn.sigmoid(x)}


def multiply(a: jax.Array, b: jax.Array) -> jax.Array:
    return a * b


def unpacked(rngs: nnx.Rngs) -> nnx.Sequential:
    """A tuple within a block, and one from layer to layer: these are one block."""
    return nnx.Sequential(
        nnx.Linear(4, 5, rngs=rngs),
        gates,
        multiply,
        nnx.Linear(5, 5, rngs=rngs),
        gates,
        Product(rngs),
        nnx.Linear(3, 2, rngs=rngs),
    )


def named(rngs: nnx.Rngs) -> list[Any]:
    return [nnx.Linear(4, 5, rngs=rngs), named_gates, Product(rngs)]


def ends_in_a_tuple(rngs: nnx.Rngs) -> list[Any]:
    return [nnx.Linear(4, 5, rngs=rngs), gates]


def norms_apart(rngs: nnx.Rngs) -> nnx.Sequential:
    """Two blocks: a norm belongs to its layer, as does a learned slope."""
    return nnx.Sequential(
        nnx.Linear(4, 5, rngs=rngs),
        nnx.BatchNorm(5, rngs=rngs),
        nnx.relu,
        nnx.Linear(5, 3, rngs=rngs),
        nnx.Sequential(nnx.LayerNorm(3, rngs=rngs), jnp.tanh),
        nnx.PReLU(),
    )


def norm_first(rngs: nnx.Rngs) -> nnx.Sequential:
    return nnx.Sequential(nnx.RMSNorm(4, rngs=rngs), nnx.Linear(4, 2, rngs=rngs))


def narrow(rngs: nnx.Rngs, dtype: Any = jnp.bfloat16) -> nnx.Sequential:
    return nnx.Sequential(
        nnx.Linear(4, 5, dtype=dtype, rngs=rngs),
        nnx.BatchNorm(5, dtype=dtype, rngs=rngs),
        nnx.tanh,
        nnx.Linear(5, 2, dtype=dtype, rngs=rngs),
    )


def wide(rngs: nnx.Rngs) -> nnx.Sequential:
    return narrow(rngs, dtype=None)


class Hidden(nnx.Module):
    """4-5-2, 37 parameters, with something done in between: `middle`."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first, self.last = nnx.Linear(4, 5, rngs=rngs), nnx.Linear(5, 2, rngs=rngs)
        self.keep(rngs)

    def keep(self, rngs: nnx.Rngs) -> None:
        """What `middle` needs."""

    def middle(self, hidden: jax.Array) -> jax.Array:
        return hidden

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(self.middle(jnp.tanh(self.first(x))))


class Sowing(Hidden):
    def middle(self, hidden: jax.Array) -> jax.Array:
        self.sow(nnx.Intermediate, "hidden", hidden)
        return hidden


class Counting(Hidden):
    def keep(self, rngs: nnx.Rngs) -> None:
        self.calls, self.mean = nnx.Variable(jnp.array(0)), nnx.Cache(jnp.zeros(5))

    def middle(self, hidden: jax.Array) -> jax.Array:
        self.calls[...] += 1
        self.mean[...] = hidden.mean(axis=0)
        return hidden


class Dropping(Hidden):
    """Dropout by an argument of the call, on by default."""

    def keep(self, rngs: nnx.Rngs) -> None:
        self.dropout = nnx.Dropout(0.6, rngs=rngs)

    def __call__(self, x: jax.Array, training: bool = True) -> jax.Array:
        hidden = self.dropout(jnp.tanh(self.first(x)), deterministic=not training)
        return self.last(hidden + jax.random.normal(self.dropout.rngs()) if training else hidden)


class NeedsToKnow(Dropping):
    """The argument has no default."""

    def __call__(self, x: jax.Array, deterministic: bool) -> jax.Array:  # type: ignore[override]
        return super().__call__(x, training=not deterministic)


class Normed(Hidden):
    """Batch norm by an argument of the call: 47 parameters."""

    def keep(self, rngs: nnx.Rngs) -> None:
        self.norm = nnx.BatchNorm(5, rngs=rngs)

    def __call__(self, x: jax.Array, train: bool = True) -> jax.Array:
        hidden = self.norm(self.first(x), use_running_average=not train)
        return self.last(jnp.tanh(hidden))


class NormedTwice(Normed):
    def __call__(self, x: jax.Array) -> jax.Array:  # type: ignore[override]
        return self.last(self.norm(jnp.tanh(self.norm(self.first(x)))))


class NormedLayer(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.linear, self.norm = nnx.Linear(4, 4, rngs=rngs), nnx.BatchNorm(4, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.dropout(jnp.tanh(self.norm(self.linear(x))))


class Stacked(nnx.Module):
    """Three such layers, 84 parameters, one after the other."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        @nnx.split_rngs(splits=3)
        @nnx.vmap(in_axes=(0,), out_axes=0)
        def make(rngs: nnx.Rngs) -> NormedLayer:
            return NormedLayer(rngs)

        self.layers = make(rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        @nnx.scan(in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)
        def go(x: jax.Array, layer: NormedLayer) -> jax.Array:
            return layer(x)

        return go(x, self.layers)


class Abreast(Stacked):
    """The same three side by side."""

    def __call__(self, x: jax.Array) -> jax.Array:
        @nnx.vmap(in_axes=(None, 0), out_axes=1)
        def go(x: jax.Array, layer: NormedLayer) -> jax.Array:
            return layer(x)

        return go(x, self.layers).reshape(len(x), -1)


class Recurrent(nnx.Module):
    """Inputs (length, 4): 3 * 5 * (4 + 5 + 1) parameters in the cell, 12 behind it."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.rnn = nnx.RNN(nnx.GRUCell(4, 5, rngs=rngs))
        self.last = nnx.Linear(5, 2, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(self.rnn(x)[:, -1])


class NarrowCarry(Hidden):
    """Inputs (length, 4). Its own carry is in float32."""

    def __call__(self, x: jax.Array) -> jax.Array:
        def step(carry: jax.Array, now: jax.Array) -> tuple[jax.Array, None]:
            return jnp.tanh(carry + self.first(now)), None

        start = jnp.zeros((len(x), 5), jnp.float32)
        return self.last(jax.lax.scan(step, start, jnp.moveaxis(x, 1, 0))[0])


class LinenMode(linen.Module):
    """Sows, and drops unless told otherwise."""

    @linen.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = jnp.tanh(linen.Dense(5)(x))
        self.sow("intermediates", "hidden", x)
        return linen.Dense(2)(linen.Dropout(0.5, deterministic=not train)(x))


def linen_mode() -> LinenMode:
    return LinenMode()


def bridged(rngs: nnx.Rngs) -> nnx.Module:
    wrapped: nnx.Module = nnx.bridge.ToNNX(LinenMode(), rngs=rngs).lazy_init(
        jnp.ones((1, 4)), train=False
    )
    return wrapped


def bridged_norm(rngs: nnx.Rngs) -> nnx.Module:
    wrapped: nnx.Module = nnx.bridge.ToNNX(Linen(norm=True), rngs=rngs).lazy_init(jnp.ones((1, 4)))
    return wrapped


def bridged_late(rngs: nnx.Rngs) -> nnx.Module:
    return nnx.bridge.ToNNX(LinenMode(), rngs=rngs)


class OwnNorm(nnx.Module):
    def __call__(self, x: jax.Array) -> jax.Array:
        return x - x.mean(axis=0)


class AcrossInputs(Hidden):
    """Takes a mean over the batch, in a layer of its own."""

    def keep(self, rngs: nnx.Rngs) -> None:
        self.centre = OwnNorm()

    def middle(self, hidden: jax.Array) -> jax.Array:
        return self.centre(hidden)


def function_across_inputs(rngs: nnx.Rngs) -> list[Any]:
    def centred(x: jax.Array) -> jax.Array:
        return x - x.mean(axis=0)

    return [nnx.Linear(4, 5, rngs=rngs), centred, nnx.Linear(5, 2, rngs=rngs)]


class HiddenBehindZeros(AcrossInputs):
    """As initialised, its outputs are zero whatever comes before."""

    def keep(self, rngs: nnx.Rngs) -> None:
        super().keep(rngs)
        self.last = nnx.Linear(5, 2, kernel_init=nnx.initializers.zeros, rngs=rngs)


class Noise(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.rngs = nnx.Rngs(0)

    def __call__(self, x: jax.Array) -> jax.Array:
        return x + 0.1 * jax.random.normal(self.rngs(), x.shape)


class Noisy(Hidden):
    def keep(self, rngs: nnx.Rngs) -> None:
        self.noise = Noise(rngs)

    def middle(self, hidden: jax.Array) -> jax.Array:
        return self.noise(hidden)


class UnderJax(Hidden):
    """Sows under a transformation that does not carry the state."""

    def __call__(self, x: jax.Array) -> jax.Array:
        def one(x: jax.Array) -> jax.Array:
            hidden = jnp.tanh(self.first(x))
            self.sow(nnx.Intermediate, "hidden", hidden)
            return self.last(hidden)

        return jax.vmap(one)(x)


class Rounding(Hidden):
    """A cast in its own code."""

    def middle(self, hidden: jax.Array) -> jax.Array:
        return hidden.astype(jnp.bfloat16).astype(float)


class Complex(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.phases = nnx.Param(jnp.ones((4, 2), complex))

    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.abs(x @ self.phases[...])


class Whole(Hidden):
    """A parameter that is an index."""

    def keep(self, rngs: nnx.Rngs) -> None:
        self.order = nnx.Param(jnp.arange(5))

    def middle(self, hidden: jax.Array) -> jax.Array:
        return hidden[:, self.order[...]]


class Spectrum(Hidden):
    def middle(self, hidden: jax.Array) -> jax.Array:
        return jnp.fft.fft(hidden)


class Arrays(Hidden):
    """Numbers that are plain attributes."""

    def keep(self, rngs: nnx.Rngs) -> None:
        self.gain = jnp.full(5, 2.0)

    def middle(self, hidden: jax.Array) -> jax.Array:
        return hidden * self.gain.reshape(5)


def weight_norm(rngs: nnx.Rngs) -> nnx.Sequential:
    """Flax holds the scales of the weights in plain arrays."""
    layer = nnx.WeightNorm(nnx.Linear(4, 5, rngs=rngs), rngs=rngs)
    return nnx.Sequential(layer, nnx.Linear(5, 2, rngs=rngs))


def spectral_norm(rngs: nnx.Rngs) -> nnx.Module:
    return nnx.SpectralNorm(nnx.Linear(4, 2, rngs=rngs), rngs=rngs)


def closure(rngs: nnx.Rngs) -> list[Any]:
    layer = nnx.Linear(4, 4, rngs=rngs)
    return [layer, lambda x: layer(x)]


def method_in_a_partial(rngs: nnx.Rngs) -> list[Any]:
    layer = nnx.Linear(4, 4, rngs=rngs)
    return [layer, functools.partial(multiply_by, layer)]


def multiply_by(layer: nnx.Linear, x: jax.Array) -> jax.Array:
    return layer(x)


_MADE = nnx.Sequential(nnx.Linear(4, 5, rngs=nnx.Rngs(0)), nnx.relu)


def always_the_same() -> nnx.Module:
    """One object for all calls."""
    return _MADE


def stax_pair() -> Any:
    return stax.serial(stax.Dense(5), stax.Relu, stax.Dense(2))


class Transformed(NamedTuple):
    """As haiku has it: apply takes a key as well."""

    init: Any
    apply: Any


def haiku_pair() -> Transformed:
    init, _ = pair()
    return Transformed(init, lambda parameters, key, x: x @ parameters["w"])


class TwoArguments(Hidden):
    def __call__(self, x: jax.Array, y: jax.Array) -> jax.Array:  # type: ignore[override]
        return self.last(self.first(x)) + y


class Broken(Hidden):
    def middle(self, hidden: jax.Array) -> jax.Array:
        raise KeyError("the table of widths")


class Shift(nnx.Module):
    """F is a multiple of the identity: the Krylov space is used up after one step."""

    def __init__(self, size: int) -> None:
        self.table = nnx.Param(jnp.zeros(size))

    def __call__(self, x: jax.Array) -> jax.Array:
        return x + self.table[...]


class TwoScales(Shift):
    """F has the eigenvalues 1 and 0.16, each for half of the parameters."""

    def __call__(self, x: jax.Array) -> jax.Array:
        half = jnp.arange(x.shape[-1]) < x.shape[-1] // 2
        return super().__call__(x) * jnp.where(half, 1.0, 0.4)


class Projection(Shift):
    """F has rank 3, and is no matrix of round numbers."""

    def __call__(self, x: jax.Array) -> jax.Array:
        angles = jnp.arange(1.0, x.shape[-1] + 1)
        onto = jnp.stack([jnp.sin(angles), 0.3 * jnp.cos(angles), 1e-3 * jnp.sin(2 * angles)])
        return super().__call__(x) @ onto.T


class Layer(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.linear = nnx.Linear(8, 8, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.tanh(self.linear(x))


@nnx.split_rngs(splits=6)
@nnx.vmap(in_axes=(0,), out_axes=0)
def _stack(rngs: nnx.Rngs) -> Layer:
    return Layer(rngs)


class Scanned(nnx.Module):
    """Six layers in one kernel (6, 8, 8), one after the other."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.layers = _stack(rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        @nnx.scan(in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)
        def go(x: jax.Array, layer: Layer) -> jax.Array:
            return layer(x)

        return go(x, self.layers)


class Unrolled(nnx.Module):
    """The same law as `Scanned`."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.layers = nnx.List([Layer(rngs) for _ in range(6)])

    def __call__(self, x: jax.Array) -> jax.Array:
        for layer in self.layers:
            x = layer(x)
        return x


class Ensemble(Scanned):
    """The six beside each other."""

    def __call__(self, x: jax.Array) -> jax.Array:
        each = nnx.vmap(lambda layer, x: layer(x), in_axes=(0, None), out_axes=0)
        return each(self.layers, x).mean(0)


class Looped(Scanned):
    """The six one after the other, by a loop in Python and by one of JAX's."""

    def __call__(self, x: jax.Array) -> jax.Array:
        kernel, bias = self.layers.linear.kernel[...], self.layers.linear.bias[...]
        for i in range(3):
            x = jnp.tanh(x @ kernel[i] + bias[i])
        return jax.lax.fori_loop(3, 6, lambda i, x: jnp.tanh(x @ kernel[i] + bias[i]), x)


class Multiplied(nnx.Module):
    """A kernel of any shape, and what is done with it and the inputs."""

    def __init__(self, shape: tuple[int, ...], function: Any) -> None:
        self.kernel = nnx.Param(jnp.full(shape, 0.5))
        self.function = nnx.static(function)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.function(x, self.kernel[...])


class Image(nnx.Module):
    """Four convolutions (3, 3) from 2 channels to 3, each with an image of its own."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        @nnx.split_rngs(splits=4)
        @nnx.vmap(in_axes=(0,), out_axes=0)
        def stack(rngs: nnx.Rngs) -> nnx.Conv:
            return nnx.Conv(2, 3, (3, 3), rngs=rngs)

        self.stack = stack(rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        images = jnp.moveaxis(x.reshape(-1, 4, 2, 2, 2), 1, 0)
        each = nnx.vmap(lambda layer, x: layer(x), in_axes=(0, 0), out_axes=0)
        return each(self.stack, images).sum(0).reshape(len(x), -1)


class Queries(nnx.Module):
    """Learned queries, which attend to the inputs."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.queries = nnx.Param(jnp.ones((2, 8)))
        self.attention = nnx.MultiHeadAttention(4, 8, decode=False, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        queries = jnp.broadcast_to(self.queries[...], (len(x), 2, 8))
        return self.attention(queries, x.reshape(len(x), -1, 8))

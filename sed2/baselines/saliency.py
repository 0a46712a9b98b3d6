"""Saliencies: how much a loss, or the flow of a signal, depends on weights and on activations.

As in "Zero-Cost Proxies for Lightweight NAS" (Abdelfattah et al. 2021, arXiv 2101.08134), but the
statistics of batch norm are constants in the derivative (`sed2.blocks.freeze`). All functions are
pure, of a frozen network whose layers are the blocks of a chain, a batch x (N, *input_shape) and
labels y (N,).

*Weights* are the arrays of parameters that have two or more axes: biases, and scale and shift of a
normalisation, do not count, as they do not in the code of that paper.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx


def synflow(network: nnx.Sequential, x: jax.Array) -> jax.Array:
    """sum theta dR/dtheta over the weights, R the sum of the outputs for one input of ones, all
    parameters at their absolute values (Tanaka et al. 2020, arXiv 2006.05467).

    Batch norm is left out, as in Abdelfattah et al.; other normalisations stay.

    Args:
        x: gives the shape of an input and nothing else.
    """
    network = _without_batch_norm(network)
    graphdef, parameters, rest = nnx.split(network, nnx.Param, ...)  # type: ignore[misc]
    parameters = jax.tree.map(jnp.abs, parameters)

    def flow(parameters: Any) -> jax.Array:
        return nnx.merge(graphdef, parameters, rest)(jnp.ones_like(x[:1])).sum()

    gradient = jax.grad(flow)(parameters)
    pairs = zip(weights(parameters), weights(gradient), strict=True)
    return sum((jnp.sum(w * g) for w, g in pairs), start=jnp.zeros(()))


def snip(network: nnx.Sequential, x: jax.Array, y: jax.Array) -> jax.Array:
    """sum |theta dL/dtheta| over the weights, L the mean cross entropy (Lee et al. 2019,
    arXiv 1810.02340)."""
    parameters, gradient = _loss_gradient(network, x, y)
    pairs = zip(weights(parameters), weights(gradient), strict=True)
    return sum((jnp.abs(w * g).sum() for w, g in pairs), start=jnp.zeros(()))


def grad_norm(network: nnx.Sequential, x: jax.Array, y: jax.Array) -> jax.Array:
    """The Euclidean norm of dL/dtheta of each array of weights, summed over the arrays
    (Abdelfattah et al. 2021)."""
    _, gradient = _loss_gradient(network, x, y)
    return sum((jnp.linalg.norm(g.ravel()) for g in weights(gradient)), start=jnp.zeros(()))


def fisher(network: nnx.Sequential, x: jax.Array, y: jax.Array) -> jax.Array:
    """1/(2N) sum_n (sum_positions a dL_n/da)^2, summed over the channels (the last axis) of the
    output a of every block, the last one included; L_n the cross entropy of input n (Turner et al.
    2020, arXiv 1906.04113).

    For a ReLU and for max or mean pooling after a layer, a dL/da is the same before and after. The
    code of Abdelfattah et al. takes the loss's mean: a factor 1/N^2, the same for all models.
    """

    def loss(added: list[jax.Array]) -> tuple[jax.Array, list[jax.Array]]:
        outputs = _block_outputs(network, x, added)
        return cross_entropy(outputs[-1], y).sum(), outputs

    nothing = [jnp.zeros(a.shape) for a in jax.eval_shape(lambda: _block_outputs(network, x))]
    gradients, outputs = jax.grad(loss, has_aux=True)(nothing)
    total = jnp.zeros(())
    for a, g in zip(outputs, gradients, strict=True):
        of_channels = (a * g).reshape(len(a), -1, a.shape[-1]).sum(axis=1)
        total += 0.5 * jnp.square(of_channels).mean(axis=0).sum()
    return total


def cross_entropy(logits: jax.Array, y: jax.Array) -> jax.Array:
    """(N,) of logits (N, classes) and labels (N,)."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, y)


def weights(parameters: Any) -> list[jax.Array]:
    """The arrays with two or more axes."""
    return [leaf for leaf in jax.tree.leaves(parameters) if leaf.ndim > 1]


def _loss_gradient(network: nnx.Sequential, x: jax.Array, y: jax.Array) -> tuple[Any, Any]:
    """The parameters, and dL/dtheta for the mean cross entropy L."""
    graphdef, parameters, rest = nnx.split(network, nnx.Param, ...)  # type: ignore[misc]

    def loss(parameters: Any) -> jax.Array:
        return cross_entropy(nnx.merge(graphdef, parameters, rest)(x), y).mean()

    return parameters, jax.grad(loss)(parameters)


def _block_outputs(
    network: nnx.Sequential, x: jax.Array, added: list[jax.Array] | None = None
) -> list[jax.Array]:
    """Of every block, with something added to each."""
    outputs = []
    for number, block in enumerate(network.layers):
        x = block(x) if added is None else block(x) + added[number]
        outputs.append(x)
    return outputs


def _without_batch_norm(network: nnx.Sequential) -> nnx.Sequential:
    """A copy whose batch norms are the identity."""
    network = nnx.clone(network)
    for _, norm in nnx.iter_modules(network):
        if isinstance(norm, nnx.BatchNorm):
            norm.mean[...] = jnp.zeros_like(norm.mean[...])
            norm.var[...] = jnp.full_like(norm.var[...], 1 - norm.epsilon)
            if norm.scale is not None:
                norm.scale[...] = jnp.ones_like(norm.scale[...])
            if norm.bias is not None:
                norm.bias[...] = jnp.zeros_like(norm.bias[...])
    return network

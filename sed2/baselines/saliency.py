"""Saliencies: how much a loss, or the flow of a signal, depends on weights and on activations.

As in "Zero-Cost Proxies for Lightweight NAS" (Abdelfattah et al. 2021, arXiv 2101.08134), but the
statistics of batch norm are constants in the derivative (`sed2.blocks.freeze`). All functions are
pure, of a frozen network whose layers are the blocks of a chain, a batch x (N, *input_shape) and
labels y (`losses` says what is lost).

*Weights* are the parameters that multiply a signal in a product of matrices or a convolution
(`sed2.blocks.contractions`), as they are the weights of linear layers and convolutions in the code
of that paper: biases of whatever shape, scale and shift of a normalisation, embeddings, positions
and class tokens do not count.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from sed2.blocks.contractions import weights
from sed2.training.loop import row_losses
from sed2.training.result import CROSS_ENTROPY, SQUARED_ERROR


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
    pairs = zip(*(_of_weights(network, x, tree) for tree in (parameters, gradient)), strict=True)
    return sum((jnp.sum(w * g) for w, g in pairs), start=jnp.zeros(()))


def snip(network: nnx.Sequential, x: jax.Array, y: jax.Array) -> jax.Array:
    """sum |theta dL/dtheta| over the weights, L the mean loss (Lee et al. 2019,
    arXiv 1810.02340)."""
    parameters, gradient = _loss_gradient(network, x, y)
    pairs = zip(*(_of_weights(network, x, tree) for tree in (parameters, gradient)), strict=True)
    return sum((jnp.abs(w * g).sum() for w, g in pairs), start=jnp.zeros(()))


def grad_norm(network: nnx.Sequential, x: jax.Array, y: jax.Array) -> jax.Array:
    """The Euclidean norm of dL/dtheta of each array of weights, summed over the arrays
    (Abdelfattah et al. 2021)."""
    _, gradient = _loss_gradient(network, x, y)
    norms = (jnp.linalg.norm(g.ravel()) for g in _of_weights(network, x, gradient))
    return sum(norms, start=jnp.zeros(()))


def fisher(network: nnx.Sequential, x: jax.Array, y: jax.Array) -> jax.Array:
    """1/(2N) sum_n (sum_positions a dL_n/da)^2, summed over the channels (the last axis) of the
    output a of every block, the last one included; L_n the loss of input n (Turner et al.
    2020, arXiv 1906.04113).

    For a ReLU and for max or mean pooling after a layer, a dL/da is the same before and after. The
    code of Abdelfattah et al. takes the loss's mean: a factor 1/N^2, the same for all models.
    """

    def loss(added: list[jax.Array]) -> tuple[jax.Array, list[jax.Array]]:
        outputs = _block_outputs(network, x, added)
        return losses(outputs[-1], y).sum(), outputs

    nothing = [jnp.zeros(a.shape) for a in jax.eval_shape(lambda: _block_outputs(network, x))]
    gradients, outputs = jax.grad(loss, has_aux=True)(nothing)
    total = jnp.zeros(())
    for a, g in zip(outputs, gradients, strict=True):
        of_channels = (a * g).reshape(len(a), -1, a.shape[-1]).sum(axis=1)
        total += 0.5 * jnp.square(of_channels).mean(axis=0).sum()
    return total


def losses(outputs: jax.Array, y: jax.Array) -> jax.Array:
    """(N,) those of the training: the cross entropy, where labels are integers, else the squared
    error, a mean over the outputs.

    Args:
        outputs: (N, outputs).
        y: classes (N,), or numbers (N,) or (N, outputs).
    """
    if jnp.issubdtype(y.dtype, jnp.integer):
        return row_losses(CROSS_ENTROPY, outputs, y)
    return row_losses(SQUARED_ERROR, outputs, y.reshape(len(y), -1))


def _of_weights(network: nnx.Sequential, x: jax.Array, tree: Any) -> list[jax.Array]:
    """What of a tree of the network's parameters, or of the like, belongs to weights."""
    of_weight = weights(*nnx.split(network, nnx.Param, ...), x.shape[1:])
    return [leaf for leaf, is_one in zip(jax.tree.leaves(tree), of_weight, strict=True) if is_one]


def _loss_gradient(network: nnx.Sequential, x: jax.Array, y: jax.Array) -> tuple[Any, Any]:
    """The parameters, and dL/dtheta for the mean loss L."""
    graphdef, parameters, rest = nnx.split(network, nnx.Param, ...)  # type: ignore[misc]

    def loss(parameters: Any) -> jax.Array:
        return losses(nnx.merge(graphdef, parameters, rest)(x), y).mean()

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

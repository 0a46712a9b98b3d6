"""One network of the zoo: its parameters, its outputs, its blocks."""

from __future__ import annotations

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from scripts.zoo.networks import Entry, Made
from sed2.chain import build_chain
from sed2.fisher.plan import make_plan
from sed2.frameworks.foreign import nested
from sed2.settings import Settings
from sed2.spec.module import from_network

ROWS = 2
SAMPLES = 16


def examine(entry: Entry) -> dict[str, Any]:
    """
    Returns:
        shape, parameters and theirs (counts), difference (the largest of an output, over the
        largest output), blocks, exact (how many of them), seconds.
    """
    made = entry.make()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, *entry.shape))
    if entry.tokens:
        x = rng.integers(0, entry.tokens, x.shape).astype(float)
    begun = time.perf_counter()
    spec = from_network(made.network, entry.name)
    shape, modules = entry.shape, []
    with jax.enable_x64(True):
        for block in spec.blocks:
            modules.append(block.build(shape, nnx.Rngs(0)))
            shape = block.output_shape(shape)
        chain = build_chain(spec.blocks, entry.shape)
        settings = Settings(dataset="zoo", samples=SAMPLES, draws=10)
        plan = make_plan(chain, 2 * settings.draws, SAMPLES, settings)
        seconds = time.perf_counter() - begun
        outputs = _outputs(modules, made, x)
    expected = made.outputs(x)
    if outputs.ndim == 4 and outputs.shape != expected.shape:
        expected = np.moveaxis(expected, 1, -1)
    return {
        "shape": list(entry.shape),
        "parameters": chain.parameters,
        "theirs": made.parameters,
        "difference": float(np.abs(outputs - expected).max() / np.abs(expected).max()),
        "blocks": len(chain.blocks),
        "exact": sum(is_exact(str(block.way)) for block in plan.blocks),
        "seconds": round(seconds, 1),
    }


def is_exact(way: str) -> bool:
    return "exact" in way or way.startswith("by unit, Gram")


def _outputs(modules: list[Any], made: Made, x: np.ndarray) -> np.ndarray:
    """Of the modules one after the other, batch norms by the statistics that they begin with."""
    outputs = jnp.asarray(x, float)
    for module in modules:
        if made.values is not None:
            _give(module, made.values)
        for _, inner in nnx.iter_modules(module):
            if isinstance(inner, nnx.BatchNorm):
                inner.use_running_average = True
        module.eval()
        graph, state = nnx.split(module)
        state = jax.tree.map(_double, state)
        outputs = jax.jit(lambda s, x, g=graph: nnx.merge(g, s)(x))(state, outputs)
    return np.asarray(outputs)


def _double(value: Any) -> Any:
    return value.astype(float) if jnp.issubdtype(value.dtype, jnp.floating) else value


def _give(module: Any, values: dict[str, np.ndarray]) -> None:
    """The parameters of a pair or a linen module, by their names."""
    (pair,) = module.elements
    own = nnx.state(pair, nnx.Param)["parameters"]
    whole = nested(values)

    def pick(path: Any, leaf: Any) -> Any:
        part: Any = whole
        for step in path:
            if hasattr(step, "key"):
                part = part[str(step.key)]
        return jnp.asarray(part)

    nnx.update(pair, nnx.State({"parameters": jax.tree_util.tree_map_with_path(pick, own)}))

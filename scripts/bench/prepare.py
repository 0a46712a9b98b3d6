"""A problem from a case: sed2's own inputs and draws, so that every way has literally the same
Fisher matrices, and sed2's own answers."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from scripts.bench.agreement import Answer
from scripts.bench.cases import EPS, Case
from scripts.bench.draws import Layer, save_layers
from scripts.bench.problem import Problem
from scripts.common.spectra import spectra_of
from sed2.blocks import Block
from sed2.blocks.conv import Conv
from sed2.blocks.dense import Dense
from sed2.blocks.modules.conv import ConvModule
from sed2.blocks.modules.dense import DenseModule
from sed2.blocks.modules.flatten import SharedKernel
from sed2.blocks.pooling import Pool
from sed2.chain import Chain, build_chain
from sed2.common.randomness import block_keys, to_normal, uniforms
from sed2.data.load import choose_inputs, load_dataset
from sed2.fisher.plan import make_plan
from sed2.measure.logdet import log_determinants
from sed2.priors import draw_module
from sed2.settings import Settings, parse_prior
from sed2.spec.schema import load_spec


def make_problem(case: Case, folder: Path, memory: float) -> tuple[Problem, dict[str, Answer]]:
    """Write a problem to a folder, and sed2's own answers for its few draws: `2sed` by block, and
    `abbas` of the whole network.

    Args:
        memory: bytes that one way may take.
    """
    dataset = load_dataset(case.dataset)
    x = dataset.x.reshape(dataset.rows, -1) if case.model.startswith("MLP") else dataset.x
    np.savez(folder / "data.npz", x=x, y=dataset.y)
    dataset = load_dataset(folder / "data.npz")
    settings = Settings.model_validate(
        {
            "samples": case.samples,
            "draws": case.draws,
            "sigma": 0.01,
            "eps": EPS,
            "input_groups": 0,
        }
    )
    inputs = choose_inputs(dataset, case.samples, settings.seed)
    chain = build_chain(load_spec(case.model).models[0].blocks, dataset.input_shape)
    drawn = draw_layers(chain, len(inputs), settings, case.few)

    spectra = spectra_of(chain, inputs, settings, case.few)
    eps = np.asarray(settings.eps)
    values = log_determinants(spectra, eps, settings.zeta).values.swapaxes(0, 1)
    traces = np.stack([block.traces for block in spectra.blocks], axis=1)

    halves = np.zeros((case.few, len(eps), 1))
    for e, amplitude in enumerate(np.sqrt(spectra.scale) / eps):
        for block in spectra.blocks:
            halves[:, e, 0] += block.sums(np.log(np.hypot(1, amplitude * block.roots))).sum(axis=1)

    save_layers(folder / "layers.npz", drawn)
    np.savez(folder / "inputs.npz", x=inputs, eps=eps)
    kept = {"sigma": settings.sigma, "scale": spectra.scale, "memory": memory}
    kept["engine"] = make_plan(chain, case.draws, len(inputs), settings).engine
    (folder / "problem.json").write_text(json.dumps({"case": asdict(case), **kept}))
    squares = [block.sums(block.roots**4).sum(axis=1) for block in spectra.blocks]
    sizes = np.array([block.parameters for block in chain.blocks])
    answers = {
        "2sed": Answer(traces, values, np.stack(squares, axis=1), sizes),
        "abbas": Answer(traces.sum(axis=1, keepdims=True), halves),
    }
    return Problem.load(folder), answers


def draw_layers(chain: Chain, samples: int, settings: Settings, draws: int) -> list[list[Layer]]:
    """The first draws that sed2 makes of a chain in the paper's notation, by draw and block."""
    drawn: list[list[Layer]] = [[] for _ in range(draws)]
    with jax.enable_x64(True):
        for block in chain.blocks:
            keys = block_keys(settings.seed, block.stream, jnp.arange(draws))
            shape = (samples, *block.output_shape)
            end = block.parameters + math.prod(shape)
            for layers, key, numbers in zip(drawn, keys, uniforms(keys, end), strict=True):
                module = draw_module(
                    block.block,
                    block.input_shape,
                    parse_prior(settings.prior),
                    key,
                    numbers[: block.parameters],
                )
                noise = np.asarray(to_normal(numbers[block.parameters : end])).reshape(shape)
                layers.append(to_layer(module, noise))
    return drawn


def to_layer(module: nnx.Module, noise: np.ndarray) -> Layer:
    if isinstance(module, DenseModule):
        own = module.block
        _check(own, Dense(features=own.features, bias=False, activation=own.activation))
        assert own.activation in ("relu", "none")
        kernel = np.asarray(module.linear.kernel[...])
        return Layer("dense", kernel, noise, relu=own.activation == "relu")
    if isinstance(module, ConvModule):
        own = module.block
        plain = {"bias": False, "norm": "batch", "activation": "relu", "pool": Pool()}
        _check(own, Conv(features=own.features, kernel_size=own.kernel_size, **plain))
        kernel, scale, shift = (
            np.asarray(part[...])
            for part in (module.conv.kernel, module.norm.scale, module.norm.bias)
        )
        return Layer("conv", kernel, noise, relu=True, scale=scale, shift=shift, pool=2)
    assert isinstance(module, SharedKernel)
    return Layer("shared kernel", np.asarray(module.kernel[..., 0]), noise)


def _check(spec: Block, plain: Block) -> None:
    assert spec == plain, "only blocks of the paper's notation are known to the other ways"

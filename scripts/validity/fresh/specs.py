"""Write the fresh architectures, configs/fresh-*.yaml.

    python -m scripts.validity.fresh.specs [--folder configs]

Four families that no earlier choice has seen. In two of them sizes are mixed: the size is drawn
first, from bins that are alike in its logarithm, so that as many networks are small as large. No
network comes twice, and none is in configs/validity-*.yaml. The same seed writes the same bytes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from scripts.common.paths import CONFIGS
from scripts.validity.specs import Draw, cnn, dense_parameters, distinct, document, mlp
from sed2.blocks import Block
from sed2.chain import build_chain
from sed2.spec.notation import parse
from sed2.spec.schema import load_spec

SEED = 14
COUNTS = {"mlps": 60, "cnns": 60, "photos": 40, "blocks": 40}
"""Architectures of each family."""
SHAPES = {"mlps": (54,), "cnns": (14, 14, 1), "photos": (16, 16, 3), "blocks": (14, 14, 1)}
"""Of an input: images are half as high and half as wide as they come."""
MIXED = np.geomspace(500, 4_000, 7)
"""Edges of the bins of parameters where sizes are mixed."""
ALIKE = (900, 1_100)
"""Parameters where they are not, both ends in."""


def draw_mlp(rng: np.random.Generator, depth: int, low: float, high: float) -> str | None:
    """An MLP with `depth` dense layers."""
    widths = (54, *(_width(rng, 2, 64) for _ in range(depth - 1)), 7)
    return mlp(widths) if low <= dense_parameters(widths) < high else None


def draw_cnn(rng: np.random.Generator, depth: int, shape: tuple[int, ...]) -> str | None:
    """A CNN of the paper's kind with `depth` convolutions and up to two hidden dense layers."""
    kernels = [int(size) for size in rng.choice((3, 5, 7), size=depth)]
    hidden = [_width(rng, 3, 30) for _ in range(rng.integers(3))]
    name = cnn(kernels, [_width(rng, 3, 14), *hidden, 10])
    return name if ALIKE[0] <= _parameters(parse(name).blocks, shape) <= ALIKE[1] else None


def draw_residual(rng: np.random.Generator, low: float, high: float) -> str | None:
    """A stem, one to three residual blocks of convolutions, and the classes."""
    channels = _width(rng, 4, 16)
    norm = str(rng.choice(("none", "batch")))

    def conv(kernel: int, **more: object) -> dict[str, object]:
        return {"conv": {"features": channels, "kernel_size": kernel, "norm": norm, **more}}

    def branch(kernels: Sequence[int]) -> list[dict[str, object]]:
        return [conv(size, activation="relu") for size in kernels[:-1]] + [conv(kernels[-1])]

    pool = {"kind": "max", "size": 2}
    kernels = [
        [int(size) for size in rng.choice((1, 3, 5), size=rng.integers(1, 3))]
        for _ in range(rng.integers(1, 4))
    ]
    end = str(rng.choice(("global", "flatten")))
    blocks = [
        conv(3, activation="relu", pool=pool),
        *({"residual": {"blocks": branch(each), "activation": "relu"}} for each in kernels),
        *(
            [{"pool": {"kind": "global"}}]
            if end == "global"
            else [{"pool": {"kind": "avg", "size": 2}}, {"flatten": {"kind": "shared_kernel"}}]
        ),
        {"dense": {"features": 10}},
    ]
    branches = " ".join("-".join(map(str, each)) for each in kernels)
    return _fitting(f"residual {channels} {norm}, {branches}, {end}", blocks, low, high)


def draw_attention(rng: np.random.Generator, low: float, high: float) -> str | None:
    """Patches as tokens, one to three layers of attention, and the classes."""
    features = 4 * int(rng.integers(2, 7))
    patch = int(rng.choice((3, 4, 7)))
    heads = int(rng.choice((1, 2, 4)))
    hidden = _width(rng, 4, 48)
    depth = int(rng.integers(1, 4))
    kind = str(rng.choice(("transformer", "attention")))
    if kind == "transformer":
        layer: dict[str, object] = {"transformer": {"heads": heads, "mlp_features": hidden}}
    else:
        inner = [{"norm": {"kind": "layer"}}, {"attention": {"heads": heads}}]
        layer, hidden = {"residual": {"blocks": inner}}, 0
    end = str(rng.choice(("global", "first")))
    tokens = {"positions": "learned", "class_token": end == "first"}
    blocks = [
        {
            "conv": {
                "features": features,
                "kernel_size": patch,
                "strides": patch,
                "padding": "VALID",
            }
        },
        {"tokens": tokens},
        *[layer] * depth,
        {"pool": {"kind": end}},
        {"dense": {"features": 10}},
    ]
    width = f"-{hidden}" if hidden else ""
    name = f"{kind} {features}{width} x {depth}, {heads} heads, patch {patch}, {end}"
    return _fitting(name, blocks, low, high)


def _fitting(name: str, blocks: Sequence[object], low: float, high: float) -> str | None:
    """A model of the spec on one line, if its size fits."""
    model = {"name": name, "blocks": blocks}
    size = _parameters(load_spec({"models": [model]}).models[0].blocks, SHAPES["blocks"])
    return json.dumps(model) if low <= size < high else None


def _width(rng: np.random.Generator, low: int, high: int) -> int:
    """Log-uniform, both ends in."""
    return int(np.exp(rng.uniform(np.log(low), np.log(high + 1))))


def _parameters(blocks: Sequence[Block], shape: tuple[int, ...]) -> int:
    return build_chain(blocks, shape).parameters


def draws_of(family: str) -> list[Draw]:
    """How its architectures are drawn."""
    bins = list(pairwise(MIXED))
    if family == "mlps":
        return [
            partial(draw_mlp, depth=depth, low=low, high=high)
            for depth in range(2, 6)
            for low, high in bins
        ]
    if family == "blocks":
        return [
            partial(draw, low=low, high=high)
            for draw in (draw_residual, draw_attention)
            for low, high in bins
        ]
    return [partial(draw_cnn, depth=depth, shape=SHAPES[family]) for depth in range(1, 4)]


def architectures(family: str) -> list[str]:
    """Lines of the spec, in the order in which they are computed."""
    known = ["validity-mlps.yaml", "validity-cnns.yaml"]
    seen = [model.name for file in known for model in load_spec(CONFIGS / file).models]
    number = SEED + list(COUNTS).index(family)
    return distinct(len(seen) + COUNTS[family], draws_of(family), seen, number)[len(seen) :]


DATA = {"mlps": "covertype", "cnns": "mnist", "photos": "cifar10", "blocks": "mnist"}
COMMENTS = {
    "mlps": "random MLPs of 500 to 4,000 parameters, 2 to 5 dense layers.",
    "cnns": "random CNNs of 900 to 1,100 parameters, for images of 14 x 14.",
    "photos": "random CNNs of 900 to 1,100 parameters, for photographs of 16 x 16.",
    "blocks": "networks of 500 to 4,000 parameters with residual or attention blocks, for 14 x 14.",
}


def documents() -> dict[str, str]:
    """The files by name."""
    return {
        f"fresh-{family}.yaml": document(
            DATA[family], architectures(family), f"{count} {COMMENTS[family]}", "fresh.specs"
        )
        for family, count in COUNTS.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Write the fresh architectures.")
    parser.add_argument("--folder", type=Path, default=CONFIGS, help="[%(default)s]")
    given = parser.parse_args(arguments)
    for name, text in documents().items():
        (given.folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

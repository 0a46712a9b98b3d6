"""What sed2 does for a few small models, counted and not timed: a guard that no machine disturbs.

    python -m scripts.bench.counts            # print the counts
    python -m scripts.bench.counts --write    # and keep them in tests/work_counts.json

Counted are, per model: the compilations of sed2's own programs, and all with those of JAX's single
operations; the calls of LAPACK by size; and the most bytes of arrays that a block's program has at
a time as it is traced (XLA fuses some of them). Run it in a process of its own: what a process has
compiled it does not compile again.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import jax
import numpy as np
from jax.extend.core import Jaxpr, JaxprEqn, jaxprs_in_params

from scripts.common.data import made
from scripts.common.paths import ROOT
from sed2.estimate import estimate
from sed2.fisher import plan, xla
from sed2.settings import Settings
from sed2.spec.schema import load_spec

KEPT = ROOT / "tests" / "work_counts.json"
COMMAND = "python -m scripts.bench.counts --write"
LAPACK = {"svd": "svd", "eigh": "eigh", "qr": "qr", "geqrf": "qr"}
"""JAX's primitives, by the name under which they are counted."""
BYTES_TOLERANCE = 0.05
"""Of versions of JAX and Flax, which trace the same code a little differently."""


@dataclass(frozen=True)
class Model:
    """One small model, and what is not by default."""

    spec: Any
    input_shape: tuple[int, ...]
    settings: dict[str, Any]


ATTENTION = {
    "models": [
        {
            "name": "attention",
            "blocks": [{"attention": {"heads": 2}}, {"flatten": {}}, {"dense": {"features": 3}}],
        }
    ]
}
"""Attention has no known structure: its spectrum comes from its whole Jacobian."""

MODELS = {
    "MLP": Model("MLP 6-5-4-3", (6,), {}),
    "MLP, wide": Model("MLP 40-5-3", (40,), {}),
    "MLP, sampled units": Model("MLP 40-30-3", (40,), {"max_flops": 1e6}),
    "MLP, empirical": Model("MLP 6-5-4-3", (6,), {"fisher": "empirical"}),
    "MLP, end-to-end": Model("MLP 6-5-4-3", (6,), {"chain": "end-to-end"}),
    "CNN": Model("CNN 3-3|4-6-3", (8, 8, 1), {}),
    "attention": Model(ATTENTION, (5, 4), {}),
}
SAMPLES, DRAWS = 20, 6


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Count what sed2 does for small models.")
    parser.add_argument("--write", action="store_true", help=f"to {KEPT.name}")
    given = parser.parse_args(arguments)
    text = json.dumps({"jax": version("jax"), "models": count_all()}, indent=1) + "\n"
    print(text, end="")
    if given.write:
        KEPT.write_text(text)
    return 0


def count_all() -> dict[str, dict[str, Any]]:
    """The counts of every model, each after nothing was compiled."""
    compiled: list[str] = []

    def listen(event: str, seconds: float, **about: Any) -> None:
        if event.endswith("/backend_compile_duration"):
            compiled.append(str(about.get("fun_name")))

    jax.monitoring.register_event_duration_secs_listener(listen)
    found = {}
    for name, model in MODELS.items():
        jax.clear_caches()
        compiled.clear()
        calls = run(model)
        own = own_programs()
        found[name] = {
            "programs": sum(own_name(each) in own for each in compiled),
            "compilations": len(compiled),
            "lapack": lapack(calls),
            "bytes": max(peak_bytes(jaxpr) for jaxpr in calls),
        }
    return found


def run(model: Model) -> list[Jaxpr]:
    """Estimate a model, and return the program of every call of a block's program."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(SAMPLES + 20, *model.input_shape))
    dataset = made("normal numbers", x)
    settings = Settings.model_validate(
        {"samples": SAMPLES, "draws": DRAWS, "eps": "0.01,0.1", "memory_gb": 1} | model.settings
    )
    traced: list[Jaxpr] = []
    original = xla.block_program

    def recording(*of_block: Any) -> Callable[..., Any]:
        program = original(*of_block)

        def call(*arguments: Any) -> Any:
            traced.append(program.trace(*arguments).jaxpr.jaxpr)
            return program(*arguments)

        return call

    xla.block_program, plan.LAPACK_WORK = recording, 0  # whose work is counted elsewhere
    try:
        estimate(load_spec(model.spec).models[0], dataset, settings)
    finally:
        xla.block_program = original
    return traced


def own_programs() -> set[str]:
    """The names of all functions that sed2's modules compile."""
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "sed2"]
    return {
        value.__name__
        for module in modules
        for value in vars(module).values()
        if hasattr(value, "lower") and hasattr(value, "eval_shape")
    } | {xla._batched.__name__}  # of which each block has its own


def own_name(told: str) -> str:
    """`_step` of `jit(_step)`."""
    return told.removeprefix("jit(").removesuffix(")")


def lapack(calls: Sequence[Jaxpr]) -> dict[str, int]:
    """How often each routine is called for matrices of each size, all calls together."""
    total: Counter[str] = Counter()
    for jaxpr in calls:
        total += _lapack(jaxpr)
    return dict(sorted(total.items()))


def _lapack(jaxpr: Jaxpr) -> Counter[str]:
    total: Counter[str] = Counter()
    for equation in jaxpr.eqns:
        inner = [_lapack(sub) for sub in jaxprs_in_params(equation.params)]
        name = LAPACK.get(equation.primitive.name)
        if name is not None:
            *batch, rows, columns = equation.invars[0].aval.shape
            total[f"{name} {rows} x {columns}"] += math.prod(batch)
        elif equation.primitive.name == "cond":
            worst: Counter[str] = Counter()
            for branch in inner:
                worst |= branch
            total += worst
        else:
            for sub in inner:
                for key, count in sub.items():
                    total[key] += count * _repeats(equation)
    return total


def _repeats(equation: JaxprEqn) -> int:
    """How often the inside of an equation runs; a loop of unknown length counts as one."""
    return equation.params["length"] if equation.primitive.name == "scan" else 1


def peak_bytes(jaxpr: Jaxpr) -> int:
    """The most bytes of arrays that are alive at a time, the arguments always."""
    arguments = {*jaxpr.invars, *jaxpr.constvars}
    last: dict[Any, int] = {}
    for place, equation in enumerate(jaxpr.eqns):
        last |= {v: place for v in equation.invars if not _is_literal(v)}
    returned = {v for v in jaxpr.outvars if not _is_literal(v)}
    alive = peak = sum(map(_bytes, arguments))
    living: set[Any] = set()
    for place, equation in enumerate(jaxpr.eqns):
        made = sum(map(_bytes, equation.outvars))
        inner = max(
            (
                peak_bytes(sub) - sum(map(_bytes, {*sub.invars, *sub.constvars}))
                for sub in jaxprs_in_params(equation.params)
            ),
            default=0,
        )
        peak = max(peak, alive + max(made, inner))
        alive += made
        living |= set(equation.outvars)
        done = {v for v in living if last.get(v, -1) <= place and v not in returned}
        alive -= sum(map(_bytes, done))
        living -= done
    return peak


def _is_literal(variable: Any) -> bool:
    return hasattr(variable, "val")


def _bytes(variable: Any) -> int:
    aval = variable.aval
    return math.prod(getattr(aval, "shape", ())) * getattr(aval.dtype, "itemsize", 0)


def risen(found: dict[str, Any], kept: dict[str, Any]) -> list[str]:
    """What is more than it was, in words; and models that only one of the two has.

    Args:
        found, kept: `{"jax": version, "models": counts}`. All compilations together are compared
            for the same version of JAX only, whose own they are.
    """
    told = []
    if found["models"].keys() != kept["models"].keys():
        told.append("the models that are counted are others")
    for name in found["models"].keys() & kept["models"].keys():
        now, then = found["models"][name], kept["models"][name]
        pairs = [("compilations of sed2's own programs", now["programs"], then["programs"])]
        if found["jax"] == kept["jax"]:
            pairs.append(("compilations", now["compilations"], then["compilations"]))
        pairs += [
            (f"calls of {size}", count, then["lapack"].get(size, 0))
            for size, count in now["lapack"].items()
        ]
        told += [f"{name}: {what} rose from {b:,} to {a:,}" for what, a, b in pairs if a > b]
        if now["bytes"] > (1 + BYTES_TOLERANCE) * then["bytes"]:
            told.append(f"{name}: bytes alive rose from {then['bytes']:,} to {now['bytes']:,}")
    return sorted(told)


if __name__ == "__main__":
    sys.exit(main())

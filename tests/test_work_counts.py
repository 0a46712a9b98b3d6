"""The guard against more work: what sed2 does for small models, counted, has not grown.

Counts do not depend on the machine, as times do. They are taken in a process of its own, since what
a process has compiled it does not compile again.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from scripts.bench.counts import COMMAND, KEPT, lapack, peak_bytes, risen


def counted() -> dict[str, Any]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SED2_", "XLA_", "JAX_"))}
    ran = subprocess.run(
        [sys.executable, "-m", "scripts.bench.counts"],
        env=kept | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_backend_optimization_level=0"},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout)


def test_the_work_has_not_grown() -> None:
    found = counted()
    for name, model in found["models"].items():
        assert model["programs"] > 1, f"{name}: sed2's own programs are not told apart any more"
        assert model["lapack"]
    told = risen(found, json.loads(KEPT.read_text()))
    assert not told, "\n".join(
        [*told, f"If this is meant, `{COMMAND}` writes {KEPT.name} anew; say why in the commit."]
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda model: model.update(programs=99), "MLP: compilations of sed2's own programs rose"),
        (lambda model: model.update(compilations=99), "MLP: compilations rose from"),
        (lambda model: model["lapack"].update({"svd 7 x 7": 1}), "svd 7 x 7 rose from 0 to 1"),
        (lambda model: model["lapack"].update({"svd 20 x 6": 86}), "svd 20 x 6 rose from 80 to 86"),
        (lambda model: model.update(bytes=2 * model["bytes"]), "MLP: bytes alive rose from"),
    ],
)
def test_a_rise_is_told(change: Any, told: str) -> None:
    kept = json.loads(KEPT.read_text())
    more = copy.deepcopy(kept)
    change(more["models"]["MLP"])
    assert [line for line in risen(more, kept) if told in line] == risen(more, kept) != []
    assert risen(kept, more) == []


def test_a_model_that_is_not_counted_is_told() -> None:
    kept = json.loads(KEPT.read_text())
    fewer = copy.deepcopy(kept)
    del fewer["models"]["CNN"]
    assert risen(fewer, kept) == risen(kept, fewer) == ["the models that are counted are others"]


def test_all_compilations_are_compared_for_one_version_of_jax_only() -> None:
    kept = json.loads(KEPT.read_text())
    other = copy.deepcopy(kept) | {"jax": "0.0"}
    other["models"]["MLP"]["compilations"] = 99
    assert risen(other, kept) == []


def test_lapack_calls_are_counted_through_loops_and_batches() -> None:
    def program(x: jax.Array) -> jax.Array:  # (2, 5, 3): 2 of 5 x 3, then 4 times 2 of 3 x 3
        values = jnp.linalg.svd(x, compute_uv=False)
        grams = jnp.swapaxes(x, 1, 2) @ x
        more = jax.lax.map(lambda shift: jnp.linalg.eigvalsh(grams + shift), jnp.arange(4.0))
        chosen = jax.lax.cond(
            values.sum() > 0, lambda: jnp.linalg.qr(x[0], mode="r"), lambda: grams[0]
        )
        return values + more.sum(axis=0) + chosen.sum()

    traced = jax.make_jaxpr(program)(jnp.ones((2, 5, 3))).jaxpr
    assert lapack([traced, traced]) == {"eigh 3 x 3": 16, "qr 5 x 3": 2, "svd 5 x 3": 4}


def test_bytes_alive() -> None:
    def program(x: jax.Array) -> jax.Array:  # 100 numbers; a product of 10,000 that is summed up
        return jnp.outer(x, x).sum()

    jaxpr = jax.make_jaxpr(lambda x: x * x + x)(jnp.ones(100)).jaxpr
    assert peak_bytes(jaxpr) == 8 * 300  # x, x * x, and the sum, while x * x is still there
    grown = peak_bytes(jax.make_jaxpr(program)(jnp.ones(100)).jaxpr)
    assert 8 * 10_100 <= grown < 8 * 20_300

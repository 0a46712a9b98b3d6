"""The local devices share the items out: how many, in one program, each with its own share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

from sed2.chain import Chain, build_chain
from sed2.cli import doctor
from sed2.common import devices
from sed2.common.devices import device_count, filled, sharing
from sed2.common.randomness import block_keys, uniforms
from sed2.estimators.smc.particles import ParticleChain
from sed2.fisher import plan as resources
from sed2.fisher.items import Items
from sed2.fisher.plan import make_plan
from sed2.fisher.sample import sample_spectra
from sed2.fisher.xla import block_program, numbers_used
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from tests.cases import host_devices

CONV = {"conv": {"features": 3, "kernel_size": 3, "norm": "batch", "activation": "relu"}}
RESIDUAL = {"residual": {"blocks": [CONV], "shortcut": "projection"}}
MODELS: dict[str, tuple[list[Any], tuple[int, ...], dict[str, Any]]] = {
    "conv": ([CONV, {"flatten": {"kind": "plain"}}, {"dense": {"features": 2}}], (5, 5, 2), {}),
    "empirical": ([CONV], (5, 5, 2), {"fisher": "empirical"}),
    "squared sample": ([{"dense": {"features": 40}}], (30,), {"max_flops": 1e5}),
    "Lanczos": ([RESIDUAL], (5, 5, 2), {"max_flops": 1e5, "lanczos_steps": 6}),
}
SAMPLES = 6
ITEMS = {"conv": (7, 7), "empirical": (10, 4), "squared sample": (3, 3), "Lanczos": (6, 7)}
"""How many there are, and how many at a time: no multiple of four, or fewer, or more chunks."""


def model(case: str) -> tuple[Chain, Settings, np.ndarray]:
    blocks, shape, given = MODELS[case]
    chain = build_chain(load_spec({"name": "one", "blocks": blocks}).models[0].blocks, shape)
    settings = Settings.model_validate({"dataset": "test", "samples": SAMPLES, **given})
    return chain, settings, np.random.default_rng(0).normal(size=(SAMPLES, *shape))


def programs(case: str, items: int) -> list[dict[str, Any]]:
    """Of every block: what XLA made of it, and which items of its results each device holds."""
    chain, settings, x = model(case)
    found = []
    with jax.enable_x64(True):
        weights = np.ones((items, SAMPLES))
        noisy: Any = np.broadcast_to(x, (items, *x.shape))
        (draws,) = devices.placed(np.arange(items))
        ways = make_plan(chain, items, SAMPLES, settings).ways
        for block, way in zip(chain.blocks, ways, strict=True):
            keys = block_keys(0, block.stream, draws)
            uniform = uniforms(keys, numbers_used(block, SAMPLES) + way.numbers)
            sigma = np.full(items, settings.noise)
            arguments = devices.placed(sigma, keys, uniform, weights, noisy)
            step = block_program(chain, block, way, settings)
            program = step.lower(*arguments).compile()  # type: ignore[attr-defined]
            *_, noisy = results = program(*arguments)
            held = [
                sorted(shard.index[0].indices(items)[:2] for shard in array.addressable_shards)
                for array in (uniform, *jax.tree.leaves(results))
            ]
            found.append({"text": program.as_text(), "held": held})
    return found


def numbers(case: str, items: int, chunk: int) -> list[list[float]]:
    """Roots of all blocks, of items that are worked on so many at a time; and of particles."""
    chain, settings, x = model(case)
    plan = replace(make_plan(chain, chunk, SAMPLES, settings), engine="xla")
    weights = np.random.default_rng(1).uniform(0, 1, size=(items, SAMPLES))
    spectra = sample_spectra(Items(chain, x, np.arange(items), weights, settings, plan))
    found = [block.roots.ravel().tolist() for block in spectra.blocks]
    if case == "conv":
        particles = ParticleChain(chain, x, settings, plan)
        normals = np.random.default_rng(2).normal(size=(items, particles.numbers(0)))
        state = particles.evaluate(0, normals, None)
        found += [state.roots.ravel().tolist(), state.output.ravel().tolist()]
    return found


def compilations() -> dict[str, int]:
    """Of all programs, in one chunk and then in three more, the last of which is filled up."""
    found = {}
    events: list[str] = []
    jax.monitoring.register_event_duration_secs_listener(lambda name, *_, **__: events.append(name))
    for items in (4, 10):
        numbers("empirical", items, 4)
        found[f"{items} items"] = events.count("/jax/core/compile/backend_compile_duration")
        events.clear()
    return found


def everything() -> dict[str, Any]:
    """What a process with its own number of devices finds."""
    return {
        "devices": device_count(),
        "doctor": doctor._devices().found,
        "compilations": compilations(),
        "programs": {case: programs(case, 8) for case in MODELS},
        "numbers": {case: numbers(case, *ITEMS[case]) for case in MODELS},
    }


@pytest.fixture(scope="module")
def on_four() -> dict[str, Any]:
    script = (
        "import json; from tests.common.test_devices import everything; "
        "print(json.dumps(everything()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **host_devices(4)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    assert found["devices"] == 4
    assert "(4), which share the draws" in found["doctor"]
    return found


@pytest.mark.parametrize("case", MODELS)
def test_each_device_holds_its_share_in_one_program(on_four: dict[str, Any], case: str) -> None:
    for program in on_four["programs"][case]:
        assert "num_partitions=4" in program["text"]
        for passing in ("all-gather", "all-reduce", "all-to-all", "collective-permute"):
            assert passing not in program["text"]
        for held in program["held"]:  # two of the eight items each, none of them twice
            assert held == [[0, 2], [2, 4], [4, 6], [6, 8]]


def test_chunks_run_through_one_program(on_four: dict[str, Any]) -> None:
    assert on_four["compilations"]["4 items"] > 0
    assert on_four["compilations"]["10 items"] == 0


def test_lapack_is_called_on_shares(on_four: dict[str, Any]) -> None:
    calls = [
        line
        for programs in on_four["programs"].values()
        for program in programs
        for line in program["text"].splitlines()
        if "lapack_" in line and "custom-call" in line
    ]
    assert calls
    for call in calls:
        shape = call.split("f64[", 1)[1].split("]", 1)[0]
        assert shape.split(",")[0] == "2", call  # items of a device, of eight


@pytest.mark.parametrize("case", MODELS)
def test_four_devices_and_one_agree(on_four: dict[str, Any], case: str) -> None:
    assert device_count() == 1
    for one, four in zip(numbers(case, *ITEMS[case]), on_four["numbers"][case], strict=True):
        np.testing.assert_allclose(four, one, rtol=1e-9, atol=1e-9 * max(one))


def test_one_device_is_left_alone() -> None:
    (array,) = devices.placed(np.arange(8))
    assert isinstance(array, np.ndarray)
    assert all("num_partitions=" not in program["text"] for program in programs("empirical", 4))


def pretend(monkeypatch: pytest.MonkeyPatch, count: int, platform: str, threads: int) -> None:
    found = [SimpleNamespace(platform=platform, device_kind="a kind")] * count
    monkeypatch.setattr(jax, "local_devices", lambda: found)
    monkeypatch.setenv("PJRT_NPROC", str(threads))


@pytest.mark.parametrize(
    ("count", "platform", "threads", "used"),
    [(4, "cpu", 8, 4), (4, "cpu", 4, 3), (4, "cpu", 2, 1), (1, "cpu", 1, 1), (4, "cuda", 2, 4)],
)
def test_host_devices_leave_a_thread_to_lapack(
    monkeypatch: pytest.MonkeyPatch, count: int, platform: str, threads: int, used: int
) -> None:
    pretend(monkeypatch, count, platform, threads)
    assert device_count() == used


def test_doctor_says_which_devices_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, 4, "cpu", 2)
    finding = doctor._devices()
    assert finding.found == "cpu: a kind (4), of which 1 has all draws"
    assert "fewer host devices" in finding.mend
    pretend(monkeypatch, 4, "cuda", 2)
    assert doctor._devices().found == "cuda: a kind (4), which share the draws"


@pytest.mark.parametrize("count", [1, 2, 3, 4, 8])
def test_shares_are_even_and_little_is_filled_up(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(devices, "device_count", lambda: count)
    for items in range(1, 30):
        assert items <= filled(items) < items + count
        assert sharing(filled(items)) == min(items, count)


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_processes_have_equal_shares(
    monkeypatch: pytest.MonkeyPatch, count: int, processes: int
) -> None:
    monkeypatch.setattr(devices, "device_count", lambda: count)
    monkeypatch.setattr(jax, "process_count", lambda: processes)
    for items in range(1, 30):
        assert items <= filled(items) < items + processes * count
        assert filled(items) % processes == 0
        assert sharing(filled(items)) == processes * min(-(-items // processes), count)


@pytest.mark.parametrize("memory_gb", [0.05, 0.1, 0.2, 0.5, 2])
@pytest.mark.parametrize("items", [3, 17, 110])
def test_a_plan_fills_the_devices_and_keeps_the_budget(
    monkeypatch: pytest.MonkeyPatch, items: int, memory_gb: float
) -> None:
    (spec,) = load_spec("MLP 784-64-10").models
    chain = build_chain(spec.blocks, (784,))
    settings = Settings(dataset="test", memory_gb=memory_gb)
    monkeypatch.setattr(resources, "LAPACK_WORK", 0)  # which devices have no part in
    alone = make_plan(chain, items, 100, settings)
    monkeypatch.setattr(devices, "device_count", lambda: 4)
    plan = make_plan(chain, items, 100, settings)
    assert plan.ways == alone.ways
    assert plan.bytes <= memory_gb * 1e9
    assert plan.chunk % 4 == 0 or plan.chunk < 4
    assert plan.chunk > alone.chunk - 4
    # However little may be done at a time, there is an item for each device.
    assert make_plan(chain, items, 100, settings, piece=1.0).chunk == min(4, items, plan.chunk)
    # Each of several processes has the whole budget, for its own share of the items.
    monkeypatch.setattr(jax, "process_count", lambda: 3)
    several = make_plan(chain, items, 100, settings)
    assert several.ways == alone.ways
    assert several.bytes <= memory_gb * 1e9
    assert several.chunk % 3 == 0
    assert several.chunk >= min(items, plan.chunk)

"""Several processes do the work of one: the same numbers, one voice, and no waiting for ever."""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import sed2
from sed2 import hosts
from sed2.chain import build_chain
from sed2.common import devices
from sed2.errors import DataError, NumericsError, UsageError
from sed2.estimators.smc.particles import ParticleChain
from sed2.fisher import plan, xla
from sed2.fisher.plan import make_plan
from sed2.hosts import Meeting, check_alike, together
from sed2.report.documents.model import compute_document
from sed2.report.documents.text import to_json
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from tests.cases import host_devices

SAMPLES = 4
MLP, IMAGE = "MLP 54-3-2", (5, 5, 2)
CONV = {"conv": {"features": 3, "kernel_size": 3, "norm": "batch"}}
CNN = {"models": [{"name": "CNN", "blocks": [CONV, {"flatten": {}}, {"dense": {"features": 2}}]}]}
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "mlp": (MLP, {"draws": 7}),
    "cnn in chunks": (CNN, {"draws": 7, "memory_gb": 6e-4}),
    "fewer draws than devices": (MLP, {"draws": 1, "input_groups": 0}),
    "smc": (
        "MLP 54-3",
        {
            "draws": 5,
            "estimator": "smc",
            "islands": 2,
            "particles": 9,
            "moves": 1,
            "input_groups": 0,
            "eps": "0.1",
        },
    ),
}
"""Items that neither two nor four devices share evenly."""
READ = ("mlp", "cnn in chunks")
"""Whose programs are read."""


GUARD = 300  # seconds, against a hang


def compute(case: str, images: Path) -> sed2.ModelResult:
    spec, settings = CASES[case]
    data = str(images) if spec == CNN else "covertype"
    return sed2.compute(
        spec, **{"dataset": data, "samples": SAMPLES, "eps": "0.01,0.1", **settings}
    )


def particles() -> dict[str, list[float]]:
    """Five particles, all ways in which they are worked on."""
    chain = build_chain(load_spec(MLP).models[0].blocks, (54,))
    settings, rng = Settings(dataset="test", samples=SAMPLES), np.random.default_rng(0)
    x, plan = rng.normal(size=(SAMPLES, 54)), make_plan(chain, 5, SAMPLES, settings)
    particles, units = ParticleChain(chain, x, settings, plan), np.array([[0], [1], [2], [0], [1]])
    normals, others = rng.normal(size=(2, 5, particles.numbers(0)))
    normals_after = np.where(particles.splits[0].owner == units, others, normals)
    before = particles.evaluate(0, normals, None)
    after = particles.change(0, before, normals_after, None, units)
    parameters = normals[:, : chain.blocks[0].parameters]
    tilts = particles.surrogate(0, parameters, None, units, [(1.0, 3.0)])
    arrays = {"before": before.roots, "after": after.roots, "output": after.output, "tilts": tilts}
    return {name: array.ravel().tolist() for name, array in arrays.items()}


def make_images(folder: Path) -> Path:
    path = folder / "images.npz"
    np.savez(path, x=np.random.default_rng(0).normal(size=(20, *IMAGE)))
    return path


def everything(process: int, port: int, images: str) -> None:
    """What one of two processes finds, which their user has joined; in found.json."""
    jax.distributed.initialize(f"127.0.0.1:{port}", 2, process, initialization_timeout=300)
    gathered: list[tuple[int, ...]] = []
    programs: dict[str, str] = {}
    gather, block_program = devices.process_allgather, xla.block_program

    def count(results: Any, tiled: bool) -> Any:
        gathered.extend(array.shape for array in jax.tree.leaves(results))
        return gather(results, tiled=tiled)

    def reading(chain: Any, block: Any, *more: Any) -> Any:
        step: Any = block_program(chain, block, *more)

        def read(*arguments: Any) -> Any:
            name = repr(block.block)
            programs[name] = programs.get(name) or step.lower(*arguments).compile().as_text()
            return step(*arguments)

        return read

    devices.process_allgather = count
    found = {"devices": devices.device_count(), "particles": particles(), "cases": {}}
    for case in CASES:
        gathered.clear()
        programs.clear()
        xla.block_program = reading if case in READ else block_program
        document = compute_document(compute(case, Path(images)))
        found["cases"][case] = {
            "document": json.loads(to_json(document)),
            "gathered": gathered.copy(),
            "programs": list(programs.values()),
        }
    Path("found.json").write_text(json.dumps(found))
    jax.distributed.shutdown()


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def run_each(commands: Sequence[Sequence[str]], folder: Path, **env: str) -> list[Ran]:
    """Python with each of these arguments at the same time, in `folder/0`, `folder/1`, ...; none of
    them is left behind."""
    root = str(Path(__file__).parents[1])
    started = []
    try:
        for i, command in enumerate(commands):
            (folder / str(i)).mkdir()
            started.append(
                subprocess.Popen(
                    [sys.executable, *command],
                    cwd=folder / str(i),
                    env=os.environ | {"PYTHONPATH": root} | env,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        said = [process.communicate(timeout=GUARD) for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()
    return [Ran(p.returncode, *texts) for p, texts in zip(started, said, strict=True)]


@pytest.fixture(scope="module")
def on_two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What two processes of two devices each find."""
    folder, port = tmp_path_factory.mktemp("two"), free_port()
    images = make_images(folder)
    script = "from tests.test_hosts import everything; everything"
    commands = [["-c", f"{script}({i}, {port}, {str(images)!r})"] for i in range(2)]
    ran = run_each(commands, folder, **host_devices(2))
    assert [each.code for each in ran] == [0, 0], ran
    found = [json.loads((folder / str(i) / "found.json").read_text()) for i in range(2)]
    assert [each["devices"] for each in found] == [2, 2]
    return found


def numbers(document: Any) -> list[float]:
    """All numbers of a document, in their order."""
    if isinstance(document, dict):
        document = list(document.values())
    if isinstance(document, list):
        return [number for value in document for number in numbers(value)]
    return [document] if isinstance(document, int | float) else []


@pytest.mark.parametrize("case", CASES)
def test_two_processes_and_one_agree(
    on_two: list[dict[str, Any]], tmp_path: Path, case: str
) -> None:
    alone = json.loads(to_json(compute_document(compute(case, make_images(tmp_path)))))
    first, second = (found["cases"][case]["document"] for found in on_two)
    for document in (alone, first, second):
        del document["settings"]["dataset"], document["cost"]  # where the images lie; the time
    assert first == second
    assert first["provenance"].pop("device") == f"{alone['provenance'].pop('device')} x 4"
    assert str(first).count("None") == str(alone).count("None")
    np.testing.assert_allclose(numbers(first), numbers(alone), rtol=1e-9)


def test_particles_agree(on_two: list[dict[str, Any]]) -> None:
    first, second = (found["particles"] for found in on_two)
    assert first == second
    for name, alone in particles().items():
        np.testing.assert_allclose(first[name], alone, rtol=1e-9)


@pytest.mark.parametrize("case", READ)
def test_outputs_stay_where_they_are(on_two: list[dict[str, Any]], case: str) -> None:
    """Roots are gathered; noisy outputs go on to the next block as they lie."""
    spec = CASES[case][0]
    shape = IMAGE if spec == CNN else (54,)
    blocks = build_chain(load_spec(spec).models[0].blocks, shape).blocks
    outputs = [[SAMPLES, *block.output_shape] for block in blocks]
    for found in on_two:
        its = found["cases"][case]
        assert len(its["programs"]) == len(blocks)
        for text in its["programs"]:
            assert "num_partitions=4" in text
            for passing in ("all-gather", "all-reduce", "all-to-all", "collective-permute"):
                assert passing not in text
        chunks = len([shape for shape in its["gathered"] if len(shape) == 3]) / len(blocks) / 2
        assert chunks == (4 if case == "cnn in chunks" else 1)
        assert not [shape for shape in its["gathered"] if shape[1:] in outputs]


ASKED = ("--samples", "4", "--draws", "3", "--eps", "0.01,0.1", "--dataset", "covertype")


def command(process: int, port: int, *more: str) -> list[str]:
    by_hand = ("--coordinator", f"127.0.0.1:{port}", "--processes", "2", "--process", str(process))
    return ["compute", MLP, *ASKED, *by_hand, *more]


def test_one_of_them_speaks_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port, more = free_port(), ("--json", "-", "--csv", "r.csv")
    first, second = run_each([["-m", "sed2", *command(i, port, *more)] for i in range(2)], tmp_path)
    assert (first.code, second.code) == (0, 0), (first, second)
    monkeypatch.setattr(plan, "LAPACK_WORK", 0)  # several processes share what XLA does
    alone = sed2.compute(MLP, dataset="covertype", samples=4, draws=3, eps="0.01,0.1")
    one, two = json.loads(to_json(compute_document(alone))), json.loads(first.out)
    assert two["provenance"].pop("device") == f"{one['provenance'].pop('device')} x 2"
    assert one.pop("cost").keys() == two.pop("cost").keys()
    assert two == one
    assert [path.name for path in (tmp_path / "0").iterdir()] == ["r.csv"]
    assert "warning: effective sample size" in first.err
    assert second.out == ""
    assert "warning" not in second.err
    assert not list((tmp_path / "1").iterdir())


def test_what_differs_is_told_by_both(tmp_path: Path) -> None:
    port, other = free_port(), tmp_path / "other.npz"
    np.savez(other, x=np.ones((9, 54)))
    differing = (("--sigma", "0.1"), ("--sigma", "0.2", "--dataset", str(other)))
    commands = [["-m", "sed2", *command(i, port, *differing[i])] for i in range(2)]
    told = "processes 0 and 1 are not asked for the same (sigma: 0.1 and 0.2; data: "
    for each in run_each(commands, tmp_path):
        assert (each.code, each.out) == (2, "")
        assert told in each.err


@pytest.mark.parametrize(("dies", "by"), [(0, signal.SIGKILL), (1, signal.SIGTERM)])
def test_the_death_of_one_ends_the_other(tmp_path: Path, dies: int, by: int) -> None:
    """JAX aborts it, where gloo has not told it first."""
    die = (
        "import os; from sed2 import tasks; "
        f"tasks.estimate = lambda *_: os.kill(os.getpid(), {by:d}); "
    )
    start = "import sys; from sed2.cli import main; main()"
    port = free_port()
    commands = [
        ["-c", (die if i == dies else "") + start, *command(i, port, "--host-timeout", "20")]
        for i in range(2)
    ]
    ran = run_each(commands, tmp_path)
    assert ran[dies].code == -by
    survivor = ran[1 - dies]
    assert (survivor.code, "error: another process has stopped" in survivor.err) == (5, True) or (
        survivor.code,
        "another task died" in survivor.err,
    ) == (-signal.SIGABRT, True)
    assert survivor.out == ""


def test_one_that_comes_alone_gives_up(tmp_path: Path) -> None:
    """Process 1, which finds no address; and process 0, to which nobody comes."""
    commands = [["-m", "sed2", *command(i, free_port(), "--host-timeout", "4")] for i in range(2)]
    first, second = run_each(commands, tmp_path)
    assert (first.code, second.code) == (2, 2)
    assert f"not all processes came to {commands[0][-7]}" in first.err
    assert f"no process 0 at {commands[1][-7]} within 4 s" in second.err


@pytest.fixture
def as_one_of_two(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Makes this process number 1 of two, of which the other says this."""

    def pretend(other: Any) -> None:
        monkeypatch.setattr(hosts, "are_several", lambda: True)
        monkeypatch.setattr(devices, "exchanged", lambda text: [json.dumps(other), text])

    return pretend


def test_a_step_is_taken_if_all_can(as_one_of_two: Callable[[Any], None]) -> None:
    as_one_of_two({"told": {"draws": 7}})
    assert together(lambda: 7, lambda draws: {"draws": draws}) == 7
    with pytest.raises(UsageError, match=r"not asked for the same \(draws: 7 and 8\)"):
        together(lambda: 8, lambda draws: {"draws": draws})


def test_an_error_of_one_is_raised_by_all(as_one_of_two: Callable[[Any], None]) -> None:
    def fail() -> None:
        raise DataError("no file", where="here")

    as_one_of_two({"told": {}})
    with pytest.raises(DataError, match=r"^here: no file$"):
        together(fail)
    as_one_of_two({"error": {"kind": "DataError", "text": "there: no file. Check it"}})
    with pytest.raises(DataError, match=r"^process 0 has stopped: there: no file. Check it$"):
        together(lambda: None)
    with pytest.raises(DataError, match=r"^here: no file$"):
        together(fail)


def test_where_only_some_have_a_package_or_setting(
    as_one_of_two: Callable[[Any], None],
) -> None:
    as_one_of_two({"told": {"sed2": "0.1", "new": 1, "data": "a" * 64}})
    with pytest.raises(UsageError) as refused:
        together(lambda: None, lambda _: {"sed2": "0.2", "data": "b" * 64})
    told = "(sed2: 0.1 and 0.2; new: 1 and None; data: aaaaaaaaaaaa... and bbbbbbbbbbbb...)"
    assert told in str(refused.value)


def test_different_numbers_are_refused(as_one_of_two: Callable[[Any], None]) -> None:
    """As machines of two kinds might come to, where particles are moved by them."""
    as_one_of_two([math.nan, 2.0])
    check_alike(np.array([math.nan, 2 + 1e-12]))
    for different in ([1, 2], [math.nan, 2 + 1e-6]):
        with pytest.raises(NumericsError, match="processes 0 and 1 have come to different numbers"):
            check_alike(np.array(different))


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on port {port}"):
            Meeting(f"localhost:{port}", 2, 0).check_port()
        Meeting(f"localhost:{port}", 2, 1).check_port()  # which is to be taken, by process 0


def test_no_cluster_is_found(tmp_path: Path) -> None:
    (ran,) = run_each([["-m", "sed2", "compute", MLP, *ASKED, "--distributed"]], tmp_path)
    assert ran.code == 2
    assert "error: --distributed: JAX cannot join the processes: " in ran.err
    assert "give --coordinator HOST:PORT, --processes N and --process I" in ran.err


def test_slurm_is_found(tmp_path: Path) -> None:
    """By JAX, which reads these variables."""
    found = {
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NTASKS": "1",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
    }
    asked = ["-m", "sed2", "compute", MLP, *ASKED, "--distributed"]
    (ran,) = run_each([asked], tmp_path, **found)
    assert ran.code == 0, ran.err
    assert "lower 2sED" in ran.out

"""`module:` in YAML: trusted by a flag only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

FAST = ("--dataset", "d.npz", "--samples", "8", "--draws", "3", "--eps", "0.01,0.1")
MINE = """
from flax import nnx

def network(rngs):
    return nnx.Sequential(nnx.Linear(4, 5, rngs=rngs), nnx.relu, nnx.Linear(5, 2, rngs=rngs))

def tied(rngs):
    layer = nnx.Linear(4, 4, rngs=rngs)
    return nnx.Sequential(layer, nnx.relu, layer)

class Net(nnx.Module):
    def __init__(self, rngs):
        self.first, self.last = nnx.Linear(4, 5, rngs=rngs), nnx.Linear(5, 2, rngs=rngs)

    def __call__(self, x):
        return self.last(nnx.relu(self.first(x)))

def broken(rngs):
    raise RuntimeError("on purpose")
"""


@pytest.fixture
def spec(sed2: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    import numpy as np

    x = np.random.default_rng(0).normal(size=(20, 4))
    np.savez("d.npz", x=x, y=np.arange(20) % 2)
    Path("my_nets.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    Path("s.yaml").write_text(
        "models:\n  - {name: own, module: 'my_nets:network'}\n  - MLP 4-5-2\n"
    )
    return "s.yaml"


def test_code_is_not_run_without_the_flag(sed2: Run, spec: str) -> None:
    Path("my_nets.py").write_text("raise SystemExit('was run')")
    ran = sed2("rank", spec, *FAST)
    assert ran.code == 2
    for part in ("s.yaml:2:5", "my_nets:network", "trust", "--allow-import"):
        assert part in ran.err


def test_with_the_flag_it_is_ranked_and_the_way_is_shown(sed2: Run, spec: str) -> None:
    ran = sed2("rank", spec, *FAST, "--allow-import", "--verbose")
    assert ran.code == 0, ran.err
    assert "own" in ran.out
    assert ran.out.count("exact, by unit") == 4
    ran = sed2("compute", spec, "--model", "own", *FAST, "--allow-import", "--json", "-")
    document = json.loads(ran.out)
    assert [block["parameters"] for block in document["model"]["blocks"]] == [25, 12]
    assert document["model"]["blocks"][0]["way"] == "exact, by unit"


@pytest.mark.parametrize(
    ("module", "parts"),
    [
        ("my_nets:nothing", ["no `nothing`"]),
        ("my_nuts:network", ["importing `my_nuts` failed"]),
        ("my_nets", ["package.module:factory"]),
        ("my_nets:broken", ["RuntimeError", "on purpose"]),
    ],
)
def test_what_cannot_be_imported_is_named(
    sed2: Run, spec: str, module: str, parts: list[str]
) -> None:
    Path(spec).write_text(f"module: '{module}'\n")
    ran = sed2("compute", spec, *FAST, "--allow-import")
    assert ran.code == 2, ran.err
    for part in ("s.yaml:1:1", *parts):
        assert part in ran.err


@pytest.mark.parametrize("command", ["compute", "rank", "validate"])
def test_shared_parameters_are_refused_between_blocks(sed2: Run, spec: str, command: str) -> None:
    Path(spec).write_text("models:\n  - {name: own, module: 'my_nets:tied'}\n")
    ran = sed2(command, spec, "--dataset", "d.npz", "--allow-import")
    assert ran.code == 2, ran.err
    for part in ("s.yaml:2:5", "`own`", "`bias`", "elements 0 and 2", "--chain end-to-end"):
        assert part in ran.err.replace("\n", " ")


def test_shared_parameters_are_one_end_to_end(sed2: Run, spec: str) -> None:
    Path(spec).write_text("chain: end-to-end\nmodels:\n  - {name: own, module: 'my_nets:tied'}\n")
    ran = sed2("compute", spec, *FAST, "--allow-import", "--json", "-")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["model"]["parameters"] == 20


def test_the_blocks_of_a_class_are_shown(sed2: Run, spec: str) -> None:
    Path(spec).write_text("models:\n  - {name: own, module: 'my_nets:Net'}\n")
    ran = sed2("validate", spec, "--dataset", "d.npz", "--allow-import", "--verbose")
    assert ran.code == 0, ran.err
    for part in ("dense_1", "dense_2", "first.bias, first.kernel", "exact, by unit"):
        assert part in ran.out
    ran = sed2("compute", spec, *FAST, "--allow-import", "--json", "-")
    first, last = json.loads(ran.out)["model"]["blocks"]
    assert (first["input_shape"], first["output_shape"], first["structured"]) == ([4], [5], True)
    assert last["holds"] == ["last.bias", "last.kernel"]


@pytest.mark.parametrize(
    "command",
    [
        ("rank",),
        ("select", "--epochs", "2", "--budget", "100%", "--batch-size", "10"),
        ("stability", "--seeds", "2", "--samples-grid", "8", "--draws-grid", "3"),
        ("gate", "--baseline", "b.json", "--update"),
    ],
    ids=lambda command: command[0],
)
def test_models_in_different_manners_are_refused_by_name(
    sed2: Run, spec: str, command: tuple[str, ...]
) -> None:
    Path(spec).write_text(
        "models:\n  - {name: own, module: 'my_nets:Net', split: declared}\n  - MLP 4-5-2\n"
    )
    line = (*command, spec, *FAST, "--allow-import")
    ran = sed2(*line)
    assert ran.code == 2
    for part in ("`own`", "`MLP 4-5-2`", "--blocks auto", "--allow-mixed"):
        assert part in ran.err.replace("\n", " ")
    for more in (("--blocks", "auto"), ("--allow-mixed",)):
        assert (ran := sed2(*line, *more)).code == 0, ran.err
    if command[0] == "gate":
        assert sed2(*line[:3], *line[4:]).code == 2
        assert sed2(*line[:3], *line[4:], "--allow-mixed").code in (0, 6)


def test_what_judges_no_blocks_takes_models_in_different_manners(sed2: Run, spec: str) -> None:
    Path(spec).write_text(
        "models:\n  - {name: own, module: 'my_nets:Net', split: declared}\n  - MLP 4-5-2\n"
    )
    line = ("select", spec, *FAST, "--allow-import", "--epochs", "2", "--budget", "100%")
    for judge in ("end-to-end", "parameters"):
        ran = sed2(*line, "--batch-size", "10", "--prune-by", judge)
        assert ran.code == 0, ran.err

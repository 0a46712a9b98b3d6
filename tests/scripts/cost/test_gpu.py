"""`cost.gpu` on a machine without a GPU: what it computes, what it says, and how it ends."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.bench.cases import TOY_CASES
from scripts.cost import gpu as script
from sed2.chain import build_chain
from sed2.spec.schema import load_spec


@pytest.mark.slow  # two processes compute it all; what a page says is tested below
def test_the_page_at_toy_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "gpu.md"
    assert script.main(["--quick", "--cpu-twice", "--write", str(page)]) == 0
    told = capsys.readouterr().out
    assert told.strip() == page.read_text().strip()
    for case in TOY_CASES:
        name = case.model.replace("|", "\\|")
        for device in ("CPU", "GPU"):
            assert f"| {name} | {case.samples} | {case.draws} | {device} |" in told
    assert "All values agree" in told
    assert "| 588 x 27 | GPU | eigvalsh of the Gram matrix |" in told


@pytest.mark.skipif(
    any(Path("/dev", name).exists() for name in ("nvidia0", "kfd")), reason="there is a GPU here"
)
def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(["--quick"]) == 2
    assert "There is no GPU that JAX can use" in capsys.readouterr().err


def test_matrices_are_those_of_the_network() -> None:
    case = TOY_CASES[0]  # MLP 54-2-7 at N = 6, K = 3
    assert script.matrices(case, (54,)) == [(6, 6, 3 * 2), (6, 2, 3)]
    chain = build_chain(load_spec(case.model).models[0].blocks, (54,))
    assert len(chain.blocks) == 2


def found(curve: list[float], seconds: float = 1e-3) -> dict[str, Any]:
    solver = {"svd": {"seconds": seconds, "error": 1e-15}}
    model = {"cold": 2.0, "warm": 0.5, "curves": [curve, curve], "sizes": [[6, 2, 100]]}
    return {
        "device": "some",
        "models": {TOY_CASES[0].model: model},
        "solvers": {"6 x 2": solver | {"other": {"seconds": seconds / 2, "error": 1e-8}}},
    }


@pytest.mark.parametrize(
    ("gpu", "agrees"),
    [([3.0, 5.0], True), ([3.0, 5.0 * (1 + 2e-6)], False), ([3.0, np.nan], False)],
)
def test_values_that_differ_are_told(gpu: list[float], agrees: bool) -> None:
    page, says = script.as_page(TOY_CASES[:1], {"CPU": found([3.0, 5.0]), "GPU": found(gpu)})
    assert says is agrees
    assert ("All values agree" in page) is agrees
    assert ("VALUES DIFFER" in page) is not agrees
    assert "| 6 | 3 | GPU | 2 | 0.5 | 6 | 20% |" in page  # 100 matrices of 1 ms in 0.5 s


def test_a_solver_that_loses_roots_is_not_the_best() -> None:
    solvers = found([1.0])["solvers"]["6 x 2"]
    assert script.best_solver(solvers) == "svd"
    accurate = copy.deepcopy(solvers)
    accurate["other"]["error"] = 1e-14
    assert script.best_solver(accurate) == "other"
    assert script.best_solver({"other": solvers["other"]}) == ""


def test_the_gram_matrix_loses_what_singular_values_keep() -> None:
    assert os.environ.get("JAX_PLATFORMS") in (None, "", "cpu")
    errors = {name: one["error"] for name, one in script.of_size(12, 6, "cpu", 2).items()}
    gram = errors.pop("eigvalsh of the Gram matrix")
    assert gram > 1e-9
    assert max(errors.values()) < 1e-14

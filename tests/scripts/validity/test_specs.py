"""The committed architectures of the validity benchmark are what the script makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scripts.common.paths import CONFIGS
from scripts.validity import specs as script
from sed2.chain import build_chain
from sed2.data.catalogue import DATASETS
from sed2.spec.schema import load_spec

FILES = {"validity-mlps.yaml": 104, "validity-cnns.yaml": 44}


def test_the_committed_files_are_made_again(tmp_path: Path) -> None:
    script.main(["--folder", str(tmp_path)])
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert made == {name: (CONFIGS / name).read_text() for name in FILES}


@pytest.mark.parametrize("name", FILES)
def test_they_are_many_and_different_and_of_like_size(name: str) -> None:
    file = load_spec(CONFIGS / name)
    shape = DATASETS[str(file.settings["dataset"])].input_shape
    chains = [build_chain(model.blocks, shape) for model in file.models]
    assert len({model.sha256 for model in file.models}) == len(file.models) == FILES[name]
    assert all(900 <= chain.parameters <= 1_100 for chain in chains)
    assert len({len(chain.blocks) for chain in chains}) == 4


def test_the_paper_s_networks_are_among_them() -> None:
    names = [model.name for model in load_spec(CONFIGS / "validity-mlps.yaml").models]
    assert names[:3] == ["MLP 54-16-7", "MLP 54-13-11-9-7", "MLP 54-10-2-10-25-7"]
    assert {name.count("-") for name in names} == {2, 3, 4, 5}


def test_sizes_are_those_of_the_chain() -> None:
    """The formula by which networks are drawn, against the blocks themselves."""
    kernels, widths = [7, 3], (4, 9, 10)
    model = load_spec(script.cnn(kernels, widths)).models[0]
    chain = build_chain(model.blocks, (script.IMAGE, script.IMAGE, 1))
    assert script.cnn_parameters(kernels, widths) == chain.parameters
    assert script.products([5], 3) == 28**2 * 5**2 * 3
    assert script.products([5, 3], 3) == 28**2 * 5**2 * 3 + 14**2 * 3**2 * 3 * 3


def test_another_seed_gives_others() -> None:
    def draw(rng: np.random.Generator) -> str:
        return str(rng.integers(1000))

    assert script.distinct(5, [draw], ["first"], 0)[0] == "first"
    assert script.distinct(5, [draw], [], 0) == script.distinct(5, [draw], [], 0)
    assert script.distinct(5, [draw], [], 0) != script.distinct(5, [draw], [], 1)

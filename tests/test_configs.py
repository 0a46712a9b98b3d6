"""Every shipped config runs as it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sed2
from sed2.data.registry import DATASETS
from sed2.spec.schema import load_spec

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
LARGE = {"large.yaml"}


def offline(config: Path, folder: Path) -> dict[str, Any]:
    """Settings under which a config runs without a network: random images for a download."""
    name = load_spec(config).settings["dataset"]
    info = DATASETS[name]
    if info.bundled:
        return {}
    rng = np.random.default_rng(0)
    y = np.arange(2 * info.classes) % info.classes
    np.savez(folder / f"{name}.npz", x=rng.normal(size=(len(y), *info.input_shape)), y=y)
    return {"dataset": str(folder / f"{name}.npz")}


@pytest.mark.parametrize(
    "config",
    [pytest.param(c, marks=pytest.mark.slow if c.name in LARGE else ()) for c in CONFIGS],
    ids=lambda path: path.name,
)
def test_a_shipped_config_runs(config: Path, tmp_path: Path) -> None:
    ranking = sed2.rank(config, samples=5, draws=3, **offline(config, tmp_path))
    assert [model.rank for model in ranking.models] == [*range(1, len(ranking.models) + 1)]
    assert all(np.isfinite(model.result.score.value) for model in ranking.models)


def test_the_large_config_fits_its_plan(tmp_path: Path) -> None:
    """N = 100, K = 4: parameters as published, under 6 GB, and nothing too large for the budget."""
    config = next(c for c in CONFIGS if c.name == "large.yaml")
    checked = sed2.validate(config, plan=True, **offline(config, tmp_path))
    counts = {model.name: model.parameters for model in checked}
    assert counts == {"VGG-16": 0, "ResNet-18": 0, "ViT-Tiny": 0}
    assert max(block.bytes for model in checked for block in model.plan) < 6e9


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_a_shipped_config_names_its_schema(config: Path) -> None:
    first = config.read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=sed2.schema.json"
    assert (config.parent / "sed2.schema.json").is_file()

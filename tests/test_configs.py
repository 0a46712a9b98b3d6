"""Every shipped configuration runs, and editors know its schema."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sed2
from sed2 import api
from tests.cases import offline_settings

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
LARGE = "large.yaml"
SLOW = (LARGE, "cnns-cifar10.yaml", "cnns-mnist.yaml")
VALIDITY = ("validity-mlps.yaml", "validity-cnns.yaml")
FRESH = tuple(f"fresh-{family}.yaml" for family in ("mlps", "cnns", "photos", "blocks"))
"""More than three hundred models: too many to run here; scripts.validity does."""


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(c, marks=pytest.mark.slow if c.name in SLOW else ())
        for c in CONFIGS
        if c.name not in VALIDITY + FRESH
    ],
    ids=lambda path: path.name,
)
def test_a_shipped_config_runs(config: Path, tmp_path: Path) -> None:
    """Real CNNs take half a minute each, the large ones minutes: `pytest -m slow`."""
    ranking = sed2.rank(config, samples=3, draws=2, **offline_settings(config, tmp_path))
    assert [model.rank for model in ranking.models] == [*range(1, len(ranking.models) + 1)]
    assert all(np.isfinite(model.result.score.value) for model in ranking.models)


@pytest.mark.parametrize("name", SLOW[1:])
def test_a_config_of_cnns_is_checked_and_planned(name: str, tmp_path: Path) -> None:
    config = next(c for c in CONFIGS if c.name == name)
    checked = api.validate(config, plan=True, **offline_settings(config, tmp_path))
    assert [model.output_shape for model in checked] == [(10,)] * 3
    assert all(block.bytes < 6e9 for model in checked for block in model.plan)


def test_the_large_config_is_as_published_and_within_its_budget(tmp_path: Path) -> None:
    """N = 100, K = 4: every block has a way below 6 GB. Of 10 classes, 32 x 32 pixels."""
    config = next(c for c in CONFIGS if c.name == LARGE)
    checked = api.validate(config, plan=True, **offline_settings(config, tmp_path))
    counts = {model.name: model.parameters for model in checked}
    assert counts == {"VGG-16": 14_990_922, "ResNet-18": 11_181_642, "ViT-Tiny": 5_381_194}
    assert max(block.bytes for model in checked for block in model.plan) < 6e9


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_a_shipped_config_names_its_schema(config: Path) -> None:
    first = config.read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=sed2.schema.json"


@pytest.mark.parametrize("name", VALIDITY)
def test_the_configs_of_the_validity_benchmark_fit_their_data(name: str) -> None:
    config = next(c for c in CONFIGS if c.name == name)
    assert all(900 <= model.parameters <= 1_100 for model in api.validate(config))

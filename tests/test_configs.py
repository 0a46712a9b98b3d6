"""Every shipped config runs as it stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sed2

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_a_shipped_config_runs(config: Path) -> None:
    ranking = sed2.rank(config, samples=5, draws=3)
    assert [model.rank for model in ranking.models] == [*range(1, len(ranking.models) + 1)]
    assert all(np.isfinite(model.result.score.value) for model in ranking.models)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_a_shipped_config_names_its_schema(config: Path) -> None:
    first = config.read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=sed2.schema.json"
    assert (config.parent / "sed2.schema.json").is_file()

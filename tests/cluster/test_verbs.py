"""Every verb does its work on a cluster as in one process, and keeps it in a run directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sed2 import api
from sed2.gating.baseline import to_text
from tests.cluster.conftest import Nodes
from tests.runs.made import TINY, Told, assert_same

SPEC = {"models": ["MLP 54-2-7", "MLP 54-3-7"]}
GRIDS: dict[str, Any] = {"samples_grid": [5, 6], "draws_grid": [2, 3], "sigma_grid": [0.01]}


def test_compute_and_bound(nodes: Nodes) -> None:
    model = "MLP 54-2-7"
    assert_same(api.compute(model, ray=nodes.address, **TINY), api.compute(model, **TINY))
    asked = {**TINY, "lipschitz": 1, "n_train": 1000, "zeta": 0.7}
    assert_same(api.bound(model, ray=nodes.address, **asked), api.bound(model, **asked))


def test_stability(nodes: Nodes, tmp_path: Path) -> None:
    told = Told()
    asked = {**TINY, **GRIDS, "seeds": 2}
    found = api.stability(SPEC, ray=nodes.address, run_dir=tmp_path / "run", **asked)
    local = api.stability(SPEC, **asked)
    for sweep, other in zip(found.sweeps, local.sweeps, strict=True):
        np.testing.assert_allclose(sweep.scores, other.scores, rtol=1e-12)
    again = api.stability(SPEC, run_dir=told.run(tmp_path / "run"), **asked)
    assert_same(again.sweeps, found.sweeps)


def test_gate(nodes: Nodes, tmp_path: Path) -> None:
    """With further batches, since one does not decide."""
    asked = {**TINY, "draws": 4}
    stored = api.make_baseline(SPEC, ray=nodes.address, **asked)
    assert to_text(stored) == to_text(api.make_baseline(SPEC, **asked))
    (tmp_path / "b.json").write_text(to_text(stored))
    changed = {"models": [{"name": "MLP 54-2-7", "notation": "MLP 54-3-7"}, "MLP 54-3-7"]}
    found, local = (
        api.gate(changed, tmp_path / "b.json", ray=ray, **asked) for ray in (nodes.address, None)
    )
    assert_same(found.models, local.models)

"""What every verb does on a cluster is what one process does, whatever becomes of the nodes. One
file, so that the cluster starts once."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sed2 import api
from sed2.cli.app import run
from sed2.cluster import workplace as sweep
from sed2.cluster.settings import Cluster
from sed2.errors import NumericsError, ResourceError, UsageError
from sed2.gating.baseline import to_text
from sed2.ranking.results import Ranking
from sed2.runs.loading import load_run
from tests.cli.conftest import FAST
from tests.cluster.conftest import ROOT, Nodes
from tests.cluster.made import Traced
from tests.runs.made import SPEC, TINY, Told, assert_same, command, interrupt, text

PAIR = {"models": ["MLP 54-2-7", "MLP 54-3-7"]}
GRIDS: dict[str, Any] = {"samples_grid": [5, 6], "draws_grid": [2, 3], "sigma_grid": [0.01]}


def ranked(spec: Any = SPEC, **more: Any) -> Ranking:
    return api.rank(spec, **TINY | more)


class Seen:
    """What progress tells."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []

    def __call__(self, what: str, done: int, total: int) -> None:
        self.calls.append((what, done, total))


def test_all_three_stages_are_those_of_one_process(nodes: Nodes, tmp_path: Path) -> None:
    asked = {"baselines": True, "train": True, "epochs": 1, "train_samples": 64, "train_seeds": 1}
    seen, told = Seen(), Told()
    spec = {"models": ["MLP 54-3-7", "MLP 54-2-7"]}
    found = ranked(spec, ray=nodes.address, run_dir=tmp_path / "run", progress=seen, **asked)
    assert text(found) == text(ranked(spec, **asked))
    assert seen.calls[-1] == ("8 of 8 done, 0 at work", 8000, 8000)
    counts = [done for _, done, _ in seen.calls]
    assert counts == sorted(counts)
    assert load_run(tmp_path / "run").finished
    again = ranked(spec, run_dir=told.run(tmp_path / "run"), **asked)
    assert told.lines == [
        "2 of 2 models, 2 of 2 baselines, 2 of 2 early losses, 2 of 2 trainings taken over from "
        + str(tmp_path / "run")
    ]
    assert text(again) == text(found)


def test_what_is_kept_is_not_done_again(nodes: Nodes, tmp_path: Path) -> None:
    ranked({"models": ["MLP 54-2-7"]}, run_dir=tmp_path / "run")
    seen = Seen()
    ranked(ray=nodes.address, run_dir=tmp_path / "run", progress=seen)
    assert seen.calls[-1] == ("2 of 2 done, 0 at work", 2000, 2000)


def test_draws_are_added_on_the_cluster(nodes: Nodes) -> None:
    asked = {"until_decided": True, "decide_at": 0.9, "max_draws": 12, "max_samples": 10}
    assert text(ranked(ray=nodes.address, **asked)) == text(ranked(**asked))


def test_compute_and_bound(nodes: Nodes) -> None:
    model = "MLP 54-2-7"
    assert_same(api.compute(model, ray=nodes.address, **TINY), api.compute(model, **TINY))
    asked = {**TINY, "lipschitz": 1, "n_train": 1000, "zeta": 0.7}
    assert_same(api.bound(model, ray=nodes.address, **asked), api.bound(model, **asked))


def test_stability(nodes: Nodes, tmp_path: Path) -> None:
    told = Told()
    asked = {**TINY, **GRIDS, "seeds": 2}
    found = api.stability(PAIR, ray=nodes.address, run_dir=tmp_path / "run", **asked)
    local = api.stability(PAIR, **asked)
    for one, other in zip(found.sweeps, local.sweeps, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, rtol=1e-12)
    again = api.stability(PAIR, run_dir=told.run(tmp_path / "run"), **asked)
    assert_same(again.sweeps, found.sweeps)


def test_gate(nodes: Nodes, tmp_path: Path) -> None:
    """With further batches, since one does not decide."""
    asked = {**TINY, "draws": 4}
    stored = api.make_baseline(PAIR, ray=nodes.address, **asked)
    assert to_text(stored) == to_text(api.make_baseline(PAIR, **asked))
    (tmp_path / "b.json").write_text(to_text(stored))
    changed = {"models": [{"name": "MLP 54-2-7", "notation": "MLP 54-3-7"}, "MLP 54-3-7"]}
    found, local = (
        api.gate(changed, tmp_path / "b.json", ray=ray, **asked) for ray in (nodes.address, None)
    )
    assert_same(found.models, local.models)


def test_a_lost_node_loses_no_candidate(
    nodes: Nodes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A node is killed while it works on a candidate, which is done again on the other one."""
    lost, begun = nodes.other.node_id, tmp_path / "begun"

    def stay_there(node: str) -> None:
        if node == lost:
            begun.touch()
            time.sleep(600)  # it is killed before

    networks = {f"net {width}": Traced(width, tmp_path, stay_there) for width in (2, 3, 4)}
    told: list[str] = []

    def kill(what: str, done: int, total: int) -> None:
        if begun.exists() and not told_at:
            told_at.append(what)
            nodes.lose_other()

    told_at: list[str] = []
    found = ranked(networks, ray=Cluster(nodes.address, tell=told.append), progress=kill)
    assert capfd.readouterr().out == ""  # where Ray tells of lost nodes by itself
    nodes.renew_other()
    (again,) = [name for name, network in networks.items() if lost in network.nodes()]
    assert networks[again].nodes() == {lost, nodes.head.node_id}
    assert told == [f"the worker of `{again}` was lost: it is begun again, as number 2 of 4"]
    local = ranked(networks)
    assert [m.result.name for m in found.models] == [m.result.name for m in local.models]
    for one, other in zip(found.models, local.models, strict=True):
        assert one.result.score.value == pytest.approx(other.result.score.value, rel=1e-9)


def test_a_candidate_that_kills_every_worker_is_given_up(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "ATTEMPTS", 2)
    told: list[str] = []
    network = Traced(2, tmp_path, lambda node: os._exit(1))
    with pytest.raises(ResourceError) as caught:
        ranked({"deadly": network}, ray=Cluster(nodes.address, tell=told.append))
    assert "the worker of `deadly` was lost 2 times, the last time so: " in str(caught.value)
    assert told == ["the worker of `deadly` was lost: it is begun again, as number 2 of 2"]


def test_an_error_of_sed2_comes_through(nodes: Nodes) -> None:
    spec = {"models": ["MLP 54-2-7"]}
    wild = {"prior": "uniform:-1e300:1e300"}
    with pytest.raises(NumericsError) as local:
        ranked(spec, **wild)
    with pytest.raises(NumericsError) as caught:
        ranked(spec, ray=nodes.address, **wild)
    assert str(caught.value) == str(local.value)
    assert (caught.value.cause, caught.value.mend) == (local.value.cause, local.value.mend)


def test_the_code_of_a_module_travels(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nodes cannot import it."""
    (tmp_path / "own_helper.py").write_text("WIDTH = 3\n")
    (tmp_path / "own_net.py").write_text(
        "from flax import nnx\nimport own_helper\n\n\n"
        "class Net(nnx.Module):\n"
        "    def __init__(self, rngs):\n"
        "        self.inner = nnx.Linear(54, own_helper.WIDTH, rngs=rngs)\n"
        "        self.outer = nnx.Linear(own_helper.WIDTH, 7, rngs=rngs)\n\n"
        "    def __call__(self, x):\n"
        "        return self.outer(nnx.tanh(self.inner(x)))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    spec = {"models": [{"name": "own", "module": "own_net:Net"}]}
    found = ranked(spec, ray=nodes.address, allow_import=True, run_dir=tmp_path / "run")
    assert text(found) == text(ranked(spec, allow_import=True))


def test_what_cannot_be_sent_is_told(nodes: Nodes, tmp_path: Path) -> None:
    network = Traced(2, tmp_path)
    network.there = threading.Lock()  # type: ignore[assignment]
    with pytest.raises(UsageError, match="`net` cannot be sent to a cluster: TypeError: "):
        ranked({"net": network}, ray=nodes.address)


def test_what_no_node_has_is_told_at_once(nodes: Nodes) -> None:
    with pytest.raises(ResourceError) as caught:
        ranked(ray=nodes.address, draws=2000, samples=2000, memory_gb=4)
    assert "`MLP 54-2-7` needs 1 CPUs, " in str(caught.value)
    assert "and no node of the cluster has that: the largest of 2 has 1 CPUs, 2.0 GB" in str(
        caught.value
    )


def test_the_command_writes_nothing_but_json_on_stdout(
    nodes: Nodes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plain = ["rank", str(_spec(tmp_path, 2)), *FAST, "--json", "-"]
    assert run([*plain, "--ray", nodes.address]) == 0
    found = capfd.readouterr().out
    assert run(plain) == 0
    assert told(found) == told(capfd.readouterr().out)


def test_ctrl_c_keeps_what_was_finished(nodes: Nodes, tmp_path: Path) -> None:
    """Once the first candidate is finished."""
    kept = tmp_path / "run"
    ranking = command("rank", str(_spec(tmp_path, 12)), *FAST, "--ray", nodes.address)
    interrupt([*ranking, "--run-dir", str(kept), "--json", "-"], kept, cwd=ROOT)
    found = load_run(kept)
    assert not found.finished
    assert 1 <= len(found.ranking.models) < 12


def told(document: str) -> Any:
    """All of it but what it cost."""
    return json.loads(
        document, object_hook=lambda of: {name: it for name, it in of.items() if name != "cost"}
    )


def _spec(folder: Path, models: int) -> Path:
    path = folder / "s.yaml"
    path.write_text(json.dumps({"models": [f"MLP 54-{width}-7" for width in range(2, 2 + models)]}))
    return path

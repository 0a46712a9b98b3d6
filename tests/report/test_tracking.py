"""Results in MLflow and Weights & Biases: the real libraries, on this machine alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sed2.report.outputs import Outputs
from sed2.report.tracking import metrics
from tests.report.made import made_ranking, made_result


def test_the_numbers_of_a_model() -> None:
    model = {
        "name": "a",
        "score": 2.5,
        "score_std_error": None,
        "lower_estimate": True,
        "curve": [1.0],
        "settings": {"draws": 3},
        "order_probability": {"score": 0.5, "curve": [1]},
        "training": {"loss": {"mean": 0.25}},
        "infinite": float("inf"),
    }
    assert metrics(model) == {
        "score": 2.5,
        "order_probability.score": 0.5,
        "training.loss.mean": 0.25,
    }


@pytest.mark.filterwarnings("ignore")
def test_mlflow_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs mlflow")
    monkeypatch.chdir(tmp_path)
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    mlflow.set_tracking_uri(store)
    ranking = made_ranking([made_result("a", value=3.0), made_result("b", value=2.0)])
    outputs = Outputs.check(command="sed2 rank", mlflow="widths", json=str(tmp_path / "r.json"))
    outputs.write(ranking)
    outputs.track(ranking)
    client = mlflow.MlflowClient(store)
    experiment = client.get_experiment_by_name("widths")
    runs = client.search_runs([experiment.experiment_id])
    by_name = {run.info.run_name: run for run in runs}
    assert by_name.keys() == {"sed2", "a", "b"}
    whole = by_name["sed2"]
    assert whole.data.params["dataset"] == "made"
    assert whole.data.tags["command"] == "sed2 rank"
    for model in ranking.models:
        run = by_name[model.name]
        assert run.data.metrics["score"] == model.result.score.value
        assert run.data.metrics["rank"] == model.rank
        assert run.data.tags["mlflow.parentRunId"] == whole.info.run_id
    kept = mlflow.artifacts.load_text(f"{whole.info.artifact_uri}/sed2.json")
    assert json.loads(kept) == json.loads((tmp_path / "r.json").read_text())
    Outputs.check(mlflow="one").track(made_result("c", value=7.0))
    one = client.search_runs([client.get_experiment_by_name("one").experiment_id])
    assert {run.info.run_name for run in one} == {"sed2", "c"}
    assert max(run.data.metrics.get("score", 0) for run in one) == 7.0


@pytest.mark.filterwarnings("ignore")
def test_wandb_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="needs wandb")
    for name in ("DIR", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR"):
        monkeypatch.setenv(f"WANDB_{name}", str(tmp_path))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    Outputs.check(wandb="widths").track(
        made_ranking([made_result("a", value=3.0), made_result("b", value=2.0)])
    )
    (table,) = tmp_path.glob("wandb/offline-run-*/files/media/table/*.json")
    found = json.loads(table.read_text())
    rows = [dict(zip(found["columns"], row, strict=True)) for row in found["data"]]
    assert [(row["name"], row["score"]) for row in rows] == [("a", 3.0), ("b", 2.0)]

"""`sed2 rank`: order, JSON, and that company changes no number."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sed2.baselines.registry import BASELINES
from tests.cli.conftest import FAST, Run
from tests.report.test_tables import header_of

LONG = "a name that is a good deal longer than any narrow terminal would like it to be " * 2


@pytest.fixture
def spec() -> str:
    Path("s.yaml").write_text(
        f"models:\n  - MLP 54-2-7\n  - MLP 54-9-7\n  - {{name: '{LONG}', notation: MLP 54-4-7}}\n"
    )
    return "s.yaml"


def ranked(sed2: Run, *arguments: str) -> dict[str, Any]:
    ran = sed2("rank", *arguments, *FAST, "--json", "-")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_the_table_is_in_rank_order_and_nothing_is_cut(sed2: Run, spec: str) -> None:
    ran = sed2("rank", spec, *FAST)
    assert ran.code == 0
    assert ran.out.startswith("Train MLP 54-9-7: it is ahead of the next with P ")
    rows = [line for line in ran.out.splitlines() if line[:1].isdigit()]
    assert [row.split()[0] for row in rows] == ["1", "2", "3"]
    for row, name in zip(rows, ("MLP 54-9-7", LONG.strip(), "MLP 54-2-7"), strict=True):
        assert name in row
    for part in ("parameters", "lower 2sED", "± seeds", "P(best)", "P(order)", "2sED"):
        assert part in header_of(ran.out)
    assert "averaged over eps 0.001 to 0.1" in ran.out
    assert "\x1b" not in ran.out + ran.err


def test_joint_2sed_orders_by_default(
    sed2: Run, spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SED2_SCORE")
    size = ("--dataset", "covertype", "--samples", "4", "--draws", "3")
    ran = sed2("rank", spec, *size, "--json", "r.json")
    assert ran.code == 0, ran.err
    for part in ("joint 2sED", "end-to-end", "lower 2sED"):
        assert part in header_of(ran.out)
    assert "Ordered by joint 2sED at eps = 0.3." in ran.out
    assert "K = 3 draws (3 end-to-end)" in ran.out
    joint = json.loads(Path("r.json").read_text())
    assert {m["factors"]["end_to_end_draws"] for m in joint["models"]} == {3}
    assert sed2("rank", spec, *size, "--score", "joint", "--json", "told.json").code == 0
    told = json.loads(Path("told.json").read_text())
    assert [m["score"] for m in told["models"]] == [m["score"] for m in joint["models"]]


def test_json_is_the_document_of_the_contract(sed2: Run, spec: str) -> None:
    document = ranked(sed2, spec)
    assert document["schema_version"] == 1
    assert document["eps_n"] is None
    assert document["correlation"] is None
    assert [model["rank"] for model in document["models"]] == [1, 2, 3]
    scores = [model["score"] for model in document["models"]]
    assert scores == sorted(scores, reverse=True)
    for model in document["models"]:
        assert model["score_std_error"] is None  # 3 draws: a lower estimate
        assert model["score_lower_estimate"] is True
        assert model["score_scatter"] > 0
        assert 0 < model["probability_best"]["score"] < 1
        assert len(model["order_probability"]["curve"]) == len(document["eps"])
        assert model["training"] is None
        assert len(model["lower_two_sed"]["estimate"]) == len(document["eps"])
        assert len(model["two_sed"]["estimate"]) == len(document["eps"])
        assert model["spec_sha256"]
    assert document["provenance"]["jax"]


def test_n_train_orders_at_eps_n(sed2: Run, spec: str) -> None:
    document = ranked(sed2, spec, "--n-train", "100000")
    assert document["eps_n"] == pytest.approx(0.0334, abs=1e-4)
    assert "eps_n = 0.03334" in sed2("rank", spec, *FAST, "--n-train", "100000").out


def test_company_order_and_names_change_no_number(sed2: Run, spec: str) -> None:
    other = Path("other.yaml")
    other.write_text("models:\n  - MLP 54-2-7\n  - {name: new, notation: MLP 54-9-7}\n")
    own = {"rank", "place", "separation", "probability_best", "order_probability"}
    own |= {"name", "pareto", "places_gained_with_size_held"}  # all of them of the company
    own |= {"cost"}
    before, after = (
        {
            model["parameters"]: {k: v for k, v in model.items() if k not in own}
            for model in ranked(sed2, file)["models"]
        }
        for file in (spec, "other.yaml")
    )
    assert after.items() <= before.items()


def test_csv_and_figure(sed2: Run, spec: str) -> None:
    ran = sed2("rank", spec, *FAST, "--csv", "r.csv", "--plot", "r.png", "--n-train", "10000")
    assert ran.code == 0
    rows = list(csv.DictReader(Path("r.csv").read_text().splitlines()))
    assert len(rows) == 3 * 4
    assert {row["parameters"] for row in rows} == {"122", "549", "244"}
    assert Path("r.png").read_bytes().startswith(b"\x89PNG")


def test_candidates_on_other_grids_are_refused(sed2: Run) -> None:
    Path("s.yaml").write_text(
        "dataset: covertype\nmodels:\n  - MLP 54-2-7\n  - {notation: MLP 54-3-7, zeta: 0.5}\n"
    )
    ran = sed2("rank", "s.yaml")
    assert ran.code == 2
    assert "cannot be ranked together: `zeta`" in ran.err


DECIDE = ("--until-decided", "--decide-at", "0.9")


def test_until_decided_adds_draws_and_inputs_within_the_budget(sed2: Run) -> None:
    Path("s.yaml").write_text("models: [MLP 54-2-7, MLP 54-9-7, MLP 54-8-7]\n")
    limits = ("--max-draws", "12", "--max-samples", "10")
    document = ranked(sed2, "s.yaml", *DECIDE, *limits)
    assert document["until_decided"] == {
        "probability": 0.9,
        "max_draws": 12,
        "max_samples": 10,
        "budget": None,
    }
    *pairs, last = document["models"]
    assert last["decided"] is None
    for model in document["models"]:
        assert 3 <= model["settings"]["draws"] <= 12
        assert 5 <= model["inputs"] <= 10
    for model in pairs:
        assert model["decided"] == (model["order_probability"]["score"] >= 0.9)
    ran = sed2("rank", "s.yaml", *FAST, *DECIDE, *limits)
    assert ran.code == 0
    assert " of 2 orders decided at P = 0.9" in ran.out
    assert ("warning: not decided at 0.9" in ran.err) == (not all(m["decided"] for m in pairs))
    for column in ("N", "K"):
        assert column in header_of(ran.out).split()


@pytest.mark.parametrize(
    ("options", "where"),
    [
        (("--budget", "60s"), "--budget"),
        (("--until-decided", "--budget", "soon"), "--budget"),
        (("--until-decided", "--decide-at", "1"), "--decide-at"),
        (("--until-decided", "--max-draws", "many"), "--max-draws"),
        (("--until-decided", "--input-groups", "0"), "--until-decided"),
    ],
)
def test_demands_that_make_no_sense_are_refused(
    sed2: Run, spec: str, options: tuple[str, ...], where: str
) -> None:
    ran = sed2("rank", spec, *FAST, *options)
    assert ran.code == 2
    assert where in ran.err


def test_models_that_begin_unequal_cannot_be_decided(sed2: Run) -> None:
    Path("s.yaml").write_text("models:\n  - MLP 54-2-7\n  - {notation: MLP 54-3-7, draws: 4}\n")
    ran = sed2("rank", "s.yaml", "--dataset", "covertype", "--until-decided")
    assert ran.code == 2
    assert "begin with different `draws`" in ran.err


TRAIN = ("--train", "--epochs", "2", "--train-seeds", "2", "--train-samples", "200")


def test_train_adds_losses_and_their_correlation(sed2: Run, spec: str) -> None:
    files = ("--json", "r.json", "--csv", "r.csv", "--plot", "r.png")
    ran = sed2("rank", spec, *FAST, *TRAIN, *files)
    assert ran.code == 0, ran.err
    assert "train loss" in header_of(ran.out)
    assert "on the 200 rows trained on, mean of 2 seeds" in ran.out
    assert "–: fewer than 5 models, too few for an interval." in ran.out
    assert "\x1b" not in ran.out + ran.err
    document = json.loads(Path("r.json").read_text())
    assert document["correlation"]["measures"].keys() == {"score"}
    assert document["correlation"]["against_best_baseline"] is None
    for model in document["models"]:
        training = model["training"]
        assert training["samples"] == 200
        assert training["steps"] == 2 * (200 // 64)
        assert training["settings"]["epochs"] == 2
        assert 0 < training["loss"] < 3
        assert 0 <= training["accuracy"] <= 1
        assert model["baselines"] is None
    rows = list(csv.DictReader(Path("r.csv").read_text().splitlines()))
    by_name = {model["name"]: model for model in document["models"]}
    for row in rows:
        assert float(row["train_loss"]) == by_name[row["model"]]["training"]["loss"]
    assert Path("r.png").read_bytes().startswith(b"\x89PNG")


def test_company_and_order_change_no_training(sed2: Run) -> None:
    both = {"models": ["MLP 54-2-7", "MLP 54-9-7"]}
    alone = {"models": ["MLP 54-9-7"]}
    losses = []
    for models in (both, alone):
        Path("m.yaml").write_text(json.dumps(models))
        document = ranked(sed2, "m.yaml", *TRAIN)
        losses += [m["training"] for m in document["models"] if m["name"] == "MLP 54-9-7"]
    for loss in losses:
        del loss["cost"]
    assert losses[0] == losses[1]


def test_the_training_set_is_of_the_size_of_n_train(sed2: Run) -> None:
    Path("m.yaml").write_text("models: [MLP 54-2-7]\n")
    document = ranked(sed2, "m.yaml", "--train", "--epochs", "1", "--n-train", "150")
    assert document["models"][0]["training"]["samples"] == 150


def test_baselines_stand_beside_the_score_and_are_judged(sed2: Run) -> None:
    Path("m.yaml").write_text("models: [MLP 54-2-7, MLP 54-9-7, MLP 54-4-4-7]\n")
    ran = sed2("rank", "m.yaml", *FAST, *TRAIN, "--baselines", "--json", "r.json")
    assert ran.code == 0, ran.err
    for name in BASELINES:
        assert name in header_of(ran.out)
    assert "the best baseline" in ran.out
    document = json.loads(Path("r.json").read_text())
    assert set(document["correlation"]["measures"]) == {"score", *BASELINES}
    assert document["correlation"]["against_best_baseline"]["wins"] is False
    for model in document["models"]:
        assert set(model["baselines"]) == set(BASELINES)
        assert model["baselines"]["parameters"]["value"] == model["parameters"]
        early = [model["baselines"][f"early_loss_{epochs}"]["value"] for epochs in (1, 2)]
        assert -3 < early[0] < 0
        assert early[1] is None  # the training itself has two epochs
    assert re.search("early_loss_2 of [^:]*: the training itself", " ".join(ran.out.split()))


def test_every_measure_says_what_it_costs(sed2: Run) -> None:
    Path("m.yaml").write_text("models: [MLP 54-2-7]\n")
    options = ("--baselines", *TRAIN[1:], "--epochs", "3")
    ran = sed2("rank", "m.yaml", *FAST, *options, "--json", "r.json", "--csv", "r.csv")
    assert ran.code == 0, ran.err
    (model,) = json.loads(Path("r.json").read_text())["models"]
    row = next(csv.DictReader(Path("r.csv").read_text().splitlines()))
    costs = {"cpu_seconds": model["cost"]} | {
        f"{name}_cpu_seconds": value["cost"] for name, value in model["baselines"].items()
    }
    for column, cost in costs.items():
        assert float(row[column]) == cost["cpu_seconds"] >= 0
    table = ran.out.partition("CPU s")[2]
    for name in ("lower 2sED", *BASELINES):
        assert re.search(rf"^{name} +[\d.e-]+$", table, re.MULTILINE)
    assert costs["early_loss_2_cpu_seconds"]["compilation_seconds"] is not None
    assert float(row["early_loss_2"]) < 0


def test_baselines_need_no_training(sed2: Run) -> None:
    Path("m.yaml").write_text("models: [MLP 54-2-7]\n")
    document = ranked(sed2, "m.yaml", "--baselines", "--epochs", "1")
    assert document["correlation"] is None
    assert document["models"][0]["training"] is None
    assert document["models"][0]["baselines"]["depth"]["value"] == 2


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--epochs", "3"), 2, ("nothing is trained", "--epochs")),
        (("--train", "--epochs", "0"), 2, ("--epochs", "at least 1")),
        (("--train", "--learning-rate", "fast"), 2, ("--learning-rate", "above 0")),
        (("--train", "--memory-gb", "0.0001"), 5, ("training `MLP 54-2-7`", "--batch-size")),
    ],
)
def test_trainings_that_make_no_sense_are_refused(
    sed2: Run, spec: str, options: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    ran = sed2("rank", spec, *FAST, *options)
    assert ran.code == code
    for word in words:
        assert word in ran.err


def test_what_cannot_be_trained_is_refused_before_the_score(sed2: Run) -> None:
    np.savez("d.npz", x=np.ones((5, 4)))
    ran = sed2("rank", "MLP 4-2", "--dataset", "d.npz", "--train")
    assert ran.code == 4
    assert "`d.npz` has no labels" in ran.err
    ran = sed2("rank", "MLP 54-3", "--dataset", "covertype", "--train")
    assert ran.code == 2
    assert "has 3 outputs, but the labels of `covertype` are 7 classes" in ran.err
    Path("s.yaml").write_text("models:\n  - MLP 54-7\n  - {notation: MLP 54-2-7, seed: 1}\n")
    ran = sed2("rank", "s.yaml", "--dataset", "covertype", "--train")
    assert ran.code == 2
    assert "`seed` is 0 for one and 1 for the other" in ran.err


def test_baselines_are_of_the_same_rows(sed2: Run) -> None:
    """Which the seed chooses."""
    Path("s.yaml").write_text("models:\n  - MLP 54-7\n  - {notation: MLP 54-2-7, seed: 1}\n")
    ran = sed2("rank", "s.yaml", "--dataset", "covertype", "--baselines")
    assert ran.code == 2
    assert "`seed` is 0 for one and 1 for the other" in ran.err


def test_a_diverged_training_stops_nothing(sed2: Run, spec: str) -> None:
    ran = sed2("rank", spec, *FAST, *TRAIN, "--learning-rate", "1e38", "--json", "r.json")
    assert ran.code == 0, ran.err
    assert "the training diverged with 2 of 2 seeds" in ran.err
    assert "diverged" in ran.out
    document = json.loads(Path("r.json").read_text())
    assert [model["training"]["loss"] for model in document["models"]] == [None] * 3
    assert document["correlation"]["measures"]["score"]["kendall"]["value"] is None

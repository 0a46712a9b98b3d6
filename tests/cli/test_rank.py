"""`sed2 rank`: order, JSON, and that company changes no number."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import FAST, Run

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
    lines = ran.out.splitlines()
    places = [line.split()[0] for line in lines[2:5]]
    assert places == ["1", "2", "3"]
    assert "MLP 54-9-7" in lines[2]
    assert "MLP 54-2-7" in lines[4]
    assert LONG.strip() in lines[3]
    for part in ("parameters", "lower 2sED", "95% interval", "P(best)", "P(order)", "2sED", "ESS"):
        assert part in lines[0]
    assert "averaged over eps 0.001 to 0.1" in ran.out
    assert "\x1b" not in ran.out + ran.err


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
    own = {"name", "rank", "separation", "probability_best", "order_probability"}  # of the company
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
    assert document["until_decided"] == {"probability": 0.9, "max_draws": 12, "max_samples": 10}
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
        assert column in ran.out.splitlines()[0].split()


@pytest.mark.parametrize(
    ("options", "where"),
    [
        (("--decide-at", "0.9"), "--decide-at"),
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

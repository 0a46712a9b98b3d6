"""`sed2 select`: the choice, its files, a run that goes on, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

FAST = ("--epochs", "8", "--train-samples", "300", "--samples", "8", "--draws", "3")
BUDGET = ("--prune-by", "none", "--budget", "60%")


@pytest.fixture
def spec() -> str:
    Path("s.yaml").write_text(
        "dataset: covertype\nmodels: [MLP 54-2-7, MLP 54-9-7, MLP 54-4-7, MLP 54-3-3-7]\n"
    )
    return "s.yaml"


def numbers(document: dict[str, Any]) -> Any:
    """All but what it cost, which is another time every time."""
    for model in document["models"]:
        if model["training"]:
            model["training"].pop("cost", None)
    del document["spent"]
    return document


def test_the_choice_comes_first_with_what_it_took(sed2: Run, spec: str) -> None:
    files = ("--json", "s.json", "--csv", "s.csv", "--html", "s.html", "--plot", "s.svg")
    ran = sed2("select", spec, *FAST, *BUDGET, *files)
    assert ran.code == 0, ran.err
    document = json.loads(Path("s.json").read_text())
    choice = document["choice"]
    assert ran.out.startswith(f"Train {choice}: ")
    assert "P(best)" in ran.out
    assert "that training all 4 would take" in ran.out
    first = document["models"][0]
    assert first["name"] == choice
    assert first["rungs"] == max(m["rungs"] for m in document["models"])
    spent = document["spent"]
    assert spent["epochs"] == sum(m["epochs"] for m in document["models"]) <= 0.6 * 4 * 8
    assert spent["epochs_all"] == 32
    assert spent["judging"] == 0
    assert 0 < spent["share"] < 1
    assert choice in Path("s.html").read_text()
    assert Path("s.csv").read_text().splitlines()[1].startswith(choice)


def test_a_judge_that_tells_the_network_from_its_blocks_needs_these(sed2: Run, spec: str) -> None:
    ran = sed2("select", spec, *FAST, "--chain", "end-to-end")
    assert ran.code == 2
    for part in ("`prune_by` joint", "`chain` end-to-end", "Take --prune-by lower"):
        assert part in ran.err.replace("\n", " ")
    ran = sed2("select", spec, *FAST, "--chain", "end-to-end", "--prune-by", "lower")
    assert ran.code == 0, ran.err


def test_a_measure_leaves_out_all_but_a_quarter(sed2: Run, spec: str) -> None:
    ran = sed2("select", spec, *FAST, "--prune-by", "narrowest_width", "--json", "-")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    trained = {m["name"] for m in document["models"] if m["epochs"]}
    assert trained <= {"MLP 54-9-7", "MLP 54-4-7"}
    assert {m["name"]: m["prior"] for m in document["models"]}["MLP 54-2-7"] == 2


def test_the_score_judges_by_default_and_its_cost_counts(sed2: Run, spec: str) -> None:
    document = json.loads(sed2("select", spec, *FAST, "--json", "-").out)
    assert document["prune_by"] == "joint"
    assert document["spent"]["judging"] > 0
    assert all(m["prior"] > 0 for m in document["models"])


def test_a_run_that_was_ended_loses_one_rung_at_most(
    sed2: Run, spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = json.loads(sed2("select", spec, *FAST, *BUDGET, "--json", "-").out)
    from sed2.selection import rungs

    whole, calls = rungs.train_some, list[list[int]]()

    def until_the_second(
        models: Any,
        dataset: Any,
        settings: Any,
        training: Any,
        stops: Any,
        checkpoints: Any,
        progress: Any,
    ) -> Any:
        calls.append([c.epochs if c else 0 for c in checkpoints])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(models, dataset, settings, training, stops, checkpoints, progress)

    monkeypatch.setattr(rungs, "train_some", until_the_second)
    ended = sed2("select", spec, *FAST, *BUDGET, "--run-dir", "rd")
    assert ended.code == 130
    again = sed2("select", spec, *FAST, *BUDGET, "--run-dir", "rd", "--json", "-")
    assert again.code == 0, again.err
    assert calls[2] == calls[1]  # the second rung goes on from the first, which is kept
    assert numbers(json.loads(again.out)) == numbers(alone)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--budget", "1%"), "less than one epoch"),
        (("--budget", "soon"), "must be a share of the cost"),
        (("--budget", "0%"), "must be a share of the cost"),
        (("--prune-by", "snap"), "no measure is called `snap`. Did you mean `snip`"),
        (("--decide-at", "2"), "--decide-at"),
        (("--max-parameters", "130"), "is the only candidate"),
    ],
)
def test_what_makes_no_sense_is_refused(
    sed2: Run, spec: str, options: tuple[str, ...], told: str
) -> None:
    ran = sed2("select", spec, *FAST, *options)
    assert ran.code == 2
    assert told in ran.err


def test_a_time_is_not_exceeded_by_what_could_be_told_before(sed2: Run, spec: str) -> None:
    """An hour trains all to the end; no time is enough for what judges before."""
    whole = json.loads(
        sed2("select", spec, *FAST, "--prune-by", "none", "--budget", "1h", "--json", "-").out
    )
    assert [m["epochs"] for m in whole["models"]] == [8] * 4
    ran = sed2("select", spec, *FAST, "--budget", "0.0001s")
    assert ran.code == 2
    assert "of the budget are left" in ran.err


def test_it_needs_labels(sed2: Run) -> None:
    Path("x.csv").write_text("a,b\n1,2\n3,4\n5,7\n")
    Path("s.yaml").write_text("dataset: x.csv\nlabel: none\nmodels: [MLP 2-3, MLP 2-2-3]\n")
    assert sed2("select", "s.yaml", *FAST).code in (2, 4)

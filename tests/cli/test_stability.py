"""`sed2 stability`: tables, the sentence, JSON, CSV, the figure, bad input."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from sed2 import tasks
from tests.cli.conftest import FAST, Run

TINY = (
    *FAST,
    *("--samples-grid", "3,5,8", "--draws-grid", "2,3,6", "--sigma-grid", "1e-2,1", "--seeds", "2"),
)


@pytest.fixture
def spec() -> str:
    Path("s.yaml").write_text("models: [MLP 54-2-7, MLP 54-9-7]\n")
    return "s.yaml"


def document(sed2: Run, spec: str, *options: str) -> dict[str, Any]:
    ran = sed2("stability", spec, *TINY, *options, "--json", "-")
    assert ran.code == 0, ran.err
    return json.loads(ran.out, parse_constant=lambda name: pytest.fail(f"{name} in the JSON"))


def test_a_table_per_sweep_and_the_verdict_in_words(sed2: Run, spec: str) -> None:
    ran = sed2("stability", spec, *TINY)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    for part in (
        "N varies, K = 3, sigma = 0.01",
        "K varies, N = 5, sigma = 0.01",
        "sigma varies, N = 5, K = 3",
        "the seed varies, N = 5, K = 3, sigma = 0.01",
        "averaged over eps 0.001 to 0.1",
        "The ranking MLP 54-9-7 > MLP 54-2-7 is settled at N = 5, K = 3: all 2 seeds agree",
        "in 1 of 2 cases",
    ):
        assert part in ran.out
    row = next(line for line in lines if line.startswith("5*")).split()
    assert row[:6] == ["5*", "1", "2", "2", "of", "2"]
    assert [line.split()[0] for line in lines if "  549  " in line] == ["1"]
    assert "\x1b" not in ran.out + ran.err


def test_json_has_every_score(sed2: Run, spec: str) -> None:
    got = document(sed2, spec)
    assert got["schema_version"] == 1
    assert [model["name"] for model in got["models"]] == ["MLP 54-2-7", "MLP 54-9-7"]
    assert got["seeds"] == [0, 1]
    assert got["settings"]["input_groups"] == 0
    assert set(got["sweeps"]) == {"samples", "draws", "sigma"}
    for name, grid, base in (
        ("samples", [3, 5, 8], 5),
        ("draws", [2, 3, 6], 3),
        ("sigma", [0.01, 1], 0.01),
    ):
        sweep = got["sweeps"][name]
        assert sweep["grid"] == grid
        assert sweep["base"] == base
        assert [len(points) for points in sweep["score"]] == [len(grid)] * 2
        assert {len(seeds) for points in sweep["score"] for seeds in points} == {2}
        for key in ("agreeing_seeds", "kendall_tau"):
            assert len(sweep[key]) == len(grid)
    verdict = got["verdict"]
    assert verdict["settled"] is True
    assert verdict["order"] == ["MLP 54-9-7", "MLP 54-2-7"]
    assert (verdict["samples"], verdict["draws"], verdict["draws_extrapolated"]) == (3, 2, None)
    assert verdict["sentence"].startswith("The ranking")
    assert got["provenance"]["data_sha256"]


def test_one_seed_says_so_and_leaves_null(sed2: Run, spec: str) -> None:
    got = document(sed2, spec, "--seeds", "1")
    assert got["verdict"]["settled"] is None
    assert got["verdict"]["kendall_tau"] is None
    assert "one seed" in got["verdict"]["why_not_told"]
    assert got["sweeps"]["draws"]["scatter"] == [[None] * 3] * 2


def test_scores_are_those_of_rank_and_the_same_again(sed2: Run, spec: str) -> None:
    got = document(sed2, spec, "--seed", "4", "--n-train", "1e5")
    assert got["seeds"] == [4, 5]
    assert got == document(sed2, spec, "--seed", "4", "--n-train", "1e5")
    options = ("--samples", "8", "--seed", "5", "--n-train", "1e5", "--json", "-")
    ranked = json.loads(sed2("rank", spec, *FAST, *options).out)
    want = {model["name"]: model["score"] for model in ranked["models"]}
    for model, points in zip(got["models"], got["sweeps"]["samples"]["score"], strict=True):
        assert points[2][1] == pytest.approx(want[model["name"]], rel=1e-12)


def test_csv_and_figure(sed2: Run, spec: str) -> None:
    ran = sed2("stability", spec, *TINY, "--csv", "s.csv", "--plot", "s.png")
    assert ran.code == 0, ran.err
    rows = list(csv.DictReader(Path("s.csv").read_text().splitlines()))
    assert len(rows) == 2 * 2 * (3 + 3 + 2)
    assert set(rows[0]) == {
        *("sweep", "samples", "draws", "sigma", "seed", "model", "parameters", "score")
    }
    assert {row["samples"] for row in rows if row["sweep"] == "samples"} == {"3", "5", "8"}
    assert {row["samples"] for row in rows if row["sweep"] == "sigma"} == {"5"}
    assert all(float(row["score"]) > 0 for row in rows)
    assert Path("s.png").read_bytes().startswith(b"\x89PNG")


def test_a_grid_beyond_the_data_is_cut_with_a_warning(sed2: Run, spec: str) -> None:
    lines = [",".join(f"x{i}" for i in range(54)) + ",y"]
    lines += [",".join(str((i * j) % 7) for j in range(55)) for i in range(1, 7)]
    Path("six.csv").write_text("\n".join(lines) + "\n")
    got = document(sed2, spec, "--dataset", "six.csv")
    assert got["sweeps"]["samples"]["grid"] == [3, 5, 6]
    assert "the grid of N is cut to the 6 rows of the data" in got["warnings"]


BAD = {
    "unsorted grid": (["--samples-grid", "8,5"], ["--samples-grid", "5 follows 8"]),
    "no inputs": (["--samples-grid", "0,5"], ["--samples-grid", "at least 1"]),
    "empty grid": (["--draws-grid", ""], ["--draws-grid", "from 1 to 100 numbers"]),
    "not a grid": (["--sigma-grid", "small"], ["--sigma-grid", "small"]),
    "no noise": (["--sigma-grid", "0,1"], ["--sigma-grid", "above 0"]),
    "no seed": (["--seeds", "0"], ["--seeds", "whole number"]),
    "figure": (["--plot", "s.bmp"], ["--plot", ".png, .svg, .pdf"]),
    "same file": (["--plot", "s.svg", "--csv", "s.svg"], ["s.svg", "--csv"]),
    "json": (["--json", "none/s.json"], ["--json", "no folder"]),
    "own draws": (["own.yaml"], ["`draws` is 3 for one and 9 for the other"]),
    "own zeta": (["zeta.yaml"], ["cannot be ranked together", "`zeta`"]),
    "setting": (["--zeta", "2"], ["--zeta"]),
}


@pytest.mark.parametrize(("options", "parts"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_before_the_work(
    sed2: Run, spec: str, monkeypatch: pytest.MonkeyPatch, options: list[str], parts: list[str]
) -> None:
    monkeypatch.setattr(tasks, "estimate", lambda *_: pytest.fail("the work began"))
    for field, value in (("own", "draws: 9"), ("zeta", "zeta: 0.5")):
        Path(f"{field}.yaml").write_text(
            f"draws: 3\nmodels:\n  - MLP 54-2-7\n  - {{notation: MLP 54-3-7, {value}}}\n"
        )
    given = TINY[:4] + TINY[6:] if options[0] == "own.yaml" else TINY  # without --draws
    first, *rest = options if options[0].endswith(".yaml") else [spec, *options]
    ran = sed2("stability", first, *given, *rest)
    assert (ran.code, ran.out) == (2, ""), ran.err
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    for part in parts:
        assert part in ran.err


def test_missing_data_has_its_own_code(sed2: Run, spec: str) -> None:
    assert sed2("stability", spec, "--dataset", "nothing").code == 4


def test_the_largest_point_must_fit_before_the_work(
    sed2: Run, spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "estimate", lambda *_: pytest.fail("the work began"))
    ran = sed2("stability", spec, *TINY, "--draws-grid", "3,100000", "--memory-gb", "0.01")
    assert (ran.code, ran.out) == (5, "")
    assert "100,000" in ran.err

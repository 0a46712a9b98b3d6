"""`sed2 compute`: tables, JSON, CSV, figures, where settings come from."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.cli.conftest import FAST, Run


def test_the_table_tells_the_curve_the_blocks_and_the_settings(sed2: Run) -> None:
    ran = sed2("compute", "MLP 54-3-7", *FAST)
    assert ran.code == 0
    for part in ("183 parameters", "lower 2sED", "dense_1", "dense_2", "162", "N = 5", "torch"):
        assert part in ran.out
    assert "\x1b" not in ran.out + ran.err


def test_few_effective_draws_are_warned_of_on_stderr(sed2: Run) -> None:
    ran = sed2("compute", "MLP 54-3-7", *FAST)
    assert "warning: effective sample size" in ran.err
    assert "warning" not in ran.out


def test_equal_draws_need_no_warning(sed2: Run) -> None:
    """The Fisher matrix of a linear block is the same for all parameters."""
    ran = sed2("compute", "MLP 54-2", *FAST, "--draws", "12", "--json", "-")
    assert "effective" not in ran.err
    assert json.loads(ran.out)["effective_sample_size"] == pytest.approx([12] * 4)


def test_one_draw_of_one_input_has_numbers_but_no_errors(sed2: Run) -> None:
    one = ("--samples", "1", "--draws", "1", "--plot", "r.png")
    document = json.loads(sed2("compute", "MLP 54-3-7", *FAST, *one, "--json", "-").out)
    for curve in ("two_sed", "lower_two_sed"):
        assert None not in document[curve]["estimate"]
        assert document[curve]["std_error"] == [None] * 4
    ran = sed2("compute", "MLP 54-3-7", *FAST, *one)
    assert ran.code == 0
    assert "nan" not in ran.out


def test_json_on_stdout_is_one_document_of_the_contract(sed2: Run) -> None:
    ran = sed2("compute", "MLP 54-3-7", *FAST, "--json", "-")
    document = json.loads(ran.out)
    assert document["schema_version"] == 1
    assert document["model"]["name"] == "MLP 54-3-7"
    assert document["model"]["parameters"] == 183
    assert [block["parameters"] for block in document["model"]["blocks"]] == [162, 21]
    settings = document["settings"]
    assert settings["dataset"] == "covertype"
    for key in ("samples", "draws", "sigma", "zeta", "fisher", "prior", "seed"):
        assert key in settings
    assert document["eps"] == sorted(document["eps"])
    for curve in ("two_sed", "lower_two_sed"):
        assert len(document[curve]["estimate"]) == len(document[curve]["std_error"]) == 4
    assert document["two_sed"]["std_error"] == [None] * 4  # too few effective draws
    assert len(document["effective_sample_size"]) == 4
    for key in ("sed2", "jax", "device", "dtype", "spec_sha256", "data_sha256"):
        assert document["provenance"][key]
    assert "NaN" not in ran.out


def test_the_same_command_gives_the_same_numbers(sed2: Run) -> None:
    one, other = (
        json.loads(sed2("compute", "MLP 54-3-7", *FAST, "--json", "-").out) for _ in range(2)
    )
    assert one.pop("cost")["cpu_seconds"] > 0
    assert other.pop("cost")["cpu_seconds"] > 0  # another time every time
    assert one == other


def test_files_are_written(sed2: Run) -> None:
    options = ("--json", "r.json", "--csv", "r.csv", "--plot", "r.svg")
    ran = sed2("compute", "MLP 54-3-7", *FAST, *options)
    assert ran.code == 0
    document = json.loads(Path("r.json").read_text())
    rows = list(csv.DictReader(Path("r.csv").read_text().splitlines()))
    assert [float(row["eps"]) for row in rows] == document["eps"]
    assert [float(row["lower_two_sed"]) for row in rows] == document["lower_two_sed"]["estimate"]
    assert rows[0]["two_sed_std_error"] == ""
    first = Path("r.svg").read_bytes()
    assert b"<svg" in first
    sed2("compute", "MLP 54-3-7", *FAST, *options)
    assert Path("r.svg").read_bytes() == first


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_figures_in_other_formats(sed2: Run, suffix: str, magic: bytes) -> None:
    assert sed2("compute", "MLP 54-3-7", *FAST, "--plot", f"r.{suffix}").code == 0
    assert Path(f"r.{suffix}").read_bytes().startswith(magic)


def test_settings_come_from_flags_then_variables_then_yaml_then_defaults(
    sed2: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("m.yaml").write_text(
        "dataset: covertype\ndraws: 2\nsamples: 3\nsigma: 1e-3\neps: 0.1\nnotation: MLP 54-3-7\n"
    )
    monkeypatch.delenv("SED2_SIGMA")
    monkeypatch.setenv("SED2_DRAWS", "4")
    monkeypatch.setenv("SED2_SAMPLES", "5")
    ran = sed2("compute", "m.yaml", "--samples", "6", "--json", "-")
    got = json.loads(ran.out)["settings"]
    assert (got["samples"], got["draws"], got["sigma"], got["zeta"]) == (6, 4, 1e-3, 0.0)


def test_one_model_of_several_by_name(sed2: Run) -> None:
    Path("m.yaml").write_text("models: [MLP 54-3-7, MLP 54-4-7]\n")
    ran = sed2("compute", "m.yaml", "--model", "MLP 54-4-7", *FAST, "--json", "-")
    assert json.loads(ran.out)["model"]["parameters"] == 244


def test_own_data_as_csv_and_as_npz_agree(sed2: Run) -> None:
    import numpy as np

    x = np.random.default_rng(0).normal(size=(30, 3))
    np.savez("d.npz", x=x, y=np.arange(30) % 2)
    with open("d.csv", "w") as file:
        file.write("a,b,c,kind\n")
        file.writelines(f"{a!r},{b!r},{c!r},{i % 2}\n" for i, (a, b, c) in enumerate(x.tolist()))
    curves = []
    for name in ("d.npz", "d.csv"):
        ran = sed2("compute", "MLP 3-4-2", "--dataset", name, "--standardize", "--json", "-")
        assert ran.code == 0, ran.err
        curves.append(json.loads(ran.out)["lower_two_sed"])
    assert curves[0] == curves[1]


def test_n_train_names_eps_n(sed2: Run) -> None:
    ran = sed2("compute", "MLP 54-3-7", *FAST, "--n-train", "10000")
    assert "eps_n = 0.07271" in ran.out

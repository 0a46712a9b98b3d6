"""`sed2 bound`: the numbers and on whose word they stand, `vacuous`, bad input, JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sed2 import tasks
from tests.cli.conftest import FAST, Run

WORDS = ("--lipschitz", "1", "--n-train", "100000")
ASSUMPTIONS = {
    "parameters",
    "Fisher field",
    "loss range",
    "loss slope",
    "densities",
    "training set",
    "K",
    "2sED",
    "rank, eigenvalue",
}


def document(sed2: Run, spec: str, *options: str) -> dict[str, Any]:
    ran = sed2("bound", spec, *FAST, *WORDS, *options, "--json", "-")
    assert ran.code == 0, ran.err
    return json.loads(ran.out, parse_constant=lambda name: pytest.fail(f"{name} in the JSON"))


@pytest.fixture
def one_number() -> str:
    """Data of one feature, for a model of one parameter."""
    np.savez("one.npz", x=np.random.default_rng(0).normal(size=(20, 1)))
    return "one.npz"


def test_the_table_tells_the_bound_the_covers_and_whose_word_they_are(sed2: Run) -> None:
    ran = sed2("bound", "MLP 54-3-7", *FAST, *WORDS)
    assert ran.code == 0
    for part in (
        "183 parameters",
        "n = 100,000, gamma = 1, K = 1, L = 1",
        "at eps_n = 0.03334",
        "2sED at most",
        "The bound is vacuous",
        "not below gamma_0 = ",
        "covering number",
        "zeta 0.666667",
    ):
        assert part in ran.out
    for name in ASSUMPTIONS:
        assert re.search(rf"^{name} +(user|measured|assumed) ", ran.out, re.MULTILINE)
    assert re.search(r"bound on P +10\^\d+\.\d +10\^\d+\.\d\n", ran.out)
    assert "warning: the theorem takes parameters that are uniform on a cube" in ran.err
    assert "\x1b" not in ran.out + ran.err


def test_a_bound_that_is_not_vacuous_says_what_it_promises(sed2: Run, one_number: str) -> None:
    ran = sed2(
        *("bound", "MLP 1-1", "--dataset", one_number, "--prior", "uniform:0:1", "--eps", "0.01"),
        *("--lipschitz", "0", "--n-train", "1e12", "--theorem-k", "2", "--theorem-c", "3"),
    )
    assert (ran.code, ran.err) == (0, "")
    assert "The bound is not vacuous: with a probability of at least 1 - 10^-1" in ran.out
    assert "|R - R_n| is below 0.00032" in ran.out
    assert "is not judged: give --theorem-c and --loss-bound." in ran.out
    assert "It vanishes as n grows: gamma = 1 is below gamma_0 = 3.15." in ran.out


def test_json_is_one_document_with_everything(sed2: Run) -> None:
    got = document(sed2, "MLP 54-3-7")
    assert got["schema_version"] == 1
    assert got["model"]["name"] == "MLP 54-3-7"
    assert got["model"]["parameters"] == 183
    assert 0 < got["model"]["rank"] <= 183
    assert got["settings"]["zeta"] == 2 / 3
    assert got["settings"]["n_train"] == 100_000
    assert got["constants"]["lipschitz"] == 1.0
    assert got["constants"]["theorem_k"] == 1.0
    assert got["constants"]["theorem_c"] is None
    assert got["eps_n"] == pytest.approx(0.0334, abs=1e-4)
    assert got["deviation"] is None
    assert 2 / 3 * 183 <= got["d_zeta"]["estimate"] <= got["d_zeta"]["upper_bound"]
    assert got["d_zeta"]["is_lower_estimate"] is True
    assert got["d_zeta"]["std_error"] is None
    assert 0 < got["log_probability"]["estimate"] <= got["log_probability"]["upper_bound"]
    assert got["vacuous"] is True
    assert got["smallest_k"]["estimate"] <= got["smallest_k"]["upper_bound"]
    assert 0 < got["gamma_0"] < 1
    assert len(got["eps"]) == 4
    for key in ("estimate", "upper_bound", "equal_cubes", "vacuous"):
        assert len(got["log_covering"][key]) == 4
        assert got["log_covering_at_eps_n"][key] is not None
    assert {each["name"] for each in got["assumptions"]} == ASSUMPTIONS
    assert {each["source"] for each in got["assumptions"]} == {"user", "measured", "assumed"}
    assert all(each["statement"] for each in got["assumptions"])
    assert got["warnings"]
    for key in ("sed2", "jax", "device", "dtype", "spec_sha256", "data_sha256"):
        assert got["provenance"][key]


def test_the_estimate_is_that_of_compute(sed2: Run) -> None:
    ran = sed2("compute", "MLP 54-3-7", *FAST, "--zeta", "0.7", "--json", "-")
    computed, got = json.loads(ran.out), document(sed2, "MLP 54-3-7", "--zeta", "0.7")
    eps, log_c = np.array(got["eps"]), got["constants"]["log_c_d"]
    for mine, theirs in (
        ("estimate", computed["two_sed"]["estimate"]),
        ("upper_bound", computed["upper_bound"]),
    ):
        np.testing.assert_allclose(
            got["log_covering"][mine], log_c - np.array(theirs) * np.log(eps), rtol=1e-12
        )


def test_sampled_spectra_leave_the_upper_bound_open(sed2: Run) -> None:
    got = document(sed2, "MLP 54-40-7", "--max-flops", "1e4")
    assert got["model"]["eigenvalue"] is None
    assert got["d_zeta"]["upper_bound"] is None
    assert got["log_probability"]["upper_bound"] is None
    assert got["gamma_0"] is None
    assert got["vacuous"] is True
    ran = sed2("bound", "MLP 54-40-7", *FAST, *WORDS, "--max-flops", "1e4")
    assert ran.code == 0
    assert "2sED is not bounded from above" in ran.out
    assert "gamma_0 is not known" in ran.out
    assert "warning: a spectrum is sampled" in ran.err
    assert "nan" not in ran.out


def test_json_goes_to_a_file_too(sed2: Run) -> None:
    ran = sed2("bound", "MLP 54-3-7", *FAST, *WORDS, "--json", "b.json")
    assert ran.code == 0
    assert "vacuous" in ran.out
    assert json.loads(Path("b.json").read_text())["vacuous"] is True


def test_settings_come_from_the_yaml_and_variables_too(
    sed2: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("m.yaml").write_text(
        "dataset: covertype\nn_train: 1000\nzeta: 0.75\nsamples: 4\ndraws: 2\n"
        "models: [MLP 54-3-7, MLP 54-2-7]\n"
    )
    monkeypatch.setenv("SED2_GAMMA", "0.5")
    ran = sed2(
        "bound",
        "m.yaml",
        "--model",
        "MLP 54-2-7",
        "--lipschitz",
        "1",
        "--json",
        "-",
        "--eps",
        "0.1",
    )
    got = json.loads(ran.out)
    assert got["model"]["parameters"] == 122
    settings = got["settings"]
    assert (settings["n_train"], settings["zeta"], settings["gamma"]) == (1000, 0.75, 0.5)


@pytest.mark.parametrize("zeta", ["2/3", "0.66", "0", "1"])
def test_zeta_out_of_range_is_refused(sed2: Run, zeta: str) -> None:
    ran = sed2("bound", "MLP 54-3-7", *FAST, *WORDS, "--zeta", zeta)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: --zeta: ")


BAD = {
    "zeta": (["--zeta", "0.66"], ["below 2/3", "Give --zeta 0.667"]),
    "zeta of the file": (["zeta.yaml"], ["--zeta", "zeta 0.5 is below 2/3"]),
    "no n": (["--n-train", ""], ["--n-train"]),
    "n of one": (["--n-train", "1"], ["--n-train", "2"]),
    "eps_n of one": (["--n-train", "2", "--gamma", "0.1"], ["n_train", "gamma", "eps_n"]),
    "gamma": (["--gamma", "2"], ["--gamma"]),
    "negative lipschitz": (["--lipschitz", "-1"], ["--lipschitz", "at least 0"]),
    "lipschitz in words": (["--lipschitz", "large"], ["--lipschitz", "large", "a number"]),
    "infinite lipschitz": (["--lipschitz", "inf"], ["--lipschitz", "inf"]),
    "k": (["--theorem-k", "0"], ["--theorem-k", "above 0"]),
    "c": (["--theorem-c", "x"], ["--theorem-c", "above 0"]),
    "b": (["--loss-bound", "0"], ["--loss-bound", "above 0"]),
    "json": (["--json", "none/b.json"], ["--json", "no folder"]),
}


@pytest.mark.parametrize(("options", "parts"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_before_the_work(
    sed2: Run, monkeypatch: pytest.MonkeyPatch, options: list[str], parts: list[str]
) -> None:
    monkeypatch.setattr(tasks, "estimate", lambda *_: pytest.fail("the work began"))
    Path("zeta.yaml").write_text("zeta: 0.5\nnotation: MLP 54-3-7\n")
    spec, *rest = options if options[0] == "zeta.yaml" else ["MLP 54-3-7", *options]
    ran = sed2("bound", spec, *FAST, *WORDS, *rest)
    assert (ran.code, ran.out) == (2, ""), ran.err
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    for part in parts:
        assert part in ran.err


@pytest.mark.parametrize("missing", ["--lipschitz", "--n-train"])
def test_what_only_the_user_knows_must_be_given(sed2: Run, missing: str) -> None:
    words = dict(zip(WORDS[::2], WORDS[1::2], strict=True))
    del words[missing]
    ran = sed2("bound", "MLP 54-3-7", *FAST, *(part for word in words.items() for part in word))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: {missing}: ")
    assert f"{missing}" in ran.err.partition(". ")[2]


def test_missing_data_has_its_own_code(sed2: Run) -> None:
    ran = sed2("bound", "MLP 54-3-7", "--dataset", "nothing", *WORDS)
    assert (ran.code, ran.out) == (4, "")


def test_work_that_would_not_fit_has_its_own_code(sed2: Run) -> None:
    ran = sed2("bound", "MLP 54-3-7", *FAST, *WORDS, "--memory-gb", "1e-9")
    assert (ran.code, ran.out) == (5, "")

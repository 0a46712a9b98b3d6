"""The Python API: what it takes, what it refuses, and that nothing else changes a number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sed2
from sed2.errors import NumericsError, SpecError, UsageError

FAST = {"dataset": "covertype", "samples": 6, "draws": 4, "eps": [0.01, 0.1]}


def test_a_spec_is_a_file_a_notation_or_a_mapping(tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text("MLP 54-3-7\n")
    mapping = {"blocks": [{"dense": {"features": 3, "activation": "relu", "bias": False}}]}
    mapping["blocks"].append({"dense": {"features": 7, "bias": False}})
    results = [sed2.compute(spec, **FAST) for spec in (str(file), file, "MLP 54-3-7", mapping)]
    for result in results:
        np.testing.assert_array_equal(
            result.lower_two_sed.estimate, results[0].lower_two_sed.estimate
        )


def test_faults_of_a_mapping_are_placed() -> None:
    with pytest.raises(SpecError, match=r"<mapping>:\d+:\d+: .*.relux..*Did you mean `relu`"):
        sed2.compute({"blocks": [{"dense": {"features": 3, "activation": "relux"}}]}, **FAST)
    with pytest.raises(SpecError, match=r"not JSON serializable.*plain numbers"):
        sed2.compute({"blocks": [{"dense": {"features": np.int64(3)}}]}, **FAST)


def test_unknown_settings_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"`drawz`.*Did you mean `draws`"):
        sed2.compute("MLP 54-3-7", drawz=4)


def test_no_dataset_is_refused() -> None:
    with pytest.raises(UsageError, match="no data set is given"):
        sed2.compute("MLP 54-3-7")


def test_company_name_and_place_change_no_number() -> None:
    models = ["MLP 54-3-7", "MLP 54-4-7", {"name": "renamed", "notation": "MLP 54-5-7"}]
    together = sed2.rank({"models": models}, **FAST)
    reversed_ = sed2.rank({"models": models[::-1]}, **FAST)
    alone = {
        name: sed2.compute(notation, **FAST)
        for name, notation in (("MLP 54-3-7", "MLP 54-3-7"), ("renamed", "MLP 54-5-7"))
    }
    for ranking in (together, reversed_):
        for model in ranking.models:
            if model.result.name in alone:
                for got, want in (
                    (model.result.lower_two_sed, alone[model.result.name].lower_two_sed),
                    (model.result.two_sed, alone[model.result.name].two_sed),
                ):
                    np.testing.assert_array_equal(got.estimate, want.estimate)
                    np.testing.assert_array_equal(got.std_error, want.std_error)


def test_a_fault_in_the_last_model_is_found_before_the_first_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sed2 import tasks

    monkeypatch.setattr(tasks, "estimate", lambda *_: pytest.fail("the work began"))
    with pytest.raises(SpecError, match="MLP 53-3-7"):
        sed2.rank({"models": ["MLP 54-3-7", "MLP 53-3-7"]}, **FAST)


def test_progress_is_told_to_its_end() -> None:
    told: list[tuple[str, int, int]] = []
    sed2.compute("MLP 54-3-7", progress=lambda *event: told.append(event), **FAST)
    name, done, total = told[-1]
    assert name == "MLP 54-3-7"
    assert done == total >= FAST["draws"]


def test_a_file_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "x.npz"
    seen = []
    for seed in (0, 1):
        np.savez(file, x=np.random.default_rng(seed).normal(size=(10, 4)))
        result = sed2.compute("MLP 4-2", dataset=str(file), samples=10, draws=2, eps=0.1)
        seen.append(result.provenance.data_sha256)
    assert seen[0] != seen[1]


@pytest.mark.parametrize("spec", [3, None, [None], [[3]], [["MLP 54-3-7"]], {1}, np.ones(3), b"x"])
def test_what_is_no_network_is_called_by_its_class(spec: Any) -> None:
    with pytest.raises(SpecError, match=r"is an object of the class `\w+`, which is no network"):
        sed2.rank(spec, **FAST)
    with pytest.raises(SpecError, match=r"^spec\['a'\]: .*is an object of the class"):
        sed2.rank({"a": spec}, **FAST)


def test_an_empty_text_is_no_folder() -> None:
    with pytest.raises(SpecError, match=r"^the spec is empty"):
        sed2.compute("", **FAST)


def test_a_path_is_a_data_set(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, x=np.ones((3, 2)))
    (checked,) = sed2.validate("MLP 2-3-2", dataset=path)
    assert checked.input_shape == (2,)


@pytest.mark.parametrize(("sigma", "shown"), [([0.1, 0.2], r"\[0.1, 0.2\]"), ([], "an empty list")])
def test_an_array_for_a_number_is_refused_in_own_words(sigma: list[float], shown: str) -> None:
    assert sed2.validate("MLP 54-3-7", dataset="covertype", sigma=np.array([0.1]))
    with pytest.raises(
        UsageError, match=f"^sigma: `sigma` must be a number above 0 or limit, not {shown}"
    ):
        sed2.validate("MLP 54-3-7", dataset="covertype", sigma=np.array(sigma))


def test_numbers_that_fail_are_laid_to_the_model_and_the_data(tmp_path: Path) -> None:
    path = tmp_path / "large.npz"
    np.savez(path, x=np.full((5, 4), 1e200))
    with pytest.raises(NumericsError, match=r"^`MLP 4-3-2` on `.*`: the outputs"):
        sed2.rank(["MLP 4-3-2"], dataset=str(path), draws=3)

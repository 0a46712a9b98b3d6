"""Several models in one call: lists and mappings of notations, mappings and networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import pytest
from flax import nnx

import sed2
from sed2.errors import DataError, SpecError, UsageError
from sed2.report.tables.cells import describe
from sed2.request import read_spec, resolve_ranked, resolve_settings
from sed2.settings import Settings

BLOCKS = [{"dense": {"features": 4, "activation": "relu"}}, {"dense": {"features": 3}}]


class Small(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.only = nnx.Linear(8, 3, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.only(x)


class Deep(Small):
    pass


def elements() -> list[Any]:
    return [nnx.Linear(8, 4, rngs=nnx.Rngs(0)), nnx.relu, nnx.Linear(4, 3, rngs=nnx.Rngs(1))]


@pytest.mark.parametrize(
    ("spec", "blocks"),
    [
        (["MLP 8-6-3", "MLP 8-4-4-3"], {"MLP 8-6-3": 2, "MLP 8-4-4-3": 3}),
        (("MLP 8-6-3",), {"MLP 8-6-3": 2}),
        ({"small": "MLP 8-6-3", "deep": "MLP 8-4-4-3"}, {"small": 2, "deep": 3}),
        (
            ["MLP 8-6-3", {"name": "own", "blocks": BLOCKS}, Small, Deep(nnx.Rngs(0))],
            {"MLP 8-6-3": 2, "own": 2, "Small": 1, "Deep": 1},
        ),
        (
            {"a": {"blocks": BLOCKS}, "b": {"notation": "MLP 8-3", "name": "b"}, "c": Small},
            {"a": 2, "b": 1, "c": 1},
        ),
        ({"a": elements(), "b": "MLP 8-3"}, {"a": 2, "b": 1}),
        ([Small, Deep], {"Small": 1, "Deep": 1}),
        (elements(), {"list": 2}),  # one network, a block each
        (tuple(elements()), {"tuple": 2}),
        ([{"name": "set", "blocks": BLOCKS, "sigma": 0.1}], {"set": 2}),
    ],
)
def test_models_come_as_lists_and_by_name(spec: Any, blocks: dict[str, int]) -> None:
    models = read_spec(spec, allow_import=False, allow_partial=False).models
    assert {model.name: len(model.blocks) for model in models} == blocks


def test_a_model_of_a_list_is_that_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SED2_SIGMA")
    fast = {"dataset": "covertype", "samples": 6, "draws": 4, "eps": 0.1}
    models: list[Any] = ["MLP 54-3-7", {"name": "own", "notation": "MLP 54-4-7", "sigma": 0.1}]
    listed, written = sed2.rank(models, **fast), sed2.rank({"models": models}, **fast)
    for model in written:
        assert listed[model.name].result.score.value == model.result.score.value
    assert listed["own"].result.settings.sigma == 0.1


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (["MLP 8-3", "MLP 8-3"], r"^spec\[1\]: two .*`MLP 8-3`; the other stands at spec\[0\]\."),
        ([Small, Small], r"^spec\[1\]: two models are called `Small`.*Give each its own name"),
        ([elements(), elements()], r"^spec\[1\]: two models are called `list`.*`{\"small\": "),
        ({1: "MLP 8-3", "1": "MLP 8-6-3"}, r"^spec\['1'\]: two .* at spec\[1\]"),
        (["MLP 8-3", "MPL 8-3"], r"^spec\[1\]: `MPL` is no family.*Did you mean `MLP`"),
        (["MLP 8-3", 3], r"^spec\[1\]: .*no network"),
        ({"a": "MLP 8-3", "b": None}, r"^spec\['b'\]: .*no network"),
        (["MLP 8-3", ["MLP 8-3"]], r"^spec\[1\]: .*no network"),
        ({"modls": ["MLP 8-3"]}, r"^spec\['modls'\]: .*no network"),
        (["configs/mlps.yaml", "MLP 8-3"], r"^spec\[0\]: `configs/mlps.yaml` is no family"),
        (["MLP 8-3", {"blocks": [{"dens": {}}]}], r"^spec\[1\]:\d+:\d+: .*Did you mean `dense`"),
        (["MLP 8-3", {"models": ["MLP 8-3"]}], r"^spec\[1\]:\d+:\d+: .*no key .*`models`"),
        ({"a": {"name": "b", "blocks": BLOCKS}}, r"^spec\['a'\]: it calls itself `b`"),
        ([], "`spec` holds no model"),
        ({}, "`spec` holds no model"),
    ],
)
def test_a_wrong_model_is_named(spec: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_spec(spec, allow_import=False, allow_partial=False)


def test_a_model_that_does_not_fit_its_data_is_named() -> None:
    with pytest.raises(SpecError, match=r"^spec\['wide'\]: .*takes 55 features"):
        sed2.rank({"small": "MLP 54-3-7", "wide": "MLP 55-3-7"}, dataset="covertype")


def test_the_label_column_of_a_csv_is_named_where_it_is_the_last_by_default(tmp_path: Path) -> None:
    path = tmp_path / "data.CSV"
    path.write_text("a,b, kind \n1,2,x\n2,1,y\n")
    file = read_spec("MLP 2-3-2", False, False)

    def resolved(**settings: object) -> Settings:
        return resolve_settings(file, file.models[0], settings)

    assert resolved(dataset=str(path)).label == "kind"
    assert resolved(dataset=str(path), label="a").label == "a"
    assert "(no label)" in describe(resolved(dataset=str(path), label="none"), 2)
    assert "(label `kind`)" in describe(resolved(dataset=str(path)), 2)
    for other in ("covertype", str(tmp_path / "none.csv"), None):
        assert resolved(dataset=other).label is None
    assert "label" not in describe(resolved(dataset="covertype"), 2)
    (checked,) = sed2.validate("MLP 2-3-2", dataset=str(path))
    assert checked.label == "kind"


@pytest.mark.parametrize(
    ("asked", "cause"),
    [
        ({"dataset": "covertype", "label": "a"}, "`covertype` comes with its classes"),
        ({"dataset": "covertype", "label": "none"}, "`covertype` comes with its classes"),
        ({"dataset": "data.npz", "label": "a"}, "`data.npz` has no columns"),
        ({"dataset": "data.csv", "x_key": "a"}, "`data.csv` has no arrays with names"),
        ({"dataset": "data.npy", "y_key": "a"}, "`data.npy` has no arrays with names"),
        ({"dataset": "data.csv", "layout": "nchw"}, "`data.csv` holds no images"),
        ({"dataset": "mnist", "targets": "numbers"}, "`mnist` comes with its classes"),
        ({"dataset": "mnist", "standardize": True}, "`mnist` always is standardised"),
    ],
)
def test_how_a_file_is_read_is_refused_where_it_means_nothing(
    asked: dict[str, Any], cause: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = list(asked)[1]
    with pytest.raises(UsageError, match=f"^{name}: it means nothing here: {cause}") as refused:
        sed2.validate("MLP 54-3-7", **asked)
    assert refused.value.mend == "Leave it out"
    spec = tmp_path / "spec.yaml"
    spec.write_text(f"models: [MLP 54-3-7]\n{name}: {json.dumps(asked[name])}\n")
    with pytest.raises(UsageError, match=f"^{spec}:2:.*: it means nothing here"):
        sed2.rank(spec, dataset=asked["dataset"])
    monkeypatch.setenv(f"SED2_{name.upper()}", str(asked[name]))
    with pytest.raises(UsageError, match=f"^SED2_{name.upper()}: it means nothing here"):
        sed2.gate(spec, "none.json", dataset=asked["dataset"])


def test_data_without_labels_are_no_data_to_train_on(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b\n" + "1,2\n3,0.5\n" * 5)
    (checked,) = sed2.validate("MLP 2-3-2", dataset=str(path), label="none")
    assert checked.input_shape == (2,)
    with pytest.raises(DataError, match="has no labels to train on"):
        sed2.rank("MLP 2-3-2", dataset=str(path), label="none", train=True)


SETTINGS_OF_RANK: list[tuple[dict[str, Any], list[tuple[str, int]]]] = [
    ({}, [("joint", 1)] * 2),
    ({"eps": "1e-3:1e-1"}, [("joint", 25)] * 2),
    ({"score": "lower"}, [("lower", 25)] * 2),
    ({"score": "end-to-end"}, [("end-to-end", 1)] * 2),
    ({"chain": "end-to-end"}, [("lower", 25)] * 2),
]


@pytest.mark.parametrize(("given", "found"), SETTINGS_OF_RANK)
def test_rank_takes_joint_2sed_unless_told_otherwise(
    given: dict[str, Any], found: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SED2_SCORE")
    file = read_spec(["MLP 8-3", "MLP 8-4-3"], False, False)
    assert [(its.score, len(its.eps)) for its in resolve_ranked(file, given)] == found
    monkeypatch.setenv("SED2_SCORE", "end-to-end")
    if given.keys() <= {"eps"}:
        assert {its.score for its in resolve_ranked(file, given)} == {"end-to-end"}


def test_a_chain_of_one_block_in_the_yaml_keeps_rank_to_lower_2sed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SED2_SCORE")
    whole = {"name": "whole", "notation": "MLP 8-3", "chain": "end-to-end"}
    file = read_spec({"models": ["MLP 8-4-3", whole]}, False, False)
    assert [its.score for its in resolve_ranked(file, {})] == ["lower", "lower"]


def test_only_rank_takes_joint_2sed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SED2_SCORE")
    file = read_spec("MLP 8-3", False, False)
    assert resolve_settings(file, file.models[0], {}).score == "lower"

"""Specs: models, settings, the place of every fault, and the JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from sed2.blocks import KINDS
from sed2.blocks.dense import Dense
from sed2.data.catalogue import DATASETS
from sed2.errors import ExitCode, SpecError
from sed2.settings import resolve
from sed2.spec.schema import SpecFile, json_schema, load_spec, read_document, shape_check
from sed2.spec.yaml import load, loads

CONFIGS = Path(__file__).parents[2] / "configs"
SPECS = sorted(CONFIGS.glob("*.yaml"))


def read(text: str) -> SpecFile:
    return read_document(loads(text, "f.yaml"))


def refusal(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        read(text)
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value


LONG_FORM = """\
dataset: covertype
samples: 50
models:
  - MLP 54-16-7
  - name: long
    draws: 1e2
    eps: [1e-2, 0.1]
    blocks:
      - dense: {features: 16, bias: false, activation: relu}
      - dense:
          features: 7
          bias: false
"""


def test_the_long_form() -> None:
    spec = read(LONG_FORM)
    short, long = spec.models
    assert spec.settings == {"dataset": "covertype", "samples": 50}
    assert spec.source == "f.yaml"
    assert (short.name, short.input_width) == ("MLP 54-16-7", 54)
    assert (long.name, long.input_width) == ("long", None)
    assert long.blocks == short.blocks
    assert long.overrides == {"draws": 100.0, "eps": [0.01, 0.1]}
    assert (short.where, long.where) == ("f.yaml:4:5", "f.yaml:5:5")
    assert short.block_where == ("f.yaml:4:5", "f.yaml:4:5")
    assert long.block_where == ("f.yaml:9:9", "f.yaml:10:9")
    assert spec.where(long, "draws") == "f.yaml:6:12"
    assert spec.where(long, "samples") == "f.yaml:2:10"


def test_settings_of_the_file_and_the_model_resolve() -> None:
    spec = read(LONG_FORM)
    settings = resolve({}, {}, spec.models[1].overrides, spec.settings)
    assert settings.draws == 100
    assert settings.samples == 50
    assert settings.eps == (0.01, 0.1)


def test_the_hash_is_of_the_architecture_alone() -> None:
    short, long = read(LONG_FORM).models
    assert short.sha256 == long.sha256
    assert len(short.sha256) == 64
    (same,) = read(
        "models: [{name: x, seed: 3, blocks: [dense: {features: 16, bias: false, norm: none, "
        "activation: relu}, dense: {bias: false, features: 7, activation: none}]}]"
    ).models
    assert same.sha256 == short.sha256
    (other,) = read("models: [MLP 54-7-16]").models
    assert other.sha256 != short.sha256


def test_notation_as_spec() -> None:
    spec = load_spec(" mlp 54-16-7")
    assert spec.source == "MLP 54-16-7"
    assert [model.name for model in spec.models] == ["MLP 54-16-7"]
    assert spec.settings == {}
    assert spec.where(spec.models[0], "eps") == "MLP 54-16-7"


@pytest.mark.parametrize("wrap", [str, Path])
def test_a_path_as_spec(tmp_path: Path, wrap: type) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("models: [MLP 5-4]")
    spec = load_spec(wrap(path))
    assert spec.source == str(path)
    assert spec.models[0].where == f"{path}:1:10"


@pytest.mark.parametrize(
    "text",
    [
        "name: one\nseed: 2\nblocks:\n  - dense: {features: 3}\n",
        "name: one\nseed: 2\nnotation: MLP 4-3\n",
    ],
)
def test_a_file_may_be_one_model(text: str) -> None:
    spec = read(text)
    assert [model.name for model in spec.models] == ["one"]
    assert spec.models[0].overrides == {"seed": 2}
    assert spec.models[0].where == "f.yaml:1:1"
    assert spec.where(spec.models[0], "seed") == "f.yaml:2:7"


def test_a_file_may_be_one_notation() -> None:
    assert read("MLP 5-4\n").models[0].name == "MLP 5-4"


def test_a_model_without_a_name_is_called_by_its_blocks() -> None:
    body = "{blocks: [dense: {features: 3, activation: relu}, dense: {features: 2, bias: false}]}"
    alone = read(f"models: [{body}]").models[0]
    second = read(f"models: [MLP 5-4, {body}]").models[1]
    assert alone.name == second.name == "dense 3 (activation=relu) - dense 2 (bias=false)"
    assert read("models: [{notation: mlp 5-4}]").models[0].name == "MLP 5-4"


def test_one_architecture_may_have_two_names() -> None:
    spec = read("models: [{name: a, notation: MLP 5-4}, {name: b, notation: MLP 5-4}]")
    assert spec.models[0].sha256 == spec.models[1].sha256


def test_a_block_may_be_an_alias() -> None:
    spec = read("models: [{name: a, blocks: [&b {dense: {features: 3}}, *b]}]")
    assert spec.models[0].blocks == (Dense(features=3), Dense(features=3))


def model(body: str) -> str:
    return f"models:\n  - name: m\n    {body}\n"


@pytest.mark.parametrize(
    ("text", "where", "parts"),
    [
        ("[1]", "f.yaml:1:1", ["a mapping with the key `models`"]),
        ("some text", "f.yaml:1:1", ["a mapping with the key `models`"]),
        ("dataset: x", "f.yaml:1:1", ["`models` is missing", "MLP 54-16-7"]),
        ("models:", "f.yaml:1:8", ["must be a list of models, not nothing"]),
        ("models: []", "f.yaml:1:9", ["an empty list"]),
        ("models: MLP 5-4", "f.yaml:1:9", ["must be a list", 'not "MLP 5-4"', "MLP 54-16-7"]),
        ("models: [3]", "f.yaml:1:10", ["not the number 3"]),
        ("models: [[]]", "f.yaml:1:10", ["not an empty list"]),
        ("modles: [MLP 5-4]", "f.yaml:1:1", ["no key `modles`", "Did you mean `models`?"]),
        ("models: [MLP 5-4]\nsampels: 3", "f.yaml:2:1", ["`sampels`", "`samples`", "draws"]),
        ("samples: 0\nmodels: [MLP 5-4]", "f.yaml:1:10", ["whole number of at least 1, not 0"]),
        ("samples: true\nmodels: [MLP 5-4]", "f.yaml:1:10", ["not true"]),
        ("samples:\nmodels: [MLP 5-4]", "f.yaml:1:9", ["`samples` must be a whole number"]),
        ("eps: 2\nmodels: [MLP 5-4]", "f.yaml:1:6", ["`eps`", "above 0 and below 1"]),
        ("sigma: .nan\nmodels: [MLP 5-4]", "f.yaml:1:8", ["`sigma`", "a number above 0"]),
        ("standardize: off\nmodels: [MLP 5-4]", "f.yaml:1:14", ['true or false, not "off"']),
        ("fisher: expcted\nmodels: [MLP 5-4]", "f.yaml:1:9", ["empirical", "mean `expected`?"]),
        ("prior: torhc\nmodels: [MLP 5-4]", "f.yaml:1:8", ["mean `torch`?", "uniform:A:B"]),
        ("dataset: 3\nmodels: [MLP 5-4]", "f.yaml:1:10", ["`dataset` must be text", "not 3"]),
        ("models: [MLP 54]", "f.yaml:1:10", ["needs at least two widths"]),
        ("models: [MPL 5-4]", "f.yaml:1:10", ["Did you mean `MLP`?"]),
        ("models: [CNN 7-5]", "f.yaml:1:10", ["has no `|`"]),
        ("models: [MLP 5-4, mlp 5-4]", "f.yaml:1:19", ["`MLP 5-4`", "f.yaml:1:10"]),
        ("models: [module: 3]", "f.yaml:1:18", ["`module` must be text"]),
        ("module: 'a:b'\nnotation: MLP 2-3", "f.yaml:1:1", ["`notation` and `module`"]),
        ("models: [{name: a}]", "f.yaml:1:10", ["none"]),
        ("models: [{}]", "f.yaml:1:10", ["none"]),
        ("models: [{blocks: [], notation: MLP 5-4}]", "f.yaml:1:10", ["`blocks` and `notation`"]),
        ("models: [{notation: 5}]", "f.yaml:1:21", ["`notation` must be text, not 5"]),
        ("models: [{nmae: a, notation: MLP 5-4}]", "f.yaml:1:11", ["`nmae`", "mean `name`?"]),
        ("models: [{name: 1e5, notation: MLP 5-4}]", "f.yaml:1:17", ["must be text", "quotes"]),
        ("models: [{name: '', notation: MLP 5-4}]", "f.yaml:1:17", ["not empty"]),
        ("models: [{name: null, notation: MLP 5-4}]", "f.yaml:1:17", ["not nothing"]),
        ('models: [{name: "a\\nb", notation: MLP 5-4}]', "f.yaml:1:17", ["one line", "U+000A"]),
        ('models: [{name: "a\\eb", notation: MLP 5-4}]', "f.yaml:1:17", ["can be shown", "U+001B"]),
        ("models: [{draws: 0.5, notation: MLP 5-4}]", "f.yaml:1:18", ["`draws`", "not 0.5"]),
        (model("blocks:"), "f.yaml:3:12", ["`blocks` must be a list", "nothing"]),
        (model("blocks: {dense: {features: 3}}"), "f.yaml:3:13", ["a list of blocks"]),
        (model("blocks: [3]"), "f.yaml:3:14", ["its kind to its options, not the number 3"]),
        (model("blocks: [{}]"), "f.yaml:3:14", ["an empty mapping"]),
        (model("blocks: [{dense: {}, features: 3}]"), "f.yaml:3:14", ["dense, features"]),
        (model("blocks: [dens: {features: 3}]"), "f.yaml:3:14", ["`dens`", "mean `dense`?"]),
        (model("blocks: [dens]"), "f.yaml:3:14", ["`dens`", "mean `dense`?"]),
        (model("blocks: [dense]"), "f.yaml:3:14", ["`features` of `dense` is missing"]),
        (model("blocks: [dense: ]"), "f.yaml:3:20", ["`features` of `dense` is missing"]),
        (model("blocks: [dense: {}]"), "f.yaml:3:21", ["whole number of at least 1"]),
        (model("blocks: [dense: 3]"), "f.yaml:3:21", ["`dense` must be a mapping, not 3"]),
        (model("blocks: [dense: {features: 0}]"), "f.yaml:3:32", ["at least 1, not 0"]),
        (model("blocks: [dense: {features: 1.0}]"), "f.yaml:3:32", ["not 1.0"]),
        (model("blocks: [dense: {features: '3'}]"), "f.yaml:3:32", ['not "3"']),
        (model("blocks: [dense: {features: true}]"), "f.yaml:3:32", ["not true"]),
        (model("blocks: [dense: {features: .nan}]"), "f.yaml:3:32", ["`features` must be"]),
        (
            model("blocks: [dense: {featurs: 3}]"),
            "f.yaml:3:22",
            ["no option `featurs` of `dense`", "1 more fault", "mean `features`?", "bias"],
        ),
        (model("blocks: [dense: {features: 3, bias: off}]"), "f.yaml:3:41", ["true or false"]),
        (
            model("blocks: [dense: {features: 3, activation: rleu}]"),
            "f.yaml:3:47",
            ["one of none, identity, relu", "Did you mean `relu`?", "softplus"],
        ),
    ],
)
def test_faults_name_place_field_and_what_is_allowed(
    text: str, where: str, parts: list[str]
) -> None:
    error = refusal(text)
    assert error.where == where
    for part in parts:
        assert part in str(error)


def test_huge_features_allocate_nothing() -> None:
    (spec,) = read("models: [{blocks: [dense: {features: 4000000000}]}]").models
    assert shape_check(spec, (54,)) == (4_000_000_000,)


def test_shapes_that_fit() -> None:
    assert shape_check(load_spec("MLP 54-16-7").models[0], (54,)) == (7,)
    assert shape_check(read(LONG_FORM).models[1], (3,)) == (7,)


def test_the_width_of_the_data_is_checked() -> None:
    with pytest.raises(SpecError) as caught:
        shape_check(read(LONG_FORM).models[0], (12,))
    assert caught.value.where == "f.yaml:4:5"
    assert "takes 54 features, but the data have 12 features" in caught.value.cause
    assert "`MLP 12-16-7`" in caught.value.mend


def test_notation_takes_flat_data() -> None:
    with pytest.raises(SpecError, match=r"54 features, but the data have inputs of shape \(28, 2"):
        shape_check(load_spec("MLP 54-16-7").models[0], (28, 28))


def test_a_block_that_does_not_fit_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        shape_check(read(LONG_FORM).models[1], (28, 28, 1))
    assert caught.value.where == "f.yaml:9:9"
    assert "block 1 (`dense`) of `long`" in caught.value.cause
    assert "flatten" in caught.value.mend


def test_many_models_are_read() -> None:
    entries = "\n".join(f"  - MLP 5-{i}" for i in range(1, 5001))
    assert len(read(f"models:\n{entries}").models) == 5000


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    return jsonschema.Draft202012Validator(json_schema())


def test_the_committed_schema_is_current() -> None:
    committed = json.loads((CONFIGS / "sed2.schema.json").read_text())
    assert committed == json_schema(), "run `sed2 schema > configs/sed2.schema.json`"


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_shipped_specs_are_valid(path: Path, validator: Any) -> None:
    spec = load_spec(path)
    validator.validate(load(path).data)
    for candidate in spec.models:
        resolved = resolve({}, {}, candidate.overrides, spec.settings)
        data = DATASETS[resolved.dataset or ""]
        assert shape_check(candidate, data.input_shape) == (data.classes,)
    assert path.read_text().startswith("# yaml-language-server: $schema=sed2.schema.json\n")


def test_the_papers_networks_are_shipped() -> None:
    names = [model.name for model in load_spec(CONFIGS / "mlps.yaml").models]
    assert names == ["MLP 54-16-7", "MLP 54-13-11-9-7", "MLP 54-10-2-10-25-7"]


@pytest.mark.parametrize(
    "text",
    [
        LONG_FORM,
        "MLP 5-4",
        "name: a\nblocks: [dense: {features: 3}]",
        "eps: 0.1\nn_train: null\nmodels: [mlp 5 - 4]",
        "eps: 0.1,0.01\nmemory_gb: 0.5\nmodels: [{notation: MLP 5-4}]",
    ],
)
def test_the_json_schema_accepts_what_we_accept(text: str, validator: Any) -> None:
    read(text)
    validator.validate(loads(text, "f.yaml").data)


@pytest.mark.parametrize(
    "text",
    [
        "models: []",
        "modles: [MLP 5-4]",
        "models: [MLP 54]",
        "models: [MLP 54-0-7]",
        "models: [{name: a}]",
        "models: [{name: '', notation: MLP 5-4}]",
        "models: [{blocks: [dense: {features: 0}]}]",
        "models: [{blocks: [dense: {features: 3, activation: rleu}]}]",
        "models: [{blocks: [dense: {features: 3, x: 1}]}]",
        "models: [{blocks: [{dense: {features: 3}, x: {}}]}]",
        "models: [{blocks: [dense: {}]}]",
        "models: [MLP 5-4]\nsamples: 0",
        "models: [MLP 5-4]\neps: 1.5",
        "models: [MLP 5-4]\nzeta: 1",
        "models: [MLP 5-4]\nfisher: exact",
    ],
)
def test_the_json_schema_refuses_what_we_refuse(text: str, validator: Any) -> None:
    refusal(text)
    assert not validator.is_valid(yaml.safe_load(text))


def test_every_option_is_described() -> None:
    known = json_schema()["$defs"]
    (_, model), (_, block) = known["model"]["oneOf"], known["block"]["oneOf"]
    names = [kind["$ref"].rpartition("/")[2] for kind in block["properties"].values()]
    assert len(names) == len(KINDS)
    options = [option for name in names for option in known[name]["properties"].values()]
    options += model["properties"].values()
    assert all("description" in option for option in options)
    assert model["properties"]["eps"]["default"] == "1e-3:1e-1"

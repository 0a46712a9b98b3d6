"""Sweeps: what they expand to, their limits, and the place of every fault."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml

import sed2
from sed2.errors import SpecError
from sed2.spec import sweep
from sed2.spec.schema import ModelSpec, json_schema, load_spec, read_document
from sed2.spec.yaml import loads
from tests.spec.test_schema import refusal


def models(text: str) -> tuple[ModelSpec, ...]:
    return read_document(loads(text, "f.yaml")).models


def features(value: str) -> list[Any]:
    found = models(f"sweep:\n  blocks:\n    - dense: {{features: {value}}}\n")
    return [model.blocks[0].features for model in found]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("[8, 16, 32]", [8, 16, 32]),
        ("{range: [8, 32, 8]}", [8, 16, 24, 32]),
        ("{range: [8, 30, 8]}", [8, 16, 24]),
        ("{range: [8, 8, 1]}", [8]),
        ("{log: [8, 128, 5]}", [8, 16, 32, 64, 128]),
        ("{log: [1, 3, 9]}", [1, 2, 3]),
        ("5", [5]),
    ],
)
def test_values_of_an_option(form: str, values: list[int]) -> None:
    assert features(form) == values


def test_numbers_that_are_not_whole() -> None:
    text = "sweep:\n  blocks:\n    - dropout: {rate: FORM}\n    - dense: {features: 3}\n"

    def rates(form: str) -> list[Any]:
        return [model.blocks[0].rate for model in models(text.replace("FORM", form))]  # type: ignore[attr-defined]

    assert rates("{range: [0.1, 0.3, 0.1]}") == pytest.approx([0.1, 0.2, 0.3])
    assert rates("{log: [0.1, 0.4, 3]}") == pytest.approx([0.1, 0.2, 0.4])


def test_all_combinations_in_order() -> None:
    text = """\
sweep:
  - name: mlp
    blocks:
      - dense: {features: [8, 16], activation: [relu, tanh]}
        repeat: [1, 2]
      - dense: {features: 7}
  - blocks: [{dense: {features: [3, 4]}}]
models: [MLP 54-3-7]
"""
    found = models(text)
    assert [model.name for model in found] == [
        "MLP 54-3-7",
        *(f"mlp {w}-{a}-{n}" for w in (8, 16) for a in ("relu", "tanh") for n in (1, 2)),
        "dense 3",
        "dense 4",
    ]
    (written,) = load_spec(
        {
            "blocks": [
                *[{"dense": {"features": 16, "activation": "tanh"}}] * 2,
                {"dense": {"features": 7}},
            ]
        }
    ).models
    assert found[8].sha256 == written.sha256
    assert found[8].block_where == ("f.yaml:4:9", "f.yaml:4:9", "f.yaml:6:9")
    assert found[8].where == "f.yaml:2:5"


def test_options_of_blocks_within_blocks_and_lists_of_lists() -> None:
    text = """\
sweep:
  blocks:
    - conv: {features: 4, kernel_size: [[3, 3], [5, 5]], pool: {size: [2, 4]}}
    - flatten
    - residual:
        blocks:
          - dense: {features: 9, activation: [relu, gelu]}
            repeat: [1, 3]
"""
    found = models(text)
    assert len(found) == 16
    first, last = found[0].blocks, found[-1].blocks
    assert (first[0].kernel_size, last[0].kernel_size) == ((3, 3), (5, 5))  # type: ignore[attr-defined]
    assert [len(model.blocks[-1].blocks) for model in found[:2]] == [1, 3]  # type: ignore[attr-defined]


def test_what_is_no_choice_stays() -> None:
    """Of lists of blocks and of a sweep without choices."""
    (model,) = models("sweep: {blocks: [flatten, {dense: {features: 7}}]}\n")
    assert [block.kind for block in model.blocks] == ["flatten", "dense"]


SWEEP = "dataset: covertype\nsweep:\n  blocks:\n    - dense: {features: [8, 16, 64]}\n"
SWEEP += "    - dense: {features: 7}\n  where: "


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("parameters <= 1.1k", [8, 16]),
        ("[parameters > 600, parameters < 1M]", [16, 64]),
        ("flops <= 1.952e3", [8, 16]),
        ("flops >= 1952", [16, 64]),
        ("blocks == 2", [8, 16, 64]),
        ("[]", [8, 16, 64]),
    ],
)
def test_limits(where: str, kept: list[int]) -> None:
    spec = yaml.safe_load(SWEEP + where)
    found = [model.name for model in sed2.validate(spec)]
    assert found == [f"dense {width} - dense 7" for width in kept]


def test_every_verb_keeps_what_is_wanted() -> None:
    spec = yaml.safe_load(SWEEP + "parameters <= 1.1k")
    fast: dict[str, Any] = {"samples": 5, "draws": 4, "eps": 0.1, "score": "lower"}
    wanted = {"dense 8 - dense 7", "dense 16 - dense 7"}
    assert {model.name for model in sed2.rank(spec, **fast)} == wanted
    baseline = sed2.make_baseline(spec, **fast)
    assert set(baseline.models) == wanted
    grids = {"samples_grid": "4,5", "draws_grid": "3,4", "sigma_grid": "0.1,0.2", "seeds": 2}
    stable = sed2.stability(spec, **fast, **grids)
    assert {model.name for model in stable.models} == wanted
    with pytest.raises(SpecError, match="of 3 candidates none is as `where` says"):
        sed2.rank(yaml.safe_load(SWEEP + "parameters < 9"), **fast)
    with pytest.raises(SpecError, match="none is as `where` says"):
        sed2.validate(yaml.safe_load(SWEEP + "parameters < 9"))


@pytest.mark.parametrize(
    ("text", "place", "cause"),
    [
        ("sweep:\n  blocks: []\n", "2:11", "blocks"),
        ("sweep: {name: a}\n", "1:8", "`blocks`"),
        ("sweep:\n  block: [flatten]\n", "2:3", "there is no key of a sweep `block`"),
        ("sweep:\n  - blocks: [flatten]\n    wher: a\n", "3:5", "no key of a sweep `wher`"),
        ("sweep:\n  blocks: [flatten]\n  where: parameters < x\n", "3:10", "such as `parameters"),
        ("sweep:\n  blocks: [flatten]\n  where: [width < 3]\n", "3:11", "not `width < 3`"),
        (
            "sweep:\n  blocks:\n    - dense: {features: [8, x]}\n",
            "3:25",
            '`features` must be a whole number of at least 1, not "x"',
        ),
        (
            "sweep:\n  blocks:\n    - flatten\n    - dense: {featurs: [8, 9]}\n",
            "4:15",
            "there is no option `featurs` of `dense`",
        ),
        (
            "sweep:\n  blocks:\n    - flatten\n    - {dense: {features: 3}, repeat: 2}\n"
            "    - dens: {features: [8, 9]}\n",
            "5:7",
            "there is no kind of block `dens`",
        ),
        ("sweep:\n  blocks:\n    - dense: {features: []}\n", "3:25", "a choice is empty"),
        ("sweep:\n  blocks:\n    - dense: {features: {range: [1, 2]}}\n", "3:25", "no `range`"),
        ("sweep:\n  blocks:\n    - dense: {features: {range: [1, 9, 0]}}\n", "3:25", "no `range`"),
        ("sweep:\n  blocks:\n    - dense: {features: {log: [0, 9, 3]}}\n", "3:25", "no `log`"),
        ("sweep:\n  blocks:\n    - dense: {features: {log: [1, 9, x]}}\n", "3:25", "no `log`"),
        (
            "sweep:\n  blocks:\n    - dense: {features: 3}\n      repeat: 0\n",
            "4:15",
            "`repeat` must be a whole number from 1",
        ),
        ("sweep:\n  blocks:\n    - dense: {features: [3, 3]}\n", "2:3", "two models are called"),
        ("dataset: covertype\n", "1:1", "the key `models` is missing"),
    ],
)
def test_faults_have_a_place(text: str, place: str, cause: str) -> None:
    fault = refusal(text)
    assert cause in fault.cause
    assert fault.where == f"f.yaml:{place}"


def test_a_sweep_cannot_be_huge(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = "[" + ", ".join(map(str, range(1, 101))) + "]"
    text = "sweep:\n  blocks:\n" + f"    - dense: {{features: {lists}}}\n" * 9
    assert "1,000,000,000,000,000,000 candidates, but 10,000" in refusal(text).cause
    assert "no `range`" in refusal(text.replace(lists, "{range: [1, 1e300, 1]}")).cause
    monkeypatch.setattr(sweep, "MAX_CANDIDATES", 5)
    monkeypatch.setattr("sed2.spec.schema.MAX_CANDIDATES", 5)
    two = "  - blocks: [{dense: {features: [1, 2, 3]}}]\n"
    two += "  - blocks: [{dense: {features: [4, 5]}}]\n"
    assert len(models("sweep:\n" + two)) == 5
    assert "3 candidates, but 2" in refusal("sweep:\n" + two.replace("[4, 5]", "[4, 5, 6]")).cause


def test_the_schema_knows_sweeps() -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    good = yaml.safe_load(SWEEP + "[parameters <= 20k]")
    assert not list(validator.iter_errors(good))
    assert not list(validator.iter_errors({"sweep": [good["sweep"]], "models": ["MLP 5-3"]}))
    assert list(validator.iter_errors({"dataset": "covertype"}))
    assert list(validator.iter_errors({"sweep": {"name": "a"}}))
    assert list(validator.iter_errors({"sweep": good["sweep"] | {"wher": "a"}}))

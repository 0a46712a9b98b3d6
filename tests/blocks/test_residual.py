"""Residual blocks: the sum by its definition, shortcuts, and their faults in YAML."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from sed2.blocks.conv import Conv
from sed2.blocks.dense import Dense
from sed2.blocks.residual import Residual
from sed2.errors import SpecError
from sed2.spec.schema import load_spec, shape_check
from tests.cases import estimate_spec


def test_the_sum_by_its_definition() -> None:
    spec = Residual(
        blocks=(Dense(features=3, activation="tanh"), Dense(features=4)),
        shortcut="projection",
        activation="relu",
    )
    module = spec.build((2,), nnx.Rngs(0))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, 2)))
    first, second = module.branch.layers
    (around,) = module.shortcut.layers
    want = np.maximum(second(first(x)) + x @ around.linear.kernel[...], 0)
    np.testing.assert_allclose(module(x), want, rtol=1e-12)


@pytest.mark.parametrize(("size", "strides"), [(8, 2), (7, 2), (7, 3), (9, 4)])
def test_a_projection_has_the_strides_of_the_branch(size: int, strides: int) -> None:
    branch = (Conv(features=3, kernel_size=3, strides=strides),)
    spec = Residual(blocks=branch, shortcut="projection")
    shape = branch[0].output_shape((size, size, 2))
    assert spec.output_shape((size, size, 2)) == shape
    assert spec.parameter_count((size, size, 2)) == (3 * 3 * 2 + 1) * 3 + 2 * 3


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        (
            Residual(blocks=(Conv(features=3, kernel_size=3, strides=2),)),
            r"its branch makes \(2, 2, 3\) of \(4, 4, 2\), .* \(4, 4, 2\) of its shortcut",
        ),
        (
            Residual(
                blocks=(Conv(features=3, kernel_size=3, pool={"kind": "global"}),),
                shortcut="projection",
            ),
            r"no projection from \(4, 4, 2\) to \(3,\)",
        ),
    ],
)
def test_shapes_that_cannot_be_added_are_refused(spec: Residual, cause: str) -> None:
    with pytest.raises(SpecError, match=cause) as caught:
        spec.output_shape((4, 4, 2))
    assert "shortcut" in caught.value.mend


def test_a_chain_of_residual_blocks_runs_end_to_end_and_block_by_block() -> None:
    layer = {"dense": {"features": 4, "activation": "tanh"}}
    spec = {"name": "r", "blocks": [{"residual": {"blocks": [layer, layer]}}, layer]}
    x = np.random.default_rng(0).normal(size=(20, 4))
    settings = {"samples": 10, "draws": 4, "eps": [0.01, 0.1]}
    blocks = estimate_spec(spec, x, **settings)
    assert [block.name for block in blocks.blocks] == ["residual_1", "dense_1"]
    assert [block.parameters for block in blocks.blocks] == [40, 20]
    whole = estimate_spec(spec, x, **settings, chain="end-to-end", likelihood="categorical")
    assert [block.parameters for block in whole.blocks] == [60]
    assert (whole.lower_two_sed.estimate > 0).all()


NESTED = """
models:
  - name: nested
    blocks:
      - residual:
          blocks:
            - conv: {features: 2, kernel_size: 3}
            - residual:
                blocks:
                  - conv: {features: 2, kernel_size: [3, 1]}
          shortcut: identity
"""


@pytest.mark.parametrize(
    ("right", "wrong", "where", "parts"),
    [
        ("kernel_size: 3}", "kernel_siz: 3}", "7:35", ["`kernel_siz` of `conv`", "`kernel_size`"]),
        ("- conv: {features: 2, kernel_size: [", "- cnv: {kernel_size: [", "10:21", ["`conv`"]),
        ("[3, 1]", "[3, 0]", "10:58", ["`kernel_size.1`", "at least 1, not 0"]),
        ("[3, 1]", "[3, 1, 1]", "10:54", ["`kernel_size`", "whole number", "a list"]),
        ("identity", "idenity", "11:21", ["identity, projection", 'not "idenity"']),
        ("identity", "[]", "11:21", ["or a list of blocks, not an empty list"]),
        ("identity", "[dense: {features: x}]", "11:40", ["`features`", "whole number"]),
        ("          shortcut", "          shortcuts", "11:11", ["`shortcuts`", "`shortcut`"]),
    ],
)
def test_a_fault_inside_has_its_own_place(
    tmp_path, right: str, wrong: str, where: str, parts: list[str]
) -> None:
    assert right in NESTED
    file = tmp_path / "f.yaml"
    file.write_text(NESTED.replace(right, wrong, 1))
    with pytest.raises(SpecError) as caught:
        load_spec(file)
    assert caught.value.where == f"{file}:{where}"
    for part in parts:
        assert part in f"{caught.value.cause} {caught.value.mend}"


def test_the_nested_spec_itself_is_right(tmp_path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(NESTED)
    (model,) = load_spec(file).models
    assert shape_check(model, (5, 5, 2)) == (5, 5, 2)

"""Blocks that are masks of one network: the numbers of each by itself, from a shared program."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from flax import nnx

from sed2.blocks import Block
from sed2.blocks.cell import OPERATIONS, CellBlock, Operation
from sed2.blocks.dense import Dense
from sed2.blocks.network import Network
from sed2.blocks.pool import PoolBlock
from sed2.blocks.supernet import columns, mask_of
from sed2.chain import Chain, build_chain
from sed2.errors import SpecError
from sed2.fisher import sample, xla
from sed2.fisher.items import Items
from sed2.fisher.plan import make_plan
from sed2.measure.spectra import Spectra
from sed2.settings import Settings
from sed2.spec.schema import load_spec, read_document
from sed2.spec.yaml import loads

SHAPE = (3, 4, 2)
INPUTS = np.random.default_rng(0).normal(size=(4, *SHAPE))
DRAWS = 2


def edge(operation: Operation) -> CellBlock:
    return CellBlock(nodes=((operation,),))


def spectra(chain: Chain) -> Spectra:
    settings = Settings(dataset="test")
    plan = make_plan(chain, DRAWS, len(INPUTS), settings)
    weights = np.ones((DRAWS, len(INPUTS)))
    return sample.sample_spectra(Items(chain, INPUTS, np.arange(DRAWS), weights, settings, plan))


def values(chain: Chain) -> np.ndarray:
    """(blocks, K) of the roots, which come with zeros of their own number."""
    terms = [block.sums(np.log1p(10 * block.roots)) for block in spectra(chain).blocks]
    return np.array([each.sum(axis=1) for each in terms])


HEAD: tuple[Block, ...] = (PoolBlock(kind="global"), Dense(features=3))
CHAINS: dict[str, tuple[tuple[Block, ...], Literal["blocks", "end-to-end"]]] = {
    "a cell without parameters joins the next one": (
        (edge("avg_pool_3x3"), edge("nor_conv_1x1"), *HEAD),
        "blocks",
    ),
    "several cells": (
        (edge("nor_conv_3x3"), edge("skip_connect"), edge("nor_conv_1x1"), *HEAD),
        "end-to-end",
    ),
    "what nothing reaches": ((edge("nor_conv_3x3"), edge("none"), *HEAD), "end-to-end"),
}


@pytest.mark.parametrize("case", CHAINS)
def test_a_mask_has_the_numbers_of_the_network_by_itself(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks, kind = CHAINS[case]
    chain = build_chain(blocks, SHAPE, kind)
    assert any(block.block.masks for block in chain.blocks)
    masked = values(chain)
    monkeypatch.setattr(CellBlock, "masks", ())
    monkeypatch.setattr(CellBlock, "supernet", property(lambda cell: cell))
    np.testing.assert_allclose(masked, values(chain), rtol=1e-9)


def test_many_masks_keep_their_order() -> None:
    """As texts, ten comes before two."""
    cells = Network(tuple(edge(OPERATIONS[number % 5]) for number in range(12)))
    mask = mask_of(cells, SHAPE)
    assert mask is not None
    module = cells.supernet.build(SHAPE, nnx.Rngs(0))
    mask.put_on(module)
    found = [np.flatnonzero(layer.mask[...])[0] for layer in module.layers]
    assert found == [number % 5 for number in range(12)]


def test_cells_share_a_compiled_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one, of another operation on each edge, compiles nothing."""
    made = []
    compiling = xla._compile

    def counting(program: xla._BlockProgram) -> object:
        made.append(program)
        return compiling(program)

    monkeypatch.setattr(xla, "_compile", counting)
    monkeypatch.setattr(xla, "_compiled", {})
    one = CellBlock(nodes=(("nor_conv_3x3",), ("none", "nor_conv_1x1")))
    other = CellBlock(nodes=(("skip_connect",), ("nor_conv_1x1", "nor_conv_3x3")))
    found = [spectra(build_chain((cell,), SHAPE)) for cell in (one, other)]
    assert len(made) == 1
    assert found[0].traces[0] != found[1].traces[0]
    assert [each.parameters for each in found] == [48, 48]


def test_what_is_masked_out_has_no_parameters() -> None:
    cell = CellBlock(nodes=(("nor_conv_1x1",), ("none", "skip_connect")))
    mask = mask_of(cell, SHAPE)
    assert mask is not None
    assert mask.parameters == cell.parameter_count(SHAPE) == 8
    whole = cell.supernet.parameter_count(SHAPE)
    assert whole == 3 * (4 + 36 + 2 * 4)
    assert (mask.places[:8] < whole).all()
    assert (mask.places[8:] == whole).all()
    assert len(mask.places) == columns(cell, SHAPE) == 32
    assert mask_of(Dense(features=3), (2,)) is None
    assert Network((cell, cell)).masks[1].shape == (3, len(OPERATIONS))


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ("[[none], [none]]", "node 2 of `nodes` has 1 operations, but 2 earlier nodes"),
        ("[[nor_conv_5x5]]", "nor_conv_5x5"),
        ("[]", "nodes"),
    ],
)
def test_what_is_no_cell_is_refused(nodes: str, told: str) -> None:
    with pytest.raises(SpecError, match=r"spec\.yaml:1:") as refused:
        read_document(loads(f"blocks: [{{cell: {{nodes: {nodes}}}}}]", "spec.yaml"))
    assert told in str(refused.value)


def test_it_takes_images_alone() -> None:
    (model,) = load_spec({"blocks": [{"cell": {"nodes": [["skip_connect"]]}}]}).models
    with pytest.raises(SpecError, match=r"takes images"):
        model.blocks[0].output_shape((5,))

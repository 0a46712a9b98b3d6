"""The chain: shapes, counts, names, and random streams that belong to the architecture."""

from __future__ import annotations

import pytest

from sed2.api import validate
from sed2.blocks.dense import Dense
from sed2.blocks.flatten import Flatten
from sed2.chain import build_chain
from sed2.errors import ResourceError, SpecError
from sed2.spec.schema import load_spec


def streams(notation: str) -> list[int]:
    model = load_spec(notation).models[0]
    return [block.stream for block in build_chain(model.blocks, (model.input_width,)).blocks]


@pytest.mark.parametrize(
    ("notation", "parameters"),
    [("MLP 54-16-7", 976), ("MLP 54-13-11-9-7", 1007), ("MLP 54-10-2-10-25-7", 1005)],
)
def test_parameters_of_the_papers_networks(notation: str, parameters: int) -> None:
    assert build_chain(load_spec(notation).models[0].blocks, (54,)).parameters == parameters


def test_shapes_and_names_follow_the_blocks() -> None:
    chain = build_chain([Dense(features=3), Dense(features=2)], (5,))
    assert [(b.name, b.input_shape, b.output_shape, b.parameters) for b in chain.blocks] == [
        ("dense_1", (5,), (3,), 18),
        ("dense_2", (3,), (2,), 8),
    ]


def test_candidates_share_the_streams_of_their_common_first_blocks() -> None:
    one, other = streams("MLP 5-4-3-2"), streams("MLP 5-4-3-7")
    assert one[:2] == other[:2]
    assert one[2] != other[2]


def test_equal_blocks_in_other_places_have_other_streams() -> None:
    assert len(set(streams("MLP 4-4-4-4"))) == 3
    assert streams("MLP 4-4-4") != streams("MLP 5-4-4")[:2]


def test_blocks_without_parameters_join_their_neighbours() -> None:
    flatten = Flatten(kind="plain")
    chain = build_chain([flatten, Dense(features=3), flatten], (2, 2))
    assert [(b.name, b.input_shape, b.output_shape, b.parameters) for b in chain.blocks] == [
        ("network_1", (2, 2), (3,), 15)
    ]
    chain = build_chain([flatten, Dense(features=3)], (2, 2))
    assert chain.blocks[0].name == "dense_1"
    assert chain.blocks[0].block.layout((2, 2)) == Dense(features=3).layout((4,))


def test_a_network_without_parameters_is_refused() -> None:
    with pytest.raises(SpecError, match="no parameters"):
        build_chain([Flatten(kind="plain")], (2, 2))


def test_the_papers_cnn_on_mnist() -> None:
    chain = build_chain(load_spec("CNN 7-5|10-50-34-10").models[0].blocks, (28, 28, 1))
    assert [block.parameters for block in chain.blocks] == [510, 2520, 49, 500, 1700, 340]
    assert [block.output_shape for block in chain.blocks[:3]] == [(14, 14, 10), (7, 7, 10), (10,)]


@pytest.mark.parametrize("notation", ["MLP 54-999999999999999-7", "MLP 5-99999999-999999999-7"])
def test_a_size_that_no_memory_has_is_refused_where_it_is_checked(notation: str) -> None:
    """By `validate` as by `compute`."""
    with pytest.raises(ResourceError, match="which no memory can hold"):
        validate(notation)
    assert validate("MLP 54-4000000000-7")  # a large one may fit elsewhere

"""Users' own networks as blocks: every form, and a clear word where one cannot be taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flax import linen, nnx

import sed2
from sed2.blocks.dense import Dense
from sed2.blocks.user import split
from sed2.chain import build_chain
from sed2.errors import SpecError, UsageError
from tests import networks
from tests.cases import dataset, gaussian_inputs


@pytest.fixture(autouse=True)
def small_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """All API calls here run on a small array."""
    from sed2 import request

    monkeypatch.setattr(request, "load_dataset", lambda *_, **__: dataset(gaussian_inputs(40, 4)))
    request._load_once.cache_clear()


FAST: dict[str, Any] = {"dataset": "test", "samples": 12, "draws": 4, "eps": [0.01, 0.1]}
FORMS: dict[str, tuple[Callable[..., Any], list[tuple[str, int]]]] = {
    "sequential": (networks.sequential, [("linear_1", 25), ("linear_2", 12)]),
    "own": (networks.Own, [("own_1", 47)]),
    "linen": (networks.linen_network, [("linen_1", 37)]),
    "pair": (networks.pair, [("pair_1", 10)]),
    "several": (networks.several, [("dense_1", 25), ("linear_1", 12)]),
    "fixed": (networks.fixed, [("own_1", 47)]),
}


@pytest.mark.parametrize(("network", "blocks"), FORMS.values(), ids=FORMS)
def test_every_form_becomes_a_chain(
    network: Callable[..., Any], blocks: list[tuple[str, int]]
) -> None:
    chain = build_chain(split(network, f"networks:{network.__name__}"), (4,))
    assert [(block.name, block.parameters) for block in chain.blocks] == blocks
    assert chain.blocks[-1].output_shape == (2,)


@pytest.mark.parametrize(("network", "blocks"), FORMS.values(), ids=FORMS)
def test_every_form_runs(network: Callable[..., Any], blocks: list[tuple[str, int]]) -> None:
    result = sed2.compute(network, **FAST)
    assert result.parameters == sum(parameters for _, parameters in blocks)
    assert (result.lower_two_sed.estimate > 0).all()
    assert (result.lower_two_sed.estimate <= result.two_sed.estimate + 1e-9).all()


def test_a_network_in_nnx_has_the_distribution_of_the_same_in_yaml() -> None:
    """Other random streams, so other draws: the scatter over 200 draws is a few percent."""
    own = sed2.compute(networks.sequential, **FAST | {"draws": 200})
    ours = sed2.compute(
        {
            "blocks": [
                {"dense": {"features": 5, "activation": "relu"}},
                {"dense": {"features": 2}},
            ]
        },
        **FAST | {"draws": 200},
    )
    assert own.parameters == ours.parameters
    np.testing.assert_allclose(own.lower_two_sed.estimate, ours.lower_two_sed.estimate, rtol=0.2)


def test_modules_themselves_are_taken() -> None:
    for network in (networks.Own(nnx.Rngs(0)), networks.Linen(), [networks.Own(nnx.Rngs(0))]):
        assert sed2.compute(network, **FAST).parameters in (37, 47)


def test_networks_are_ranked_by_name() -> None:
    ranking = sed2.rank({"mine": networks.Own, "theirs": networks.linen_network}, **FAST)
    assert {model.result.name for model in ranking.models} == {"mine", "theirs"}


def test_init_draws_what_the_module_declares() -> None:
    result = sed2.compute(networks.Own, prior="init", **FAST)
    assert (result.lower_two_sed.std_error_draws > 0).all()


def test_init_is_refused_where_every_draw_would_be_the_same() -> None:
    with pytest.raises(UsageError, match=r"takes no `rngs`.*`prior`"):
        sed2.compute(networks.fixed, prior="init", **FAST)


@pytest.mark.parametrize(
    ("network", "parts"),
    [
        (networks.odd, "3 of the 13 numbers.*gain.*nnx.Param.*--allow-partial"),
        (networks.linen_with_batch_norm, "keeps batch_stats.*nnx.BatchNorm"),
        (networks.nothing, "no parameters"),
        (networks.number, "makes a int"),
        (networks.wrong_width, r"cannot be applied to inputs of shape \(4,\)"),
    ],
)
def test_what_cannot_be_taken_is_named(network: Callable[..., Any], parts: str) -> None:
    with pytest.raises(SpecError, match=parts):
        sed2.compute(network, **FAST)


def test_what_is_no_parameter_is_held_constant_if_asked_for() -> None:
    result = sed2.compute(networks.odd, allow_partial=True, **FAST)
    assert (result.parameters, result.left_out) == (10, 3)
    assert sed2.compute(networks.Own, **FAST).left_out == 0


def test_streams_belong_to_the_architecture() -> None:
    one, again = (build_chain(split(networks.Own, "x"), (4,)).blocks[0].stream for _ in range(2))
    assert one == again
    other = build_chain(split(lambda rngs: nnx.Linear(4, 5, rngs=rngs), "x"), (4,)).blocks[0]
    assert other.stream != one
    assert build_chain([Dense(features=5)], (4,)).blocks[0].stream != other.stream


def test_equal_outlines_do_not_share_a_compiled_program() -> None:
    """Same class and shapes, another activation inside: the results differ."""

    class Net(linen.Module):
        activation: Any

        @linen.compact
        def __call__(self, x: Any) -> Any:
            return self.activation(linen.Dense(5)(x))

    tanh, relu = (sed2.compute(Net(f), **FAST) for f in (linen.tanh, linen.relu))
    assert (tanh.two_sed.estimate != relu.two_sed.estimate).any()


def test_a_module_that_cannot_be_split_is_told() -> None:
    def told(network: object) -> bool:
        return any("one block" in warning for warning in sed2.compute(network, **FAST).warnings)

    assert told(networks.Own)
    assert not told(networks.sequential)

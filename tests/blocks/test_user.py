"""Users' own networks as blocks: every form, and a clear word where one cannot be taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flax import linen, nnx

import sed2
from sed2.blocks.dense import Dense
from sed2.blocks.factory import split
from sed2.chain import build_chain
from sed2.errors import SpecError, UsageError
from tests import networks
from tests.cases import dataset, gaussian_inputs


@pytest.fixture(autouse=True)
def small_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """All API calls here run on a small array."""
    from sed2 import request

    monkeypatch.setattr(request, "load_dataset", lambda *_, **__: dataset(gaussian_inputs(40, 4)))


FAST: dict[str, Any] = {"dataset": "test", "samples": 12, "draws": 4, "eps": [0.01, 0.1]}
FORMS: dict[str, tuple[Callable[..., Any], list[tuple[str, int]]]] = {
    "sequential": (networks.sequential, [("linear_1", 25), ("linear_2", 12)]),
    "own": (networks.Own, [("dense_1", 35), ("dense_2", 12)]),
    "linen": (networks.linen_network, [("dense_1", 25), ("dense_2", 12)]),
    "pair": (networks.pair, [("dense_1", 10)]),
    "several": (networks.several, [("dense_1", 25), ("linear_1", 12)]),
    "fixed": (networks.fixed, [("dense_1", 35), ("dense_2", 12)]),
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
        (networks.odd, "3 of the 13 numbers.*gain.*nnx.Param.*`allow_partial`"),
        (networks.linen_with_batch_norm, "keeps batch_stats.*nnx.BatchNorm"),
        (networks.nothing, "no parameters"),
        (networks.number, "what `number` makes is an object of the class `int`, which is no"),
        (networks.wrong_width, r"cannot be applied to inputs of shape \(4,\).*got \(4,\) and"),
        (networks.used_twice, r"shares param.*`bias` of the elements 0 and 2 .Linear.*end-to-end"),
        (networks.used_twice_in_a_list, "`bias` of the elements 0 and 2"),
        (networks.used_twice_made(), "`bias` of the elements 0 and 2"),
        (networks.tied_head, r"`embedding` of the elements 1 and 4 \(Embed and Embed.attend\)"),
        (networks.linen_twice, "the parameters of the elements 0 and 2"),
        (networks.closure, "function `<lambda>` .* uses a Linear from outside"),
        (networks.method_in_a_partial, "uses a Linear from outside"),
        (networks.ends_in_a_tuple, "no batch of outputs but tuple"),
        (networks.NormedTwice, "a batch norm more than once.*: `norm`"),
        (networks.bridged_norm, "batch statistics.*`BatchNorm_0.mean`"),
        (networks.spectral_norm, "batch statistics.*sigma"),
        (networks.bridged_late, "no parameters yet.*lazy_init"),
        (
            networks.AcrossInputs,
            r"the output of `centre` \(OwnNorm\) changes with the other inputs",
        ),
        (networks.HiddenBehindZeros, r"`centre` \(OwnNorm\) changes with the other inputs"),
        (networks.function_across_inputs, "the output of `centred` changes with the other inputs"),
        (networks.Noisy, "another random key: it uses `noise.rngs.default.key`"),
        (networks.UnderJax, "different trace level.*nnx.vmap"),
        (networks.Complex, "`phases` of `complex` is of type complex128.*two nnx.Param"),
        (networks.Whole, "`order` of `whole` is of type int64"),
        (networks.Spectrum, "returns numbers of type complex128"),
        (networks.Arrays, "5 of the 42 numbers.*: gain.*`allow_partial`"),
        (networks.weight_norm, "5 of the 30 numbers.*: scales.kernel"),
        (networks.stax_pair, "A pair is init.*stax.*haiku"),
        (networks.haiku_pair, "missing 1 required.*A pair is init"),
        (networks.TwoArguments, "missing 1 required .*`?y.*It is called with one argument"),
        (networks.Broken, "KeyError: 'the table of widths'$"),
    ],
)
@pytest.mark.filterwarnings("ignore:Using 'Module.sow:DeprecationWarning")
def test_what_cannot_be_taken_is_named(network: Callable[..., Any], parts: str) -> None:
    with pytest.raises(UsageError, match=parts):
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
    def told(network: object, **options: Any) -> bool:
        warnings = sed2.compute(network, **FAST, **options).warnings
        return any("one block" in warning for warning in warnings)

    assert told(networks.skip)
    assert told(networks.Own, blocks="declared")
    assert told(networks.sequential, blocks="one")
    assert not told(networks.Own)
    assert not told(networks.sequential)
    layer = nnx.Linear(4, 3, rngs=nnx.Rngs(0))
    assert not told(nnx.Sequential(layer, nnx.relu))  # it is one layer, and has been split
    nested = [nnx.Sequential(layer, nnx.Linear(3, 3, rngs=nnx.Rngs(1)))]
    assert told(nested, blocks="declared")
    assert not told(nested)


def test_layers_that_share_parameters_are_told_as_the_reason_of_one_block() -> None:
    layer = nnx.Linear(4, 4, rngs=nnx.Rngs(0))
    network = nnx.Sequential(layer, nnx.relu, layer)
    warnings = sed2.compute(network, chain="end-to-end", **FAST).warnings
    assert not any("cannot be split" in warning for warning in warnings)


def test_an_explanation_is_told_to_its_end() -> None:
    with pytest.raises(SpecError, match=r"float32\[2,5\].*float64\[2,5\].*x\.dtype"):
        build_chain(split(networks.NarrowCarry, "x"), (3, 4))


def test_a_network_of_flat_inputs_is_told_to_flatten_images() -> None:
    with pytest.raises(SpecError, match=r"shape \(6, 6, 3\).*reshape\(len\(x\), -1\).*`flatten`"):
        build_chain(split(networks.sequential, "x"), (6, 6, 3))


def test_images_that_are_shrunk_to_nothing_are_told_where_it_happens() -> None:
    def small(rngs: nnx.Rngs) -> nnx.Sequential:
        conv = nnx.Conv(3, 4, (7, 7), padding="VALID", rngs=rngs)
        return nnx.Sequential(conv, lambda x: x.mean((1, 2)), nnx.Linear(4, 2, rngs=rngs))

    def pooled(rngs: nnx.Rngs) -> nnx.Sequential:
        conv = nnx.Conv(3, 4, (3, 3), rngs=rngs)
        return nnx.Sequential(conv, lambda x: nnx.max_pool(x, (7, 7), (1, 1)).mean((1, 2)))

    message = r"`conv` shrinks inputs of shape \(6, 6, 3\) to nothing: .* shape \(0, 0, 4\)"
    for network in (small, pooled):
        with pytest.raises(SpecError, match=message):
            build_chain(split(network, "x"), (6, 6, 3))
        build_chain(split(network, "x"), (7, 7, 3))


@pytest.mark.parametrize(
    ("network", "prior"),
    [
        (networks.used_twice, "torch"),
        (networks.used_twice, "init"),
        (networks.used_twice_made(), "torch"),
    ],
)
def test_a_layer_used_twice_counts_once(network: Any, prior: str) -> None:
    result = sed2.compute(network, chain="end-to-end", prior=prior, **FAST)
    assert result.parameters == 30
    assert (result.two_sed.estimate <= 30).all()


def test_a_pair_used_twice_has_parameters_twice() -> None:
    network = [networks.several()[2], *networks.pair_twice()]
    with pytest.raises(SpecError):  # 5 features for a network of 4
        build_chain(split(network, "x"), (4,))
    chain = build_chain(split(networks.pair_twice, "x"), (2,))
    assert [block.parameters for block in chain.blocks] == [6, 6]


def test_layers_of_flax_compute_in_float64_whatever_their_dtype() -> None:
    narrow, wide = (sed2.compute(network, **FAST) for network in (networks.narrow, networks.wide))
    np.testing.assert_allclose(narrow.two_sed.estimate, wide.two_sed.estimate, rtol=1e-12)
    assert not any("bfloat16" in warning for warning in narrow.warnings)


def test_a_cast_in_the_users_own_code_is_told_by_name() -> None:
    warnings = sed2.compute(networks.Rounding, **FAST).warnings
    assert any(warning.startswith("first_1 computes in bfloat16") for warning in warnings)
    warnings = sed2.compute(networks.Rounding, chain="end-to-end", **FAST).warnings
    assert any(warning.startswith("network_1 computes in bfloat16") for warning in warnings)


def test_a_module_that_is_always_the_same_is_not_changed() -> None:
    kernel = networks.always_the_same().layers[0].kernel  # type: ignore[attr-defined]
    before = np.array(kernel[...])
    assert sed2.compute(networks.always_the_same, **FAST).parameters == 25
    np.testing.assert_array_equal(kernel[...], before)


def test_baselines_take_networks_with_state() -> None:
    ranking = sed2.rank(
        {"counting": networks.Counting, "tied": networks.used_twice},
        baselines=["parameters", "synflow"],
        chain="end-to-end",
        **FAST,
    )
    assert {model.result.parameters for model in ranking.models} == {37, 30}

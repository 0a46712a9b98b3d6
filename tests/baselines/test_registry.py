"""All baselines of one model: what is averaged, what is undefined and why, what changes nothing."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from sed2.baselines.draws import DRAWS, ROWS
from sed2.baselines.registry import BASELINES, baseline_values, measure_baselines
from sed2.blocks.factory import split
from sed2.chain import build_chain
from sed2.common.randomness import block_keys, uniforms
from sed2.data.load import choose_rows
from sed2.errors import SpecError, UsageError
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec, load_spec
from tests.baselines.networks import backpropagate, labelled

SETTINGS = Settings(samples=20, draws=3, eps=(0.1,), seed=5)
OF_DRAWS = ("synflow", "snip", "grad_norm", "fisher", "jacob_cov", "naswot")


def model_of(spec: str | list[dict[str, Any]]) -> ModelSpec:
    return load_spec(spec if isinstance(spec, str) else {"name": "m", "blocks": spec}).models[0]


def data(rows: int = 100, width: int = 6, classes: int = 3) -> Any:
    rng = np.random.default_rng(0)
    return labelled(rng.normal(size=(rows, width)), rng.integers(classes, size=rows))


MLP = model_of("MLP 6-20-3")
SMOOTH = model_of([{"dense": {"features": 8, "activation": "tanh"}}, {"dense": {"features": 3}}])


def test_issue_names_and_directions() -> None:
    assert list(BASELINES) == [
        "parameters",
        "flops",
        "depth",
        "narrowest_width",
        *OF_DRAWS,
        "abbas",
        "two_sed_end_to_end",
        "early_loss_1",
        "early_loss_2",
        "early_loss_5",
    ]
    assert all(one.larger_is_better for one in BASELINES.values())
    assert all(
        "arXiv" in one.description or "doi:" in one.description for one in BASELINES.values()
    )


def test_mean_over_draws_by_the_chain_rule() -> None:
    """Rows, labels and weights rebuilt from the seed; U(-1/sqrt(fan_in), 1/sqrt(fan_in))."""
    dataset = data()
    rows = choose_rows(100, ROWS, SETTINGS.seed)
    x, y = dataset.x[rows], dataset.y[rows]
    blocks = build_chain(MLP.blocks, (6,)).blocks
    runs = []
    for draw in range(DRAWS):
        kernels = []
        for block, shape in zip(blocks, [(6, 20), (20, 3)], strict=True):
            keys = block_keys(SETTINGS.seed, block.stream, jnp.array([draw]))
            numbers = np.asarray(uniforms(keys, block.parameters))[0, : block.parameters]
            kernels.append(numbers.reshape(shape) / np.sqrt(shape[0]))
        runs.append(backpropagate(x, y, *kernels))
    want = {name: np.mean([run[name] for run in runs]) for name in runs[0]}
    assert measure_baselines(MLP, dataset, SETTINGS, list(want)) == pytest.approx(want, rel=1e-10)


def test_all_are_finite_and_hang_on_nothing_else() -> None:
    """Neither on which others are asked for, nor on the model's name, nor on the chain."""
    values = measure_baselines(MLP, data(), SETTINGS)
    assert list(values) == list(BASELINES)
    assert all(map(math.isfinite, values.values()))
    alone = measure_baselines(MLP, data(), SETTINGS, ["grad_norm"])
    assert alone == pytest.approx({"grad_norm": values["grad_norm"]}, rel=1e-9)
    other = SETTINGS.model_copy(update={"chain": "end-to-end", "sigma": 0.5})
    named = load_spec(
        {
            "name": "other",
            "blocks": [
                {"dense": {"features": 20, "bias": False, "activation": "relu"}},
                {"dense": {"features": 3, "bias": False}},
            ],
        }
    ).models[0]
    again = measure_baselines(named, data(), other, OF_DRAWS)
    assert again == {name: values[name] for name in OF_DRAWS}
    seeded = SETTINGS.model_copy(update={"seed": 6})
    assert measure_baselines(MLP, data(), seeded, ["synflow"])["synflow"] != values["synflow"]


def test_convolutions_with_batch_norm_and_pooling() -> None:
    rng = np.random.default_rng(1)
    images = labelled(rng.normal(size=(70, 8, 8, 1)), rng.integers(3, size=70))
    values = measure_baselines(model_of("CNN 3|4-5-3"), images, SETTINGS, OF_DRAWS)
    assert all(map(math.isfinite, values.values()))


def test_no_labels() -> None:
    values = baseline_values(MLP, labelled(data().x, None), SETTINGS, OF_DRAWS)
    undefined = {name: value.reason for name, value in values.items() if math.isnan(value.value)}
    assert undefined == dict.fromkeys(("snip", "grad_norm", "fisher"), "the data have no labels")


def test_numbers_to_predict() -> None:
    y = np.random.default_rng(2).normal(size=(100, 3))
    values = baseline_values(MLP, labelled(data().x, y), SETTINGS, ["snip", "fisher"])
    assert all(value.value > 0 for value in values.values())
    fewer = baseline_values(MLP, labelled(data().x, y[:, 0]), SETTINGS, ["snip"])["snip"]
    assert fewer.reason == "it has 3 outputs for 1 numbers to predict"


def test_more_classes_than_outputs() -> None:
    value = baseline_values(MLP, data(classes=5), SETTINGS, ["snip"])["snip"]
    assert math.isnan(value.value)
    assert "its 3 outputs" in value.reason
    assert "0 to 4" in value.reason


def test_no_relu() -> None:
    values = baseline_values(SMOOTH, data(), SETTINGS, OF_DRAWS)
    assert math.isnan(values["naswot"].value)
    assert values["naswot"].reason == "the network has no ReLU"
    assert all(math.isfinite(v.value) for name, v in values.items() if name != "naswot")


class Hidden(nnx.Module):
    """With one ReLU in sight, and one in a function that is compiled on its own."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.linear = nnx.Linear(6, 3, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.jit(lambda z: jax.nn.relu(z) - 1)(jax.nn.relu(self.linear(x)))


def test_a_relu_out_of_sight_is_not_passed_over() -> None:
    model = ModelSpec("user", split(Hidden, "user", manner="declared"))
    value = baseline_values(model, data(), SETTINGS, ["naswot"])["naswot"]
    assert math.isnan(value.value)
    assert "out of sight" in value.reason


def test_too_few_relus_tell_no_inputs_apart() -> None:
    """K_H of 8 inputs has rank 5 at most with 4 units."""
    value = baseline_values(model_of("MLP 6-4-3"), data(), SETTINGS, ["naswot"])["naswot"]
    assert math.isnan(value.value)
    assert "singular" in value.reason


def test_jacobians_that_vanish() -> None:
    """One hidden unit is off for half of the inputs, under every draw."""
    value = baseline_values(model_of("MLP 6-1-3"), data(), SETTINGS, ["jacob_cov"])["jacob_cov"]
    assert math.isnan(value.value)
    assert "10 of 10 draws" in value.reason


def test_few_rows() -> None:
    values = baseline_values(MLP, data(rows=1), SETTINGS, ["jacob_cov", "naswot", "synflow"])
    assert "one row only" in values["jacob_cov"].reason
    assert "there are 1 rows" in values["naswot"].reason
    assert math.isfinite(values["synflow"].value)


def test_overflow_is_nan_with_a_reason() -> None:
    settings = SETTINGS.model_copy(update={"prior": "normal:1e160"})
    values = baseline_values(MLP, data(), settings, ["synflow", "parameters", "abbas"])
    for name in ("synflow", "abbas"):
        assert math.isnan(values[name].value)
        assert "overflow" in values[name].reason
    assert values["parameters"].value == 180


def test_what_does_not_fit_leaves_the_others() -> None:
    settings = SETTINGS.model_copy(update={"memory_gb": 1e-6})
    values = baseline_values(MLP, data(), settings)
    missing = {name for name, value in values.items() if math.isnan(value.value)}
    assert missing == set(BASELINES) - {"parameters", "flops", "depth", "narrowest_width"}
    assert all("budget" in values[name].reason for name in missing)


def test_progress_ends_at_its_total() -> None:
    seen: list[tuple[int, int]] = []
    measure_baselines(
        MLP, data(), SETTINGS, ["depth", "synflow", "abbas"], lambda *step: seen.append(step)
    )
    assert seen[-1] == (DRAWS + 3, DRAWS + 3)
    assert seen == sorted(seen)


def test_unknown_name_and_wrong_data() -> None:
    with pytest.raises(UsageError, match="Did you mean `synflow`"):
        measure_baselines(MLP, data(), SETTINGS, ["sinflow"])
    with pytest.raises(SpecError):
        measure_baselines(MLP, data(width=5), SETTINGS, ["depth"])

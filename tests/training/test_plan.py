"""What is known before the work: the training set, the forecast of memory, and the refusals."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sed2.data.load import Dataset
from sed2.errors import DataError, ResourceError, SpecError
from sed2.options import TrainingSettings
from sed2.settings import Settings
from sed2.training import loop
from sed2.training.network import draw_states
from sed2.training.plan import check_training
from sed2.training.result import CROSS_ENTROPY, SQUARED_ERROR
from tests.training.cases import NET, ROWS, SETTINGS, dataset, model


@pytest.mark.parametrize(
    ("given", "n_train", "rows"),
    [({}, None, ROWS), ({}, 20, 20), ({"train_samples": 30}, 20, 30), ({}, 1000, ROWS)],
)
def test_the_size_of_the_training_set(
    given: dict[str, Any], n_train: int | None, rows: int
) -> None:
    settings = SETTINGS.model_copy(update={"n_train": n_train})
    training = TrainingSettings.model_validate(given)
    plan = check_training(model(NET), dataset(), settings, training)
    assert (plan.samples, plan.batch, plan.steps) == (rows, rows, 1)  # less than a batch of 64


def test_what_is_minimised_goes_by_the_targets() -> None:
    def objective(y: Any) -> str:
        return check_training(
            model(NET), dataset(y), SETTINGS, TrainingSettings()
        ).program.objective

    assert objective("classes") == objective(np.arange(ROWS) % 2) == CROSS_ENTROPY
    assert objective(np.ones((ROWS, 3))) == SQUARED_ERROR


def refusal(error: type[Exception], data: Dataset, settings: Settings = SETTINGS) -> str:
    with pytest.raises(error) as caught:
        check_training(model(NET), data, settings, TrainingSettings())
    return str(caught.value)


@pytest.mark.parametrize(
    ("error", "y", "words"),
    [
        (DataError, None, ["`test` has no labels", "an array `y`", "train"]),
        (SpecError, np.arange(ROWS) % 5, ["3 outputs", "5 classes", "5 features"]),
        (SpecError, np.ones((ROWS, 2)), ["3 outputs", "2 targets", "2 features"]),
    ],
)
def test_targets_that_do_not_fit_are_refused(
    error: type[Exception], y: Any, words: list[str]
) -> None:
    message = refusal(error, dataset(y))
    for word in words:
        assert word in message


def test_what_does_not_fit_in_memory_is_refused() -> None:
    message = refusal(ResourceError, dataset(), SETTINGS.model_copy(update={"memory_gb": 1e-6}))
    for word in ("budget is 0.0 GB", "batch_size", "train_seeds", "memory_gb"):
        assert word in message


IMAGES = {
    "blocks": [
        {"conv": {"features": 6, "kernel_size": 3, "norm": "batch", "activation": "relu"}},
        {"flatten": {}},
        {"dense": {"features": 3}},
    ]
}
WIDE = {"blocks": [{"dense": {"features": 300, "activation": "relu"}}, {"dense": {"features": 3}}]}


@pytest.mark.parametrize(("spec", "shape"), [(IMAGES, (12, 12, 2)), (WIDE, (200,))])
def test_the_forecast_holds_what_xla_needs(spec: Any, shape: tuple[int, ...]) -> None:
    """XLA's own account of the compiled program, but for the training set that it is handed."""
    data = Dataset("test", np.zeros((ROWS, *shape)), np.arange(ROWS) % 3, False, "test", "")
    plan = check_training(model(spec), data, SETTINGS, TrainingSettings())
    with jax.enable_x64(False):
        states = jax.eval_shape(lambda: draw_states(plan.chain, SETTINGS, 3))
        program = loop.advance.lower(
            plan.program,
            1e-3,
            jax.eval_shape(loop.start, states),
            jax.ShapeDtypeStruct(data.x.shape, jnp.float32),
            jax.ShapeDtypeStruct((ROWS,), jnp.int32),
            jax.ShapeDtypeStruct((3, plan.piece, plan.batch), jnp.int32),
            jax.ShapeDtypeStruct((plan.piece,), bool),
        ).compile()
    found = program.memory_analysis()
    needed = found.temp_size_in_bytes + found.argument_size_in_bytes + found.output_size_in_bytes
    assert needed <= plan.bytes <= 6 * needed


TOKENS = {
    "blocks": [
        {"tokens": {"positions": "learned"}},
        {"transformer": {"heads": 2, "mlp_features": 4}},
    ]
}


def test_outputs_of_several_axes_are_no_classes() -> None:
    """Two tokens of four features would be eight classes."""
    x = np.random.default_rng(0).normal(size=(ROWS, 2, 1, 4))
    data = Dataset("test", x, np.arange(ROWS) % 3, False, "test", "")
    with pytest.raises(SpecError) as caught:
        check_training(model(TOKENS), data, SETTINGS, TrainingSettings())
    assert "outputs of shape (2, 4)" in str(caught.value)
    assert "flatten" in str(caught.value)
    numbers = Dataset("test", x, np.ones((ROWS, 2, 4)), False, "test", "")
    plan = check_training(model(TOKENS), numbers, SETTINGS, TrainingSettings())
    assert plan.program.objective == SQUARED_ERROR
    with pytest.raises(SpecError, match=r"\(2, 4\), but a target of `test` is of shape \(8,\)"):
        check_training(
            model(TOKENS),
            Dataset("test", x, np.ones((ROWS, 8)), False, "test", ""),
            SETTINGS,
            TrainingSettings(),
        )

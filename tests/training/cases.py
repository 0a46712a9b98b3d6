"""A small data set and small networks that the tests of training share."""

from __future__ import annotations

from typing import Any

import numpy as np

from sed2.data.load import Dataset
from sed2.options import TrainingSettings
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec, load_spec
from tests.cases import gaussian_inputs

ROWS, WIDTH, CLASSES = 50, 4, 3
SETTINGS = Settings(dataset="test", seed=7)
NET = {
    "blocks": [
        {"dense": {"features": 5, "activation": "tanh"}},
        {"dense": {"features": CLASSES}},
    ]
}
NORMED = {
    "blocks": [
        {"dense": {"features": 5, "norm": "batch", "activation": "tanh"}},
        {"dense": {"features": CLASSES}},
    ]
}
LINEAR = {"blocks": [{"dense": {"features": 2}}]}


def dataset(y: Any = "classes", rows: int = ROWS) -> Dataset:
    x = gaussian_inputs(rows, WIDTH)
    if isinstance(y, str):
        y = np.digitize(x[:, 0], np.quantile(x[:, 0], [0.3, 0.7]))
    return Dataset("test", x, y, False, "test", "")


def model(spec: Any) -> ModelSpec:
    return load_spec(spec).models[0]


def in_float64(**given: Any) -> TrainingSettings:
    return TrainingSettings.model_validate({"precision": "float64", **given})

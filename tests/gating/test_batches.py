"""Further batches: the same inputs, other draws, the same target."""

from __future__ import annotations

import numpy as np
import pytest

from sed2.data.load import choose_inputs
from sed2.estimate import estimate
from sed2.gating import gate
from sed2.gating.gate import batch_seed, further_batch
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from tests.cases import dataset, gaussian_inputs

MODEL = load_spec("MLP 4-3-2").models[0]
DATA = dataset(gaussian_inputs(60, 4))
SETTINGS = Settings.model_validate(
    {"dataset": "test", "samples": 20, "draws": 30, "eps": "0.01:0.1:3"}
)


def test_they_see_the_same_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []

    def spy(model: object, data: object, settings: Settings, *_: object) -> None:
        seen.append(choose_inputs(data, settings.samples, settings.seed))  # type: ignore[arg-type]
        assert settings.input_groups == 0  # no work on errors that the first batch has

    monkeypatch.setattr(gate, "estimate", spy)
    for number in (1, 2):
        further_batch(MODEL, DATA, SETTINGS, number)
    for inputs in seen:
        np.testing.assert_array_equal(inputs, choose_inputs(DATA, 20, SETTINGS.seed))


def test_they_have_draws_of_their_own_and_errors_of_the_draws_alone() -> None:
    first = estimate(MODEL, DATA, SETTINGS)
    second, again, third = (further_batch(MODEL, DATA, SETTINGS, n) for n in (1, 1, 2))
    assert len({first.score.value, second.score.value, third.score.value}) == 3
    assert second.score.value == again.score.value
    assert second.score.std_error_draws > 0
    assert second.score.std_error_inputs == 0


def test_seeds_are_fixed_and_differ() -> None:
    """The first is written down: a change of it would move every gate's numbers."""
    assert batch_seed(0, 1) == 2_163_159_627_186_132_004
    seeds = {batch_seed(seed, number) for seed in (0, 1, 2**63 - 1) for number in range(1, 50)}
    assert len(seeds) == 3 * 49
    assert all(0 <= seed < 2**63 for seed in seeds)

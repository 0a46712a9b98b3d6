"""A spec against its baseline, from the API down to the draws, on small data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sed2
from sed2 import tasks
from sed2.errors import DataError, UsageError
from sed2.gating.baseline import Baseline, to_text
from sed2.gating.outcome import GateResult, Status
from tests.cases import gaussian_inputs

SIZE: dict[str, Any] = {"samples": 10, "draws": 6, "eps": "0.01,0.1"}
SPEC = {"models": [{"name": "a", "notation": "MLP 5-4-2"}, {"name": "b", "notation": "MLP 5-3-2"}]}
NARROW = {
    "models": [{"name": "a", "notation": "MLP 5-2-2"}, {"name": "b", "notation": "MLP 5-3-2"}]
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With data, the same data once more, and other data."""
    folder = tmp_path_factory.mktemp("gate")
    x = gaussian_inputs(60, 5)
    np.savez(folder / "data.npz", x=x)
    np.savez_compressed(folder / "same.npz", x=x)
    np.savez(folder / "other.npz", x=x + 1)
    return folder


@pytest.fixture(scope="module")
def made(folder: Path) -> Baseline:
    return sed2.make_baseline(SPEC, dataset=str(folder / "data.npz"), **SIZE)


@pytest.fixture
def gated(folder: Path, made: Baseline, tmp_path: Path) -> Callable[..., GateResult]:
    """`gated(spec, ...)` against the baseline of SPEC."""

    def run(spec: object = SPEC, baseline: Baseline = made, **given: Any) -> GateResult:
        path = tmp_path / "b.json"
        path.write_text(to_text(baseline))
        settings = {"dataset": str(folder / "data.npz"), **SIZE, **given}
        return sed2.gate(spec, path, **settings)

    return run


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sampling, or reading data, is a failure."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("this was not to be done")

    monkeypatch.setattr("sed2.fisher.kept.sample_spectra", fail)
    monkeypatch.setattr("sed2.api.checked_data", fail)


def test_a_baseline_is_the_same_bytes_again(folder: Path, made: Baseline) -> None:
    again = sed2.make_baseline(SPEC, dataset=str(folder / "data.npz"), **SIZE)
    assert to_text(again) == to_text(made)
    assert [len(model.score.batches) for model in made.models.values()] == [4, 4]


def test_its_first_batch_is_what_compute_gives(folder: Path, made: Baseline) -> None:
    result = sed2.compute(SPEC, model="a", dataset=str(folder / "data.npz"), **SIZE)
    assert made.models["a"].score.batches[0] == result.score.value
    assert made.models["a"].parameters == result.parameters


@pytest.mark.usefixtures("no_work")
def test_an_unchanged_spec_computes_and_reads_nothing(gated: Callable[..., GateResult]) -> None:
    result = gated()
    assert result.status is Status.PASSED
    assert all(model.unchanged and not model.computed for model in result.models)
    assert result.warnings == ()


def test_the_same_numbers_in_another_file_are_the_same_data(
    gated: Callable[..., GateResult], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sed2.fisher.kept.sample_spectra", None)
    assert gated(dataset=str(folder / "same.npz")).status is Status.PASSED


def test_other_data_are_refused(gated: Callable[..., GateResult], folder: Path) -> None:
    with pytest.raises(UsageError, match=r"other data.*data\.npz.*other\.npz"):
        gated(dataset=str(folder / "other.npz"))
    with pytest.raises(DataError):
        gated(dataset=str(folder / "missing.npz"))


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"eps": "0.1"}, r"`eps` was \[0\.01, 0\.1\] and is \[0\.1\]"),
        ({"zeta": 0.5}, r"`zeta` was 0\.0 and is 0\.5"),
        ({"seed": 3}, "`seed` was 0 and is 3"),
        ({"prior": "init"}, '`prior` was "torch" and is "init"'),
        ({"estimator": "smc"}, '`estimator` was "mc" and is "smc"'),
        ({"seed": 3, "sigma": 1}, "`seed` was .*; `sigma` was "),
    ],
)
def test_other_settings_are_refused_before_any_work(
    gated: Callable[..., GateResult], given: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        gated(**given)


def test_a_narrower_model_fails_and_its_neighbour_is_left_alone(
    gated: Callable[..., GateResult],
) -> None:
    result = gated(NARROW)
    assert [str(model.status) for model in result.models] == ["failed", "passed"]
    assert [model.computed for model in result.models] == [True, False]
    assert result.provenance is not None
    assert result.exit_code == 3


def test_a_lower_demand_lets_it_pass(gated: Callable[..., GateResult]) -> None:
    assert gated(NARROW, min_ratio=0.2).status is Status.PASSED


def test_progress_tells_the_model_and_its_draws(gated: Callable[..., GateResult]) -> None:
    told: list[str] = []
    gated(NARROW, min_ratio=0.2, progress=lambda name, done, total: told.append(name))
    assert set(told) == {"a, draws 1 to 6"}


def test_models_of_one_side_alone(gated: Callable[..., GateResult]) -> None:
    spec = {"models": [{"name": "c", "notation": "MLP 5-4-2"}, SPEC["models"][1]]}
    result = gated(spec)
    kinds = {model.name: [check.kind for check in model.checks] for model in result.models}
    assert kinds == {"c": ["new"], "b": ["ratio"], "a": ["missing"]}
    assert result.status is Status.FAILED
    assert gated(spec, allow_new=True, allow_missing=True).status is Status.PASSED
    sized = gated(spec, allow_new=True, allow_missing=True, max_parameters=27)
    assert [str(model.status) for model in sized.models] == ["failed", "passed", "passed"]


def test_other_versions_compute_anew_and_say_so(
    gated: Callable[..., GateResult], made: Baseline
) -> None:
    old = made.model_copy(update={"provenance": made.provenance | {"jax": "0.1"}})
    result = gated(baseline=old)
    assert result.status is Status.PASSED
    assert all(model.unchanged and model.computed for model in result.models)
    (warning,) = result.warnings
    assert "jax 0.1" in warning
    assert "--update" in warning


def test_other_numerics_are_told(gated: Callable[..., GateResult], made: Baseline) -> None:
    model = made.models["a"]
    score = model.score.model_copy(update={"batches": tuple(2 * v for v in model.score.batches)})
    moved = made.model_copy(
        update={
            "provenance": made.provenance | {"jax": "0.1"},
            "models": made.models | {"a": model.model_copy(update={"score": score})},
        }
    )
    result = gated(baseline=moved)
    assert result.status is Status.PASSED
    assert any("computes it differently now" in warning for warning in result.warnings)


OWN = """
from flax import nnx
import scale_of
def net(rngs):
    return [nnx.Sequential(nnx.Linear(5, 2, rngs=rngs), lambda x: scale_of.SCALE * x**2)]
"""


def test_ones_own_network_is_not_trusted_to_be_one_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net_of.py").write_text(OWN)
    (tmp_path / "scale_of.py").write_text("SCALE = 1.0")
    monkeypatch.syspath_prepend(tmp_path)
    spec = {"models": [{"name": "mine", "module": "net_of:net"}]}
    given = {"dataset": str(folder / "data.npz"), "allow_import": True, **SIZE}
    path = tmp_path / "b.json"
    path.write_text(to_text(sed2.make_baseline(spec, max_draws=6, **given)))
    same = sed2.gate(spec, path, **given)
    assert same.models[0].unchanged
    assert same.models[0].computed
    assert same.warnings == ()
    monkeypatch.setattr("scale_of.SCALE", 0.0)
    changed = sed2.gate(spec, path, **given)
    assert not changed.models[0].unchanged
    assert changed.status is Status.FAILED
    assert any("what the file imports" in warning for warning in changed.warnings)


@pytest.mark.usefixtures("no_work")
def test_an_update_takes_over_what_stands(folder: Path, made: Baseline) -> None:
    given = {"dataset": str(folder / "data.npz"), **SIZE}
    assert sed2.make_baseline(SPEC, made, **given) == made
    alone = sed2.make_baseline({"models": SPEC["models"][:1]}, made, **given)
    assert list(alone.models) == ["a"]


def test_an_update_computes_what_does_not(folder: Path, made: Baseline) -> None:
    given = {"dataset": str(folder / "data.npz"), **SIZE}
    sampled: list[str] = []
    found = sed2.make_baseline(
        NARROW, made, progress=lambda name, done, total: sampled.append(name[0]), **given
    )
    assert set(sampled) == {"a"}
    assert found.models["b"] == made.models["b"]
    assert found.models["a"].spec_sha256 != made.models["a"].spec_sha256
    for other in ({"seed": 1}, {"max_draws": 12}):
        again = sed2.make_baseline(SPEC, made, **given | other)
        assert all(again.models[name] != made.models[name] for name in made.models)


def test_models_of_their_own_settings_are_compared_by_them(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SED2_SIGMA")
    spec = {"models": [SPEC["models"][0], {**SPEC["models"][1], "sigma": 0.5}]}
    given = {"dataset": str(folder / "data.npz"), "max_draws": 6, **SIZE}
    path = tmp_path / "b.json"
    path.write_text(to_text(sed2.make_baseline(spec, **given)))
    assert json.loads(path.read_text())["models"]["b"]["settings"] == {"sigma": 0.5}
    assert sed2.gate(spec, path, **given).status is Status.PASSED
    with pytest.raises(UsageError, match=r"`b`.*`sigma` was 0\.5 and is .limit"):
        sed2.gate(SPEC, path, **given)


def test_all_models_are_checked_against_the_data_before_any_is_run(
    gated: Callable[..., GateResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "estimate", None)
    spec = {"models": [NARROW["models"][0], {"name": "b", "notation": "MLP 7-3-2"}]}
    with pytest.raises(UsageError, match="takes 7 features"):
        gated(spec)

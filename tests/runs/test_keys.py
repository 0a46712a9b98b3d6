"""The hash holds all that determines a number, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sed2 import api
from sed2.chain import build_chain
from sed2.errors import UsageError
from sed2.fisher.plan import make_plan
from sed2.request import read_spec
from sed2.runs import keys
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from sed2.training.settings import TrainingSettings

ITS = Settings(dataset="test")
OTHER: dict[str, Any] = {
    "eps": (0.1,),
    "zeta": 0.5,
    "samples": 7,
    "draws": 7,
    "sigma": 0.1,
    "fisher": "empirical",
    "chain": "end-to-end",
    "likelihood": "categorical",
    "prior": "init",
    "estimator": "smc",
    "particles": 9,
    "islands": 3,
    "moves": 3,
    "n_train": 1000,
    "gamma": 0.5,
    "seed": 1,
    "input_groups": 3,
    "max_flops": 1e6,
    "lanczos_steps": 3,
    "probes": 3,
    "memory_gb": 1.0,
}


def key(**other: Any) -> str:
    """Of a result, with another model, other data or settings."""
    model = load_spec(other.pop("model", "MLP 54-3-7")).models[0]
    data = other.pop("data", "0" * 64)
    return keys.of_result(keys.architecture(model), data, ITS.model_copy(update=other))


def test_every_setting_is_in_it_but_what_the_data_are_called() -> None:
    assert set(OTHER) | keys.NAMES_OF_DATA == set(Settings.model_fields)
    assert key(dataset="other", label="y", standardize=True) == key()


@pytest.mark.parametrize("name", OTHER)
def test_a_setting_makes_another_key(name: str) -> None:
    assert key(**{name: OTHER[name]}) != key()


def test_model_and_data_make_another_key_and_the_name_does_not() -> None:
    assert key(model="MLP 54-4-7") != key()
    assert key(data="1" * 64) != key()
    renamed = {"models": [{"name": "other", "notation": "MLP 54-3-7"}]}
    assert key(model=renamed) == key()


@pytest.mark.parametrize("name", [*keys.PACKAGES, "source", "device", "machine", "dtype"])
def test_what_computes_makes_another_key(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = key()
    changed = {**keys.numerics(), name: "other"}
    monkeypatch.setattr(keys, "numerics", lambda device="": changed)
    assert key() != before


def test_a_change_of_the_source_makes_another_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def source() -> str:
        monkeypatch.setattr(keys, "_ROOT", tmp_path)
        return keys._own_source()

    (tmp_path / "cli").mkdir()
    (tmp_path / "measure.py").write_text("a = 1")
    before = source()
    (tmp_path / "cli" / "rank.py").write_text("b = 1")
    assert source() == before  # of no concern to the numbers
    (tmp_path / "measure.py").write_text("a = 2")
    assert source() != before


def test_kinds_of_results_have_keys_of_their_own() -> None:
    of_model = "a", "0" * 64, ITS
    training = TrainingSettings()
    found = {
        keys.of_result(*of_model),
        keys.of_baselines(*of_model),
        keys.of_training(*of_model, training),
        keys.of_training(*of_model, training.model_copy(update={"epochs": 3})),
        keys.of_plan(keys.of_result(*of_model)),
    }
    assert len(found) == 5


def test_pieces_are_of_their_plan() -> None:
    chain = build_chain(load_spec("MLP 4-3-2").models[0].blocks, (4,))
    plan = make_plan(chain, 20, 6, ITS)
    found = {
        keys.of_piece("a", plan, 0),
        keys.of_piece("a", plan, 5),
        keys.of_piece("b", plan, 0),
        keys.of_piece("a", replace(plan, chunk=3), 0),
        keys.of_piece("a", replace(plan, ways=plan.ways[::-1]), 0),
    }
    assert len(found) == 5


def test_users_code_is_in_it_wherever_it_is_imported_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of a file that the factory's file imports."""
    (tmp_path / "widths_of_user.py").write_text("WIDTH = 3\n")
    (tmp_path / "net_of_user.py").write_text(
        "from flax import nnx\nimport widths_of_user\n"
        "def make(rngs):\n"
        "    return nnx.Sequential(nnx.Linear(54, 7, rngs=rngs), lambda x: x)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    spec = {"models": [{"name": "user", "module": "net_of_user:make"}]}
    (model,) = read_spec(spec, allow_import=True, allow_partial=False).models
    before = keys.architecture(model)
    assert keys.architecture(model) == before
    (tmp_path / "widths_of_user.py").write_text("WIDTH = 4\n")
    assert keys.architecture(model) != before


def test_a_network_that_was_handed_over_is_refused(tmp_path: Path) -> None:
    from flax import nnx

    def network(rngs: nnx.Rngs) -> nnx.Module:
        return nnx.Linear(54, 7, rngs=rngs)

    with pytest.raises(UsageError, match=r"handed over.*module: package\.module:factory"):
        api.rank(network, dataset="covertype", samples=4, draws=2, run_dir=tmp_path / "run")


def test_what_another_device_computes_has_other_keys() -> None:
    keys_of = {
        device: keys.of_result("model", "data", Settings(), device)
        for device in ("", keys.numerics()["device"], "gpu: of a cluster: H100")
    }
    own, named, other = keys_of.values()
    assert own == named != other

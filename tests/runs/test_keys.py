"""The hash holds all that determines a number, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sed2 import api
from sed2.chain import build_chain
from sed2.errors import UsageError
from sed2.fisher.items import Items
from sed2.fisher.plan import make_plan
from sed2.gating.gate import BATCH
from sed2.options import TrainingSettings
from sed2.request import read_spec
from sed2.robustness.study import DRAWS
from sed2.runs import keys
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from sed2.tasks import BASELINES, ESTIMATE, TRAINING, Stage, Task

ITS = Settings(dataset="test")
MODEL = load_spec("MLP 54-3-7").models[0]
OTHER: dict[str, Any] = {
    "score": "joint",
    "end_to_end_draws": 3,
    "eps": (0.1,),
    "zeta": 0.5,
    "samples": 7,
    "draws": 7,
    "sigma": 0.1,
    "fisher": "empirical",
    "chain": "end-to-end",
    "split": "one",
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
    return keys.of_task(Task(ESTIMATE, model, ITS.model_copy(update=other)), data)


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
    training = TrainingSettings()
    stages: list[tuple[Stage, Any]] = [
        (ESTIMATE, None),
        (BASELINES, None),
        (TRAINING, training),
        (TRAINING, training.model_copy(update={"epochs": 3})),
        (BATCH, 1),
        (BATCH, 2),
        (DRAWS, (2, 4)),
        (DRAWS, (2, 5)),
    ]
    tasks = [Task(stage, MODEL, ITS, own) for stage, own in stages]
    assert len({keys.of_task(task, "0" * 64) for task in tasks}) == len(stages)


def spectra(items: Items, model: str = "a", device: str = "", quieter: float = 1) -> str:
    return keys.of_spectra(model, items, device, quieter)


def test_spectra_with_less_noise_have_the_key_of_a_smaller_sigma() -> None:
    chain = build_chain(MODEL.blocks, (54,))

    def items(sigma: float | str) -> Items:
        its = ITS.model_copy(update={"sigma": sigma})
        plan = make_plan(chain, 20, 6, its)
        return Items(chain, np.ones((6, 54)), np.arange(20), np.ones((20, 6)), its, plan)

    assert spectra(items(0.1), quieter=10) == spectra(items(0.01)) != spectra(items(0.1))
    assert spectra(items("limit")) not in {spectra(items(sigma)) for sigma in (0.1, 1.0)}


def test_spectra_have_the_key_of_what_determines_them() -> None:
    """Not eps, and neither how many draws there are nor in which batches they are worked on."""
    chain = build_chain(MODEL.blocks, (54,))
    plan = make_plan(chain, 20, 6, ITS)
    items = Items(chain, np.ones((6, 54)), np.arange(20), np.ones((20, 6)), ITS, plan)
    known = spectra(items)
    ways = [replace(way, batch=1, bytes=7, population=float(way.population)) for way in plan.ways]
    determined = {"eps", "zeta", "draws", "estimator", "n_train", "input_groups", "samples"}
    determined |= {
        "particles",
        "islands",
        "moves",
        "gamma",
        "memory_gb",
        "probes",
        "score",
        "end_to_end_draws",
    }
    determined |= {"max_flops", "lanczos_steps"}  # which are in the ways
    for name in OTHER:
        other = replace(items, settings=ITS.model_copy(update={name: OTHER[name]}))
        assert (spectra(other) == known) == (name in determined), name
    assert spectra(items[:5]) == known
    assert spectra(replace(items, plan=replace(plan, chunk=3, ways=tuple(ways)))) == known
    assert spectra(items, "b") != known
    assert spectra(items, device="gpu: other") != known
    assert spectra(replace(items, inputs=2 * items.inputs)) != known
    squared = tuple(replace(way, squared=True) for way in plan.ways)
    assert spectra(replace(items, plan=replace(plan, ways=squared))) != known


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
        device: keys.of_task(Task(ESTIMATE, MODEL, ITS), "0" * 64, device)
        for device in ("", keys.numerics()["device"], "gpu: of a cluster: H100")
    }
    own, named, other = keys_of.values()
    assert own == named != other

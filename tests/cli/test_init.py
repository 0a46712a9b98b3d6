"""`sed2 init`, the specs that ship with sed2, and several notations."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from sed2.spec.schema import load_spec
from tests.cli.conftest import FAST, Run


def test_a_spec_to_begin_with(sed2: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = sed2("init")
    assert (made.code, made.err) == (0, "")
    assert "sed2 rank sed2.yaml" in made.out
    checked = sed2("validate", "sed2.yaml")
    assert checked.code == 0
    assert "8 models: no fault found." in checked.out
    text = Path("sed2.yaml").read_text("utf-8")
    Path("sed2.yaml").write_text("mine")
    again = sed2("init")
    assert (again.code, Path("sed2.yaml").read_text()) == (2, "mine")
    assert "is not overwritten" in again.err
    assert sed2("init", "none/a.yaml").code == 2
    uncommented = [line.replace("# ", "", 1) for line in text.splitlines() if line[:3] != "#  "]
    options = [line for line in uncommented if line.partition(":")[0] in ("score", "n_train")]
    options += [line for line in uncommented if line.startswith("training")]
    Path("all.yaml").write_text("\n".join([text, *options]))
    assert sed2("validate", "all.yaml").code == 0


def test_the_configs_ship_with_sed2(sed2: Run) -> None:
    shipped = resources.files("sed2") / "examples"
    configs = Path(__file__).parents[2] / "configs"
    assert (shipped / "mlps.yaml").read_bytes() == (configs / "mlps.yaml").read_bytes()
    assert len(load_spec("example:mlps").models) == 3
    ran = sed2("validate", "example:mlps")
    assert ran.code == 0
    assert "MLP 54-13-11-9-7" in ran.out
    for name in ("mlp", "", "../configs/mlps", "mlps.yaml"):
        missed = sed2("validate", f"example:{name}")
        assert missed.code == 2
        assert "Allowed: blocks, cnns-cifar10" in missed.err


def test_several_notations(sed2: Run, tmp_path: Path) -> None:
    ran = sed2("rank", "MLP 54-3-7", "MLP 54-4-7", *FAST)
    assert ran.code == 0
    assert "MLP 54-3-7" in ran.out
    assert "2 models" in sed2("validate", "MLP 54-3-7", "MLP 54-4-7", *FAST[:2]).out
    spec = tmp_path / "s.yaml"
    spec.write_text("models: [MLP 54-5-7]\n")
    mixed = sed2("rank", "MLP 54-3-7", spec, *FAST)
    assert mixed.code == 2
    assert "is no notation, and where there are several SPEC" in mixed.err
    twice = sed2("select", "MLP 54-3-7", "MLP 54-3-7", *FAST[:2])
    assert twice.code == 2
    assert "two models are called `MLP 54-3-7`" in twice.err

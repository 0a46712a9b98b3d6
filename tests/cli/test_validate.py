"""`sed2 validate`: a spec is checked, nothing is computed."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from sed2 import tasks
from tests.cases import offline_settings
from tests.cli.conftest import Run

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_configs_are_valid(sed2: Run, config: Path, tmp_path: Path) -> None:
    flags = (f"--{name}={value}" for name, value in offline_settings(config, tmp_path).items())
    ran = sed2("validate", config, *flags)
    assert ran.code == 0, ran.err
    assert "no fault found" in ran.out
    schema = json.loads(sed2("schema").out)
    jsonschema.validate(yaml.safe_load(config.read_text()), schema)


def test_sizes_are_shown_without_computing(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "estimate", lambda *_: pytest.fail("the work began"))
    ran = sed2("validate", "MLP 54-16-7", "--dataset", "covertype")
    assert ran.code == 0
    assert ran.out.splitlines()[2].split() == ["MLP", "54-16-7", "976", "54", "7", "2"]
    assert ran.err == ""


def test_notation_needs_no_data(sed2: Run) -> None:
    assert "4,000,000,000,000" in sed2("validate", "MLP 2000000-2000000").out


def test_a_plan_is_made_if_asked_for_and_must_fit(sed2: Run) -> None:
    ran = sed2("validate", "MLP 54-16-7", "--dataset", "covertype", "--verbose")
    assert ran.code == 0
    assert ran.out.count("exact, by unit") == 2
    ran = sed2("validate", "MLP 2000000-2000000", "-v")
    assert ran.code == 5
    assert "GB" in ran.err


def test_a_model_that_does_not_fit_the_data_is_found(sed2: Run) -> None:
    ran = sed2("validate", "MLP 50-16-7", "--dataset", "covertype")
    assert ran.code == 2
    assert "54 features" in ran.err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--eps", "1"), ("--zeta", "1"), ("--draws", "0"), ("--prior", "uniform:1:0")],
)
def test_every_setting_is_checked(sed2: Run, option: str, value: str) -> None:
    ran = sed2("validate", "MLP 54-16-7", option, value)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: {option}: ")


def test_the_data_are_checked(sed2: Run) -> None:
    Path("d.csv").write_text("a,b,label\n1,two,0\n")
    ran = sed2("validate", "MLP 2-3-2", "--dataset", "d.csv")
    assert ran.code == 4
    assert "d.csv:2:b" in ran.err

"""Options made from the fields of `Settings`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sed2 import api
from sed2.common.validation import read_flags
from sed2.settings import Settings, resolve
from sed2.training.settings import TrainingSettings
from tests.cli.conftest import Run

Given = Callable[..., dict[str, object]]
OF_RANK = (
    "until_decided",
    "decide_at",
    "max_draws",
    "max_samples",
    "train",
    "baselines",
    "run_dir",
    "ray",
    *TrainingSettings.model_fields,
)
"""Options of `rank` that are no settings."""
COMMANDS = ("bound", "compute", "gate", "rank", "stability", "validate")


class Stop(Exception):
    """Thrown in the place of the work, with the settings the command line gave."""


@pytest.fixture
def given(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> Given:
    """`given("--draws", "3")` is what `sed2 rank x.yaml --draws 3` asks for."""
    seen: dict[str, object] = {}

    def stop(
        *_: object, progress: object, allow_import: bool, allow_partial: bool, **settings: object
    ) -> None:
        seen.clear()
        seen.update({name: settings[name] for name in settings if name not in OF_RANK})
        raise Stop

    def run_it(*options: str) -> dict[str, object]:
        monkeypatch.setattr(api, "rank", stop)
        assert "Stop" in sed2("rank", "x.yaml", *options).err
        return dict(seen)

    return run_it


@pytest.mark.parametrize("command", COMMANDS)
def test_every_setting_is_an_option_with_its_default(sed2: Run, command: str) -> None:
    shown = re.sub(r"\s+", " ", sed2(command, "--help").out)
    for name, field in Settings.model_fields.items():
        assert f"--{name.replace('_', '-')}" in shown
        assert field.description
        assert re.sub(r"\s+", " ", field.description) in shown


def test_the_defaults_shown_are_the_defaults(sed2: Run) -> None:
    shown = re.sub(r"\s+", " ", sed2("rank", "--help").out)
    options = re.findall(r"--([a-z-]+) (?:(?! --[a-z]).)*?\[default: ([^\]]+)\]", shown)
    assert len(options) >= 9
    for option, default in options:
        name = option.replace("-", "_")
        if name in TrainingSettings.model_fields and name != "train_samples":
            assert getattr(read_flags(TrainingSettings, {name: default}), name) == getattr(
                TrainingSettings(), name
            )
        if name in OF_RANK:
            continue
        assert getattr(resolve({name: default}, {}), name) == getattr(Settings(), name), name


def test_a_command_may_have_a_default_of_its_own(sed2: Run) -> None:
    assert "Meso-scale exponent. [default: 2/3]" in sed2("bound", "--help").out
    assert "Meso-scale exponent. [default: 0]" in sed2("compute", "--help").out


def test_what_is_not_given_is_not_passed_on(given: Given) -> None:
    assert given() == {}
    assert given("--draws", "3", "--eps", "0.1") == {"draws": "3", "eps": "0.1"}


def test_flags_have_three_states(given: Given) -> None:
    assert given("--standardize") == {"standardize": True}
    assert given("--no-standardize") == {"standardize": False}


def test_the_last_of_two_counts(given: Given) -> None:
    assert given("--draws", "3", "--draws", "4") == {"draws": "4"}


def test_a_negative_number_is_a_value(given: Given) -> None:
    assert given("--zeta", "-1", "--prior", "uniform:-1:1") == {
        "zeta": "-1",
        "prior": "uniform:-1:1",
    }


def test_a_flag_takes_back_what_the_yaml_says(sed2: Run) -> None:
    Path("d.csv").write_text("a,b,label\n1,9,0\n2,-3,1\n4,5,0\n")
    Path("m.yaml").write_text(
        "dataset: d.csv\nstandardize: true\neps: 0.1\ndraws: 2\nnotation: MLP 2-2\n"
    )

    def settings(*options: str) -> dict[str, object]:
        return json.loads(sed2("compute", "m.yaml", "--json", "-", *options).out)["settings"]

    assert settings()["standardize"] is True
    assert settings("--no-standardize")["standardize"] is False

"""`sed2 validate`, `sed2 datasets`, `sed2 schema`."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from sed2.data import registry
from sed2.errors import DataError
from tests.cli.conftest import Run

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_configs_are_valid(sed2: Run, config: Path) -> None:
    ran = sed2("validate", config)
    assert ran.code == 0, ran.err
    assert "no fault found" in ran.out
    schema = json.loads(sed2("schema").out)
    jsonschema.validate(yaml.safe_load(config.read_text()), schema)


def test_validate_shows_sizes_without_computing(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from sed2 import api

    monkeypatch.setattr(api, "estimate", lambda *_: pytest.fail("the work began"))
    ran = sed2("validate", "MLP 54-16-7", "--dataset", "covertype")
    assert "976" in ran.out
    assert ran.code == 0


def test_validate_finds_a_model_that_does_not_fit(sed2: Run) -> None:
    ran = sed2("validate", "MLP 50-16-7", "--dataset", "covertype")
    assert ran.code == 2
    assert "54 features" in ran.err


def test_the_list_names_all_data_sets(sed2: Run) -> None:
    ran = sed2("datasets", "list")
    assert ran.code == 0
    for name in registry.DATASETS:
        assert name in ran.out


@pytest.mark.parametrize("name", registry.DATASETS)
def test_info_says_where_it_comes_from_and_under_what_licence(sed2: Run, name: str) -> None:
    ran = sed2("datasets", "info", name)
    info = registry.DATASETS[name]
    for part in (info.licence, info.url, info.sha256, info.citation):
        assert part in ran.out


def test_an_unknown_data_set_is_a_data_error(sed2: Run) -> None:
    for command in ("info", "fetch"):
        ran = sed2("datasets", command, "covertyp")
        assert ran.code == 4
        assert "Did you mean `covertype`" in ran.err


def test_fetch_prints_the_file(sed2: Run) -> None:
    ran = sed2("datasets", "fetch", "covertype")
    assert Path(ran.out.strip()).is_file()


def test_a_data_set_that_cannot_be_had(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DataError("data set `x` cannot be had", mend="Run it elsewhere")

    monkeypatch.setattr(registry, "fetch", fail)
    assert sed2("datasets", "fetch", "covertype-full").code == 4


def test_schema_is_the_shipped_one(sed2: Run) -> None:
    assert json.loads(sed2("schema").out) == json.loads((CONFIGS / "sed2.schema.json").read_text())

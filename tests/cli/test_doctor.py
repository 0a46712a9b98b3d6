"""`sed2 doctor`: what it finds, and when it exits with a fault."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import jax
import pytest

from sed2.cli import doctor
from sed2.data.files import DataFile
from sed2.errors import ExitCode
from tests.cli.conftest import Run


def test_a_healthy_machine(sed2: Run) -> None:
    ran = sed2("doctor")
    assert ran.code == 0
    assert "error" not in ran.err
    for line in ("precision", "float64", "devices", "cpu", "data: covertype", "whole", "cache"):
        assert line in ran.out
    assert f"jax {jax.__version__}" in ran.out


def test_json(sed2: Run) -> None:
    ran = sed2("doctor", "--json", "-")
    assert ran.code == 0
    document = json.loads(ran.out)
    assert document["healthy"] is True
    found = {finding["what"]: finding for finding in document["findings"]}
    assert found["precision"]["found"] == "float64"
    assert found["precision"]["fault"] is None
    assert sed2("doctor", "--json", "d.json").code == 0
    assert json.loads(Path("d.json").read_text()).keys() == document.keys()


def test_damaged_data_are_4(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DataFile, "is_here", lambda *_: False)
    ran = sed2("doctor")
    assert ran.code == 4
    assert "error: data: covertype: damaged or missing. Reinstall sed2" in ran.err
    assert "`sed2 datasets fetch cifar10` gets it" in ran.out


def test_less_than_float64_is_5(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "jit", lambda function: lambda x, y: (x + 2 * y) - x)
    assert doctor._precision().fault is ExitCode.NUMERICS
    assert sed2("doctor").code == 5


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody can write to")
def test_a_cache_that_cannot_be_written_costs_time_only(
    sed2: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SED2_CACHE_DIR", "/proc/none")
    ran = sed2("doctor")
    assert ran.code == 0
    assert "warning: cache: /proc/none/xla: cannot be written" in ran.err
    assert "SED2_CACHE_DIR" in ran.err


@pytest.mark.parametrize(
    ("distribution", "found"),
    [
        ("jax", jax.__version__),
        ("no-such-package", "not here; `pip install 'sed2-rank[ray]'` gets it"),
    ],
)
def test_ray_is_there_or_how_to_get_it_is_told(
    monkeypatch: pytest.MonkeyPatch, distribution: str, found: str
) -> None:
    monkeypatch.setattr(doctor, "version", lambda _: version(distribution))
    assert doctor._ray().found == found

"""Processes of their own are measured, and end as they end."""

from __future__ import annotations

import os
import sys

from scripts.common.processes import finding_scripts, run_alone, without_settings


def test_the_peak_memory_is_of_the_command() -> None:
    hungry = "x = bytearray(300_000_000)"
    outcome = run_alone([sys.executable, "-c", hungry], os.environ)
    assert outcome.exit_code == 0
    assert outcome.peak_bytes > 300_000_000
    assert outcome.seconds > 0


def test_a_failure_is_told_with_what_it_said() -> None:
    outcome = run_alone([sys.executable, "-c", "import sys; sys.exit('no')"], os.environ)
    assert (outcome.exit_code, outcome.errors) == (1, "no")


def test_environments() -> None:
    given = {"PYTHONPATH": "there", "A": "b"}
    found = finding_scripts(given)
    assert found["A"] == "b"
    assert found["PYTHONPATH"].split(os.pathsep)[1:] == ["there"]
    assert not any(name.startswith("SED2_") for name in without_settings())

"""`--distributed`: what is refused. What it does is tested in tests/test_hosts.py."""

from __future__ import annotations

import pytest

from tests.cli.conftest import FAST, Run


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--processes", "2"), "go together"),
        (("--distributed", "--coordinator", "node1:1"), "go together"),
        (("--coordinator", "node1", "--processes", "2", "--process", "0"), "HOST:PORT"),
        (("--coordinator", ":80", "--processes", "2", "--process", "0"), "HOST:PORT"),
        (("--coordinator", "a:70000", "--processes", "2", "--process", "0"), "HOST:PORT"),
        (("--coordinator", "node1:9911", "--processes", "2", "--process", "2"), "Count from 0"),
        (("--host-timeout", "9"), "no process is waited for"),
        (("--process", "-1"), "--process"),
        (("--host-timeout", "0"), "--host-timeout"),
    ],
)
def test_options_that_make_no_sense(sed2: Run, options: tuple[str, ...], told: str) -> None:
    ran = sed2("compute", "MLP 54-3-7", *FAST, *options)
    assert ran.code == 2
    assert told in ran.err


def test_the_variable_of_jax_names_the_coordinator(
    sed2: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "node1")
    ran = sed2("compute", "MLP 54-3-7", *FAST, "--processes", "2", "--process", "0")
    assert "error: --coordinator: `node1` is no address" in ran.err
    assert sed2("compute", "MLP 54-3-7", *FAST).code == 0  # by itself it asks for nothing

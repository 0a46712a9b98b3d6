"""`sed2 rank --ray`: what is refused before a cluster is asked. See tests/cluster for the rest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import FAST, Run

RANK = ("rank", "s.yaml", *FAST)


@pytest.fixture(autouse=True)
def spec(sed2: Run) -> None:
    Path("s.yaml").write_text("models: [MLP 54-2-7]")


@pytest.mark.parametrize("flag", ["--ray-cpus", "--ray-gpus"])
def test_options_of_a_cluster_need_one(sed2: Run, flag: str) -> None:
    ran = sed2(*RANK, flag, "1")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"error: {flag}: everything is done by this process, so it means "
        f"nothing. Give --ray as well, or leave {flag} out\n"
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--ray-cpus", "0"), "--ray-cpus: `ray_cpus` must be a whole number of at least 1, not"),
        (("--ray-cpus", "1.5"), "--ray-cpus: `ray_cpus` must be a whole number of at least 1, not"),
        (("--ray-gpus", "-1"), "--ray-gpus: `ray_gpus` must be a number of at least 0, not -1"),
        (("--ray-gpus", "1.5"), "--ray-gpus: `ray_gpus` above 1 must be a whole number, not 1.5"),
    ],
)
def test_wrong_numbers_are_told(sed2: Run, options: tuple[str, ...], told: str) -> None:
    ran = sed2(*RANK, "--ray", "auto", *options)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


def test_an_empty_address_is_told(sed2: Run) -> None:
    ran = sed2(*RANK, "--ray", "")
    assert (ran.code, ran.out) == (2, "")
    assert "--ray: `ray` must be text that is not empty" in ran.err


def test_a_missing_ray_is_told(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    ran = sed2(*RANK, "--ray", "auto")
    assert (ran.code, ran.out) == (2, "")
    assert (
        ran.err == "error: --ray: Ray is not installed. Install it: pip install 'sed2-rank[ray]'\n"
    )

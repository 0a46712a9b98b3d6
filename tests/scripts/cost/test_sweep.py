"""The benchmark of sweeps measures what it says; a cluster is not needed for it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import pytest

from scripts.cost import sweep
from sed2.chain import build_chain
from sed2.spec.schema import load_spec


def test_the_networks_differ_and_are_about_as_large() -> None:
    networks = sweep.random_networks(24)
    assert len(set(networks)) == 24
    assert networks[:5] == sweep.random_networks(5)
    for name in networks:
        assert 900 <= build_chain(load_spec(name).models[0].blocks, (54,)).parameters <= 1100


def test_what_a_candidate_takes_is_a_slope() -> None:
    """Of a process that takes 5 seconds to begin, and 2 for each candidate."""

    def timed(networks: Sequence[str], options: Sequence[str]) -> tuple[float, str]:
        return 5 + 2 * len(networks), "the same"

    given = sweep.parse(["--candidates", "7"])
    _, _, *rows = sweep.sweep_rows(given, timed)
    assert rows == [f"| {name} | 5.0 s | 2.00 s | 19.0 s |" for name in ("one process", "Ray")]


def test_rankings_are_compared_before_a_time_is_told() -> None:
    def timed(networks: Sequence[str], options: Sequence[str]) -> tuple[float, str]:
        return 1.0, str("--ray" in options)

    given = argparse.Namespace(**vars(sweep.parse(["--candidates", "3"])))
    with pytest.raises(SystemExit, match="FAILED: the rankings differ"):
        sweep.sweep_rows(given, timed)


def test_what_the_driver_does_at_toy_size() -> None:
    costs = sweep.driver_costs(4)
    assert set(sweep.COLUMNS) <= set(costs)
    assert all(cost >= 0 for cost in costs.values())
    assert costs["json_mb"] < costs["html_mb"]


@pytest.mark.parametrize("count", ["-1", "2"])
def test_too_few_candidates_are_refused(count: str) -> None:
    with pytest.raises(SystemExit) as exit_:
        sweep.main(["--candidates", count])
    assert exit_.value.code == 2


def test_no_more_networks_are_promised_than_there_are() -> None:
    with pytest.raises(ValueError, match="there are 1266 networks, not 2000"):
        sweep.random_networks(2000)


def test_documents_are_compared_without_their_seconds() -> None:
    one, other = (f'{{"a": [{{"cpu_seconds": {seconds}, "b": 1}}]}}' for seconds in (2.0, 3.0))
    assert sweep.without_seconds(one) == sweep.without_seconds(other) == '{"a": [{"b": 1}]}'

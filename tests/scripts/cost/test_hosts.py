"""The benchmark of several processes, at toy size."""

from __future__ import annotations

import os
import re

import pytest

from scripts.cost import hosts


@pytest.mark.slow  # three processes; that two agree with one is tested in tests/test_hosts.py
def test_two_processes_against_one(capsys: pytest.CaptureFixture[str]) -> None:
    cores = sorted(os.sched_getaffinity(0))
    toy = ["--model", "MLP 5-3-2", "--samples", "4", "--draws", "3", "--runs", "1"]
    hosts.main([*toy, "--cores", str(cores[0]), str(cores[-1])])
    head, clock, cpu, gathered = capsys.readouterr().out.splitlines()
    assert head == "MLP 5-3-2, N = 4, K = 3, a core per process:"
    assert re.fullmatch(r"1 process [\d.]+ s, 2 [\d.]+ s: [\d.]+ times", clock)
    assert re.fullmatch(r"1 process [\d.]+ s of CPU, 2 [\d.]+ s: [\d.]+ times", cpu)
    # Per draw: 3 units of 4 roots and 2 of 3, and of each block a weight and an activation.
    assert gathered == f"gathered: {8 * (12 + 6 + 4) / 1e3:.1f} kB per draw"

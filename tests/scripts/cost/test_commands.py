"""The benchmark scripts measure what they say, and their command lines hold together."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from scripts.cost import growth, large, memory, prefix, startup
from scripts.statistics import bias, standard_errors

SCRIPTS = [
    prefix,
    startup,
    memory,
    large,
    standard_errors,
    growth,
    bias,
]


def test_the_peak_memory_is_of_the_command_alone() -> None:
    outcome = memory.run_alone(["--version"])
    assert outcome.exit_code == 0
    assert outcome.peak_gb > 0


def test_standard_errors_that_are_right_give_a_ratio_of_one() -> None:
    rng = np.random.default_rng(0)
    values = 3 * rng.normal(size=(400, 50)) + 7
    found = standard_errors.compare(values, np.full(values.shape, 3.0))
    deviations = (found.ratio - 1) / found.ratio_error
    assert abs(deviations.mean()) < 4 / np.sqrt(50)
    assert deviations.std() == pytest.approx(1, abs=0.4)


def test_the_table_of_large_networks_at_toy_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "tiny.yaml"
    config.write_text(
        "models: [{name: tiny, blocks: [conv: {features: 2, kernel_size: 3, norm: layer}]}]"
    )
    options = ["--config", str(config), "--samples", "3", "--draws", "2"]
    large.main(["--models", "MLP 5-3-2,tiny", *options])
    _, _, _, _, mlp, tiny = capsys.readouterr().out.splitlines()
    assert mlp.startswith("| MLP 5-3-2 | 21 | 2 exact, by unit | ")
    assert tiny.startswith(f"| tiny | {2 * (27 + 1 + 2)} | 1 exact, ")


def test_the_growth_of_cost_is_a_slope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert growth.last_slope([1, 2, 4, 8], [9, 1, 8, 64]) == pytest.approx(3)
    monkeypatch.setattr(growth, "measure", lambda model, samples, draws, repeats: samples)
    figure = tmp_path / "growth.png"
    growth.main(["--plot", str(figure), "--largest", "400"])
    printed = capsys.readouterr().out
    assert "inputs N: seconds grow with exponent 1.00" in printed
    assert "draws K: seconds grow with exponent 0.00" in printed
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_help(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        script.main(["--help"])
    assert exit_.value.code == 0
    assert "usage:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        (startup, ["--runs", "0"]),
        (memory, ["--below-gb", "much"]),
        (standard_errors, ["--seeds", "1"]),
    ],
)
def test_useless_arguments_are_refused(script: ModuleType, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        script.main(arguments)
    assert exit_.value.code == 2


def test_a_sweep_is_compared_before_it_is_timed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = [
        "--first",
        "54-3",
        "--widths",
        "2",
        "3",
        "--samples",
        "5",
        "--draws",
        "3",
        "--runs",
        "1",
    ]
    assert prefix.main(tiny) == 0
    assert "difference of lower 2sED: 0.0e+00" in capsys.readouterr().out
    monkeypatch.setattr(prefix, "difference", lambda *_: np.nan)
    assert prefix.main(tiny) == 1
    assert "times as fast" not in capsys.readouterr().out

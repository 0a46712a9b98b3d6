"""The benchmarks compare with honest work, and their command lines hold together. Nothing timed."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from scripts import (
    benchmark_large,
    benchmark_memory,
    benchmark_paper,
    benchmark_startup,
    check_standard_errors,
    cost_growth,
    estimator_bias,
)
from scripts.benchmark_paper import Layer
from sed2.blocks.dense import Dense, DenseModule
from sed2.chain import build_chain
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from tests import reference

SCRIPTS = [
    benchmark_paper,
    benchmark_startup,
    benchmark_memory,
    benchmark_large,
    check_standard_errors,
    cost_growth,
    estimator_bias,
]
SIGMA = 0.01
EPS = np.array([1e-3, 0.1])


def tiny_models(draws: int) -> tuple[np.ndarray, list[list[DenseModule]], list[list[Layer]]]:
    """Inputs (6, 4), and MLP 4-3-2 as modules and as the baseline's layers, by draw and block."""
    rng = np.random.default_rng(0)
    modules, layers = [], []
    for draw in range(draws):
        rngs = nnx.Rngs(draw)
        first = Dense(features=3, bias=False, activation="relu").build((4,), rngs)
        last = Dense(features=2, bias=False).build((3,), rngs)
        modules.append([first, last])
        layers.append(
            [
                Layer(np.asarray(first.linear.kernel[...]), True, rng.normal(size=(6, 3))),
                Layer(np.asarray(last.linear.kernel[...]), False, rng.normal(size=(6, 2))),
            ]
        )
    return rng.normal(size=(6, 4)), modules, layers


@pytest.mark.parametrize("solver", benchmark_paper.SOLVERS)
def test_the_paper_s_way_equals_the_reference(solver: str) -> None:
    x, modules, layers = tiny_models(draws=3)
    solve = benchmark_paper.SOLVERS[solver]
    got = benchmark_paper.paper_log_determinants(
        [benchmark_paper.paper_eigenvalues(draw, x, SIGMA, solve) for draw in layers], EPS
    )

    factors = []
    for draw, its_layers in zip(modules, layers, strict=True):
        inputs, of_draw = x, []
        for module, layer in zip(draw, its_layers, strict=True):
            of_draw.append(reference.expected_factor(module, inputs, SIGMA))
            inputs = np.asarray(module(jnp.asarray(inputs))) + SIGMA * layer.noise
        factors.append(of_draw)
    parameters = 4 * 3 + 3 * 2
    scale = parameters / np.mean([sum((a**2).sum() for a in draw) for draw in factors])
    want = np.array(
        [
            [[reference.log_determinant(a, scale**0.5 / eps) for a in draw] for draw in factors]
            for eps in EPS
        ]
    )
    np.testing.assert_allclose(got, want, rtol=benchmark_paper.TOLERANCE)
    for values, eps, two in zip(want, EPS, benchmark_paper.paper_two_sed(got, EPS), strict=True):
        want_two = reference.two_sed(values, eps, 0, parameters)
        assert two == pytest.approx(want_two, rel=benchmark_paper.TOLERANCE)


def test_the_paper_s_jacobians_equal_the_reference() -> None:
    x, modules, layers = tiny_models(draws=1)
    gains = (x @ layers[0][0].kernel > 0).astype(float)
    got = benchmark_paper.jacobians(x, gains)
    np.testing.assert_allclose(got, reference.jacobians(modules[0][0], x), rtol=1e-12)


def test_the_paper_s_way_takes_sed2_s_own_draws() -> None:
    x = np.random.default_rng(1).normal(size=(8, 5))
    chain = build_chain(load_spec("MLP 5-4-3").models[0].blocks, (5,))
    settings = Settings.model_validate({"eps": tuple(EPS)})
    draws = benchmark_paper.draw_layers(chain, len(x), settings, 3)
    eigenvalues = [benchmark_paper.paper_eigenvalues(draw, x, settings.sigma) for draw in draws]
    got = benchmark_paper.paper_log_determinants(eigenvalues, EPS)
    want = benchmark_paper.sed2_log_determinants(chain, x, settings, 3)
    np.testing.assert_allclose(got, want, rtol=benchmark_paper.TOLERANCE)


def test_the_peak_memory_is_of_the_command_alone() -> None:
    outcome = benchmark_memory.run_alone(["--version"])
    assert outcome.exit_code == 0
    assert outcome.peak_gb > 0


def test_standard_errors_that_are_right_give_a_ratio_of_one() -> None:
    rng = np.random.default_rng(0)
    values = 3 * rng.normal(size=(400, 50)) + 7
    found = check_standard_errors.compare(values, np.full(values.shape, 3.0))
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
    benchmark_large.main(["--models", "MLP 5-3-2,tiny", *options])
    _, _, _, _, mlp, tiny = capsys.readouterr().out.splitlines()
    assert mlp.startswith("| MLP 5-3-2 | 21 | 2 exact, by unit | ")
    assert tiny.startswith(f"| tiny | {2 * (27 + 1 + 2)} | 1 exact, ")


def test_the_growth_of_cost_is_a_slope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cost_growth.last_slope([1, 2, 4, 8], [9, 1, 8, 64]) == pytest.approx(3)
    monkeypatch.setattr(cost_growth, "measure", lambda model, samples, draws, repeats: samples)
    figure = tmp_path / "growth.png"
    cost_growth.main(["--plot", str(figure), "--largest", "400"])
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
        (benchmark_paper, ["--baseline-draws", "0"]),
        (benchmark_startup, ["--runs", "0"]),
        (benchmark_memory, ["--below-gb", "much"]),
        (check_standard_errors, ["--seeds", "1"]),
    ],
)
def test_useless_arguments_are_refused(script: ModuleType, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        script.main(arguments)
    assert exit_.value.code == 2

"""The whole pipeline: exact answers, brute force, and everything that must not matter."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sed2.chain import build_chain
from sed2.common.randomness import block_keys, to_normal, uniforms
from sed2.errors import ResourceError, Sed2Error, SpecError
from sed2.estimate import sample
from sed2.fisher.items import Items
from sed2.fisher.plan import make_plan
from sed2.fisher.sample import sample_spectra
from sed2.priors import draw_module
from sed2.settings import Settings, parse_prior
from sed2.spec.schema import load_spec
from tests import reference
from tests.cases import dataset, estimate_spec, gaussian_inputs

EPS = (1e-6, 1e-3, 0.1)
LINEAR = {"name": "linear", "blocks": [{"dense": {"features": 5, "bias": False}}]}


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 99),
    zeta=st.sampled_from([0.0, 0.7]),
    prior=st.sampled_from(["torch", "normal:3", "uniform:0:1", "init"]),
)
def test_linear_block_in_closed_form(seed: int, zeta: float, prior: str) -> None:
    """n_out sum_i log(1 + a sqrt(l_i)) / |log eps|, l = eigenvalues of E[x x^T], of mean 1."""
    x = gaussian_inputs(30, 6, seed)
    result = estimate_spec(LINEAR, x, samples=30, draws=3, eps=EPS, zeta=zeta, prior=prior)
    roots = np.linalg.svd(x, compute_uv=False)
    roots *= np.sqrt(6 / (roots**2).sum())
    for e, eps in enumerate(EPS):
        want = zeta * 30 + 5 * np.log1p(eps ** (zeta - 1) * roots).sum() / abs(np.log(eps))
        assert result.lower_two_sed.estimate[e] == pytest.approx(want, rel=1e-9)
        assert result.two_sed.estimate[e] == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("fisher", ["expected", "empirical"])
@pytest.mark.parametrize("prior", ["torch", "init"])
@pytest.mark.parametrize(("given", "scale", "sigma"), [(0.05, 0.05, 0.05), ("limit", 1.0, 0.0)])
def test_chain_equals_brute_force(
    fisher: str, prior: str, given: float | str, scale: float, sigma: float
) -> None:
    """Every draw rebuilt block by block, with dense Fisher matrices from per-sample Jacobians; in
    the limit of sigma without noise, and F at unit scale."""
    x, draws = gaussian_inputs(8, 4), 3
    model = {
        "name": "three",
        "blocks": [
            {"dense": {"features": 5, "activation": "relu", "bias": False}},
            {"dense": {"features": 3, "activation": "tanh"}},
            {"dense": {"features": 2}},
        ],
    }
    result = estimate_spec(
        model, x, samples=8, draws=draws, sigma=given, fisher=fisher, prior=prior, eps=EPS
    )

    chain = build_chain(load_spec(model).models[0].blocks, (4,))
    factors = []
    for k in range(draws):
        current, row = jax.numpy.asarray(x), []
        for block in chain.blocks:
            key = block_keys(0, block.stream, np.array([k]))
            noise_size = len(x) * block.output_shape[0]
            uniform = uniforms(key, block.parameters + noise_size)[0]
            module = draw_module(
                block.block,
                block.input_shape,
                parse_prior(prior),
                key[0],
                uniform[: block.parameters],
            )
            noise = uniform[block.parameters : block.parameters + noise_size]
            noise = to_normal(noise).reshape(len(x), -1)
            row.append(
                reference.expected_factor(module, current, scale)
                if fisher == "expected"
                else reference.empirical_factor(module, current, noise, scale)
            )
            current = module(current) + sigma * noise
        factors.append(row)
    mean_trace = np.mean([sum((a**2).sum() for a in row) for row in factors])
    scale = np.sqrt(chain.parameters / mean_trace)
    for e, eps in enumerate(EPS):
        logdets = np.array(
            [[reference.log_determinant(a, scale / eps) for a in row] for row in factors]
        )
        want = reference.lower_two_sed(logdets, eps, 0.0, chain.parameters)
        assert result.lower_two_sed.estimate[e] == pytest.approx(want, rel=1e-10)
        want = reference.two_sed(logdets, eps, 0.0, chain.parameters)
        assert result.two_sed.estimate[e] == pytest.approx(want, rel=1e-10)


def test_chunks_change_nothing() -> None:
    chain = build_chain(load_spec("MLP 4-5-3").models[0].blocks, (4,))
    x, settings_ = gaussian_inputs(6, 4), Settings(dataset="test")
    plan = make_plan(chain, 7, 6, settings_)
    runs = [
        sample_spectra(
            Items(chain, x, np.arange(7), np.ones((7, 6)), settings_, replace(plan, chunk=c))
        )
        for c in (7, 3, 1)
    ]
    for other in runs[1:]:
        for block, same in zip(runs[0].blocks, other.blocks, strict=True):
            np.testing.assert_allclose(same.roots, block.roots, rtol=1e-12)


def test_more_draws_leave_the_first_ones_as_they_are() -> None:
    chain = build_chain(load_spec("MLP 4-5-3").models[0].blocks, (4,))
    x, settings_ = gaussian_inputs(6, 4), Settings(dataset="test")
    plan = make_plan(chain, 9, 6, settings_)
    few, many = (
        sample_spectra(Items(chain, x, np.arange(k), np.ones((k, 6)), settings_, plan))
        for k in (3, 9)
    )
    for block, same in zip(few.blocks, many[:3].blocks, strict=True):
        np.testing.assert_allclose(same.roots, block.roots, rtol=1e-12)


@pytest.mark.parametrize("activation", ["none", "relu"])
def test_scaling_the_inputs_of_a_bias_free_block_changes_nothing(activation: str) -> None:
    model = {
        "name": "one",
        "blocks": [{"dense": {"features": 5, "bias": False, "activation": activation}}],
    }
    x = gaussian_inputs(20, 4)
    one, other = (estimate_spec(model, s * x, samples=20, draws=4) for s in (1, 37.0))
    np.testing.assert_allclose(other.lower_two_sed.estimate, one.lower_two_sed.estimate, rtol=1e-12)


def test_sigma_cancels_while_it_is_small() -> None:
    """Fhat does not depend on sigma but for the noise on the activations."""
    x = gaussian_inputs(20, 4)
    one, other = (estimate_spec("MLP 4-6-3", x, samples=20, sigma=s) for s in (1e-4, 1e-6))
    np.testing.assert_allclose(other.lower_two_sed.estimate, one.lower_two_sed.estimate, rtol=1e-3)
    single = [estimate_spec(LINEAR, x, samples=20, sigma=s) for s in (1.0, 1e-6)]
    np.testing.assert_allclose(
        single[0].lower_two_sed.estimate, single[1].lower_two_sed.estimate, rtol=1e-12
    )


@pytest.mark.parametrize("fisher", ["expected", "empirical"])
@pytest.mark.parametrize("norm", ["none", "layer"])
def test_sigma_goes_to_its_limit(fisher: str, norm: str) -> None:
    """Linearly: a hundredth of sigma leaves a hundredth of what is missing, at every eps."""
    hidden = [{"dense": {"features": 3, "activation": of, "norm": norm}} for of in ("relu", "tanh")]
    model = {"name": "bottleneck", "blocks": [*hidden, {"dense": {"features": 6}}]}
    given = {"samples": 20, "draws": 3, "fisher": fisher, "eps": (1e-3, 1e-2, 0.1)}
    x = gaussian_inputs(30, 4)
    sigmas = (1e-2, 1e-4, 1e-6, 1e-8)
    *near, limit = (estimate_spec(model, x, sigma=s, **given) for s in (*sigmas, "limit"))
    for measure in ("two_sed", "lower_two_sed"):
        at = getattr(limit, measure).estimate
        off = [np.abs(getattr(one, measure).estimate / at - 1).max() for one in near]
        assert off[0] > 1e-4
        assert off[1] < off[0] / 10
        assert off[2] < off[1] / 30
        assert off[3] < off[2] / 30
        assert off[3] < 1e-7
    assert near[-1].max_rank >= limit.max_rank


def test_a_kink_that_the_limit_meets_has_its_own_derivative() -> None:
    """A dead layer and biases of 0: noise, however small, has half of the next units alive."""
    hidden = [{"dense": {"features": width, "activation": "relu"}} for width in (2, 4)]
    model = {"name": "kink", "blocks": [*hidden, {"dense": {"features": 2}}]}
    given = {"samples": 20, "draws": 6, "prior": "init", "eps": 1e-3}
    near, nearer, limit = (
        estimate_spec(model, gaussian_inputs(40, 4), sigma=sigma, **given).score.value
        for sigma in (1e-6, 1e-8, "limit")
    )
    assert nearer == pytest.approx(near, rel=1e-4)
    assert limit < 0.97 * nearer


@pytest.mark.parametrize("likelihood", ["gaussian", "categorical"])
@pytest.mark.parametrize("fisher", ["expected", "empirical"])
def test_one_block_is_its_own_limit(likelihood: str, fisher: str) -> None:
    given = {"likelihood": likelihood, "fisher": fisher, "chain": "end-to-end", "draws": 3}
    x = gaussian_inputs(20, 4)
    one, limit = (
        estimate_spec("MLP 4-3-2", x, samples=9, sigma=sigma, **given) for sigma in (0.3, "limit")
    )
    for measure in ("lower_two_sed", "two_sed"):
        for number in ("estimate", "std_error_draws", "std_error_inputs"):
            of_both = (getattr(getattr(each, measure), number) for each in (one, limit))
            np.testing.assert_allclose(*of_both, rtol=1e-12)


def test_what_the_noise_check_runs_is_a_run_with_less_noise() -> None:
    """The same draws, as `sample` has them at sigma / 10."""
    model, data = load_spec("MLP 4-5-3-2").models[0], dataset(gaussian_inputs(20, 4))
    chain = build_chain(model.blocks, (4,))
    one, other = (
        sample(model, chain, data, Settings(dataset="test", samples=6, draws=12, sigma=sigma))
        for sigma in (0.1, 0.01)
    )
    assert one.quieter.draws == 2
    for block, same in zip(one.quieter.blocks, other.spectra[:2].blocks, strict=True):
        np.testing.assert_allclose(same.roots, block.roots, rtol=1e-12)
    assert one.first(3).quieter.draws == 1


def test_one_draw_and_one_input() -> None:
    result = estimate_spec("MLP 4-6-3", gaussian_inputs(9, 4), samples=1, draws=1)
    assert np.isfinite(result.lower_two_sed.estimate).all()
    assert np.isnan(result.lower_two_sed.std_error).all()
    assert np.isnan(result.two_sed.std_error).all()
    np.testing.assert_allclose(result.lower_two_sed.estimate, result.two_sed.estimate)
    assert result.effective_sample_size.tolist() == [1.0] * 25


def test_dead_relu_layers_give_zeta_d_and_a_warning() -> None:
    """Negative weights on positive inputs: every unit is dead in every draw."""
    x = np.abs(gaussian_inputs(10, 4)) + 1
    one = {"name": "dead", "blocks": [{"dense": {"features": 3, "activation": "relu"}}]}
    result = estimate_spec(one, x, samples=10, prior="uniform:-2:-1", zeta=0.25)
    np.testing.assert_array_equal(result.lower_two_sed.estimate, 0.25 * 15)
    np.testing.assert_array_equal(result.two_sed.estimate, 0.25 * 15)
    assert any("Fisher information is zero in every draw" in text for text in result.warnings)


def test_constant_features_lower_the_rank() -> None:
    x = gaussian_inputs(20, 4)
    x[:, 1], x[:, 2] = 0.0, 3.0
    result = estimate_spec(LINEAR, x, samples=20, draws=2, eps=[1e-12])
    assert result.blocks[0].rank == 5 * 3
    result = estimate_spec(
        {"name": "bias", "blocks": [{"dense": {"features": 5}}]}, x, samples=20, draws=2
    )
    assert result.blocks[0].rank == 5 * 3  # the constant feature and the bias are one direction


def test_overflowing_activations_are_refused() -> None:
    with pytest.raises(Sed2Error, match=r"not finite in 100 of 100 runs.*`prior`"):
        estimate_spec("MLP 4-6-3-3", gaussian_inputs(9, 4), samples=9, prior="normal:1e200")


def test_a_model_that_does_not_fit_its_data_is_refused() -> None:
    with pytest.raises(SpecError, match="5"):
        estimate_spec("MLP 5-6-3", gaussian_inputs(9, 4))


def test_a_model_larger_than_the_memory_is_refused_before_the_work() -> None:
    with pytest.raises(ResourceError, match=r"needs about [\d,.]+ GB"):
        estimate_spec("MLP 4-4000000000-3", gaussian_inputs(9, 4))


def test_inputs_that_are_all_rows_carry_no_error() -> None:
    x = gaussian_inputs(12, 4)
    assert (estimate_spec("MLP 4-6-3", x, samples=12).lower_two_sed.std_error_inputs == 0).all()
    assert (estimate_spec("MLP 4-6-3", x, samples=11).lower_two_sed.std_error_inputs > 0).all()


def test_settings_of_the_caller_survive() -> None:
    """float64 for us, and the caller's JAX configuration as it was."""
    with jax.enable_x64(False):
        narrow = estimate_spec("MLP 4-6-3", gaussian_inputs(9, 4), samples=9)
        assert not jax.config.jax_enable_x64
    wide = estimate_spec("MLP 4-6-3", gaussian_inputs(9, 4), samples=9)
    np.testing.assert_array_equal(narrow.two_sed.estimate, wide.two_sed.estimate)


def test_the_score_is_the_mean_over_log_eps_or_the_value_at_eps_n() -> None:
    x = gaussian_inputs(9, 4)
    even = estimate_spec("MLP 4-6-3", x, eps="1e-3:1e-1:5")
    curve = even.lower_two_sed.estimate
    assert even.score.value == pytest.approx((curve[0] / 2 + curve[1:-1].sum() + curve[-1] / 2) / 4)
    named = estimate_spec("MLP 4-6-3", x, eps="1e-3:1e-1:5", n_train=10_000)
    assert named.eps_n == pytest.approx((np.log(10_000) / 10_000) ** 0.375)
    there = estimate_spec("MLP 4-6-3", x, eps=[named.eps_n])
    assert named.score.value == pytest.approx(there.lower_two_sed.estimate[0], rel=1e-12)
    np.testing.assert_array_equal(named.lower_two_sed.estimate, curve)


def test_shares_add_up_to_the_curve() -> None:
    result = estimate_spec("MLP 4-6-5-3", gaussian_inputs(9, 4), zeta=0.2)
    total = 0.2 * result.parameters + sum(block.share for block in result.blocks)
    np.testing.assert_allclose(total, result.lower_two_sed.estimate)
    assert [block.parameters for block in result.blocks] == [24, 30, 15]


def test_two_sed_lies_within_its_bracket_and_a_sample_has_none() -> None:
    x = gaussian_inputs(9, 4)
    result = estimate_spec("MLP 4-6-5-3", x, zeta=0.2, eps=EPS)
    assert (result.two_sed.estimate <= result.upper_bracket).all()
    assert (result.upper_bracket <= result.trace_bracket).all()
    assert (result.upper_bracket <= result.upper_bound).all()
    sampled = estimate_spec("MLP 4-20-3", x, draws=3, eps=EPS, max_flops=1e3)
    assert np.isnan(sampled.upper_bracket).all()
    assert np.isnan(sampled.trace_bracket).all()

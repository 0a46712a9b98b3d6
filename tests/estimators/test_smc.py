"""Sequential Monte Carlo: against quadrature, against brute force, and against its own bugs.

Statistical tests have fixed seeds. Those that compare with a truth allow four of the reported
standard errors, which are widened by Student's t: with a right estimator a new seed fails one in
about 1,000 times.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from sed2.chain import build_chain
from sed2.data.load import choose_inputs
from sed2.errors import UsageError
from sed2.estimators.smc.particles import ParticleChain
from sed2.estimators.smc.proposals import Gaussian, Tuning
from sed2.estimators.smc.sequential import LeftOut, run_flow
from sed2.estimators.smc.tempering import Cloud, Reservoir, Tilt
from sed2.fisher.items import Items
from sed2.fisher.plan import make_plan
from sed2.fisher.sample import sample_spectra
from sed2.results import ModelResult
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from tests import truths
from tests.cases import dataset, estimate_spec, gaussian_inputs

EPS = (0.02, 0.2)


def smc(spec: str | dict[str, object], x: np.ndarray, **settings: object) -> ModelResult:
    """Enough draws for the normaliser, and few particles."""
    given = {"samples": len(x), "draws": 4000, "eps": EPS, "particles": 64} | settings
    return estimate_spec(spec, x, estimator="smc", **given)


def agree(result: ModelResult, two: np.ndarray, lower: np.ndarray) -> None:
    for curve, truth in ((result.two_sed, two), (result.lower_two_sed, lower)):
        off = np.abs(curve.estimate - truth) / curve.std_error_draws
        assert (off < 4).all(), (curve.estimate, truth, curve.std_error_draws)


@pytest.mark.parametrize(("features", "inputs"), [(1, 1), (1, 2), (2, 2)])
def test_units_by_quadrature(features: int, inputs: int) -> None:
    """The expectation over independent units is that of one unit to their power."""
    x = 2 * gaussian_inputs(12, inputs)
    dense = {"features": features, "activation": "tanh", "bias": False}
    result = smc({"name": "one", "blocks": [{"dense": dense}]}, x, prior="normal:1.5")
    truth = truths.tanh_layer(x, features, 1.5, np.array(EPS))
    agree(result, truth, truth)


def test_two_layers_by_brute_force() -> None:
    x = gaussian_inputs(10, 2)
    result = smc("MLP 2-2-1", x, draws=10_000, sigma=0.05)
    two, lower, errors = truths.relu_chain(x, (2, 2, 1), 0.05, np.array(EPS), draws=400_000)
    assert (errors < 0.02).all()
    agree(result, two, lower)


def test_errors_from_the_inputs() -> None:
    """Under the tilt: the same jackknife of true values, with each group of inputs left out. 64
    particles know a variance to 20% or so, and four together to 10%."""
    rows, eps = gaussian_inputs(3000, 2), np.array([0.05])
    dense = {"features": 2, "activation": "tanh", "bias": False}
    spec = {"name": "two", "blocks": [{"dense": dense}]}
    given = {"samples": 30, "draws": 400, "prior": "normal:1.5", "particles": 16, "eps": 0.05}
    found, true = [], []
    for seed in range(4):
        result = smc(spec, rows, seed=seed, **given)
        found.append([result.two_sed.std_error_inputs[0], result.lower_two_sed.std_error_inputs[0]])
        x = choose_inputs(dataset(rows), 30, seed)
        without = [np.delete(x, np.arange(group, 30, 10), axis=0) for group in range(10)]
        values = [truths.tanh_layer(part, 2, 1.5, eps)[0] for part in without]
        true.append((1 - 30 / 3000) * 9**2 / 10 * np.var(values, ddof=1))
    variance = np.square(found).mean(axis=0)
    np.testing.assert_allclose(variance, np.mean(true), rtol=0.4)


def test_an_interval_reaches_up_by_twice_the_bias_between_islands() -> None:
    """A mean of log Z lies below log E[Z] by half the variance between islands, to second order.
    One block, so that the islands' spread is that of their log Z."""
    unit, width = _one_unit(3)
    result = smc(unit, gaussian_inputs(10, width), draws=50, particles=16)
    assert result.smc is not None
    bias = result.smc.island_spread**2 / 2 * np.abs(np.log(EPS))
    curve = result.two_sed
    low, high = curve.estimate - curve.interval[:, 0], curve.interval[:, 1] - curve.estimate
    np.testing.assert_allclose(high - low, 2 * bias, rtol=1e-6)


def test_as_plain_monte_carlo_where_that_works() -> None:
    """Large eps and few parameters: the draws carry the measure too."""
    x = gaussian_inputs(15, 3)
    spec = {
        "name": "three",
        "blocks": [
            {"dense": {"features": 2, "activation": "tanh"}},
            {"dense": {"features": 2, "activation": "relu"}},
            {"dense": {"features": 2, "bias": False}},
        ],
    }
    result = smc(spec, x, eps=[0.5])
    plain = estimate_spec(spec, x, samples=15, draws=20_000, eps=[0.5])
    for name in ("two_sed", "lower_two_sed"):
        one, other = getattr(result, name), getattr(plain, name)
        error = np.hypot(one.std_error_draws, other.std_error_draws)
        assert (np.abs(one.estimate - other.estimate) < 4 * error).all()
    assert (result.lower_two_sed.estimate < result.two_sed.estimate).all()


def test_linear_blocks_are_exact() -> None:
    """Nothing to tilt: no error, no warning, and the closed form."""
    linear = {"name": "linear", "blocks": [{"dense": {"features": 5, "bias": False}}]}
    x = gaussian_inputs(30, 6)
    result = smc(linear, x, draws=3)
    plain = estimate_spec(linear, x, samples=30, draws=3, eps=EPS)
    np.testing.assert_allclose(result.two_sed.estimate, plain.two_sed.estimate, rtol=1e-9)
    np.testing.assert_allclose(result.lower_two_sed.estimate, plain.two_sed.estimate, rtol=1e-9)
    assert (result.lower_two_sed.std_error_draws < 1e-9).all()
    assert not result.warnings


def test_the_grid_does_not_matter() -> None:
    """Along a grid or afresh: the same within the errors, whose 6 degrees of freedom exceed 6.5
    standard errors in 0.06% of cases."""
    x = gaussian_inputs(10, 2)
    alone = smc("MLP 2-2-1", x, eps=[0.02])
    along = smc("MLP 2-2-1", x, eps=[0.02, 0.06, 0.2, 0.5])
    for name in ("two_sed", "lower_two_sed"):
        one, other = getattr(alone, name), getattr(along, name)
        error = np.hypot(one.std_error_draws[0], other.std_error_draws[0])
        assert abs(one.estimate[0] - other.estimate[0]) < 6.5 * error


@pytest.mark.parametrize("surrogate", ["its own", "nothing", "much too steep"])
def test_moves_leave_the_target_as_it_is(surrogate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many parameters, few particles: a proposal fitted to the particles that it moves would shift
    the mean of the log-determinant, and so would a wrong surrogate that is not corrected for. Truth
    and start are 40,000 weighted draws."""
    x, tilt = gaussian_inputs(12, 10), Tilt(((0.5, 1.0),))
    start, truth = _tilted(tilt)
    if surrogate != "its own":
        factor, real = 2.0 * (surrogate != "nothing"), ParticleChain.surrogate
        monkeypatch.setattr(ParticleChain, "surrogate", lambda *given: factor * real(*given))
    cloud = _cloud(_one_unit(10), x, particles=100)
    cloud.extend(400)
    cloud.blocks[0] = cloud.chain.evaluate(0, start, None)
    means = []
    for _ in range(10):
        cloud._move([tilt])
        means.append(tilt.values(cloud.blocks[0]).mean())
    error = tilt.values(cloud.blocks[0]).std() / np.sqrt(400)
    assert abs(np.mean(means[3:]) - truth) < 4 * error


@cache
def _tilted(tilt: Tilt) -> tuple[np.ndarray, float]:
    """400 particles of one unit under a tilt, and the mean of what is tilted by, from 40,000
    draws."""
    cloud = _cloud(_one_unit(10), gaussian_inputs(12, 10), particles=100)
    normals = cloud.rng.normal(size=(40_000, cloud.chain.numbers(0)))
    values = tilt.values(cloud.chain.evaluate(0, normals, None))[:, 0]
    weights = np.exp(values - values.max())
    weights /= weights.sum()
    return normals[cloud.rng.choice(len(weights), size=400, p=weights)], float(weights @ values)


def test_proposals_of_a_fit_are_reversible() -> None:
    """q(x, y) times the density of the fit is symmetric: same mean and covariance after a step."""
    rng = np.random.default_rng(0)
    fit = Gaussian(np.array([1.0, -2.0]), np.array([[0.5, 0.0], [0.3, 0.8]]))
    start = fit.mean + rng.normal(size=(200_000, 2)) @ fit.factor.T
    end = fit.propose(start, rng.normal(size=start.shape), 0.6)
    np.testing.assert_allclose(end.mean(axis=0), fit.mean, atol=0.01)
    np.testing.assert_allclose(np.cov(end.T), fit.factor @ fit.factor.T, atol=0.015)
    cross = (start - fit.mean).T @ (end - fit.mean) / len(start)
    np.testing.assert_allclose(cross, 0.8 * fit.factor @ fit.factor.T, atol=0.015)


@pytest.mark.parametrize("sigma", [0.01, "limit"])
def test_particles_have_the_spectra_of_the_draws(sigma: float | str) -> None:
    """The same uniform numbers give the same roots, by either program."""
    from scipy import special

    from sed2.common.randomness import block_keys, uniforms

    chain, x, settings = _chain("MLP 4-5-3", 4)
    settings = settings.model_copy(update={"sigma": sigma})
    plan = make_plan(chain, 5, 6, settings)
    spectra = sample_spectra(Items(chain, x, np.arange(5), np.ones((5, 6)), settings, plan))
    particles, before = ParticleChain(chain, x, settings, plan), None
    for j, block in enumerate(chain.blocks):
        count = particles.numbers(j)
        uniform = np.asarray(uniforms(block_keys(0, block.stream, np.arange(5)), count))
        normals = np.sqrt(2) * special.erfinv(uniform[:, :count])
        state = particles.evaluate(j, normals, before)
        np.testing.assert_allclose(state.roots, spectra.blocks[j].roots, rtol=1e-9)
        before = state.output


def test_a_unit_moves_alone() -> None:
    """Changing the numbers of one unit changes its roots and outputs and no other's."""
    chain, x, settings = _chain("MLP 4-5-3", 4)
    particles = ParticleChain(chain, x, settings, make_plan(chain, 2, 6, settings))
    split = particles.splits[0]
    assert split.owns_roots
    assert split.units == 5
    assert particles.splits[1].units == 3
    assert not particles.splits[1].owns_roots  # linear
    normals = np.random.default_rng(0).normal(size=(1, particles.numbers(0)))
    one = particles.evaluate(0, normals, None)
    other = particles.evaluate(0, np.where(split.owner == 2, -normals, normals), None)
    same = np.arange(5) != 2
    np.testing.assert_array_equal(one.roots[:, same], other.roots[:, same])
    np.testing.assert_array_equal(one.output[..., same], other.output[..., same])
    assert (one.output[..., 2] != other.output[..., 2]).any()


@pytest.mark.parametrize("changed", [1, 2, 5])
def test_some_units_change(changed: int) -> None:
    """Only their roots are computed, and all is as if the whole block had been."""
    chain, x, settings = _chain("MLP 4-5-3", 4)
    plan = make_plan(chain, 3, 6, settings)
    particles = ParticleChain(chain, x, settings, plan)
    rng, owner = np.random.default_rng(0), particles.splits[0].owner
    state, other = (
        particles.evaluate(0, rng.normal(size=(3, particles.numbers(0))), None) for _ in range(2)
    )
    units = rng.permuted(np.tile(np.arange(5), (3, 1)), axis=1)[:, :changed]
    theirs = (owner == units[:, :, None]).any(axis=1)
    normals = np.where(theirs, other.normals, state.normals)
    some = particles.change(0, state, normals, None, units)
    whole = particles.evaluate(0, normals, None)
    assert (whole.output != state.output).any(axis=1).sum() == 3 * changed
    np.testing.assert_allclose(some.roots, whole.roots, rtol=1e-12)
    np.testing.assert_allclose(some.output, whole.output, rtol=1e-12)
    assert some.multiplicity == whole.multiplicity


def test_every_unit_has_its_turn() -> None:
    """Where the later blocks are cheap; where they are not, one group of units is moved."""
    chain, x, settings = _chain("MLP 20-7-2", 20, rows=30)
    particles = ParticleChain(chain, x, settings, make_plan(chain, 8, 30, settings))
    cloud = Cloud(particles, 2, np.random.default_rng(0), 5)
    for _ in range(2):
        cloud.extend(8)
    cloud.tunings[0].share = 0.1
    groups = cloud._groups(0)
    assert [group.shape for group in groups] == [(8, 1)] * 7
    assert (np.sort(np.concatenate(groups, axis=1), axis=1) == np.arange(7)).all()
    cloud.tunings[0].share = 0.3
    groups = cloud._groups(0)
    assert [group.shape for group in groups] == [(8, 2)] * 4
    assert all(set(turns) == set(range(7)) for turns in np.concatenate(groups, axis=1))
    ways = tuple(replace(way, work=1.0) for way in particles.plan.ways)
    particles.plan = replace(particles.plan, ways=ways)
    assert [group.shape for group in cloud._groups(0)] == [(8, 2)]


def test_later_blocks_are_asked_only_about_what_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their acceptance, by which the number of units adapts, is that of the particles in which some
    unit was accepted: fewer than half here, where the surrogate knows nothing, and a violent tilt
    of the last block takes half of those. Of all particles it would be three quarters."""
    monkeypatch.setattr(ParticleChain, "surrogate", lambda *given: np.zeros(given[4].shape))
    chain, x, settings = _chain("MLP 20-7-5-2", 20, rows=30)
    particles = ParticleChain(chain, x, settings, make_plan(chain, 400, 30, settings))
    cloud = Cloud(particles, 2, np.random.default_rng(0), 5)
    for _ in range(2):
        cloud.extend(400)
    asked: list[tuple[float, float]] = []

    class Recorded(Tuning):
        def adapt(self, own: float, joint: float, units: int) -> None:
            asked.append((own, joint))

    cloud.tunings[0] = Recorded(step=0.9, share=0.1)
    cloud._move([Tilt(((20.0, 1.0),)), Tilt(((1e6, 1.0),))])
    own, joint = np.mean(asked, axis=0)
    assert own < 0.5
    assert 0.3 < joint < 0.65


def test_units_that_are_alike_change_places_freely() -> None:
    """A picked state is the one that its numbers evaluate to."""
    chain, x, settings = _chain("MLP 4-5-3", 4)
    particles = ParticleChain(chain, x, settings, make_plan(chain, 3, 6, settings))
    rng = np.random.default_rng(0)
    state = particles.evaluate(0, rng.normal(size=(3, particles.numbers(0))), None)
    rows, units = rng.integers(3, size=(3, 5)), rng.integers(5, size=(3, 5))
    assert particles.splits[0].alike
    picked = state.pick(rows, units, particles.splits[0])
    again = particles.evaluate(0, picked.normals, None)
    np.testing.assert_allclose(again.roots, picked.roots, rtol=1e-12)
    np.testing.assert_allclose(again.output, picked.output, rtol=1e-12)


def _beside_a_reservoir(particles: int, tilt: Tilt) -> Cloud:
    """Two blocks, and units of the first to exchange, all from the parameter measure."""
    chain, x, settings = _chain("MLP 4-5-3", 4)
    whole = ParticleChain(chain, x, settings, make_plan(chain, 2 * particles, 6, settings))
    cloud = Cloud(whole, 2, np.random.default_rng(0), 10)
    cloud.extend(2 * particles)
    aside = Cloud(whole, 2, np.random.default_rng(1), 10)
    aside.extend(2 * particles)
    cloud.extend(2 * particles)
    cloud.reservoir = Reservoir.of(aside, tilt)
    return cloud


def test_an_exchange_gives_and_takes_within_an_island() -> None:
    """No unit is lost or doubled, none leaves its island, and all is as its numbers evaluate to."""
    cloud = _beside_a_reservoir(4, Tilt())
    assert cloud.reservoir
    owner = cloud.chain.splits[0].owner

    def units(island: int) -> np.ndarray:
        """All of the island's, as rows of their numbers in order."""
        both = cloud.blocks[0].normals, cloud.reservoir.cloud.blocks[0].normals
        rows = np.concatenate([each.reshape(2, 4, -1, 5)[island] for each in both])
        found = np.moveaxis(rows, 1, 2).reshape(40, -1)
        return found[np.lexsort(found.T)]

    before, start = [units(island) for island in (0, 1)], cloud.blocks[0].normals
    rate = cloud._exchange([Tilt(), Tilt(((0.2, 1.0),))])
    assert 0 < rate <= 1
    for island in (0, 1):
        np.testing.assert_array_equal(units(island), before[island])
    changed = cloud.blocks[0].normals != start
    assert changed.any(axis=1).mean() == rate
    assert all(len(set(owner[row])) == 1 for row in changed if row.any())
    x = None
    for j, state in enumerate(cloud.blocks):
        again = cloud.chain.evaluate(j, state.normals, x)
        np.testing.assert_allclose(again.roots, state.roots, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(again.output, state.output, rtol=1e-9)
        x = state.output


@pytest.mark.parametrize("own", [Tilt(), Tilt(((0.4, 1.0),))])
def test_exchanges_leave_the_target_as_it_is(own: Tilt) -> None:
    """Particles under a tilt of both blocks, a reservoir under the first block's or under none.
    Truth and start are weighted draws. A right kernel is more than four errors off in 1 of 10,000
    cases; that would be missed if an exchange forgot what either side loses."""
    tilts, count = [own, Tilt(((0.5, 1.0),))], 400
    cloud = _beside_a_reservoir(20_000, Tilt())
    terms = [
        tilt.values(state).sum(axis=1) for tilt, state in zip(tilts, cloud.blocks, strict=True)
    ]
    weights = np.exp(sum(terms) - np.max(sum(terms)))
    weights /= weights.sum()
    truth = [float(weights @ term) for term in terms]
    chosen = cloud.rng.choice(len(weights), size=(count, 1), p=weights)
    splits = cloud.chain.splits
    cloud.blocks = [s.take(chosen, split) for s, split in zip(cloud.blocks, splits, strict=True)]
    aside = cloud.reservoir.cloud
    aside.blocks = [aside.blocks[0].take(np.arange(count)[:, None], splits[0])]
    means = []
    for _ in range(30):
        cloud._exchange(tilts)
        means.append(
            [t.values(s).sum(axis=1).mean() for t, s in zip(tilts, cloud.blocks, strict=True)]
        )
    for j, (tilt, state) in enumerate(zip(tilts, cloud.blocks, strict=True)):
        error = tilt.values(state).sum(axis=1).std() / np.sqrt(count)
        assert abs(np.mean(means[5:], axis=0)[j] - truth[j]) <= 4 * error


def test_chunks_change_nothing() -> None:
    chain, x, settings = _chain("MLP 4-2-2", 4)
    plan = make_plan(chain, 40, 6, settings)
    flows = [
        run_flow(
            ParticleChain(chain, x, settings, replace(plan, chunk=chunk)),
            np.array([1.0, 3.0]),
            islands=2,
            particles=20,
            max_moves=1,
            rng=np.random.default_rng(0),
            left_out=LeftOut(np.ones((1, 6)) * (np.arange(6) != 2), np.ones(1)),
        )
        for chunk in (40, 7)
    ]
    np.testing.assert_allclose(flows[0].left_out, flows[1].left_out, rtol=1e-9)
    assert (flows[0].left_out < 0).all()
    np.testing.assert_allclose(flows[0].log_normalisers, flows[1].log_normalisers, rtol=1e-9)
    np.testing.assert_allclose(flows[0].terms, flows[1].terms, rtol=1e-9)


def test_the_truth_of_a_layer_of_many_inputs() -> None:
    """Where plain draws suffice, annealed importance sampling says what they say: within four
    standard errors, which a right one exceeds once in 16,000 seeds."""
    x, amplitude = gaussian_inputs(12, 3), 3.0
    w = np.random.default_rng(0).uniform(-1, 1, size=(200_000, 3))
    factors = (w @ x.T > 0)[:, :, None] * x / np.sqrt(12)
    roots = np.sqrt(np.maximum(np.linalg.eigvalsh(np.swapaxes(factors, 1, 2) @ factors), 0))
    weights = np.exp(np.log1p(amplitude * roots).sum(axis=1))
    error = 2 * weights.std() / weights.mean() / np.sqrt(len(w))
    value, its_error, carried_by = truths.relu_layer(x, 2, amplitude, chains=20_000, steps=10)
    assert abs(value - 2 * np.log(weights.mean())) < 4 * np.hypot(error, its_error)
    assert carried_by > 10_000


@pytest.mark.slow
def test_the_papers_mlp() -> None:
    """Against annealed importance sampling of one unit of the first layer (`truths.relu_layer`):
    505.2 +- 0.3 over three seeds, and a second layer that adds 78 to 80. Plain Monte Carlo gives
    531 for both."""
    import sed2

    result = sed2.compute("MLP 54-16-7", dataset="covertype", estimator="smc", eps=0.1)
    error = np.hypot(result.lower_two_sed.std_error_draws[0], 0.3)
    assert abs(result.blocks[0].share[0] - 505.2) < 4 * error
    assert 78 < result.blocks[1].share[0] < 81
    assert result.lower_two_sed.estimate[0] < result.two_sed.estimate[0]


def test_failing_to_mix_is_told_and_few_draws_are_not() -> None:
    x = gaussian_inputs(20, 8)
    result = smc("MLP 8-3-3", x, draws=20, moves=1, particles=8, eps=[0.01])
    text = "\n".join(result.warnings)
    assert "did not mix within 1 moves" in text
    assert "effective sample size" not in text


def test_the_report_is_complete() -> None:
    result = smc("MLP 2-2-1", gaussian_inputs(10, 2))
    # Plain means over the draws, which are no bounds on what the particles find.
    assert np.isnan([result.upper_bracket, result.trace_bracket]).all()
    report = result.smc
    assert report is not None
    assert (report.temperatures >= 2).all()
    assert (report.moves >= report.temperatures).all()
    assert ((report.acceptance > 0) & (report.acceptance <= 1)).all()
    assert (report.ess_share >= 0.69).all()
    assert (report.island_spread > 0).all()


def test_parameters_that_no_step_moves_are_refused() -> None:
    with pytest.raises(UsageError, match=r"module draws by itself under the measure `init`"):
        smc("MLP 2-2-1", gaussian_inputs(10, 2), prior="init")


def test_sampled_spectra_are_refused() -> None:
    with pytest.raises(UsageError, match="needs exact spectra"):
        smc("MLP 4-64-3", gaussian_inputs(10, 4), draws=10, max_flops=1e4)


def test_blackjax_is_imported_only_when_it_is_used() -> None:
    code = "import sys, sed2.estimate; sys.exit('blackjax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _one_unit(width: int) -> tuple[dict[str, object], int]:
    dense = {"features": 1, "activation": "relu", "bias": False}
    return {"name": "unit", "blocks": [{"dense": dense}]}, width


def _chain(spec: object, width: int, rows: int = 6) -> tuple[object, np.ndarray, Settings]:
    chain = build_chain(load_spec(spec).models[0].blocks, (width,))
    return chain, gaussian_inputs(rows, width), Settings(dataset="test")


def _cloud(spec: tuple[dict[str, object], int], x: np.ndarray, particles: int) -> Cloud:
    chain = build_chain(load_spec(spec[0]).models[0].blocks, (spec[1],))
    settings = Settings(dataset="test", sigma=1.0)
    plan = make_plan(chain, particles, len(x), settings)
    return Cloud(ParticleChain(chain, x, settings, plan), 4, np.random.default_rng(0), 5)

"""The bound of one model: what is refused, what is vacuous, and on whose word it stands."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import sed2
from sed2.errors import UsageError
from sed2.generalisation import theorem
from sed2.generalisation.evaluation import check_settings, evaluate
from sed2.generalisation.results import BoundResult
from sed2.measure.two_sed import upper_bound
from sed2.options import TheoremConstants
from sed2.results import ModelResult, Score
from sed2.settings import Settings, resolve
from tests.cases import estimate_spec, gaussian_inputs
from tests.report.made import made_result

TWO_THIRDS = 2 / 3
WORDS = TheoremConstants(lipschitz=1)


def made(*, value: float = 700.0, n_train: int = 100_000, **changes: object) -> ModelResult:
    """A result in the theorem's range, whose 2sED is `value` at every eps."""
    settings = {"zeta": TWO_THIRDS, "prior": "uniform:0:1", "n_train": n_train}
    result = made_result(value=value - 1, **settings)
    return replace(result, **changes)


def tiny(n_train: int = 10**12, **changes: object) -> ModelResult:
    """One parameter with a constant Fisher matrix, of which 2sED is known: the bound (11)."""
    result = made(n_train=n_train, parameters=1, max_rank=1, max_eigenvalue=1.0)
    top = upper_bound(result.eps, TWO_THIRDS, 1, 1, 1.0)
    at_eps_n = float(upper_bound(np.array([result.eps_n]), TWO_THIRDS, 1, 1, 1.0)[0])
    two = replace(result.two_sed, estimate=top)
    score = Score(at_eps_n, 0.0, 0.0, 0.0, (at_eps_n, at_eps_n), False)
    return replace(result, two_sed=two, upper_bound=top, two_sed_score=score, **changes)


def bound(model: ModelResult, lipschitz: float = 1.0, **words: object) -> BoundResult:
    return evaluate(model, resolve({"lipschitz": lipschitz, **words}, {}, of=TheoremConstants))


def test_it_is_the_theorem_at_the_measured_numbers() -> None:
    result = bound(made(), 2.0, theorem_k=3.0)
    eps_n = (math.log(1e5) / 1e5) ** 0.375
    top = upper_bound(np.array([eps_n]), TWO_THIRDS, 976, 555, 300.0)[0]
    assert result.eps_n == pytest.approx(eps_n)
    assert (result.two_sed.estimate, result.two_sed.at_most) == (700.0, pytest.approx(top))
    for got, two_sed in (
        (result.log_probability.estimate, 700.0),
        (result.log_probability.at_most, top),
    ):
        assert got == pytest.approx(
            result.log_h + two_sed * abs(math.log(eps_n)) - 3 * math.log(1e5)
        )
    assert result.log_h == pytest.approx(math.log(4) + theorem.log_covering_constant(976, 2.0))
    assert result.gamma_0 == pytest.approx(theorem.gamma_0(3.0, 976, 300.0))


def test_the_covering_numbers_are_those_of_the_lemma_at_every_radius() -> None:
    result = bound(made())
    log_c = theorem.log_covering_constant(976, 1.0)
    np.testing.assert_array_equal(result.covering.eps, [0.001, 0.01, 0.1])
    np.testing.assert_allclose(
        result.covering.estimate, log_c - 700 * np.log([0.001, 0.01, 0.1]), rtol=1e-12
    )
    np.testing.assert_allclose(
        result.covering.at_most,
        log_c - made().upper_bound * np.log([0.001, 0.01, 0.1]),
        rtol=1e-12,
    )
    at = result.covering_at_eps_n
    assert at.estimate[0] == pytest.approx(log_c - 700 * math.log(result.eps_n))
    # P is bounded by four times the balls, times the tail of one of them.
    assert result.log_probability.at_most == pytest.approx(
        math.log(4) + at.at_most[0] - math.log(1e5)
    )


def test_a_thousand_parameters_and_any_practical_n_are_vacuous() -> None:
    result = bound(made())
    assert result.vacuous
    assert result.covering.vacuous.all()
    assert result.smallest_k.at_most > 1000
    assert not result.model.settings.gamma < result.gamma_0


def test_one_parameter_and_a_huge_n_are_not_vacuous() -> None:
    """H = 4 * 2.5 * 8^(3/2), so P <= 226 * 10^(12 * 3/8) * 10^-12, a little more for mu."""
    result = bound(tiny())
    assert not result.vacuous
    assert -8 < result.log_probability.at_most / math.log(10) < -4
    assert result.gamma_0 > 1
    assert result.smallest_k.at_most < 1


def test_the_lemma_beats_equal_cubes_where_the_rank_is_small_and_the_radius_tiny() -> None:
    eps = np.array([1e-250])
    model = made(parameters=100, max_rank=1, max_eigenvalue=100.0)
    model = replace(model, eps=eps, upper_bound=upper_bound(eps, TWO_THIRDS, 100, 1, 100.0))
    result = bound(replace(model, two_sed=replace(model.two_sed, estimate=model.upper_bound)), 0.0)
    assert not result.covering.vacuous.any()
    assert result.covering_at_eps_n.vacuous.all()


def test_it_is_the_upper_bound_that_decides() -> None:
    """An estimate from below that looks informative shows nothing."""
    model = tiny(max_eigenvalue=1e300)
    result = bound(model)
    assert result.log_probability.estimate < 0 < result.log_probability.at_most
    assert result.vacuous


def test_without_an_upper_bound_nothing_is_shown() -> None:
    result = bound(tiny(max_eigenvalue=math.nan))
    assert math.isnan(result.log_probability.at_most)
    assert math.isnan(result.gamma_0)
    assert result.log_probability.estimate < 0
    assert result.vacuous
    assert result.covering_at_eps_n.vacuous.all()
    assert any("a spectrum is sampled" in warning for warning in result.warnings)
    assert "rank, eigenvalue" not in {each.name for each in result.assumptions}


@pytest.mark.parametrize(("b", "vacuous"), [(0.01, True), (1.0, False), (None, False)])
def test_a_deviation_of_the_whole_range_of_the_loss_is_vacuous(
    b: float | None, vacuous: bool
) -> None:
    result = bound(tiny(), theorem_c=1000.0, theorem_k=1.0, loss_bound=b)
    assert result.deviation == pytest.approx(1000 * result.eps_n)
    assert result.log_probability.at_most < 0
    assert result.vacuous is vacuous


def sources(result: BoundResult) -> dict[str, str]:
    return {each.name: each.source for each in result.assumptions}


def test_who_vouches_for_what() -> None:
    assert sources(bound(made())) == {
        "parameters": "user",
        "Fisher field": "user",
        "loss range": "assumed",
        "loss slope": "assumed",
        "densities": "assumed",
        "training set": "assumed",
        "K": "assumed",
        "2sED": "measured",
        "rank, eigenvalue": "measured",
    }
    told = sources(bound(made(), theorem_k=1, theorem_c=2, loss_bound=3))
    assert [told[name] for name in ("K", "C", "loss range")] == ["user"] * 3


def test_a_measure_that_is_not_uniform_is_not_the_theorems() -> None:
    model = made()
    torch = model.settings.model_copy(update={"prior": "torch"})
    result = bound(replace(model, settings=torch))
    assert sources(result)["parameters"] == "assumed"
    assert any("prior torch is another measure" in warning for warning in result.warnings)
    assert not any("measure" in warning for warning in bound(model).warnings)


def test_an_informative_bound_on_an_assumed_k_is_warned_of() -> None:
    assert any("for which nobody vouches" in warning for warning in bound(tiny()).warnings)
    assert not bound(tiny(), theorem_k=1).warnings
    assert not bound(made()).warnings  # vacuous


@hypothesis_settings(deadline=None)
@given(
    lipschitz=st.floats(0, 1e6),
    more=st.floats(1, 100),
    value=st.floats(651, 976),
    further=st.floats(0, 100),
)
def test_the_bound_grows_with_the_lipschitz_constant_and_with_2sed(
    lipschitz: float, more: float, value: float, further: float
) -> None:
    here = bound(made(value=value), lipschitz).log_probability
    rougher = bound(made(value=value), lipschitz * more).log_probability
    larger = bound(made(value=value + further), lipschitz).log_probability
    assert rougher.estimate >= here.estimate - 1e-6
    assert rougher.at_most >= here.at_most - 1e-6
    assert larger.estimate >= here.estimate


def test_in_the_pipeline_the_estimate_is_below_its_upper_bound() -> None:
    """On a linear block both are known: lambda = 1, so 2sED is the bound (11) itself."""
    model = estimate_spec(
        "MLP 1-1", gaussian_inputs(20, 1), zeta=TWO_THIRDS, n_train=1000, eps=[0.01, 0.1]
    )
    assert (model.max_rank, model.max_eigenvalue) == (1, pytest.approx(1.0))
    result = bound(model)
    eps = np.append(model.eps, result.eps_n)
    known = TWO_THIRDS + np.log1p(eps ** (TWO_THIRDS - 1)) / np.abs(np.log(eps))
    np.testing.assert_allclose(model.two_sed.estimate, known[:2])
    assert result.two_sed.estimate == pytest.approx(known[2])
    assert result.two_sed.estimate <= result.two_sed.at_most
    assert (result.covering.estimate <= result.covering.at_most).all()


@pytest.mark.parametrize("zeta", [0.0, 0.5, 0.66, 0.6666666])
def test_zeta_below_two_thirds_is_refused(zeta: float) -> None:
    with pytest.raises(UsageError, match=r"zeta: zeta 0\.?\d* is below 2/3.*`zeta` 0\.667"):
        check_settings(Settings(zeta=zeta, n_train=1000), WORDS)


@pytest.mark.parametrize("zeta", [TWO_THIRDS, 0.6666666666666666, 0.667, 0.999])
def test_zeta_from_two_thirds_is_accepted(zeta: float) -> None:
    check_settings(Settings(zeta=zeta, n_train=1000), WORDS)


def test_the_size_of_the_training_set_must_be_given() -> None:
    with pytest.raises(UsageError, match=r"^n_train: the size n"):
        check_settings(Settings(zeta=0.7), WORDS)


FAST = {"dataset": "covertype", "samples": 5, "draws": 3, "eps": [0.01, 0.1], "n_train": 1000}


def test_zeta_is_two_thirds_unless_something_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def zeta(spec: object, **settings: object) -> float:
        return sed2.bound(spec, lipschitz=1, **FAST, **settings).model.settings.zeta

    assert zeta("MLP 54-3-7") == TWO_THIRDS
    assert zeta({"models": ["MLP 54-3-7"], "zeta": 0.7}) == 0.7
    monkeypatch.setenv("SED2_ZETA", "0.8")
    assert zeta({"models": ["MLP 54-3-7"], "zeta": 0.7}) == 0.8
    assert zeta("MLP 54-3-7", zeta=0.9) == 0.9


def test_what_is_wrong_is_found_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    from sed2 import tasks

    monkeypatch.setattr(tasks, "estimate", lambda *_: pytest.fail("the work began"))
    for changes, option in (
        ({"zeta": 0.5}, "zeta"),
        ({"n_train": None}, "n_train"),
        ({"lipschitz": None}, "lipschitz"),
        ({"lipschitz": -1}, "lipschitz"),
        ({"theorem_k": "many"}, "theorem_k"),
    ):
        with pytest.raises(UsageError, match=f"^{option}: "):
            sed2.bound("MLP 54-3-7", **{"lipschitz": 1, **FAST, **changes})


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"lipschitz": math.nan}, "lipschitz"),
        ({"lipschitz": "1e999"}, "lipschitz"),
        ({"lipschitz": True}, "lipschitz"),
        ({"lipschitz": 1, "theorem_k": 0}, "theorem_k"),
        ({"lipschitz": 1, "theorem_c": 0}, "theorem_c"),
        ({"lipschitz": 1, "loss_bound": "-1"}, "loss_bound"),
    ],
)
def test_constants_that_cannot_be_are_refused(given: dict[str, object], option: str) -> None:
    with pytest.raises(UsageError, match=f"^{option}: .* must be a number"):
        resolve(given, {}, of=TheoremConstants)


def test_constants_may_be_text_or_numbers_of_numpy() -> None:
    words = resolve(
        {"lipschitz": "1e-3", "theorem_k": np.float64(2), "theorem_c": None},
        {},
        of=TheoremConstants,
    )
    assert (words.lipschitz, words.theorem_k, words.theorem_c) == (1e-3, 2.0, None)

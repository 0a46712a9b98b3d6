"""From 2sED to the generalisation bound: Theorem 5.1 and Lemma B.2 of one model.

What the theorem takes for granted cannot be measured. Part of it the user vouches for, the rest is
assumed, and the result says which is which.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from sed2.errors import UsageError
from sed2.generalisation import theorem
from sed2.generalisation.results import Assumption, BoundResult, Bracket, Covering
from sed2.measure.two_sed import upper_bound
from sed2.options import TheoremConstants
from sed2.results import ModelResult
from sed2.settings import Settings, parse_prior

MIN_ZETA = 2 / 3


def check_settings(settings: Settings, words: TheoremConstants) -> None:
    """Find out before the work that the theorem covers the settings.

    Raises:
        UsageError: L or n is not given, or zeta is below 2/3.
    """
    if words.lipschitz is None:
        raise UsageError(
            "the Lipschitz constant L of the Fisher field is not given, and it cannot be measured",
            mend="Give the L that you vouch for, such as `lipschitz` 1",
            where="lipschitz",
        )
    if settings.n_train is None:
        raise UsageError(
            "the size n of the training set is not given, and the bound is one for n points",
            mend="Give `n_train`",
            where="n_train",
        )
    if settings.zeta < MIN_ZETA:
        raise UsageError(
            f"zeta {settings.zeta:.6g} is below 2/3, where the theorem does not hold: within a box "
            "of side eps^zeta the Fisher matrix must change by too little to matter at the scale "
            "eps, so eps^(3 zeta / 2 - 1) must not grow as eps shrinks",
            mend="Give `zeta` 0.667, or more below 1, or leave it out for 2/3",
            where="zeta",
        )


def evaluate(model: ModelResult, words: TheoremConstants) -> BoundResult:
    """Theorem 5.1 and Lemma B.2 with the measured 2sED and the user's constants.

    Args:
        model: with settings that `check_settings` accepts.
        words: the user's constants, which it accepts as well.
    """
    settings, lipschitz = model.settings, words.lipschitz
    assert lipschitz is not None
    d, mu, gamma = model.parameters, model.max_eigenvalue, settings.gamma
    eps_n, n = settings.eps_n, settings.n_train
    assert eps_n is not None
    assert n is not None
    top = upper_bound(np.array([eps_n]), settings.zeta, d, model.max_rank, mu)
    two = Bracket(model.two_sed_score.value, float(top[0]))

    def covering(eps: np.ndarray, estimate: np.ndarray, at_most: np.ndarray) -> Covering:
        log_eps = np.log(eps)
        return Covering(
            eps,
            theorem.log_covering_number(log_eps, estimate, d, lipschitz),
            theorem.log_covering_number(log_eps, at_most, d, lipschitz),
            theorem.log_cube_number(log_eps, d, mu),
        )

    def both(of: Callable[..., float], *constants: float) -> Bracket:
        estimate, at_most = (
            of(math.log(n), *constants, two_sed, d, lipschitz)
            for two_sed in (two.estimate, two.at_most)
        )
        return Bracket(estimate, at_most)

    log_probability = both(theorem.log_probability, gamma, words.theorem_k)
    return BoundResult(
        model=model,
        lipschitz=lipschitz,
        theorem_k=words.theorem_k,
        theorem_c=words.theorem_c,
        loss_bound=words.loss_bound,
        log_covering_constant=theorem.log_covering_constant(d, lipschitz),
        two_sed=two,
        log_probability=log_probability,
        smallest_k=both(theorem.smallest_k, gamma),
        covering=covering(model.eps, model.two_sed.estimate, model.upper_bound),
        covering_at_eps_n=covering(np.array([eps_n]), np.array([two.estimate]), top),
        gamma_0=theorem.gamma_0(words.theorem_k, d, mu),
        assumptions=tuple(_assumptions(model, words)),
        warnings=(*model.warnings, *_warnings(model, words, log_probability)),
    )


def _assumptions(model: ModelResult, words: TheoremConstants) -> Iterator[Assumption]:
    settings, given = model.settings, words.model_fields_set
    drawn = f"over {settings.draws} draws and {model.inputs} inputs"
    uniform = _is_uniform(settings)
    yield Assumption(
        "parameters",
        "theta is uniform on the unit cube, to which any other cube may be rescaled"
        + ("" if uniform else f"; prior {settings.prior} is not"),
        "user" if uniform else "assumed",
    )
    yield Assumption(
        "Fisher field",
        "the normalised Fisher matrix, of all data, is Lipschitz in theta on the unit cube with "
        f"L = {words.lipschitz:g}",
        "user",
    )
    yield Assumption(
        "loss range",
        "the loss lies in [0, 2b]"
        + ("" if words.loss_bound is None else f", b = {words.loss_bound:g}"),
        "assumed" if words.loss_bound is None else "user",
    )
    yield Assumption("loss slope", "the loss is Lambda-Lipschitz in the model's density", "assumed")
    yield Assumption(
        "densities",
        "the model's densities lie in [alpha_1, alpha_2] with alpha_1 above 0"
        + (
            ", which Gaussians do on bounded outputs only"
            if settings.likelihood == "gaussian"
            else ""
        ),
        "assumed",
    )
    yield Assumption(
        "training set", f"its {settings.n_train:,} points are independent draws", "assumed"
    )
    yield Assumption(
        "K",
        f"K = {words.theorem_k:g} is what b, Lambda, alpha_1 and alpha_2 make it",
        "user" if "theorem_k" in given else "assumed",
    )
    if words.theorem_c is not None:
        yield Assumption(
            "C",
            f"C = {words.theorem_c:g} is what b, Lambda, alpha_1 and alpha_2 make it",
            "user",
        )
    yield Assumption("2sED", f"d_zeta is estimated {drawn}, from below", "measured")
    if not math.isnan(model.max_eigenvalue):
        yield Assumption(
            "rank, eigenvalue",
            f"r = {model.max_rank:,} and mu = {model.max_eigenvalue:.4g}, the largest {drawn}, are "
            "the largest of all parameters and all data",
            "measured",
        )


def _warnings(
    model: ModelResult, words: TheoremConstants, log_probability: Bracket
) -> Iterator[str]:
    if not _is_uniform(model.settings):
        yield (
            f"the theorem takes parameters that are uniform on a cube, and prior "
            f"{model.settings.prior} is another measure; --prior uniform:0:1 is the theory's"
        )
    if math.isnan(model.max_eigenvalue):
        yield (
            "a spectrum is sampled, so the upper bound (11) on 2sED is not measured, and an "
            "estimate from below shows no bound; raise --max-flops or --memory-gb"
        )
    if log_probability.at_most < 0 and "theorem_k" not in words.model_fields_set:
        yield (
            f"the bound rests on K = {words.theorem_k:g}, for which nobody vouches; "
            "give the theorem's constant with --theorem-k"
        )


def _is_uniform(settings: Settings) -> bool:
    """Whether the parameter measure is uniform on a cube."""
    return parse_prior(settings.prior).name == "uniform"

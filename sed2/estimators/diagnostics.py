"""What a reader must know before trusting a result, in plain words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from sed2.blocks.base import OfUser
from sed2.blocks.network import rounding
from sed2.chain import Chain
from sed2.measure.intervals import Weighting
from sed2.measure.logdet import log_determinants
from sed2.measure.spectra import Spectra
from sed2.measure.two_sed import lower_two_sed
from sed2.measure.uncertainty import MIN_EFFECTIVE_SAMPLE_SIZE
from sed2.priors import unknown_fans
from sed2.settings import SCORE_NAMES, Settings, parse_prior

QUIETER = 10.0
"""What sigma is divided by, to see whether the score depends on it."""
_CHECKS = 10
"""Draws that run again so at most, and one in how many does."""
_SHARE_OF_NOISE = 0.05
"""Of the score, by which it may change then. Another seed changes it by 2% to 3% at the default N
and K (docs/stability.md); twice as much is an effect of sigma that no error holds."""

_ROUNDING_SHARE = 1e-3
"""A relative rounding error above this share of eps is seen in the values there."""


def find_warnings(chain: Chain, spectra: Spectra, settings: Settings) -> tuple[str, ...]:
    """Warnings about one model, whatever the estimator.

    Args:
        chain: the network.
        spectra: of the K draws.
        settings: eps and prior.
    """
    found = []
    only = chain.blocks[0]
    if len(chain.blocks) == 1 and isinstance(only.block, OfUser) and not only.block.is_layer:
        why = "since nowhere a single value crosses it, with its own parameters on either side"
        if only.block.tied:
            why = "since its layers share parameters"
        elif only.block.manner != "auto":
            why = f"by --blocks {only.block.manner}"
        found.append(f"{only.name} is one block, {why}: lower 2sED is 2sED")
    for each in chain.blocks:
        precision = each.block.precision(each.input_shape)
        if rounding(precision) > _ROUNDING_SHARE * min(settings.eps):
            found.append(
                f"{each.name} computes in {precision} in part: its rounding fills the null space "
                f"of the Fisher matrix, so that values at eps {min(settings.eps):g} are too large; "
                "leave out the cast (sed2 computes in float64), or take a larger --eps"
            )
        found += [
            f"the fan-in of `{kernel}` in {each.name} is not known, since not one product of "
            "matrices or convolution sums over its inputs: it is drawn as the module "
            f"initialises it, not by --prior {settings.prior}"
            for kernel in unknown_fans(each.block, each.input_shape, parse_prior(settings.prior))
        ]
    sampled = sum(block.sampling > 0 for block in spectra.blocks)
    if sampled:
        found.append(
            f"the spectra of {sampled} of {len(spectra.blocks)} blocks are sampled, since exact "
            "ones cost too much: their error is part of what is shown (--verbose shows the ways; "
            "--max-flops and --memory-gb allow for more)"
        )
    if spectra.scale == 0:
        found.append(
            "the Fisher information is zero in every draw, so the measure is zeta * d: "
            "no parameter has any influence under this parameter measure"
        )
    return tuple(found)


def noise_checks(chain: Chain, draws: int) -> int:
    """How many of the first draws run again with less noise: one in ten, ten at most; none where no
    block has noise in its input."""
    return min(_CHECKS, math.ceil(draws / _CHECKS)) if len(chain.blocks) > 1 else 0


def noise_as_capacity(
    spectra: Spectra, quieter: Spectra, eps: np.ndarray, weights: np.ndarray, settings: Settings
) -> tuple[str, ...]:
    """The warning that the score depends on sigma, which cancels but for the noise that it adds.

    Args:
        spectra: of the K draws.
        quieter: of the first of them, under the same random numbers, with sigma / `QUIETER`.
        eps: (E,).
        weights: (E,) of the curve in the score.
        settings: sigma, zeta and the likelihood.
    """

    def score(some: Spectra) -> float:
        logdets = log_determinants(some, eps, settings.zeta).values
        return float(lower_two_sed(logdets, eps, settings.zeta, some.parameters) @ weights)

    if not quieter.draws:
        return ()
    before, after = score(spectra[: quieter.draws]), score(quieter)
    if not abs(after - before) > _SHARE_OF_NOISE * before > 0:
        return ()
    if settings.likelihood == "categorical":
        why = (
            "the last block is categorical and has none, so that sigma sets how much the others "
            "weigh against it; take --chain end-to-end"
        )
    elif after < before:
        why = "the noise is counted as capacity; take --sigma limit"
    else:
        why = "the noise hides capacity; take --sigma limit"
    change = abs(after / before - 1)
    return (f"lower 2sED changes by {change:.0%} under sigma / {QUIETER:g}: {why}",)


_BEYOND = 1.05
"""Times d, above which a measure is no dimension any more."""


def beyond_dimension(
    eps: np.ndarray, parameters: int, estimates: Mapping[str, np.ndarray]
) -> tuple[str, ...]:
    """The warning that eps is so near 1 that a measure exceeds any dimension.

    An eigenvalue adds log(1 + a sqrt(lam)) / |log eps|, which grows without bound as eps nears 1.
    At any eps it may be a little above 1, which is not told.

    Args:
        eps: (E,) ascending.
        parameters: d, the largest dimension that there is.
        estimates: by the name of each measure, (E,).
    """
    return tuple(
        f"{name} is {values[-1]:,.0f} at eps {eps[-1]:.3g}, and above the {parameters:,} "
        f"parameters from eps {eps[values > _BEYOND * parameters][0]:.3g} on: that near 1 it is no "
        "dimension; take a smaller --eps"
        for name, values in estimates.items()
        if values[-1] > _BEYOND * parameters
    )


def few_draws(
    spectra: Spectra,
    eps: np.ndarray,
    weighting: Weighting,
    lower_estimates: Mapping[str, np.ndarray],
) -> tuple[str, ...]:
    """The warning of plain Monte Carlo that few draws carry a measure.

    Args:
        spectra: of the K draws.
        eps: (E,).
        weighting: (E,) or more; how far the draws carry 2sED.
        lower_estimates: by the name of each measure, (E,) whether it is one.
    """
    concerned = [name for name, flags in lower_estimates.items() if flags.any()]
    if spectra.scale == 0 or not concerned:
        return ()
    flagged = np.any([*lower_estimates.values()], axis=0)
    sizes = np.where(flagged, weighting.sizes[: len(eps)].round(1), np.inf)
    worst = int(np.argmin(sizes))
    at, size = f"{spectra.draws} draws at eps {eps[worst]:.3g}", sizes[worst]
    sign = (
        f"effective sample size {size:.1f} of {at}"
        if size < MIN_EFFECTIVE_SAMPLE_SIZE
        else f"log-determinants scatter by {weighting.spreads[worst]:.2g} over {at}"
    )
    return (_carried(sign, concerned),)


def _carried(sign: str, concerned: Sequence[str]) -> str:
    """The sentence of `few_draws`, which `_CARRIED` reads."""
    named = " and ".join(filter(None, [", ".join(concerned[:-1]), concerned[-1]]))
    are = "is" if len(concerned) == 1 else "are"
    return (
        f"{sign}: a few draws carry {named}, which {are} biased low there, without an error; what "
        "holds for other seeds at the same N and K need not hold for the limit of many draws"
    )


_CARRIED = re.compile(r"(.*): a few draws carry (.*), which (?:is|are) biased low there.*")


def of_both(blocks: Sequence[str], whole: Sequence[str]) -> tuple[str, ...]:
    """The warnings of a network as a chain of blocks, and those that it has besides as one block.
    That few draws carry both is said once."""
    found = [*blocks]
    carried = {place: few for place, each in enumerate(found) if (few := _CARRIED.fullmatch(each))}
    for warning in whole:
        if warning in blocks:
            continue
        if (few := _CARRIED.fullmatch(warning)) and carried:
            place, of_blocks = carried.popitem()
            concerned = [*of_blocks[2].split(" and "), SCORE_NAMES["end-to-end"]]
            found[place] = _carried(f"{of_blocks[1]}, end-to-end {few[1]}", concerned)
        else:
            found.append(f"end-to-end: {warning}")
    return tuple(found)

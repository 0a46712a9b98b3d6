"""A score, how it scatters by chance, and what that tells of the ratio of two scores.

The gate asks whether the new score is at least r times the baseline's. A score has a target that
depends on N and K: finite N caps the rank of the Fisher matrix, and a log-mean-exp over K draws
grows with K. Networks of a thousand parameters are biased low at any K that one can pay for,
so a claim about the limit of many draws could never be decided. The gate's claim is the one that
`rank` makes for values biased low: S is the average of the score over all seeds *at the same N and
K*, and it judges

    D = S_new - r S_baseline >= 0.

Both sides have the same seed, data, N and K (anything else is refused), so the errors of D are:

- *Inputs*: both models saw the same N inputs in the same groups. The jackknife's deviations are
  subtracted group by group, d_new - r d_baseline, before they are squared: what the inputs do to
  both alike, nearly all that a score scatters by, cancels.
- *Draws*: independent for two architectures (networks that begin with the same blocks share the
  draws of these; they are told apart better than is said). More draws are further *batches* of K
  on the same inputs, and the score is the mean over the batches. So its target stays that of K
  draws, which one log-mean-exp over all of them together would leave, upwards and towards a pass.
  From `MIN_BATCHES` on the error is the spread between them, which asks no theory of a value that
  one draw in a hundred carries, and holds what the inputs do to these draws. With fewer it is
  the bootstrap's, and what the inputs do to these draws is added as if it were the model's own.
  For networks of a thousand parameters that is too much: a first look decides only what is clear.
  The bootstrap's error has the degrees of freedom that it has in a ranking
  (`sed2.ranking.probabilities`): those of the draws that carry the value.
- *Spectra* that are sampled: their error holds a bias, and does not shrink with the batches.

D over its standard error is compared with Student's t, with the degrees of freedom of Welch and
Satterthwaite; the probability of D >= 0 is so a confidence. (Of a difference, not of the
ratio itself, whose distribution is not normal where the denominator is uncertain: Fieller, 1954,
doi:10.1111/j.2517-6161.1954.tb00159.x.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from sed2.errors import NumericsError, shown
from sed2.measure.intervals import NORMAL, degrees_of_freedom
from sed2.ranking.probabilities import freedom_of_draws
from sed2.results import ModelResult

MIN_BATCHES = 4
"""From so many on, the spread between batches is the error of their mean."""


@dataclass(frozen=True)
class Evidence:
    """A score and its deviations by chance, in dimensions."""

    batches: tuple[float, ...]
    """(B,) the score of each batch of K draws."""
    draws: float = 0.0
    """Standard error of their mean from the draws."""
    draws_freedom: float = NORMAL
    """Degrees of freedom of its square."""
    inputs: tuple[float, ...] = ()
    """(G,) deviations by group of inputs, whose squares are summed."""
    inputs_own: float = 0.0
    """Standard error from what the inputs do to the draws of this model alone."""
    spectra: float = 0.0
    """Standard error from sampled spectra."""

    @classmethod
    def of(cls, batches: Sequence[ModelResult]) -> Evidence:
        """From batches of K draws on the same inputs, with the inputs' error of the first.

        Args:
            batches: at least one; the first with deviations by group of inputs.

        Raises:
            NumericsError: an error is undefined, so that nothing could be decided.
        """
        first, count = batches[0], len(batches)
        scores = [batch.score for batch in batches]
        values = tuple(score.value for score in scores)
        if count >= MIN_BATCHES:
            draws, freedom, own = math.sqrt(variance(values) / count), count - 1.0, 0.0
        else:
            variances = [score.std_error_draws**2 for score in scores]
            freedoms = [freedom_of_draws(batch) for batch in batches]
            draws = math.sqrt(sum(variances)) / count
            freedom = float(degrees_of_freedom(list(zip(variances, freedoms, strict=True))))
            own = float(first.replicates.inputs_own[-1]) / math.sqrt(count)
        evidence = cls(
            batches=values,
            draws=draws,
            draws_freedom=freedom,
            inputs=tuple(float(one) for one in first.replicates.inputs[:, -1]),
            inputs_own=own,
            spectra=fmean(score.std_error_spectra for score in scores),
        )
        if not math.isfinite(evidence.value + evidence.scatter):
            raise NumericsError(
                f"the error of the score of `{shown(first.name)}` is undefined, so nothing can "
                "be decided",
                mend="Raise `max_flops`: the spectrum of one random unit has no error",
            )
        return evidence

    @property
    def value(self) -> float:
        """The mean over the batches."""
        return fmean(self.batches)

    @property
    def scatter(self) -> float:
        """Standard error from all sources: how far away another seed lands, at the same N and K."""
        return math.hypot(self.draws, self.inputs_own, self.spectra, *self.inputs)


def probability_at_least(new: Evidence, factor: float, base: Evidence) -> float:
    """Of S_new >= factor S_base.

    Args:
        new: as it is now.
        factor: r.
        base: of the same inputs; or an exact number, `Evidence((number,))`.
    """
    from scipy import special  # a tenth of a second, and an unchanged spec does not need it

    gap = new.value - factor * base.value
    sources = _sources(new, factor, base)
    error = math.sqrt(sum(variance for variance, _ in sources))
    if error == 0:
        return float(gap >= 0)
    return float(special.stdtr(degrees_of_freedom(sources), gap / error))


def std_error_of_ratio(new: Evidence, base: Evidence) -> float:
    """Of new.value / base.value, to first order."""
    sources = _sources(new, new.value / base.value, base)
    return math.sqrt(sum(variance for variance, _ in sources)) / abs(base.value)


def _sources(new: Evidence, factor: float, base: Evidence) -> list[tuple[float, float]]:
    """Variance of S_new - factor S_base by source, each with its degrees of freedom."""
    if len(new.inputs) == len(base.inputs):
        inputs = [a - factor * b for a, b in zip(new.inputs, base.inputs, strict=True)]
    else:  # one of them is an exact number, or saw all rows
        inputs = [*new.inputs, *(factor * b for b in base.inputs)]
    normal = (new.inputs_own, factor * base.inputs_own, new.spectra, factor * base.spectra)
    return [
        (new.draws**2, new.draws_freedom),
        ((factor * base.draws) ** 2, base.draws_freedom),
        (sum(one**2 for one in inputs), max(len(inputs) - 1, 1)),
        (sum(one**2 for one in normal), NORMAL),
    ]

"""What the gate demands, and how sure it must be.

A gate looks at most twice: with the K draws that were asked for, and if that leaves it undecided,
with all that `max_draws` allows. Each look can be wrong, so they share what the confidence c
leaves: the first look decides at 1 - (1 - c) / 5, the second at 1 - 4 (1 - c) / 5. By Bonferroni's
inequality one gate of one model is then wrong with a probability of at most 1 - c, either way.
Most of it is kept for the second look, since what is clear is clear at the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sed2.errors import UsageError
from sed2.gating.evidence import MIN_BATCHES
from sed2.options import TIMES, GateOptions
from sed2.settings import Settings

_BASELINE = MIN_BATCHES
"""Batches of a baseline, if so many draws are allowed: its error cannot shrink later."""
_FIRST = 0.2
"""Share of the error that the first of two looks may spend."""


@dataclass(frozen=True)
class Rules:
    """What the gate demands."""

    min_ratio: float
    confidence: float
    draws: int
    """K, of one batch."""
    max_draws: int
    max_parameters: int | None
    min_score: float | None
    allow_missing: bool
    allow_new: bool

    @property
    def batches(self) -> int:
        """How many batches of K draws there may be, the first included."""
        return self.max_draws // self.draws

    @property
    def baseline_batches(self) -> int:
        """How many batches a baseline is made of."""
        return min(_BASELINE, self.batches)

    @property
    def levels(self) -> tuple[float, ...]:
        """How sure each look must be: one, or two if draws may be added."""
        wrong = 1 - self.confidence
        if self.batches == 1:
            return (self.confidence,)
        return 1 - _FIRST * wrong, 1 - (1 - _FIRST) * wrong


def read_rules(wish: GateOptions, settings: Sequence[Settings]) -> Rules:
    """The rules for models of these settings.

    Raises:
        UsageError: fewer draws are allowed than asked for, or errors are left undefined.
    """
    _check_errors_defined(settings)
    draws = settings[0].draws
    max_draws = TIMES * draws if wish.max_draws is None else wish.max_draws
    if max_draws < draws:
        raise UsageError(
            f"{max_draws:,} draws at most are fewer than the {draws:,} to begin with",
            mend="Raise `max_draws`, or lower `draws`",
            where="max_draws",
        )
    return Rules(**(wish.model_dump() | {"draws": draws, "max_draws": max_draws}))


def _check_errors_defined(settings: Sequence[Settings]) -> None:
    """Refuse settings under which nothing could ever be decided, before any work.

    Raises:
        UsageError: the models differ in K, or the errors of draws or inputs are left undefined.
    """
    if any(its.draws != settings[0].draws for its in settings):
        raise UsageError(
            "the models differ in `draws`, and `max_draws` is for all of them",
            mend="Set `draws:` for the whole file",
            where="draws",
        )
    if any(its.input_groups < 2 for its in settings):
        raise UsageError(
            "nothing is decided where the error of the inputs is left undefined",
            mend="Give `input_groups` 2 or more, such as the default",
            where="input_groups",
        )
    if settings[0].draws < 2 and settings[0].averages_draws:
        raise UsageError(
            "nothing is decided where one draw leaves its error undefined",
            mend="Give `draws` 2 or more",
            where="draws",
        )

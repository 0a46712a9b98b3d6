"""What changed between two results.

The error of a difference is that of two independent results. With one seed and the same data they
share the inputs, and of one architecture the draws: what these do to both alike cancels, so that
the error is too large as a rule.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from sed2.errors import UsageError
from sed2.report.documents.stored import Kind, Point, Stored, StoredModel

SIZES = ("inputs", "draws", "estimator", "particles", "islands", "moves")
"""Settings that move a value biased low by themselves: it rises with the number of draws."""
BEYOND = NormalDist().inv_cdf(0.975)
"""Standard errors beyond which one of 20 differences is by chance alone."""

_ROUNDING = 1e-9  # relative, between two grids that share a point


@dataclass(frozen=True)
class Change:
    """Of a setting, a version or a hash; None where one side does not have it."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Difference:
    """Of one number of the two results, in dimensions; None is undefined."""

    before: float | None
    after: float | None
    std_error: float | None
    """Of after - before, as if the two were independent."""
    compares: bool
    """False for a value biased low where N, K or the estimator differ: these alone move it."""

    @property
    def value(self) -> float | None:
        """After - before."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before

    @property
    def beyond_chance(self) -> bool | None:
        """Whether it is further from 0 than by chance, with 95% confidence."""
        if self.value is None or self.std_error is None or not self.compares:
            return None
        return abs(self.value) > BEYOND * self.std_error


@dataclass(frozen=True)
class ModelDifference:
    """One model that both results have."""

    before: StoredModel
    after: StoredModel
    score: Difference | None
    """None where the scores are taken at other eps."""
    curve: tuple[Difference, ...]
    """Of lower 2sED, at each eps in common."""
    settings: tuple[Change, ...]
    """Its own, beyond those of the whole result."""

    @property
    def name(self) -> str:
        """Both names, where they differ."""
        if self.before.name == self.after.name:
            return self.after.name
        return f"{self.before.name} → {self.after.name}"

    @property
    def same_spec(self) -> bool | None:
        """Whether the architecture is the same; None where that is not told."""
        if self.before.spec_sha256 is None or self.after.spec_sha256 is None:
            return None
        return self.before.spec_sha256 == self.after.spec_sha256


@dataclass(frozen=True)
class Comparison:
    """Two results of the same command."""

    before: Stored
    after: Stored
    settings: tuple[Change, ...]
    provenance: tuple[Change, ...]
    """Of versions, device and data."""
    scores_compare: bool
    """Whether the scores are taken at the same eps."""
    eps: tuple[float, ...]
    """Those that both grids have."""
    models: tuple[ModelDifference, ...]
    """In the order of the second result."""
    added: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        return self.after.kind


def compare(before: Stored, after: Stored) -> Comparison:
    """Hold two results against each other, model by model.

    Models are known by their names; two results of `compute` have one each.

    Raises:
        UsageError: they are of different commands.
    """
    if before.kind != after.kind:
        raise UsageError(
            f"`{before.path}` is of `sed2 {before.kind}` and `{after.path}` of `sed2 {after.kind}`",
            mend="Compare two results of the same command",
        )
    settings = _changes(before.settings, after.settings)
    points = _common(before.eps, after.eps)
    alike = _scores_compare(before, after)
    pairs = _pairs(before, after)
    paired = {one.name for pair in pairs for one in pair}
    known = {change.name for change in settings}
    return Comparison(
        before,
        after,
        settings,
        _changes(before.provenance, after.provenance),
        alike,
        tuple(after.eps[j] for _, j in points),
        tuple(_difference(*pair, points, known, alike=alike) for pair in pairs),
        tuple(name for name in after.models if name not in paired),
        tuple(name for name in before.models if name not in paired),
    )


def _pairs(before: Stored, after: Stored) -> list[tuple[StoredModel, StoredModel]]:
    """The models that are compared with each other."""
    if after.kind == "compute":
        return list(zip(before.models.values(), after.models.values(), strict=True))
    old = before.models
    return [(old[name], model) for name, model in after.models.items() if name in old]


def _difference(
    before: StoredModel,
    after: StoredModel,
    points: list[tuple[int, int]],
    known: set[str],
    *,
    alike: bool,
) -> ModelDifference:
    own = _changes(before.settings, after.settings)
    same_sizes = not any(change.name in SIZES for change in own)
    old, new = before.curve, after.curve
    return ModelDifference(
        before,
        after,
        _between(before.score.point, after.score.point, same_sizes) if alike else None,
        tuple(_between(old.point(i), new.point(j), same_sizes) for i, j in points if old and new),
        tuple(change for change in own if change.name not in known),
    )


def _between(before: Point, after: Point, same_sizes: bool) -> Difference:
    old, one, was_lower = before
    new, other, is_lower = after
    error = None if one is None or other is None else math.hypot(one, other)
    return Difference(old, new, error, same_sizes or not (was_lower or is_lower))


def _scores_compare(before: Stored, after: Stored) -> bool:
    """Whether both are taken at the same eps_n, or averaged over the same grid."""
    one, other = before.eps_n, after.eps_n
    if one is None and other is None:
        return len(before.eps) == len(after.eps) == len(_common(before.eps, after.eps))
    return one is not None and other is not None and _same(one, other)


def _common(before: tuple[float, ...], after: tuple[float, ...]) -> list[tuple[int, int]]:
    """The places of each eps that both grids, which ascend, have."""
    places = [bisect_left(before, eps * (1 - _ROUNDING)) for eps in after]
    return [(i, j) for j, i in enumerate(places) if i < len(before) and _same(before[i], after[j])]


def _same(one: float, other: float) -> bool:
    """But for rounding: `1e-3:1e-1:5` and `1e-3:1e-1:9` have points in common."""
    return math.isclose(one, other, rel_tol=_ROUNDING)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    return tuple(
        Change(name, before.get(name), after.get(name))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    )

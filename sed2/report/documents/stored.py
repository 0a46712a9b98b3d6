"""Reading the documents of `--json` back: as much of them as a comparison needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from sed2.common.files import MAX_DOCUMENT, read_input
from sed2.common.strict_json import Damaged, parse, validate
from sed2.errors import UsageError, shown

Kind = Literal["compute", "rank", "gate"]
_MARKS: dict[Kind, set[str]] = {
    "compute": {"model", "lower_two_sed"},
    "rank": {"models", "crossings"},
    "gate": {"models", "baseline"},
}
"""Keys by which the document of a command is known."""


Point = tuple[float | None, float | None, bool]
"""A value, its scatter, and whether it is biased low; None is undefined."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class StoredCurve(_Part):
    """A curve over eps, each (E,); None is undefined."""

    estimate: tuple[float | None, ...]
    scatter: tuple[float | None, ...]
    lower_estimate: tuple[bool, ...]

    def point(self, place: int) -> Point:
        """At one eps."""
        return self.estimate[place], self.scatter[place], self.lower_estimate[place]


class StoredScore(_Part):
    """A score as all three commands have it."""

    score: float | None = None
    score_scatter: float | None = None
    score_lower_estimate: bool = False

    @property
    def point(self) -> Point:
        return self.score, self.score_scatter, self.score_lower_estimate


class _Ranked(StoredScore):
    name: str
    rank: int
    parameters: int
    inputs: int
    settings: dict[str, Any]
    lower_two_sed: StoredCurve
    spec_sha256: str


class _Gated(StoredScore):
    name: str
    status: str
    parameters: int | None
    score_draws: int | None = None


class _Computed(_Part):
    name: str
    parameters: int


class _Grid(_Part):
    eps: tuple[float, ...]


class _GateGrid(_Part):
    settings: _Grid


class _OfCommand(_Part):
    settings: dict[str, Any]
    eps_n: float | None


class _Rank(_OfCommand, _Grid):
    models: tuple[_Ranked, ...]
    provenance: dict[str, Any]


class _Compute(_OfCommand, _Grid, StoredScore):
    model: _Computed
    lower_two_sed: StoredCurve
    provenance: dict[str, Any]


class _Gate(_OfCommand):
    models: tuple[_Gated, ...]
    provenance: dict[str, Any] | None


@dataclass(frozen=True)
class StoredModel:
    """One model of a document."""

    name: str
    place: str
    """Its rank, or the verdict of the gate."""
    parameters: int | None
    score: StoredScore
    curve: StoredCurve | None
    """Lower 2sED; None for the gate, which has none."""
    settings: Mapping[str, Any]
    """Its own, the number of inputs among them."""
    spec_sha256: str | None


@dataclass(frozen=True)
class Stored:
    """A document of `compute`, `rank` or `gate`."""

    path: Path
    kind: Kind
    settings: Mapping[str, Any]
    eps: tuple[float, ...]
    eps_n: float | None
    models: Mapping[str, StoredModel]
    """By name."""
    provenance: Mapping[str, Any]


def read_document(path: Path) -> Stored:
    """Read what `--json` of `compute`, `rank` or `gate` has written.

    Raises:
        UsageError: it is missing, cannot be read, is damaged, or is no such document.
    """
    try:
        raw = read_input(path, MAX_DOCUMENT)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"`{path}` cannot be read ({reason})", mend="Check the path and its permissions"
        ) from None
    try:
        return _READERS[_kind(path, parse(raw, path))](path, raw)
    except Damaged as fault:
        raise UsageError(
            f"this is no whole result of `sed2 compute`, `rank` or `gate`: {fault.cause}",
            mend="Write it anew with --json",
            where=fault.where,
        ) from None


def _kind(path: Path, document: Any) -> Kind:
    keys = set(document) if isinstance(document, dict) else set()
    for kind, marks in _MARKS.items():
        if marks <= keys:
            version = document.get("schema_version")
            if version != 1:
                raise Damaged(str(path), f"its schema_version is {shown(str(version))}, not 1")
            return kind
    raise Damaged(str(path), "it has not the keys of one")


def _rank(path: Path, raw: bytes) -> Stored:
    its = validate(_Rank, raw, path)
    models = [
        StoredModel(
            one.name,
            str(one.rank),
            one.parameters,
            one,
            _fitting(path, one.lower_two_sed, its.eps, one.name),
            one.settings | {"inputs": one.inputs},
            one.spec_sha256,
        )
        for one in its.models
    ]
    named = _by_name(path, models)
    return Stored(path, "rank", its.settings, its.eps, its.eps_n, named, its.provenance)


def _compute(path: Path, raw: bytes) -> Stored:
    its = validate(_Compute, raw, path)
    curve = _fitting(path, its.lower_two_sed, its.eps, its.model.name)
    spec = its.provenance.get("spec_sha256")
    model = StoredModel(
        its.model.name, "", its.model.parameters, its, curve, its.settings, spec and str(spec)
    )
    found = {name: value for name, value in its.provenance.items() if name != "spec_sha256"}
    return Stored(path, "compute", its.settings, its.eps, its.eps_n, {model.name: model}, found)


def _gate(path: Path, raw: bytes) -> Stored:
    its = validate(_Gate, raw, path)
    models = [
        StoredModel(
            one.name,
            one.status,
            one.parameters,
            one,
            None,
            its.settings if one.score_draws is None else its.settings | {"draws": one.score_draws},
            None,
        )
        for one in its.models
    ]
    grid = validate(_GateGrid, raw, path).settings.eps
    found = {k: v for k, v in (its.provenance or {}).items() if k != "spec_sha256"}
    return Stored(path, "gate", its.settings, grid, its.eps_n, _by_name(path, models), found)


_READERS = {"compute": _compute, "rank": _rank, "gate": _gate}


def _fitting(path: Path, curve: StoredCurve, eps: Sequence[float], name: str) -> StoredCurve:
    if list(eps) != sorted(set(eps)):
        raise Damaged(str(path), "`eps` does not ascend")
    if {len(curve.estimate), len(curve.scatter), len(curve.lower_estimate)} != {len(eps)}:
        cause = f"the curve of `{shown(name)}` has not as many points as `eps`"
        raise Damaged(str(path), cause)
    return curve


def _by_name(path: Path, models: Sequence[StoredModel]) -> dict[str, StoredModel]:
    named = {model.name: model for model in models}
    if len(named) < len(models) or not models:
        raise Damaged(str(path), "it holds no model, or two of one name")
    return named

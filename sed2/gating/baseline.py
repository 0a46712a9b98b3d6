"""The baseline: a small JSON file that is committed beside the spec.

It holds what a later run is compared with, and nothing else: per model the hash of its spec, its
score and how that scatters; the settings and the hash of the data, by which a comparison is allowed
or refused; and the versions. Keys are sorted, one list of numbers is one line, nothing in it is the
time or the machine's: the same results give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from sed2.common.display import Brief
from sed2.common.files import open_input
from sed2.common.strict_json import Damaged, parse, validate
from sed2.common.validation import StrictModel
from sed2.data.catalogue import DATASETS
from sed2.errors import NumericsError, UsageError, shown
from sed2.gating.evidence import Evidence
from sed2.results import ModelResult
from sed2.settings import READING, Settings

MAX_BYTES = 2**24

FREE = ("dataset", *READING, "memory_gb")
"""Settings that may differ: the data are told apart by their hash, and memory moves no target."""
NUMERICS = ("sed2", "jax", "flax")
"""Packages under whose same versions a stored score stands for one computed now."""

_SINGLE = (".npz", ".npy", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".feather", ".arff")
"""Formats of one file; others are read with what lies beside them."""

_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_MOST = 1e100  # dimensions: sums and squares of numbers below it do not overflow
_Error = Annotated[float, Field(ge=0, le=_MOST)]


class BaselineScore(StrictModel):
    """`Evidence` of a score above 0, in dimensions."""

    batches: tuple[Annotated[float, Field(gt=0, le=_MOST)], ...] = Field(min_length=1)
    draws: _Error
    draws_freedom: float = Field(ge=1)
    inputs: tuple[Annotated[float, Field(ge=-_MOST, le=_MOST)], ...]
    inputs_own: _Error
    spectra: _Error


class BaselineModel(StrictModel):
    """One model of a baseline."""

    lower_estimate: bool
    parameters: int = Field(ge=1)
    score: BaselineScore
    settings: dict[str, Any]
    """Those in which the models differ."""
    spec_sha256: _Hash

    @property
    def evidence(self) -> Evidence:
        return Evidence(**dict(self.score))


class BaselineData(StrictModel):
    """Which data, by their hashes."""

    files_sha256: _Hash | None
    """Of the files that the numbers were read from; see `fingerprint`."""
    input_shape: tuple[Annotated[int, Field(ge=1)], ...]
    """Of one input."""
    inputs: int = Field(ge=1)
    """N: how many were used."""
    name: str
    """As it was asked for."""
    sha256: _Hash
    """Of the numbers as they were used."""


class Baseline(Brief, StrictModel):
    """All of the file."""

    data: BaselineData
    models: dict[str, BaselineModel] = Field(min_length=1)
    """By name."""
    provenance: dict[str, str]
    schema_version: Literal[1]
    settings: dict[str, Any]
    """Those that all models share."""

    def settings_of(self, name: str) -> dict[str, Any]:
        """All settings of one model."""
        return self.settings | self.models[name].settings

    def versions(self) -> dict[str, str]:
        """Of the packages in `NUMERICS`."""
        return {package: self.provenance.get(package, "") for package in NUMERICS}


def fingerprint(settings: Settings) -> str | None:
    """sha256 of the data's files and of the settings by which they are read.

    The same fingerprint under the same version of sed2 means the same numbers. None where there is
    none: the data must be read then.
    """
    name = settings.dataset or ""
    if name in DATASETS:
        info = DATASETS[name]
        whole = all(file.is_here() for file in info.files)
        return _hash([name, *(file.sha256 for file in info.files)]) if whole else None
    path = Path(name).expanduser()
    suffix = next((end for end in _SINGLE if path.name.lower().endswith(end)), None)
    if suffix is None:
        return None
    try:
        with open_input(path) as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
    return _hash([suffix, content, *(getattr(settings, name) for name in READING)])


def _hash(parts: list[object]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def make_baseline(
    computed: Sequence[Sequence[ModelResult]],
    standing: Mapping[str, BaselineModel],
    data: BaselineData,
    settings: Mapping[str, Settings],
    provenance: Mapping[str, str],
) -> Baseline:
    """The baseline of models that were computed, and of those whose stored result still stands.

    Args:
        computed: batches of each of the former.
        standing: the latter, by name.
        data: that all were computed from.
        settings: of all models, by name.
        provenance: versions, device and dtype.

    Raises:
        NumericsError: a score is not above 0, or an error is undefined.
    """
    compared = {name: compared_settings(its) for name, its in settings.items()}
    first, *others = compared.values()
    common = {k: v for k, v in first.items() if all(other[k] == v for other in others)}
    own = {
        name: {k: v for k, v in its.items() if k not in common} for name, its in compared.items()
    }
    models = {batches[0].name: _stored(batches, own[batches[0].name]) for batches in computed}
    for name, model in standing.items():
        models[name] = model.model_copy(update={"settings": own[name]})
    return Baseline(
        data=data,
        models=models,
        provenance=dict(provenance),
        schema_version=1,
        settings=common,
    )


def _stored(batches: Sequence[ModelResult], own: dict[str, Any]) -> BaselineModel:
    evidence, first = Evidence.of(batches), batches[0]
    if not min(evidence.batches) > 0:
        raise NumericsError(
            f"the score of `{shown(first.name)}` is {min(evidence.batches):g}, to which "
            "there is no ratio",
            mend="Its outputs do not depend on its parameters: check the model and the data",
        )
    return BaselineModel(
        lower_estimate=any(batch.score.lower_estimate for batch in batches),
        parameters=first.parameters,
        score=BaselineScore(**vars(evidence)),
        settings=own,
        spec_sha256=first.provenance.spec_sha256,
    )


def compared_settings(settings: Settings) -> dict[str, Any]:
    """The settings in which a run must be as the baseline, as JSON has them."""
    return {k: v for k, v in settings.model_dump(mode="json").items() if k not in FREE}


def differences(baseline: Baseline, name: str, settings: Settings) -> list[str]:
    """In what the settings of one model differ from those of the baseline, in words.

    A setting that only one side knows, as another version of sed2 does, has its default there."""
    default = compared_settings(Settings())
    before, now = default | baseline.settings_of(name), compared_settings(settings)
    return [
        f"`{field}` was {_value(field, before[field])} and is {_value(field, now.get(field))}"
        for field in sorted(before)
        if before[field] != now.get(field)
    ]


def _value(field: str, value: Any) -> str:
    numbers = isinstance(value, list) and all(isinstance(each, float) for each in value)
    if field == "eps" and numbers and len(value) > 2:
        return f"{value[0]:g}:{value[-1]:g} ({len(value)} points)"
    return shown(json.dumps(value))


def to_text(baseline: Baseline) -> str:
    """The file: JSON with sorted keys, each list of numbers on one line, a newline at the end."""
    text = json.dumps(
        baseline.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False
    )
    # A string of JSON holds no newline, so this is a list of numbers and nothing else.
    lists = re.compile(r"\[\n\s+([-+0-9.eE,\s]+?)\n\s*\]")
    return lists.sub(lambda match: f"[{' '.join(match[1].split())}]", text) + "\n"


def read_baseline(path: Path) -> Baseline:
    """Read and check a baseline.

    Raises:
        UsageError: it is missing, cannot be read, is damaged, or is not a baseline.
    """
    try:
        with open_input(path) as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(
            f"there is no baseline `{path}`",
            mend="Write it with the same command and `update`, and commit it",
            where="baseline",
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"the baseline `{path}` cannot be read ({reason})",
            mend="Check the path and its permissions",
            where="baseline",
        ) from None
    if len(raw) > MAX_BYTES:
        raise _damaged(str(path), "it is too large for a baseline of sed2")
    try:
        parse(raw, path)
        return validate(Baseline, raw, path)
    except Damaged as fault:
        raise _damaged(fault.where, fault.cause) from None


def _damaged(where: str, cause: str) -> UsageError:
    return UsageError(
        f"this is no whole baseline of sed2: {cause}",
        mend="Restore it from version control; or remove it and write it anew with `update`",
        where=where,
    )

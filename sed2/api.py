"""The Python API: what the command line calls, and what a notebook calls.

Numbers are float64 whatever the caller's JAX configuration is, and that configuration is left
as it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sed2.data.load import Dataset, load_dataset
from sed2.errors import UsageError, did_you_mean
from sed2.estimate import estimate
from sed2.ranking import check_comparable, rank_results
from sed2.results import ModelResult, Ranking
from sed2.settings import Settings, resolve
from sed2.spec.schema import ModelSpec, SpecFile, load_spec, shape_check

Progress = Callable[[str, int, int], None]
"""Called with the model's name, the work done on it, and its total."""


def compute(
    spec: str | Path,
    *,
    model: str | None = None,
    progress: Progress = lambda name, done, total: None,
    **settings: Any,
) -> ModelResult:
    """2sED and lower 2sED of one model over a grid of covering radii   (4), (10).

    Args:
        spec: a YAML file, or the paper's notation such as "MLP 54-16-7".
        model: which model of a file that holds several.
        progress: called as the work goes on.
        settings: any field of `sed2.settings.Settings`, in any form the command line takes:
            `eps="1e-3:1e-1"`, `dataset="covertype"`, `draws=200`, ... What is not given comes
            from `SED2_*` variables, then the YAML, then the defaults.

    Returns:
        Curves of shape (E,) in dimensions (numbers of parameters), with standard errors.

    Raises:
        UsageError: the spec or a setting is wrong.
        DataError: the data is missing, unreadable, or cannot be had.
        NumericsError: a number came out not finite.
        ResourceError: the work would not fit in memory.
    """
    file = load_spec(spec)
    candidate = _pick(file, model)
    resolved = _resolve(file, candidate, settings)
    return _estimate_all([candidate], [resolved], progress)[0]


def rank(
    spec: str | Path,
    *,
    progress: Progress = lambda name, done, total: None,
    **settings: Any,
) -> Ranking:
    """All models of a file, largest lower 2sED first.

    Ordered by lower 2sED at eps_n of Theorem 5.1 if `n_train` is given, otherwise by its mean
    over the eps grid, in log eps.

    Args:
        spec: a YAML file, or the paper's notation for a ranking of one.
        progress: called as the work goes on.
        settings: as for `compute`.

    Raises:
        as `compute`; and UsageError if the models' settings make their scores incomparable.
    """
    file = load_spec(spec)
    resolved = [_resolve(file, candidate, settings) for candidate in file.models]
    check_comparable([candidate.name for candidate in file.models], resolved)
    return rank_results(_estimate_all(file.models, resolved, progress))


def _pick(file: SpecFile, name: str | None) -> ModelSpec:
    """The model of that name, or the only one."""
    names = [candidate.name for candidate in file.models]
    if name is None and len(names) == 1:
        return file.models[0]
    if name is None:
        raise UsageError(
            f"{file.source} holds {len(names)} models",
            mend=f"Pick one with --model: {', '.join(names)}",
            where="--model",
        )
    if name not in names:
        raise UsageError(
            f"no model `{name}` in {file.source}", mend=did_you_mean(name, names), where="--model"
        )
    return file.models[names.index(name)]


def _resolve(file: SpecFile, candidate: ModelSpec, settings: Mapping[str, Any]) -> Settings:
    """flags > SED2_* > the model's YAML > the file's YAML > defaults."""
    return resolve(
        flags=settings,
        env=os.environ,
        yaml_model=candidate.overrides,
        yaml_top=file.settings,
    )


def _estimate_all(
    candidates: Sequence[ModelSpec], settings: Sequence[Settings], progress: Progress
) -> list[ModelResult]:
    """Check every candidate against its data first, so that nothing fails half-way."""
    datasets: dict[tuple[Any, ...], Dataset] = {}
    for candidate, its in zip(candidates, settings, strict=True):
        if its.dataset is None:
            raise UsageError(
                "no data set is given",
                mend="Name one with --dataset (`sed2 datasets list` shows them; or a .npz or .csv "
                "file), or with `dataset:` in the YAML",
            )
        source = (its.dataset, its.label, its.standardize)
        if source not in datasets:
            datasets[source] = load_dataset(
                its.dataset, label=its.label, standardize=its.standardize
            )
        shape_check(candidate, datasets[source].input_shape)
    return [
        estimate(
            candidate,
            datasets[its.dataset, its.label, its.standardize],
            its,
            partial(progress, candidate.name),
        )
        for candidate, its in zip(candidates, settings, strict=True)
    ]

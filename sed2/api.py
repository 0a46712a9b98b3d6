"""The Python API: what the command line calls, and what a notebook calls.

Numbers are float64 whatever the caller's JAX configuration is, and that configuration is left
as it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from sed2.chain import build_chain
from sed2.data.load import Dataset, load_dataset
from sed2.errors import UsageError, did_you_mean
from sed2.estimate import estimate
from sed2.ranking import check_comparable, rank_results
from sed2.results import Checked, ModelResult, Ranking
from sed2.settings import Settings, resolve
from sed2.spec.schema import ModelSpec, SpecFile, load_spec, shape_check

Progress = Callable[[str, int, int], None]
"""Called with the model's name, the work done on it, and its total."""


def compute(
    spec: str | Path | Mapping[str, Any],
    *,
    model: str | None = None,
    progress: Progress = lambda name, done, total: None,
    **settings: Any,
) -> ModelResult:
    """2sED and lower 2sED of one model over a grid of covering radii   (4), (10).

    Args:
        spec: a YAML file, the paper's notation such as "MLP 54-16-7", or the mapping that such
            a file holds.
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
    spec: str | Path | Mapping[str, Any],
    *,
    progress: Progress = lambda name, done, total: None,
    **settings: Any,
) -> Ranking:
    """All models of a file, largest lower 2sED first.

    Ordered by lower 2sED at eps_n of Theorem 5.1 if `n_train` is given, otherwise by its mean
    over the eps grid, in log eps.

    Args:
        spec: as for `compute`.
        progress: called as the work goes on.
        settings: as for `compute`.

    Raises:
        as `compute`; and UsageError if the models' settings make their scores incomparable.
    """
    file = load_spec(spec)
    resolved = [_resolve(file, candidate, settings) for candidate in file.models]
    check_comparable([candidate.name for candidate in file.models], resolved)
    return rank_results(_estimate_all(file.models, resolved, progress))


def validate(spec: str | Path | Mapping[str, Any], **settings: Any) -> list[Checked]:
    """Check a spec, its settings, and that the models fit their data. Computes nothing.

    Args:
        spec: as for `compute`.
        settings: as for `compute`; without a data set, the models' own input widths are taken.

    Raises:
        UsageError, DataError: as `compute`.
    """
    file = load_spec(spec)
    checked = []
    for candidate in file.models:
        its = _resolve(file, candidate, settings)
        if its.dataset is not None:
            input_shape = _load(its).input_shape
        elif candidate.input_width is not None:
            input_shape = (candidate.input_width,)
        else:
            raise _no_dataset()
        output_shape = shape_check(candidate, input_shape)
        parameters = build_chain(candidate.blocks, input_shape).parameters
        checked.append(
            Checked(candidate.name, parameters, input_shape, output_shape, len(candidate.blocks))
        )
    return checked


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
        where=partial(file.where, candidate),
    )


def _estimate_all(
    candidates: Sequence[ModelSpec], settings: Sequence[Settings], progress: Progress
) -> list[ModelResult]:
    """Check every candidate against its data first, so that nothing fails half-way."""
    datasets = [_load(its) for its in settings]
    for candidate, dataset in zip(candidates, datasets, strict=True):
        shape_check(candidate, dataset.input_shape)
    return [
        estimate(candidate, dataset, its, partial(progress, candidate.name))
        for candidate, dataset, its in zip(candidates, datasets, settings, strict=True)
    ]


def _load(settings: Settings) -> Dataset:
    if settings.dataset is None:
        raise _no_dataset()
    return _load_once(settings.dataset, settings.label, settings.standardize)


@lru_cache(maxsize=1)
def _load_once(name: str, label: str | None, standardize: bool) -> Dataset:
    return load_dataset(name, label=label, standardize=standardize)


def _no_dataset() -> UsageError:
    return UsageError(
        "no data set is given",
        mend="Name one with --dataset (`sed2 datasets list` shows them; or a .npz or .csv file), "
        "or with `dataset:` in the YAML",
    )

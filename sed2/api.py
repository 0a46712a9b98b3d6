"""The Python API: what the command line calls, and what a notebook calls.

Numbers are float64 whatever the caller's JAX configuration is, and that configuration is left
as it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from sed2.baselines import baseline_values
from sed2.blocks.user import UserBlock
from sed2.chain import build_chain
from sed2.data.load import Dataset, load_dataset
from sed2.deciding import rank_until_decided, read_demand
from sed2.errors import UsageError, did_you_mean
from sed2.estimate import estimate
from sed2.gating.baseline import Baseline, read_baseline
from sed2.gating.gate import Candidates, judge, write_baseline
from sed2.gating.outcome import GateResult
from sed2.gating.rules import read_rules
from sed2.generalisation import MIN_ZETA, check_settings, evaluate, read_words
from sed2.prediction import add_baselines, add_trainings
from sed2.ranking import check_comparable, rank_results
from sed2.resources import make_plan
from sed2.results import BoundResult, Checked, ModelResult, Ranking, StabilityResult
from sed2.settings import Settings, resolve
from sed2.spec.module import from_network, resolve_module
from sed2.spec.schema import MODEL_KEYS, ModelSpec, SpecFile, data_check, load_spec, shape_check
from sed2.study import check_memory, check_shared, read_grids, study
from sed2.training import TrainingSettings, check_training
from sed2.training import train as train_one
from sed2.validation import read_flags

Spec = str | Path | Mapping[str, Any] | Any
"""A YAML file, notation, the mapping of a file, a network, or a dict of networks by name."""
SPEC_KEYS = {"models", *MODEL_KEYS}

Progress = Callable[[str, int, int], None]
"""Called with the model's name, the work done on it, and its total."""


def compute(
    spec: Spec,
    *,
    model: str | None = None,
    allow_import: bool = False,
    allow_partial: bool = False,
    progress: Progress = lambda name, done, total: None,
    **settings: Any,
) -> ModelResult:
    """2sED and lower 2sED of one model over a grid of covering radii   (4), (10).

    Args:
        spec: a YAML file, the paper's notation such as "MLP 54-16-7", the mapping that such a
            file holds, or a network: an nnx or linen module, an (init, apply) pair, a sequence of
            them, or a function that makes one (called anew for every draw if it takes `rngs`).
        model: which model of a file that holds several.
        allow_import: whether code that the spec names (`module:`) may be imported and run.
        allow_partial: whether numbers of a user's module that are no parameters may be held
            constant, instead of refused.
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
    file = _read(spec, allow_import, allow_partial)
    candidate = _pick(file, model)
    resolved = _resolve(file, candidate, settings)
    return _estimate_all([candidate], [resolved], progress)[0]


def rank(
    spec: Spec,
    *,
    allow_import: bool = False,
    allow_partial: bool = False,
    until_decided: bool = False,
    decide_at: float | str | None = None,
    max_draws: int | str | None = None,
    max_samples: int | str | None = None,
    train: bool = False,
    epochs: int | str | None = None,
    batch_size: int | str | None = None,
    learning_rate: float | str | None = None,
    train_seeds: int | str | None = None,
    train_samples: int | str | None = None,
    baselines: bool = False,
    progress: Progress = lambda name, done, total: None,
    **settings: Any,
) -> Ranking:
    """All models of a file, largest lower 2sED first.

    Ordered by lower 2sED at eps_n of Theorem 5.1 if `n_train` is given, otherwise by its mean
    over the eps grid, in log eps.

    Args:
        spec: as for `compute`; or a dict of networks by name.
        allow_import, allow_partial: as for `compute`.
        until_decided: whether to add draws and inputs where neighbours are not told apart, as
            `sed2.deciding` says, until every order of neighbours has the probability `decide_at`
            (0.95), or `max_draws` and `max_samples` per model (8 times those given) are reached.
        train: whether to train every model as well, as `sed2.training` says, and to correlate the
            score with the losses. `epochs`, `batch_size`, `learning_rate`, `train_seeds` and
            `train_samples` are fields of `sed2.training.TrainingSettings`.
        baselines: whether to take the measures of `sed2.baselines` as well.
        progress: called as the work goes on.
        settings: as for `compute`.

    Raises:
        as `compute`; and UsageError if the models' settings make their scores incomparable.
    """
    demands = {"decide_at": decide_at, "max_draws": max_draws, "max_samples": max_samples}
    wishes = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "train_seeds": train_seeds,
        "train_samples": train_samples,
    }
    if not until_decided:
        _refuse_without("--until-decided", "nothing is added to what is given", demands)
    if not train:
        _refuse_without("--train", "nothing is trained", wishes)
    training = read_flags(TrainingSettings, wishes) if train else None
    file = _read(spec, allow_import, allow_partial)
    resolved = [_resolve(file, candidate, settings) for candidate in file.models]
    names = [candidate.name for candidate in file.models]
    check_comparable(names, resolved, also=("seed",) if train or baselines else ())
    candidates = dict(zip(names, file.models, strict=True))
    its = dict(zip(names, resolved, strict=True))
    demand = read_demand(demands, its) if until_decided else None
    if training:
        for name, candidate in candidates.items():
            check_training(candidate, _load(its[name]), its[name], training)

    results = _estimate_all(file.models, resolved, progress)
    if demand is None:
        ranking = rank_results(results)
    else:
        ranking = rank_until_decided(
            its,
            lambda name, settings: estimate(
                candidates[name],
                _load(settings),
                settings,
                partial(progress, f"{name}, N = {settings.samples}, K = {settings.draws}"),
            ),
            demand,
            results,
        )
    if baselines:
        ranking = add_baselines(
            ranking,
            lambda name: baseline_values(
                candidates[name],
                _load(its[name]),
                its[name],
                progress=partial(progress, f"{name}, baselines"),
            ),
        )
    if training:
        ranking = add_trainings(
            ranking,
            lambda name: train_one(
                candidates[name],
                _load(its[name]),
                its[name],
                training,
                partial(progress, f"{name}, training"),
            ),
        )
    return ranking


def bound(
    spec: Spec,
    *,
    lipschitz: float | str | None,
    theorem_k: float | str | None = None,
    theorem_c: float | str | None = None,
    loss_bound: float | str | None = None,
    model: str | None = None,
    allow_import: bool = False,
    allow_partial: bool = False,
    progress: Progress = lambda name, done, total: None,
    **settings: Any,
) -> BoundResult:
    """The generalisation bound of Theorem 5.1 and the covering numbers of Lemma B.2, of one model.

    What the theorem takes for granted is listed in the result, with whose word it is.

    Args:
        spec, model, allow_import, allow_partial, progress: as for `compute`.
        lipschitz: L of the normalised Fisher matrix as a field over the unit cube of parameters.
        theorem_k: K of the theorem, not the number of draws; 1 is assumed if it is not given.
        theorem_c: C of the theorem, if the deviation C eps_n is wanted as a number.
        loss_bound: b, for a loss in [0, 2b], to judge the deviation by.
        settings: as for `compute`. `n_train` must be given somewhere, and zeta, 2/3 by default
            here, be at least 2/3.

    Raises:
        as `compute`; and UsageError if `n_train` or `lipschitz` is missing, zeta is below 2/3, or
        a constant is not allowed.
    """
    words = read_words(
        {
            "lipschitz": lipschitz,
            "theorem_k": theorem_k,
            "theorem_c": theorem_c,
            "loss_bound": loss_bound,
        }
    )
    file = _read(spec, allow_import, allow_partial)
    candidate = _pick(file, model)
    resolved = _resolve(file, candidate, settings, {"zeta": MIN_ZETA})
    check_settings(resolved)
    return evaluate(_estimate_all([candidate], [resolved], progress)[0], words)


def stability(
    spec: Spec,
    *,
    samples_grid: Any = None,
    draws_grid: Any = None,
    sigma_grid: Any = None,
    seeds: int | str | None = None,
    allow_import: bool = False,
    allow_partial: bool = False,
    progress: Progress = lambda name, done, total: None,
    **settings: Any,
) -> StabilityResult:
    """Whether the ranking of all models of a file is settled at these settings   (Figure 2)

    One setting varies at a time, the others stay as they are given; every point is computed under
    the same seeds, from `seed` on.

    Args:
        spec: as for `rank`.
        samples_grid: N, 50 to 2,000 by default, cut to the rows of the data.
        draws_grid: K, 25 to 1,000 by default.
        sigma_grid: sigma, 1e-4 to 1 by default.
        seeds: how many; 5 by default.
        allow_import, allow_partial: as for `compute`.
        progress: called as the work goes on, with the work done in all.
        settings: as for `compute`; `input_groups` is of no use here.

    Raises:
        as `rank`; and UsageError if a grid is empty or does not ascend, or the models differ in a
        setting that is varied.
    """
    grids = read_grids({"samples": samples_grid, "draws": draws_grid, "sigma": sigma_grid}, seeds)
    file = _read(spec, allow_import, allow_partial)
    resolved = [_resolve(file, candidate, settings) for candidate in file.models]
    check_shared([candidate.name for candidate in file.models], resolved, grids.seeds)
    dataset = _load(resolved[0])
    for candidate, its in zip(file.models, resolved, strict=True):
        data_check(candidate, dataset.x)
        _check_prior(candidate, its)
        check_memory(candidate, dataset, its, grids)
    return study(
        file.models,
        resolved,
        grids,
        dataset.rows,
        lambda candidate, its, report: estimate(candidate, dataset, its, report),
        progress,
    )


def gate(
    spec: Spec,
    baseline: str | Path,
    *,
    min_ratio: float | str | None = None,
    confidence: float | str | None = None,
    max_draws: int | str | None = None,
    max_parameters: int | str | None = None,
    min_score: float | str | None = None,
    allow_missing: bool = False,
    allow_new: bool = False,
    allow_import: bool = False,
    allow_partial: bool = False,
    progress: Progress = lambda name, done, total: None,
    **settings: Any,
) -> GateResult:
    """Whether every model of a file keeps its score, against a stored baseline.

    Args:
        spec: as for `rank`; models are compared with those of the same name.
        baseline: the file that `make_baseline` is written to.
        min_ratio: score demanded, as a multiple of the baseline's; 0.95 by default.
        confidence: how sure a pass or a failure must be; 0.95 by default.
        max_draws: per model at most, where it is undecided; 8 times those given by default.
        max_parameters, min_score: of each model.
        allow_missing, allow_new: whether a model may be in the baseline or the spec alone.
        allow_import, allow_partial, progress: as for `compute`.
        settings: as for `compute`; those of the baseline.

    Raises:
        as `rank`; and UsageError if the baseline is not whole, or was made with other settings or
        data.
    """
    candidates = _candidates(spec, allow_import, allow_partial, settings, progress)
    wishes = {
        "min_ratio": min_ratio,
        "confidence": confidence,
        "max_draws": max_draws,
        "max_parameters": max_parameters,
        "min_score": min_score,
        "allow_missing": allow_missing,
        "allow_new": allow_new,
    }
    rules = read_rules(wishes, list(candidates.settings.values()))
    return judge(candidates, read_baseline(Path(baseline)), rules, str(baseline))


def make_baseline(
    spec: Spec,
    old: Baseline | None = None,
    *,
    max_draws: int | str | None = None,
    allow_import: bool = False,
    allow_partial: bool = False,
    progress: Progress = lambda name, done, total: None,
    **settings: Any,
) -> Baseline:
    """The baseline of all models of a file, for `gate`.

    Args:
        spec: as for `rank`.
        old: a baseline from which is taken over what still stands.
        max_draws: per model at most, if four batches of those given are too many.
        allow_import, allow_partial, progress, settings: as for `compute`.

    Raises:
        as `rank`; and NumericsError if a score is not above 0 or has no error.
    """
    candidates = _candidates(spec, allow_import, allow_partial, settings, progress)
    rules = read_rules({"max_draws": max_draws}, list(candidates.settings.values()))
    return write_baseline(candidates, rules, old)


def validate(
    spec: Spec,
    *,
    plan: bool = False,
    allow_import: bool = False,
    allow_partial: bool = False,
    **settings: Any,
) -> list[Checked]:
    """Check a spec, its settings, and that the models fit their data. Computes nothing.

    Args:
        spec: as for `rank`.
        plan: whether to plan the work as well: the way of each block, memory and operations.
        allow_import, allow_partial: as for `compute`.
        settings: as for `compute`; without a data set, the models' own input widths are taken.

    Raises:
        UsageError, DataError: as `compute`.
    """
    file = _read(spec, allow_import, allow_partial)
    checked = []
    for candidate in file.models:
        its = _resolve(file, candidate, settings)
        if its.dataset is not None:
            x = _load(its).x
            input_shape, output_shape = x.shape[1:], data_check(candidate, x)
        elif candidate.input_width is not None:
            input_shape = (candidate.input_width,)
            output_shape = shape_check(candidate, input_shape)
        else:
            raise _no_dataset()
        _check_prior(candidate, its)
        chain = build_chain(candidate.blocks, input_shape, end_to_end=its.chain == "end-to-end")
        planned = make_plan(chain, 2 * its.draws, its.samples, its).blocks if plan else ()
        checked.append(
            Checked(
                candidate.name,
                chain.parameters,
                input_shape,
                output_shape,
                len(chain.blocks),
                planned,
            )
        )
    return checked


def _candidates(
    spec: Spec,
    allow_import: bool,
    allow_partial: bool,
    settings: Mapping[str, Any],
    progress: Progress,
) -> Candidates:
    file = _read(spec, allow_import, allow_partial)
    resolved = {model.name: _resolve(file, model, settings) for model in file.models}
    check_comparable(list(resolved), list(resolved.values()))

    def load(model: ModelSpec, its: Settings) -> Dataset:
        dataset = _load(its)
        data_check(model, dataset.x)
        _check_prior(model, its)
        return dataset

    where = file.document.locate(("models",), key=True) if file.document else ""
    return Candidates(file.models, resolved, file.source, where, load, progress)


def _refuse_without(needed: str, then: str, words: Mapping[str, Any]) -> None:
    for name, value in words.items():
        if value is not None:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"without {needed} {then}, so {flag} means nothing",
                mend=f"Give {needed} as well, or leave {flag} out",
                where=flag,
            )


def _read(spec: Spec, allow_import: bool, allow_partial: bool) -> SpecFile:
    if isinstance(spec, str | Path) or (isinstance(spec, Mapping) and spec.keys() & SPEC_KEYS):
        file = load_spec(spec)
        models = tuple(
            resolve_module(each, allowed=allow_import, partial=allow_partial)
            for each in file.models
        )
        return replace(file, models=models)
    if isinstance(spec, Mapping):
        named = tuple(
            from_network(network, str(name), partial=allow_partial)
            for name, network in spec.items()
        )
        return SpecFile(named, {}, "the call")
    return SpecFile((from_network(spec, partial=allow_partial),), {}, "the call")


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


def _resolve(
    file: SpecFile,
    candidate: ModelSpec,
    settings: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
) -> Settings:
    """flags > SED2_* > the model's YAML > the file's YAML > defaults."""
    return resolve(
        flags=settings,
        env=os.environ,
        yaml_model=candidate.overrides,
        yaml_top=file.settings,
        where=partial(file.where, candidate),
        defaults=defaults,
    )


def _estimate_all(
    candidates: Sequence[ModelSpec], settings: Sequence[Settings], progress: Progress
) -> list[ModelResult]:
    """Check every candidate against its data first, so that nothing fails half-way."""
    datasets = [_load(its) for its in settings]
    for candidate, dataset, its in zip(candidates, datasets, settings, strict=True):
        data_check(candidate, dataset.x)
        _check_prior(candidate, its)
    return [
        estimate(candidate, dataset, its, partial(progress, candidate.name))
        for candidate, dataset, its in zip(candidates, datasets, settings, strict=True)
    ]


def _check_prior(candidate: ModelSpec, settings: Settings) -> None:
    fixed = any(isinstance(block, UserBlock) and not block.draws for block in candidate.blocks)
    if fixed and settings.prior == "init":
        raise UsageError(
            f"the measure `init` says nothing of `{candidate.name}`: its factory takes no `rngs`, "
            "so every draw would be the same",
            mend="Give the factory a parameter `rngs`, or take another --prior",
        )


def _load(settings: Settings) -> Dataset:
    if settings.dataset is None:
        raise _no_dataset()
    name = settings.dataset
    return _load_once(name, settings.label, settings.standardize, _state(name))


@lru_cache(maxsize=1)
def _load_once(name: str, label: str | None, standardize: bool, state: object) -> Dataset:
    return load_dataset(name, label=label, standardize=standardize)


def _state(name: str) -> object:
    """Differs once the file of that name does: a notebook may write it anew."""
    path = Path(name).expanduser()
    try:
        stat = path.stat()
    except OSError:  # a named data set, or nothing at all
        return None
    return path.absolute(), stat.st_ino, stat.st_size, stat.st_mtime_ns


def _no_dataset() -> UsageError:
    return UsageError(
        "no data set is given",
        mend="Name one with --dataset (`sed2 datasets list` shows them; or a .npz, .csv, idx or "
        "CIFAR file), or with `dataset:` in the YAML",
    )

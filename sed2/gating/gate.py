"""The gate itself: every model of a spec against the baseline of its name.

An unchanged model is answered from the baseline: the same hash of its spec, data, settings and
versions give the same numbers, and the ratio of an architecture to itself is 1 whatever the errors.
With other versions, or where the spec only names the user's own code, it is computed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from sed2.chain import build_chain
from sed2.common.distribution import version
from sed2.common.progress import Progress, Report
from sed2.data.load import Dataset, choose_inputs
from sed2.errors import UsageError, shown
from sed2.estimate import estimate
from sed2.fisher.kept import UNKEPT, SpectraStore
from sed2.fisher.prefixes import ALONE, Prefixes
from sed2.gating.baseline import (
    NUMERICS,
    Baseline,
    BaselineData,
    BaselineModel,
    differences,
    fingerprint,
    make_baseline,
)
from sed2.gating.judging import GateRun, is_same, judge_model, missing_model
from sed2.gating.outcome import GatedModel, GateResult
from sed2.gating.rules import Rules
from sed2.results import ModelResult
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec, shape_check
from sed2.tasks import ESTIMATE, Stage, Task, Workplace, forecast_spectra

_STREAM = int.from_bytes(b"batches", "big")  # names the seeds of further batches


def further_batch(
    model: ModelSpec,
    dataset: Dataset,
    settings: Settings,
    number: int,
    progress: Report = lambda done, total: None,
    store: SpectraStore = UNKEPT,
    prefixes: Prefixes = ALONE,
) -> ModelResult:
    """The model on the inputs that `settings` choose, under K draws that no other batch has.

    Its errors from the inputs are zero: they are those of the first batch.

    Args:
        model, dataset, settings, progress, store, prefixes: as for `estimate`.
        number: of the batch, from 1; batch 0 is what `estimate` gives.
    """
    inputs = choose_inputs(dataset, settings.samples, settings.seed)
    own = {"seed": batch_seed(settings.seed, number), "input_groups": 0}
    its = settings.model_copy(update=own)
    return estimate(model, replace(dataset, x=inputs, y=None), its, progress, store, prefixes)


def batch_seed(seed: int, number: int) -> int:
    """A seed of its own for every batch, by NumPy's hash of seeds; below 2^63."""
    (word,) = np.random.SeedSequence([seed, number, _STREAM]).generate_state(1, np.uint64)
    return int(word >> np.uint64(1))


def _compute(task: Task, dataset: Dataset, *tools: Any) -> ModelResult:
    return further_batch(task.model, dataset, task.settings, task.own, *tools)


BATCH = Stage("batch", "batches", "batches", ModelResult, forecast_spectra, _compute)
"""The batch of the number that is its own; `sed2.gating.evidence` says what for."""


@dataclass(frozen=True)
class Candidates:
    """The models of a spec, and how they are computed."""

    models: tuple[ModelSpec, ...]
    settings: Mapping[str, Settings]
    """By name; all with the same data."""
    source: str
    """The spec's file, or the notation."""
    where: str
    """`file:line:column` of the list of models; empty for notation."""
    dataset: Callable[[], Dataset]
    """The data, checked to fit all models. An unchanged model needs none."""
    place: Callable[[], Workplace]
    """Where the work is done; it needs the data."""
    progress: Progress

    @property
    def common(self) -> Settings:
        """Of the first model; data, eps, zeta and K are those of all."""
        return next(iter(self.settings.values()))

    def announce(self, models: Sequence[ModelSpec], batches: int = 1) -> None:
        """Models whose first batches are needed in any case."""
        if models:
            tasks = [self._task(model, number) for model in models for number in range(batches)]
            self.place().announce(tasks, self.progress)

    def batch(self, model: ModelSpec, number: int) -> ModelResult:
        """The model under K draws on its inputs; batch 0 is what `rank` computes."""
        draws = self.settings[model.name].draws
        told = f"{model.name}, draws {draws * number + 1:,} to {draws * (number + 1):,}"

        def report(what: str, done: int, total: int) -> None:
            self.progress(told, done, total)

        result: ModelResult
        (result,) = self.place().values([self._task(model, number)], report)
        return result

    def _task(self, model: ModelSpec, number: int) -> Task:
        its = self.settings[model.name]
        return Task(BATCH, model, its, number) if number else Task(ESTIMATE, model, its)


def write_baseline(candidates: Candidates, rules: Rules, old: Baseline | None) -> Baseline:
    """The baseline of all models; what of the old one still stands is taken over.

    Args:
        candidates: of the spec.
        rules: which say of how many batches it is made.
        old: the baseline that it replaces.

    Raises:
        NumericsError: a score is not above 0, or an error is undefined.
    """
    standing = _standing(candidates, rules, old) if old else {}
    if old and len(standing) == len(candidates.models):
        return make_baseline([], standing, old.data, candidates.settings, old.provenance)
    rest = [model for model in candidates.models if model.name not in standing]
    dataset = candidates.dataset()
    candidates.announce(rest, rules.baseline_batches)
    computed = [
        [candidates.batch(model, number) for number in range(rules.baseline_batches)]
        for model in rest
    ]
    first = computed[0][0]
    data = BaselineData(
        files_sha256=fingerprint(candidates.common),
        input_shape=dataset.input_shape,
        inputs=first.inputs,
        name=candidates.common.dataset or "",
        sha256=dataset.sha256,
    )
    of_model = {"spec_sha256", "data_sha256", "engine"}
    provenance = {k: v for k, v in asdict(first.provenance).items() if k not in of_model}
    return make_baseline(computed, standing, data, candidates.settings, provenance)


def _standing(candidates: Candidates, rules: Rules, old: Baseline) -> dict[str, BaselineModel]:
    """The models of an old baseline that a run here and now would give again."""
    if not _same_data_files(candidates, old):
        return {}
    return {
        model.name: old.models[model.name]
        for model in candidates.models
        if _is_answered(model, old)
        and len(old.models[model.name].score.batches) == rules.baseline_batches
        and not differences(old, model.name, candidates.settings[model.name])
    }


def judge(candidates: Candidates, baseline: Baseline, rules: Rules, path: str) -> GateResult:
    """Every model of the spec and of the baseline, judged by the rules.

    Args:
        candidates: of the spec.
        baseline: what they are held against.
        rules: what is demanded.
        path: of the baseline.

    Raises:
        UsageError: the baseline was made with other data or settings; it names what differs.
        NumericsError: an error is undefined.
    """
    _refuse_other_settings(candidates, baseline, path)
    if not _same_data_files(candidates, baseline):
        _refuse_other_data(candidates, baseline, path)
    for model in candidates.models:
        shape_check(model, baseline.data.input_shape)
    answered = {model.name: _is_answered(model, baseline) for model in candidates.models}
    parameters = {
        model.name: baseline.models[model.name].parameters
        if answered[model.name]
        else _parameters(candidates, model)  # all are checked before any work
        for model in candidates.models
    }
    candidates.announce([model for model in candidates.models if not answered[model.name]])
    runs = {model.name: GateRun(partial(candidates.batch, model)) for model in candidates.models}
    judged = [
        judge_model(
            model,
            parameters[model.name],
            baseline.models.get(model.name),
            rules,
            runs[model.name],
            answered=answered[model.name],
        )
        for model in candidates.models
    ]
    missing = [
        missing_model(name, stored, rules, candidates.where)
        for name, stored in sorted(baseline.models.items())
        if name not in candidates.settings
    ]
    computed = [batch for run in runs.values() for batch in run.batches]
    return GateResult(
        models=(*judged, *missing),
        rules=rules,
        settings=candidates.common,
        inputs=baseline.data.inputs,
        spec=candidates.source,
        baseline=path,
        warnings=_warnings(baseline, judged, runs),
        provenance=computed[0].provenance if computed else None,
    )


def _is_answered(model: ModelSpec, baseline: Baseline) -> bool:
    """Whether the stored score of a model stands for one computed now, data and settings equal.

    A user's own network may import more than the one file that is hashed, so never for that."""
    return (
        model.name in baseline.models
        and model.sha256 == baseline.models[model.name].spec_sha256
        and not model.module
        and baseline.versions() == _versions()
    )


def _same_data_files(candidates: Candidates, baseline: Baseline) -> bool:
    """Whether the data need not be read to know that they are the same."""
    return (
        baseline.data.files_sha256 is not None
        and baseline.data.files_sha256 == fingerprint(candidates.common)
        and baseline.versions() == _versions()  # of what reads them
    )


def _parameters(candidates: Candidates, model: ModelSpec) -> int:
    shape = candidates.dataset().input_shape
    return build_chain(model.blocks, shape, candidates.settings[model.name].chain).parameters


def _refuse_other_settings(candidates: Candidates, baseline: Baseline, path: str) -> None:
    for name, its in candidates.settings.items():
        if name in baseline.models and (found := differences(baseline, name, its)):
            raise UsageError(
                f"the baseline `{path}` cannot be compared with `{shown(name)}` as it is now: "
                f"{'; '.join(found)}",
                mend="Give the settings of the baseline, or write it anew with `update`",
                where="baseline",
            )


def _refuse_other_data(candidates: Candidates, baseline: Baseline, path: str) -> None:
    now = candidates.dataset()
    if now.sha256 != baseline.data.sha256:
        raise UsageError(
            f"the baseline `{path}` was made with other data: `{shown(baseline.data.name)}` of "
            f"sha256 {baseline.data.sha256[:12]}..., and `{shown(now.name)}` has "
            f"{now.sha256[:12]}...",
            mend="Take the data of the baseline, or write it anew with `update`",
            where="baseline",
        )


def _warnings(
    baseline: Baseline, judged: Sequence[GatedModel], runs: Mapping[str, GateRun]
) -> tuple[str, ...]:
    found = [
        f"the baseline was made with {package} {then}, and this is {now}; what is unchanged was "
        "computed anew. Write it anew with --update"
        for (package, then), now in zip(
            baseline.versions().items(), _versions().values(), strict=True
        )
        if then != now
    ]
    for one in judged:
        run, stored = runs[one.name], baseline.models.get(one.name)
        if not run.batches or not stored:
            continue
        now, then = run.batches[0].score.value, stored.score.batches[0]
        if one.unchanged and not is_same(now, then):
            found.append(
                f"`{one.name}` is unchanged, but with the same draws its score was {then:.6g} and "
                f"is {now:.6g}: sed2 computes it differently now"
            )
        elif not one.unchanged and run.batches[0].provenance.spec_sha256 == stored.spec_sha256:
            found.append(
                f"the file of `{one.name}` is unchanged, but not its score, so it is judged as "
                "changed: by what the file imports, or by the versions"
            )
    return tuple(found)


def _versions() -> dict[str, str]:
    return {package: version(package) for package in NUMERICS}

"""The Python API: what the command line calls, and what a notebook calls.

Numbers are float64 whatever the caller's JAX configuration is, and that configuration is left
as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from sed2.chain import build_chain
from sed2.common.progress import Progress
from sed2.common.validation import read_flags
from sed2.data.load import Dataset
from sed2.errors import UsageError
from sed2.fisher.plan import make_plan
from sed2.gating.baseline import Baseline, read_baseline
from sed2.gating.gate import Candidates, judge, write_baseline
from sed2.gating.outcome import GateResult
from sed2.gating.rules import read_rules
from sed2.generalisation.evaluation import (
    MIN_ZETA,
    check_settings,
    evaluate,
    read_constants,
)
from sed2.generalisation.results import BoundResult
from sed2.hosts import are_several, check_alike, together
from sed2.ranking.deciding import rank_until_decided, read_demand
from sed2.ranking.order import check_comparable, rank_results
from sed2.ranking.prediction import add_baselines, add_trainings
from sed2.ranking.results import Ranking
from sed2.request import (
    Spec,
    check_networks,
    checked_data,
    load_data,
    no_dataset,
    pick_model,
    read_spec,
    refuse_without,
    resolve_settings,
)
from sed2.results import Checked, ModelResult
from sed2.robustness.results import StabilityResult
from sed2.robustness.study import (
    check_memory,
    check_shared,
    read_grids,
    study,
)
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec, SpecFile, data_check, shape_check
from sed2.tasks import BASELINES, ESTIMATE, TRAINING, Stage, Task, ThisProcess, Workplace
from sed2.training.plan import check_training
from sed2.training.settings import TrainingSettings

if TYPE_CHECKING:
    from sed2.cluster.settings import Cluster
    from sed2.runs.directory import RunDirectory

RunDir = Union[str, Path, "RunDirectory", None]
"""A folder; it is made if it is not there."""
Ray = Union[str, "Cluster", None]
"""The address of a Ray cluster, or what also says what a task has of it."""


def compute(
    spec: Spec,
    *,
    model: str | None = None,
    allow_import: bool = False,
    allow_partial: bool = False,
    run_dir: RunDir = None,
    ray: Ray = None,
    progress: Progress = lambda name, done, total: None,
    **settings: Any,
) -> ModelResult:
    """2sED and lower 2sED of one model over a grid of covering radii   (4), (10).

    Of several processes that `jax.distributed.initialize` has joined all must call it, for the
    same: their devices share the draws out, and each returns the same result.

    Args:
        spec: a YAML file, the paper's notation such as "MLP 54-16-7", the mapping that such a
            file holds, or a network: an nnx or linen module, an (init, apply) pair, a sequence of
            them, or a function that makes one (called anew for every draw if it takes `rngs`).
        model: which model of a file that holds several.
        allow_import: whether code that the spec names (`module:`) may be imported and run.
        allow_partial: whether numbers of a user's module that are no parameters may be held
            constant, instead of refused.
        run_dir: a folder in which spectra and results are kept; the same call takes them up from
            there, and another one with other eps takes the spectra.
        ray: the address of a Ray cluster on which the work is done, or a
            `sed2.cluster.settings.Cluster`, which also says what a task has of it.
        progress: called as the work goes on.
        settings: any field of `sed2.settings.Settings`, in any form the command line takes:
            `eps="1e-3:1e-1"`, `dataset="covertype"`, `draws=200`, ... What is not given comes
            from `SED2_*` variables, then the YAML, then the defaults.

    Returns:
        Curves of shape (E,) in dimensions (numbers of parameters), with standard errors.

    Raises:
        UsageError: the spec or a setting is wrong.
        DataError: the data is missing, unreadable, or cannot be fetched.
        NumericsError: a number came out not finite.
        ResourceError: the work would not fit in memory.
        HostError: another process has stopped.
    """

    def prepare() -> tuple[SpecFile, ModelSpec, Settings, Dataset]:
        file = read_spec(spec, allow_import, allow_partial)
        candidate = pick_model(file, model)
        its = resolve_settings(file, candidate, settings)
        return file, candidate, its, checked_data([candidate], [its])

    file, candidate, its, dataset = together(prepare, lambda work: _asked(*work[1:]))
    task = Task(ESTIMATE, candidate, its)
    with _workplace("compute", [task], dataset, file, _opened(run_dir), ray) as place:
        result: ModelResult
        (result,) = place.values([task], progress)
    check_alike(result.lower_two_sed.estimate)
    return result


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
    run_dir: RunDir = None,
    ray: Ray = None,
    progress: Progress = lambda name, done, total: None,
    **settings: Any,
) -> Ranking:
    """All models of a file, largest lower 2sED first.

    Ordered by lower 2sED at eps_n of Theorem 5.1 if `n_train` is given, otherwise by its mean
    over the eps grid, in log eps.

    Args:
        spec: as for `compute`; or models of these kinds as a list, or as a dict by name.
        allow_import, allow_partial: as for `compute`.
        until_decided: whether to add draws and inputs where neighbours are not told apart, as
            `sed2.ranking.deciding` says, until every order of neighbours has the probability
            `decide_at` (0.95), or `max_draws` and `max_samples` per model (8 times those given) are
            reached.
        train: whether to train every model as well, as `sed2.training` says, and to correlate the
            score with the losses. `epochs`, `batch_size`, `learning_rate`, `train_seeds` and
            `train_samples` are fields of `sed2.training.settings.TrainingSettings`.
        baselines: whether to take the measures of `sed2.baselines` as well.
        run_dir, ray: as for `compute`; each candidate is a task.
        progress: called as the work goes on.
        settings: as for `compute`.

    Raises:
        as `compute`; and UsageError if the models' settings make their scores incomparable, the
        folder cannot be written, or the cluster cannot be reached; ResourceError if it has no node
        for a candidate.
    """
    run = _opened(run_dir)
    demands = {"decide_at": decide_at, "max_draws": max_draws, "max_samples": max_samples}
    wishes = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "train_seeds": train_seeds,
        "train_samples": train_samples,
    }
    if not until_decided:
        refuse_without("--until-decided", "nothing is added to what is given", demands)
    if not train:
        refuse_without("--train", "nothing is trained", wishes)
    training = read_flags(TrainingSettings, wishes) if train else None
    file = read_spec(spec, allow_import, allow_partial)
    resolved = [resolve_settings(file, candidate, settings) for candidate in file.models]
    names = [candidate.name for candidate in file.models]
    check_comparable(names, resolved, also=("seed",) if train or baselines else ())
    candidates = dict(zip(names, file.models, strict=True))
    its = dict(zip(names, resolved, strict=True))
    demand = read_demand(demands, its) if until_decided else None
    dataset = checked_data(file.models, resolved)  # all have the same, or do not compare
    if training:
        for name, candidate in candidates.items():
            check_training(candidate, dataset, its[name], training)

    def tasks(stage: Stage) -> list[Task]:
        own = training if stage is TRAINING else None
        return [Task(stage, candidates[name], its[name], own) for name in names]

    stages = [ESTIMATE, *([BASELINES] if baselines else []), *([TRAINING] if training else [])]
    wanted = [task for stage in stages for task in tasks(stage)]
    asked: dict[str, Any] = {"demand": demand, "training": training}
    with _workplace("rank", wanted, dataset, file, run, ray, **asked) as place:
        place.announce(wanted, progress)
        results = place.values(tasks(ESTIMATE), progress)
        if demand is None:
            ranking = rank_results(results)
        else:

            def again(more: Mapping[str, Settings]) -> list[ModelResult]:
                wanted = [Task(ESTIMATE, candidates[name], more[name]) for name in more]
                now = wanted[0].settings  # of all of them

                def report(what: str, done: int, total: int) -> None:
                    progress(f"{what}, N = {now.samples}, K = {now.draws}", done, total)

                return place.values(wanted, report)

            ranking = rank_until_decided(its, again, demand, results)
        if baselines:
            values = place.values(tasks(BASELINES), progress)
            ranking = add_baselines(ranking, dict(zip(names, values, strict=True)))
        if training:
            trainings = place.values(tasks(TRAINING), progress)
            ranking = add_trainings(ranking, dict(zip(names, trainings, strict=True)))
    if run:
        run.finish(ranking)
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
    run_dir: RunDir = None,
    ray: Ray = None,
    progress: Progress = lambda name, done, total: None,
    **settings: Any,
) -> BoundResult:
    """The generalisation bound of Theorem 5.1 and the covering numbers of Lemma B.2, of one model.

    What the theorem takes for granted is listed in the result, with whose word it is.

    Args:
        spec, model, allow_import, allow_partial, run_dir, ray, progress: as for `compute`.
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
    words = read_constants(
        {
            "lipschitz": lipschitz,
            "theorem_k": theorem_k,
            "theorem_c": theorem_c,
            "loss_bound": loss_bound,
        }
    )
    file = read_spec(spec, allow_import, allow_partial)
    candidate = pick_model(file, model)
    resolved = resolve_settings(file, candidate, settings, {"zeta": MIN_ZETA})
    check_settings(resolved)
    dataset = checked_data([candidate], [resolved])
    task = Task(ESTIMATE, candidate, resolved)
    with _workplace("bound", [task], dataset, file, _opened(run_dir), ray) as place:
        (result,) = place.values([task], progress)
    return evaluate(result, words)


def stability(
    spec: Spec,
    *,
    samples_grid: Any = None,
    draws_grid: Any = None,
    sigma_grid: Any = None,
    seeds: int | str | None = None,
    allow_import: bool = False,
    allow_partial: bool = False,
    run_dir: RunDir = None,
    ray: Ray = None,
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
        allow_import, allow_partial, run_dir, ray: as for `compute`.
        progress: called as the work goes on, with the work done in all.
        settings: as for `compute`; `input_groups` is of no use here.

    Raises:
        as `rank`; and UsageError if a grid is empty or does not ascend, or the models differ in a
        setting that is varied.
    """
    grids = read_grids({"samples": samples_grid, "draws": draws_grid, "sigma": sigma_grid}, seeds)
    file = read_spec(spec, allow_import, allow_partial)
    resolved = [resolve_settings(file, candidate, settings) for candidate in file.models]
    check_shared([candidate.name for candidate in file.models], resolved, grids.seeds)
    dataset = checked_data(file.models, resolved)
    for candidate, its in zip(file.models, resolved, strict=True):
        check_memory(candidate, dataset, its, grids)
    base = [Task(ESTIMATE, *each) for each in zip(file.models, resolved, strict=True)]
    with _workplace("stability", base, dataset, file, _opened(run_dir), ray) as place:
        return study(file.models, resolved, grids, dataset.rows, place, progress)


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
    run_dir: RunDir = None,
    ray: Ray = None,
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
        allow_import, allow_partial, run_dir, ray, progress: as for `compute`.
        settings: as for `compute`; those of the baseline.

    Raises:
        as `rank`; and UsageError if the baseline is not whole, or was made with other settings or
        data.
    """
    wishes = {
        "min_ratio": min_ratio,
        "confidence": confidence,
        "max_draws": max_draws,
        "max_parameters": max_parameters,
        "min_score": min_score,
        "allow_missing": allow_missing,
        "allow_new": allow_new,
    }
    file = read_spec(spec, allow_import, allow_partial)
    with _candidates(file, settings, run_dir, ray, progress) as candidates:
        rules = read_rules(wishes, list(candidates.settings.values()))
        return judge(candidates, read_baseline(Path(baseline)), rules, str(baseline))


def make_baseline(
    spec: Spec,
    old: Baseline | None = None,
    *,
    max_draws: int | str | None = None,
    allow_import: bool = False,
    allow_partial: bool = False,
    run_dir: RunDir = None,
    ray: Ray = None,
    progress: Progress = lambda name, done, total: None,
    **settings: Any,
) -> Baseline:
    """The baseline of all models of a file, for `gate`.

    Args:
        spec: as for `rank`.
        old: a baseline from which is taken over what still stands.
        max_draws: per model at most, if four batches of those given are too many.
        allow_import, allow_partial, run_dir, ray, progress, settings: as for `compute`.

    Raises:
        as `rank`; and NumericsError if a score is not above 0 or has no error.
    """
    file = read_spec(spec, allow_import, allow_partial)
    with _candidates(file, settings, run_dir, ray, progress) as candidates:
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
    file = read_spec(spec, allow_import, allow_partial)
    checked: list[Checked] = []
    read: dict[tuple[object, ...], Dataset] = {}  # models may have data of their own
    for candidate in file.models:
        its = resolve_settings(file, candidate, settings)
        if its.dataset is not None:
            named = its.dataset, its.label, its.standardize
            read[named] = read.get(named) or load_data(its)
            x = read[named].x
            input_shape, output_shape = x.shape[1:], data_check(candidate, x)
        elif candidate.input_width is not None:
            input_shape = (candidate.input_width,)
            output_shape = shape_check(candidate, input_shape)
        else:
            raise no_dataset()
        check_networks(candidate, its)
        chain = build_chain(candidate.blocks, input_shape, its.chain)
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


@contextmanager
def _candidates(
    file: SpecFile, settings: Mapping[str, Any], run_dir: RunDir, ray: Ray, progress: Progress
) -> Iterator[Candidates]:
    """The models of a gate; their data are read and their work begins where it is needed."""
    resolved = {model.name: resolve_settings(file, model, settings) for model in file.models}
    check_comparable(list(resolved), list(resolved.values()))
    run = _opened(run_dir)
    base = [Task(ESTIMATE, model, resolved[model.name]) for model in file.models]
    with ExitStack() as stack:

        @cache
        def dataset() -> Dataset:
            return checked_data(file.models, list(resolved.values()))

        @cache
        def place() -> Workplace:
            return stack.enter_context(_workplace("gate", base, dataset(), file, run, ray))

        where = file.document.locate(("models",), key=True) if file.document else ""
        yield Candidates(file.models, resolved, file.source, where, dataset, place, progress)


def _opened(path: RunDir) -> RunDirectory | None:
    if not isinstance(path, str | Path):
        return path
    from sed2.runs.directory import RunDirectory  # which other calls do not wait for

    return RunDirectory(path)


def _asked(candidate: ModelSpec, settings: Settings, dataset: Dataset) -> dict[str, Any]:
    """All that must be the same in processes that work together."""
    from sed2.runs.keys import NAMES_OF_DATA, numerics  # which other calls do not wait for

    software = {name: of for name, of in numerics().items() if name != "device"}
    its = settings.model_dump(mode="json", exclude=NAMES_OF_DATA)
    return software | its | {"model": candidate.sha256, "data": dataset.sha256}


@contextmanager
def _workplace(
    verb: str,
    tasks: Sequence[Task],
    dataset: Dataset,
    file: SpecFile,
    run: RunDirectory | None,
    ray: Ray,
    **asked: Any,
) -> Iterator[Workplace]:
    """Where the tasks of a verb are done.

    Args:
        tasks: those that are known to be needed.
        run: where their values are kept.
        asked: what is asked for besides, as `RunDirectory.begin` takes it.

    Raises:
        UsageError: several processes that work together can do so in no other place.
    """
    if (run or ray) and are_several():
        raise UsageError(
            "processes that work together on one model keep nothing and use no cluster",
            mend="Leave out --distributed, or both --run-dir and --ray",
            where="--run-dir" if run else "--ray",
        )
    with ExitStack() as stack:
        place: Workplace = run or ThisProcess(dataset)
        if ray is not None:
            from sed2.cluster.settings import Cluster
            from sed2.cluster.workplace import opened

            cluster = Cluster(ray) if isinstance(ray, str) else ray
            place = stack.enter_context(opened(cluster, dataset, run))
        if run:
            run.begin(verb, tasks, dataset, file.source, device=place.device, **asked)
        yield place

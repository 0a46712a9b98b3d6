"""The Python API: what the command line calls, and what a notebook calls.

Numbers are float64 whatever the caller's JAX configuration is, and that configuration is left
as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from sed2.baselines.counts import flops
from sed2.blocks import Shape
from sed2.chain import build_chain
from sed2.common.progress import Progress
from sed2.data.load import Dataset
from sed2.errors import SpecError, UsageError
from sed2.fisher.plan import make_plan
from sed2.gating.baseline import Baseline, read_baseline
from sed2.gating.gate import Candidates, judge, write_baseline
from sed2.gating.outcome import GateResult
from sed2.gating.rules import Rules, read_rules
from sed2.generalisation.evaluation import MIN_ZETA, check_settings, evaluate
from sed2.generalisation.results import BoundResult
from sed2.hosts import are_several, check_alike, together
from sed2.options import (
    ClusterOptions,
    DecidingOptions,
    GateOptions,
    LimitOptions,
    SelectOptions,
    TheoremConstants,
    TrainingSettings,
    sort_out,
)
from sed2.ranking.deciding import rank_until_decided, read_demand
from sed2.ranking.order import check_comparable, rank_results
from sed2.ranking.prediction import add_baselines, add_trainings
from sed2.ranking.results import Ranking
from sed2.ranking.size import within
from sed2.request import (
    Spec,
    check_inputs,
    check_networks,
    checked_data,
    load_data,
    no_dataset,
    pick_model,
    read_spec,
    refuse_without,
    resolve_options,
    resolve_ranked,
    resolve_settings,
)
from sed2.results import Checked, ModelResult
from sed2.robustness.results import StabilityResult
from sed2.robustness.study import check_memory, check_shared, read_grids, study
from sed2.selection.results import Selection
from sed2.settings import READING, Settings
from sed2.spec.schema import ModelSpec, SpecFile, shape_check
from sed2.tasks import BASELINES, EARLY, ESTIMATE, TRAINING, Stage, Task, ThisProcess, Workplace

if TYPE_CHECKING:
    from sed2.cluster.settings import Cluster
    from sed2.runs.directory import RunDirectory

RunDir = Union[str, Path, "RunDirectory", None]
"""A folder; it is made if it is not there."""
Ray = Union[str, "Cluster", None]
"""The address of a Ray cluster, or the cluster."""


def compute(
    spec: Spec,
    *,
    model: str | None = None,
    allow_import: bool = False,
    allow_partial: bool = False,
    run_dir: RunDir = None,
    ray: Ray = None,
    progress: Progress = lambda name, done, total: None,
    **options: Any,
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
            `sed2.cluster.settings.Cluster`.
        progress: called as the work goes on.
        options: settings, the fields of `sed2.settings.Settings`, in any form the command line
            takes: `eps="1e-3:1e-1"`, `dataset="covertype"`, `draws=200`, ...; `dataset` may be the
            data themselves, as `sed2.data.objects.read_object` takes them; and `ray_cpus` and
            `ray_gpus`, which a task has of the cluster. What is not given comes from `SED2_*`
            variables, then the YAML, then the defaults.

    Returns:
        Curves of shape (E,) in dimensions (numbers of parameters), with standard errors.

    Raises:
        UsageError: the spec or a setting is wrong.
        DataError: the data is missing, unreadable, or cannot be fetched.
        NumericsError: a number came out not finite.
        ResourceError: the work would not fit in memory.
        HostError: another process has stopped.
    """
    settings, of_tasks = sort_out(options, Settings, ClusterOptions)

    def prepare() -> tuple[SpecFile, ModelSpec, Settings, Dataset]:
        file = read_spec(spec, allow_import, allow_partial, settings)
        candidate = pick_model(file, model)
        its = resolve_settings(file, candidate, settings)
        return file, candidate, its, checked_data([candidate], [its], settings.get("dataset"))

    file, candidate, its, dataset = together(prepare, lambda work: _asked(*work[1:]))
    task = Task(ESTIMATE, candidate, its)
    cluster = _cluster(file, ray, of_tasks)
    with _workplace("compute", [task], dataset, file, _opened(run_dir), cluster) as place:
        result: ModelResult
        (result,) = place.values([task], progress)
    check_alike(result.curve.estimate)
    return result


def rank(
    spec: Spec,
    *,
    allow_import: bool = False,
    allow_partial: bool = False,
    allow_mixed: bool = False,
    until_decided: bool = False,
    train: bool = False,
    baselines: bool = False,
    run_dir: RunDir = None,
    ray: Ray = None,
    progress: Progress = lambda name, done, total: None,
    **options: Any,
) -> Ranking:
    """All models of a file, largest score first.

    The score is what `score` names (joint 2sED by default, at eps 0.3), at eps_n of Theorem 5.1 if
    `n_train` is given, otherwise its mean over the eps grid, in log eps.

    Args:
        spec: as for `compute`; or models of these kinds as a list, or as a dict by name.
        allow_import, allow_partial: as for `compute`.
        allow_mixed: whether to compare models that are split into blocks in different manners.
        until_decided: whether to add draws and inputs where neighbours are not told apart, as
            `sed2.ranking.deciding` says, until every order of neighbours has the probability
            `decide_at`, or `max_draws` and `max_samples` per model are reached.
        train: whether to train every model as well, as `sed2.training` says, and to correlate the
            score with the losses.
        baselines: whether to take the measures of `sed2.baselines` as well; the early losses among
            them are of the training that `TrainingSettings` describe.
        run_dir, ray: as for `compute`; each candidate is a task.
        progress: called as the work goes on.
        options: as for `compute`, and from the same sources the fields of
            `sed2.options.DecidingOptions`, `sed2.options.LimitOptions` and
            `sed2.options.TrainingSettings`.

    Raises:
        as `compute`; and UsageError if the models' settings make their scores incomparable, the
        folder cannot be written, or the cluster cannot be reached; ResourceError if it has no node
        for a candidate.
    """
    run = _opened(run_dir)
    settings, of_tasks, deciding, wishes, limits = sort_out(
        options, Settings, ClusterOptions, DecidingOptions, TrainingSettings, LimitOptions
    )
    if not until_decided:
        more = {name: of for name, of in deciding.items() if name != "decide_at"}
        refuse_without("until_decided", "nothing is added to what is given", more)
    if not (train or baselines):
        refuse_without("train", "nothing is trained", wishes)
    file = read_spec(spec, allow_import, allow_partial, settings)
    cluster = _cluster(file, ray, of_tasks)
    training = resolve_options(TrainingSettings, wishes, file) if train or baselines else None
    resolved = resolve_ranked(file, settings)
    names = [candidate.name for candidate in file.models]
    check_comparable(names, resolved, also=("seed",) if train or baselines else ())
    its = dict(zip(names, resolved, strict=True))
    held = settings.get("dataset")
    # The same for all, or they do not compare.
    dataset = checked_data(file.models, resolved, held, mixed=allow_mixed)
    wanted_size = resolve_options(LimitOptions, limits, file)
    file = _as_wanted(file, dataset.input_shape)
    candidates, sizes, left_out = _within_limits(file, dataset, wanted_size)
    names = list(candidates)
    its = {name: its[name] for name in names}
    wish = resolve_options(DecidingOptions, deciding, file)
    demand = read_demand(wish, its) if until_decided else None
    if train and training:
        from sed2.training.plan import check_training  # which other rankings do not wait for

        for name, candidate in candidates.items():
            check_training(candidate, dataset, its[name], training)

    def tasks(stage: Stage) -> list[Task]:
        own = training if stage in (EARLY, TRAINING) else None
        return [Task(stage, candidates[name], its[name], own) for name in names]

    stages = [ESTIMATE, *([BASELINES, EARLY] if baselines else []), *([TRAINING] if train else [])]
    wanted = [task for stage in stages for task in tasks(stage)]
    asked: dict[str, Any] = {"demand": demand, "training": training if train else None}
    with _workplace("rank", wanted, dataset, file, run, cluster, **asked) as place:
        place.announce(wanted, progress)
        if demand is None:
            ranking = rank_results(place.values(tasks(ESTIMATE), progress), wish.decide_at)
        else:

            def again(more: Mapping[str, Settings], ahead: str) -> list[ModelResult]:
                wanted = [Task(ESTIMATE, candidates[name], more[name]) for name in more]
                now = wanted[0].settings  # of all of them

                def report(what: str, done: int, total: int) -> None:
                    size = f"N = {now.samples}, K = {now.draws}"
                    progress(", ".join(filter(None, [what, size, ahead])), done, total)

                return place.values(wanted, report)

            ranking = rank_until_decided(its, again, demand)
        if baselines:
            untrained, early = (place.values(tasks(of), progress) for of in (BASELINES, EARLY))
            values = [{**its, **more} for its, more in zip(untrained, early, strict=True)]
            ranking = add_baselines(ranking, dict(zip(names, values, strict=True)))
        if train:
            trainings = place.values(tasks(TRAINING), progress)
            ranking = add_trainings(ranking, dict(zip(names, trainings, strict=True)))
        models = [replace(model, flops=sizes[model.name][1]) for model in ranking.models]
        ranking = replace(ranking, models=tuple(models), left_out=left_out)
    if run:
        run.finish(ranking)
    return ranking


def select(
    spec: Spec,
    *,
    allow_import: bool = False,
    allow_partial: bool = False,
    allow_mixed: bool = False,
    run_dir: RunDir = None,
    ray: Ray = None,
    progress: Progress = lambda name, done, total: None,
    **options: Any,
) -> Selection:
    """Which of the models of a file to train: chosen by a measure and short trainings.

    A measure of untrained networks leaves out three quarters of them. Then successive halving
    trains on what is left, each from where it was, until one has the lowest loss at the end with
    the probability `decide_at`, by its learning curve, or the budget is spent.

    Args:
        spec: as for `rank`.
        allow_import, allow_partial, ray: as for `compute`.
        allow_mixed: as for `rank`; it matters to measures of blocks, lower and joint.
        run_dir: as for `compute`; what a rung trained is kept, so that an end loses one at most.
        progress: called as the work goes on.
        options: as for `rank`, and from the same sources the fields of
            `sed2.options.SelectOptions`, `sed2.options.LimitOptions` and
            `sed2.options.TrainingSettings`, whose `epochs` are those of a whole training.

    Raises:
        as `rank`; and UsageError if there is one model only, the budget is too small for one epoch,
        or `prune_by` names no measure; DataError if the data have no labels.
    """
    from sed2.selection.choosing import choose, first_tasks, prior_tasks, read_entries

    run = _opened(run_dir)
    settings, of_tasks, wishes, training, limits = sort_out(
        options, Settings, ClusterOptions, SelectOptions, TrainingSettings, LimitOptions
    )
    file = read_spec(spec, allow_import, allow_partial, settings)
    cluster = _cluster(file, ray, of_tasks)
    wish = resolve_options(SelectOptions, wishes, file)
    resolved = [resolve_settings(file, candidate, settings) for candidate in file.models]
    names = [candidate.name for candidate in file.models]
    check_comparable(names, resolved, also=("seed",))
    dataset = checked_data(file.models, resolved, settings.get("dataset"), mixed=True)
    file = _as_wanted(file, dataset.input_shape)
    models, sizes, left_out = _within_limits(
        file, dataset, resolve_options(LimitOptions, limits, file)
    )
    candidates = read_entries(
        models,
        dict(zip(names, resolved, strict=True)),
        sizes,
        resolve_options(TrainingSettings, training, file),
        wish,
        dataset,
        mixed=allow_mixed,
    )
    tasks = prior_tasks(candidates, wish.prune_by) or first_tasks(candidates)
    with _workplace("select", tasks, dataset, file, run, cluster) as place:
        return replace(choose(candidates, wish, place, progress), left_out=left_out)


def bound(
    spec: Spec,
    *,
    model: str | None = None,
    allow_import: bool = False,
    allow_partial: bool = False,
    run_dir: RunDir = None,
    ray: Ray = None,
    progress: Progress = lambda name, done, total: None,
    **options: Any,
) -> BoundResult:
    """The generalisation bound of Theorem 5.1 and the covering numbers of Lemma B.2, of one model.

    What the theorem takes for granted is listed in the result, with whose word it is.

    Args:
        spec, model, allow_import, allow_partial, run_dir, ray, progress: as for `compute`.
        options: as for `compute`, and from the same sources the fields of
            `sed2.options.TheoremConstants`. `lipschitz` and `n_train` must be given somewhere, and
            zeta, 2/3 by default here, be at least 2/3.

    Raises:
        as `compute`; and UsageError if `n_train` or `lipschitz` is missing, zeta is below 2/3, or
        a constant is not allowed.
    """
    settings, of_tasks, constants = sort_out(options, Settings, ClusterOptions, TheoremConstants)
    file = read_spec(spec, allow_import, allow_partial, settings)
    candidate = pick_model(file, model)
    words = resolve_options(TheoremConstants, constants, file)
    resolved = resolve_settings(file, candidate, settings, {"zeta": MIN_ZETA}).by_chain[0]
    check_settings(resolved, words)
    cluster = _cluster(file, ray, of_tasks)
    dataset = checked_data([candidate], [resolved], settings.get("dataset"))
    task = Task(ESTIMATE, candidate, resolved)
    with _workplace("bound", [task], dataset, file, _opened(run_dir), cluster) as place:
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
    allow_mixed: bool = False,
    run_dir: RunDir = None,
    ray: Ray = None,
    progress: Progress = lambda name, done, total: None,
    **options: Any,
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
        allow_mixed: as for `rank`.
        progress: called as the work goes on, with the work done in all.
        options: as for `compute`; `input_groups` is of no use here.

    Raises:
        as `rank`; and UsageError if a grid is empty or does not ascend, or the models differ in a
        setting that is varied.
    """
    grids = read_grids({"samples": samples_grid, "draws": draws_grid, "sigma": sigma_grid}, seeds)
    settings, of_tasks = sort_out(options, Settings, ClusterOptions)
    file = read_spec(spec, allow_import, allow_partial, settings)
    cluster = _cluster(file, ray, of_tasks)
    resolved = [resolve_settings(file, candidate, settings) for candidate in file.models]
    check_shared([candidate.name for candidate in file.models], resolved, grids.seeds)
    dataset = checked_data(file.models, resolved, settings.get("dataset"), mixed=allow_mixed)
    by_name = {model.name: its for model, its in zip(file.models, resolved, strict=True)}
    file = _as_wanted(file, dataset.input_shape)
    resolved = [by_name[model.name] for model in file.models]
    for candidate, its in zip(file.models, resolved, strict=True):
        check_memory(candidate, dataset, its, grids)
    base = [Task(ESTIMATE, *each) for each in zip(file.models, resolved, strict=True)]
    with _workplace("stability", base, dataset, file, _opened(run_dir), cluster) as place:
        return study(file.models, resolved, grids, dataset.rows, place, progress)


def gate(
    spec: Spec,
    baseline: str | Path,
    *,
    allow_import: bool = False,
    allow_partial: bool = False,
    allow_mixed: bool = False,
    run_dir: RunDir = None,
    ray: Ray = None,
    progress: Progress = lambda name, done, total: None,
    **options: Any,
) -> GateResult:
    """Whether every model of a file keeps its score, against a stored baseline.

    Args:
        spec: as for `rank`; models are compared with those of the same name.
        baseline: the file that `make_baseline` is written to.
        allow_import, allow_partial, run_dir, ray, progress: as for `compute`.
        allow_mixed: as for `rank`.
        options: as for `compute`, with the settings of the baseline, and from the same sources the
            fields of `sed2.options.GateOptions`.

    Raises:
        as `rank`; and UsageError if the baseline is not whole, or was made with other settings or
        data.
    """
    settings, *_ = sort_out(options, Settings, ClusterOptions, GateOptions)
    file = read_spec(spec, allow_import, allow_partial, settings)
    with _candidates(file, options, run_dir, ray, progress, allow_mixed) as (candidates, rules):
        return judge(candidates, read_baseline(Path(baseline)), rules, str(baseline))


def make_baseline(
    spec: Spec,
    old: Baseline | None = None,
    *,
    allow_import: bool = False,
    allow_partial: bool = False,
    allow_mixed: bool = False,
    run_dir: RunDir = None,
    ray: Ray = None,
    progress: Progress = lambda name, done, total: None,
    **options: Any,
) -> Baseline:
    """The baseline of all models of a file, for `gate`.

    Args:
        spec: as for `rank`.
        old: a baseline from which is taken over what still stands.
        allow_import, allow_partial, run_dir, ray, progress: as for `compute`.
        allow_mixed: as for `rank`.
        options: as for `gate`; of its own only `max_draws` counts, if four batches of the draws
            given are too many.

    Raises:
        as `rank`; and NumericsError if a score is not above 0 or has no error.
    """
    settings, *_ = sort_out(options, Settings, ClusterOptions, GateOptions)
    file = read_spec(spec, allow_import, allow_partial, settings)
    with _candidates(file, options, run_dir, ray, progress, allow_mixed) as (candidates, rules):
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
    file = read_spec(spec, allow_import, allow_partial, settings)
    checked: list[Checked] = []
    read: dict[tuple[object, ...], Dataset] = {}  # models may have data of their own
    for candidate, its in zip(file.models, resolve_ranked(file, settings), strict=True):
        if its.dataset is not None:
            named = its.dataset, *(getattr(its, name) for name in READING)
            read[named] = data = read.get(named) or load_data(its, settings.get("dataset"))
            input_shape, output_shape = data.input_shape, check_inputs(candidate, data)
            numbers = data.y is not None and data.y.dtype.kind == "f"
        elif candidate.input_width is not None:
            input_shape, numbers = (candidate.input_width,), False
            output_shape = shape_check(candidate, input_shape)
        else:
            raise no_dataset()
        if not _is_wanted(candidate, input_shape):
            continue
        check_networks(candidate, its, input_shape)
        chain = build_chain(candidate.blocks, input_shape, its.chain)
        planned = [
            block
            for each in (its.by_chain if plan else ())
            for block in make_plan(
                build_chain(candidate.blocks, input_shape, each.chain),
                2 * each.draws,
                each.samples,
                each,
            ).blocks
        ]
        checked.append(
            Checked(
                candidate.name,
                chain.parameters,
                input_shape,
                output_shape,
                len(chain.blocks),
                tuple(planned),
                its.label,
                numbers,
            )
        )
    if not checked:
        _as_wanted(file, input_shape)  # which refuses it
    return checked


def _is_wanted(candidate: ModelSpec, input_shape: Shape) -> bool:
    """Whether a candidate of a sweep is within the limits that the sweep sets."""
    if not candidate.limits:
        return True
    chain = build_chain(candidate.blocks, input_shape)
    sizes: dict[str, Callable[[], float]] = {
        "parameters": lambda: chain.parameters,
        "flops": lambda: flops(chain).value,
        "blocks": lambda: len(chain.blocks),
    }
    return all(limit.holds(sizes[limit.size]()) for limit in candidate.limits)


def _as_wanted(file: SpecFile, input_shape: Shape) -> SpecFile:
    """A file with those candidates of its sweeps that are within the sweeps' limits.

    Raises:
        SpecError: there is none, and no other model.
    """
    models = tuple(model for model in file.models if _is_wanted(model, input_shape))
    if not models:
        raise SpecError(
            f"of {len(file.models):,} candidates none is as `where` says",
            mend="Raise a limit, or take smaller values",
            where=file.models[0].where,
        )
    return replace(file, models=models)


def _within_limits(
    file: SpecFile, dataset: Dataset, limits: LimitOptions
) -> tuple[dict[str, ModelSpec], dict[str, tuple[int, float]], tuple[str, ...]]:
    """The models within the limits of size, by name; parameters and operations of all; and the
    names of the others."""
    models = {model.name: model for model in file.models}
    chains = {name: build_chain(its.blocks, dataset.input_shape) for name, its in models.items()}
    sizes = {name: (chain.parameters, flops(chain).value) for name, chain in chains.items()}
    fitting, left_out = within(sizes, limits)
    return {name: models[name] for name in fitting}, sizes, left_out


@contextmanager
def _candidates(
    file: SpecFile,
    options: Mapping[str, Any],
    run_dir: RunDir,
    ray: Ray,
    progress: Progress,
    mixed: bool,
) -> Iterator[tuple[Candidates, Rules]]:
    """The models of a gate; their data are read and their work begins where it is needed."""
    settings, of_tasks, demands = sort_out(options, Settings, ClusterOptions, GateOptions)
    cluster = _cluster(file, ray, of_tasks)
    resolved = {model.name: resolve_settings(file, model, settings) for model in file.models}
    check_comparable(list(resolved), list(resolved.values()))
    if any(model.limits for model in file.models):
        data = load_data(next(iter(resolved.values())), settings.get("dataset"))
        file = _as_wanted(file, data.input_shape)
        resolved = {model.name: resolved[model.name] for model in file.models}
    rules = read_rules(resolve_options(GateOptions, demands, file), list(resolved.values()))
    run = _opened(run_dir)
    base = [Task(ESTIMATE, model, resolved[model.name]) for model in file.models]
    with ExitStack() as stack:

        @cache
        def dataset() -> Dataset:
            held = settings.get("dataset")
            return checked_data(file.models, list(resolved.values()), held, mixed=mixed)

        @cache
        def place() -> Workplace:
            return stack.enter_context(_workplace("gate", base, dataset(), file, run, cluster))

        where = file.document.locate(("models",), key=True) if file.document else ""
        yield Candidates(file.models, resolved, file.source, where, dataset, place, progress), rules


def _opened(path: RunDir) -> RunDirectory | None:
    if not isinstance(path, str | Path):
        return path
    from sed2.runs.directory import RunDirectory  # which other calls do not wait for

    return RunDirectory(path)


def _cluster(file: SpecFile, ray: Ray, of_tasks: Mapping[str, Any]) -> Cluster | None:
    """The cluster that the options name, if they do.

    Args:
        of_tasks: what a task has of it, by option.
    """
    if ray is not None and not isinstance(ray, str):
        return ray
    its = resolve_options(ClusterOptions, {**of_tasks, "ray": ray}, file)
    if its.address is None:
        refuse_without("ray", "everything is done by this process", of_tasks)
        return None
    from sed2.cluster.settings import Cluster

    return Cluster(its.address, cpus=its.cpus, gpus=its.gpus)


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
    cluster: Cluster | None,
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
    if (run or cluster) and are_several():
        raise UsageError(
            "processes that work together on one model keep nothing and use no cluster",
            mend="Leave out `distributed`, or both `run_dir` and `ray`",
            where="run_dir" if run else "ray",
        )
    with ExitStack() as stack:
        place: Workplace = run or ThisProcess(dataset)
        if cluster is not None:
            from sed2.cluster.workplace import opened

            place = stack.enter_context(opened(cluster, dataset, run))
        if run:
            run.begin(verb, tasks, dataset, file.source, device=place.device, **asked)
        yield place

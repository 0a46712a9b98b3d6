"""What a call asks for: from what the user gives to models, their settings and their data."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sed2.blocks import Block, BlockOptions, Shape
from sed2.blocks.base import OfUser
from sed2.chain import as_handed, build_chain, manners
from sed2.data.catalogue import DATASETS
from sed2.data.formats import SHORT, default_label, meaningless
from sed2.data.load import Dataset, load_dataset
from sed2.data.objects import name_of
from sed2.errors import SpecError, UsageError, did_you_mean, shown
from sed2.settings import NO_LABEL, RANKED_BY, READING, OptionsT, Settings, resolve, variable
from sed2.spec.schema import MODEL_KEYS, ModelSpec, SpecFile, check_names, data_check, load_spec

Spec = str | Path | Mapping[str, Any] | Any
"""A YAML file, notation, the mapping of a file, a network; or a list or a dict by name of models,
each as notation, as the mapping of one model, or as a network."""
SPEC_KEYS = {"models", "sweep", *MODEL_KEYS}
_EXAMPLE = 'Write for example `{"small": "MLP 8-6-3", "deep": "MLP 8-4-4-3"}`'


def read_spec(
    spec: Spec,
    allow_import: bool,
    allow_partial: bool,
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> SpecFile:
    """The models and settings of a spec in any form.

    Args:
        settings: as they are given; they say how users' own networks are split into blocks.
        allow_import: whether code that the spec names may be imported and run.
        allow_partial: whether numbers of a user's module that are no parameters may be left out.

    Raises:
        SpecError: the spec is wrong; it names the place.
        UsageError: it names code, and that is not allowed.
    """
    read = _SpecReader(allow_import, allow_partial, settings)
    if isinstance(spec, str | Path) or (isinstance(spec, Mapping) and spec.keys() & SPEC_KEYS):
        file = load_spec(spec)
        return replace(file, models=tuple(read.resolved(file, each) for each in file.models))
    if isinstance(spec, Mapping):
        members = [(f"spec[{shown(repr(name))}]", str(name), model) for name, model in spec.items()]
    elif _lists_models(spec):
        members = [(f"spec[{place}]", "", model) for place, model in enumerate(spec)]
    else:
        return replace(_CALL, models=(read.network(spec),))
    if not members:
        raise SpecError("`spec` holds no model", mend=_EXAMPLE)
    models = tuple(read.member(*member) for member in members)
    check_names(models, f"Give each its own name. {_EXAMPLE}")
    return replace(_CALL, models=models)


_CALL = SpecFile((), {}, "the call")


def _lists_models(spec: Any) -> bool:
    """Whether a sequence is of models. If it is of the elements of one network, there is no text,
    mapping, class or list among them."""
    kinds = str | Path | Mapping | type | list
    return isinstance(spec, Sequence) and (
        not spec or any(isinstance(member, kinds) for member in spec)
    )


@dataclass(frozen=True)
class _SpecReader:
    """Reads models as `read_spec` is told to. It imports what other forms do not wait for."""

    allow_import: bool
    allow_partial: bool
    settings: Mapping[str, Any]

    def resolved(self, file: SpecFile, model: ModelSpec) -> ModelSpec:
        """A model of a file with its blocks, also if a user's code has them."""
        if not model.module:
            return model
        from sed2.spec.module import resolve_module

        manner = resolve_settings(file, model, self.settings).split
        allowed, partial = self.allow_import, self.allow_partial
        return resolve_module(model, allowed=allowed, partial=partial, manner=manner)

    def network(self, network: Any, name: str = "") -> ModelSpec:
        """A model that is handed over."""
        from sed2.spec.module import from_network

        manner = resolve_settings(_CALL, ModelSpec("", ()), self.settings).split
        return from_network(network, name, partial=self.allow_partial, manner=manner)

    def member(self, place: str, name: str, model: Any) -> ModelSpec:
        """One model of a list or a mapping; raises as `read_spec`, and names its place."""
        entry = {"notation": str(model)} if isinstance(model, str | Path) else model
        try:
            if not isinstance(entry, Mapping):
                return replace(self.network(entry, name), where=place)
            if name and entry.get("name", name) != name:
                cause = f"it calls itself `{shown(entry['name'])}`"
                raise SpecError(cause, mend="Leave one name out")
            whole = {"models": [{**entry, "name": name} if name else entry]}
            (read,) = load_spec(whole, place).models
            if entry is not model:  # a text, which has no lines
                read = replace(read, where=place, block_where=())
            return self.resolved(_CALL, read)
        except SpecError as error:
            where = error.where if entry is model and error.where else place
            raise SpecError(error.cause, mend=error.mend, where=where) from error


def pick_model(file: SpecFile, name: str | None) -> ModelSpec:
    """The model of that name, or the only one.

    Raises:
        UsageError: there is none, or there are several and no name.
    """
    names = [candidate.name for candidate in file.models]
    if name is None and len(names) == 1:
        return file.models[0]
    if name is None:
        raise UsageError(
            f"{file.source} holds {len(names)} models",
            mend=f"Pick one with `model`: {', '.join(names)}",
            where="model",
        )
    if name not in names:
        raise UsageError(
            f"no model `{name}` in {file.source}", mend=did_you_mean(name, names), where="model"
        )
    return file.models[names.index(name)]


def resolve_settings(
    file: SpecFile,
    candidate: ModelSpec,
    settings: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
) -> Settings:
    """flags > SED2_* > the model's YAML > the file's YAML > defaults; raises as `resolve`.

    The label column of a table is named, if it is the last one by default.

    Args:
        settings: as they are given; `dataset` may be data that the caller holds.

    Raises:
        UsageError: besides, one of `READING` means nothing for these data.
    """
    resolved = _merged(file, candidate, settings, defaults)
    if resolved.dataset is None:
        return resolved
    data = settings.get("dataset")
    data = data if is_held(data) else resolved.dataset
    for name, cause in meaningless(data).items():
        wanted = getattr(resolved, name)
        if wanted and not (wanted == NO_LABEL and resolved.dataset not in DATASETS):
            given = {variable(name): os.environ.get(variable(name)), name: settings.get(name)}
            sources = [file.where(candidate, name), *(at for at, value in given.items() if value)]
            cause = f"it means nothing here: `{shown(resolved.dataset)}` {cause}"
            raise UsageError(cause, mend="Leave it out", where=sources[-1])
    if resolved.label is None and (column := default_label(data)):
        return resolved.model_copy(update={"label": column})
    return resolved


def _merged(
    file: SpecFile,
    candidate: ModelSpec,
    settings: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
) -> Settings:
    """As `resolve_settings`, without a look at the data."""
    if is_held(data := settings.get("dataset")):
        settings = {**settings, "dataset": name_of(data)}
    return resolve(
        flags=settings,
        env=os.environ,
        yaml_model=candidate.overrides,
        yaml_top=file.settings,
        where=partial(file.where, candidate),
        defaults=defaults,
    )


def resolve_ranked(file: SpecFile, settings: Mapping[str, Any]) -> list[Settings]:
    """The settings of all models for `rank`: by joint 2sED, unless a score is given, or a `chain`
    of one block, of which the scores do not tell the network from its blocks; raises as
    `resolve_settings`."""
    own = [_merged(file, candidate, settings) for candidate in file.models]
    told = any("score" in its.model_fields_set or its.chain != "blocks" for its in own)
    defaults = None if told else {"score": RANKED_BY}
    return [resolve_settings(file, candidate, settings, defaults) for candidate in file.models]


def is_held(data: Any) -> bool:
    """Whether the caller holds the data, rather than names them."""
    return data is not None and not isinstance(data, str | Path)


def resolve_options(kind: type[OptionsT], given: Mapping[str, Any], file: SpecFile) -> OptionsT:
    """Options of another class, from the same sources, of which a model has none of its own."""
    return resolve(
        flags=given,
        env=os.environ,
        yaml_top=file.sections.get(kind.section),
        where=lambda name: file.locate(kind.section, name),
        of=kind,
    )


def refuse_without(needed: str, then: str, words: Mapping[str, Any]) -> None:
    """Refuse options that mean nothing without another one.

    Args:
        needed: the other one, which is not given.
        then: what is the case without it.
        words: the options by name; None is not given.

    Raises:
        UsageError: one of them is given.
    """
    for name, value in words.items():
        if value is not None:
            raise UsageError(
                f"{then}, so it means nothing",
                mend=f"Give `{needed}` as well, or leave `{name}` out",
                where=name,
            )


def check_networks(candidate: ModelSpec, settings: Settings, input_shape: tuple[int, ...]) -> None:
    """
    Raises:
        UsageError: the measure is `init`, and the model's parameters are always the same; or there
            would be noise between blocks that share parameters; or the limit of sigma leaves
            nothing of the last block.
    """
    if settings.sigma == "limit" and settings.likelihood == "categorical":
        count = len(build_chain(candidate.blocks, input_shape, settings.chain).blocks)
        if count > 1:
            raise UsageError(
                f"`sigma` limit leaves nothing of the last of the {count} blocks of "
                f"`{shown(candidate.name)}`: it is categorical and has no noise, and the Fisher "
                "information of the others grows like 1 / sigma^2",
                mend="Take `chain` end-to-end, or a number for `sigma`",
                where=candidate.where or "sigma",
            )
    tied = [block.tied for block in candidate.blocks if isinstance(block, OfUser) and block.tied]
    if tied and settings.chain == "blocks":
        raise UsageError(
            f"`{shown(candidate.name)}` shares parameters between blocks, which have noise between "
            f"them: {tied[0]}",
            mend="Shared parameters are one: take --chain end-to-end, or --blocks one",
            where=candidate.where,
        )
    fixed = any(isinstance(block, OfUser) and not block.draws for block in candidate.blocks)
    if fixed and settings.prior == "init":
        raise UsageError(
            f"the measure `init` says nothing of `{candidate.name}`: its factory takes no `rngs`, "
            "so every draw would be the same",
            mend="Give the factory a parameter `rngs`, or take another `prior`",
        )


def check_split_alike(
    candidates: Sequence[ModelSpec], settings: Sequence[Settings], input_shape: tuple[int, ...]
) -> None:
    """Refuse to compare models that are split into blocks in different manners: the finer a
    network is split, the more its blocks can do by themselves.

    Args:
        settings: of each.
        input_shape: of one input.

    Raises:
        UsageError: there is no manner by which all of them would be split as they are.
    """
    if any(its.score == "end-to-end" for its in settings):
        return
    found = {
        candidate.name: manners(candidate.blocks, input_shape)
        for candidate, its in zip(candidates, settings, strict=True)
        if its.chain == "blocks"
    }
    if not found or frozenset.intersection(*found.values()):
        return
    one, other = next(
        pair for pair in itertools.combinations(found, 2) if not found[pair[0]] & found[pair[1]]
    )
    words = {
        name: "as fine as can be" if "auto" in found[name] else "more coarsely than can be"
        for name in (one, other)
    }
    raise UsageError(
        f"`{shown(one)}` is split into blocks {words[one]}, `{shown(other)}` {words[other]}: their "
        "lower 2sED do not compare",
        mend="Take `blocks` auto for all, or a score that takes each network as one block "
        "(end-to-end), or compare them all the same with `allow_mixed`",
        where="blocks",
    )


def load_data(settings: Settings, held: Any = None) -> Dataset:
    """The data set that the settings name.

    Args:
        held: `dataset` as the caller gave it, which may be the data themselves.

    Raises:
        UsageError: none is named.
        DataError: it cannot be fetched or read.
    """
    if settings.dataset is None:
        raise no_dataset()
    how = {name: getattr(settings, name) for name in READING}
    return load_dataset(held if is_held(held) else settings.dataset, **how)


def checked_data(
    candidates: Sequence[ModelSpec],
    settings: Sequence[Settings],
    held: Any = None,
    *,
    mixed: bool = False,
) -> Dataset:
    """The data set of all candidates, checked against each, so that nothing fails half-way.

    Args:
        settings: of each; all name the same data.
        held: as for `load_data`.
        mixed: whether they may be split into blocks in different manners.

    Raises:
        UsageError, DataError: as `load_data`, `check_networks` and `check_split_alike`.
        SpecError: a candidate does not fit its data.
    """
    dataset = load_data(settings[0], held)
    for candidate, its in zip(candidates, settings, strict=True):
        check_inputs(candidate, dataset)
        check_networks(candidate, its, dataset.input_shape)
    if len(candidates) > 1 and not mixed:
        check_split_alike(candidates, settings, dataset.input_shape)
    return dataset


def check_inputs(candidate: ModelSpec, dataset: Dataset) -> Shape:
    """As `data_check`, for a data set; and the first block may not take the numbers of tokens for
    quantities."""
    shape = data_check(candidate, dataset.x)
    if dataset.tokens and (first := _of_quantities(candidate, dataset.input_shape)):
        raise SpecError(
            f"the inputs of `{shown(dataset.name)}` are whole numbers, which look like those of "
            f"tokens, and `{first.kind}`, the first block of `{shown(candidate.name)}`, would take "
            "them for quantities",
            mend="Make the first block an `embedding`; or give quantities as real numbers: "
            "x.astype(float)",
            where=(candidate.block_where or (candidate.where,))[0],
        )
    return shape


def _of_quantities(candidate: ModelSpec, input_shape: Shape) -> Block | None:
    """The first block, as fine as it can be split, if it takes its inputs for quantities."""
    first = next(iter(as_handed(candidate.blocks, input_shape)))
    if isinstance(first, OfUser):
        from sed2.blocks.user import in_full

        first = in_full(first, input_shape)[0]
        return first if first.layout(input_shape) else None  # a product or a convolution
    return first if isinstance(first, BlockOptions) and not first.first_only else None


def no_dataset() -> UsageError:
    """What to say where a data set is needed and none is named."""
    return UsageError(
        "no data set is given",
        mend="Name one with `dataset` (`sed2 datasets list` shows them; or the path of a "
        f"{SHORT}), or with `dataset:` in the YAML",
    )

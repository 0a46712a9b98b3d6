"""The models of a spec: from YAML or notation to checked blocks and settings.

Options of blocks and settings are checked by the pydantic models that define them (`KINDS`,
`Settings`); this file knows only how they are put together, and gives every fault its place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    create_model,
)

from sed2.blocks import KINDS, Block, BlockOptions, Shape
from sed2.blocks.base import BLOCK_SCHEMA, read_block
from sed2.blocks.user import joined_where_handed
from sed2.common.validation import Fault, StrictModel, explain, in_words
from sed2.errors import SpecError, did_you_mean, shown
from sed2.options import SECTIONS
from sed2.settings import Settings
from sed2.spec import notation
from sed2.spec.yaml import Document, Route, load, loads

FORMS = ("blocks", "notation", "module")
"""The ways to say what a model is; a model has one of them."""
MAX_NAME = 1000  # characters
MAX_BLOCKS = 100_000
"""Of all models of a file: an alias repeats a long notation in a few characters."""
MODEL_KEYS = ("name", *FORMS)
"""Keys of a model that are no settings."""


def _one_line(text: str, info: ValidationInfo) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError(f"`{info.field_name}` must be one line of text and not empty")
    if len(text) > MAX_NAME:
        raise ValueError(f"`{info.field_name}` must have at most {MAX_NAME:,} characters")
    return text


_Name = Annotated[str, AfterValidator(_one_line)]


class _ModelKeys(StrictModel):
    """What a model of a file may hold besides settings."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [form]} for form in FORMS]})

    name: _Name = Field(default_factory=str, min_length=1)
    """Name of the model, unique in the file; by default its notation or its blocks."""
    blocks: list[Annotated[Any, WithJsonSchema(BLOCK_SCHEMA)]] = Field(
        default_factory=list, min_length=1
    )
    """The chain of blocks: each its kind, then its options. The input shape is the data's."""
    notation: Annotated[Any, WithJsonSchema({"title": "notation"})] = Field(default_factory=str)
    module: _Name = Field(
        default_factory=str,
        description="A network of your own, `package.module:factory`: the factory is called with "
        "rngs= if it takes it, and returns an nnx or linen module, an (init, apply) pair, or a "
        "sequence of them. Needs --allow-import.",
        json_schema_extra={"pattern": r"^[\w.]+:\w+$"},
    )


class _FileKeys(StrictModel):
    """What a file of models may hold besides settings."""

    model_config = ConfigDict(json_schema_extra={"required": ["models"]})

    models: list[Annotated[Any, WithJsonSchema({"title": "model"})]] = Field(
        default_factory=list, min_length=1
    )
    """The candidates."""


def _with_settings(base: type[BaseModel]) -> type[BaseModel]:
    """With all settings, each for itself: how they go together is known once all sources are
    merged."""
    each: Any = {name: (field.annotation, field) for name, field in Settings.model_fields.items()}
    return create_model(base.__name__, __base__=base, **each)


def _with_sections(base: type[BaseModel]) -> type[BaseModel]:
    """With the other options, which are those of a whole file."""
    each: Any = {
        key: (Annotated[kind, Strict(False)], Field(default_factory=kind))
        for key, kind in SECTIONS.items()
    }
    return create_model(base.__name__, __base__=base, **each)


MODEL = _with_settings(_ModelKeys)
FILE, ALONE = _with_sections(_with_settings(_FileKeys)), _with_sections(MODEL)
"""Of the YAML: a model, a file of models, and a model that is the whole file."""


@dataclass(frozen=True)
class ModelSpec:
    """An architecture, and the settings it has for itself."""

    name: str
    blocks: tuple[Block, ...]
    input_width: int | None = None
    """Number of features the data must have; None if any will do."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Settings of this model alone, as they stand in the YAML."""
    where: str = ""
    """`file:line:column` of the model; empty if it comes from the command line."""
    block_where: tuple[str, ...] = ()
    """The same of each block."""
    override_where: Mapping[str, str] = field(default_factory=dict)
    """The same of each override."""
    module: str = ""
    """`package.module:factory` of a user's own network, whose blocks are not known before it is
    imported; see `sed2.spec.module`."""
    source_sha256: str = ""
    """Of the file that a user's own network stands in."""

    @property
    def sha256(self) -> str:
        """Hash of the architecture: kinds and options of the blocks, defaults filled in.

        The name, the place in the file and the settings do not enter."""
        parts = [*(block.identity for block in self.blocks), self.source_sha256]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class SpecFile:
    """All that a spec says."""

    models: tuple[ModelSpec, ...]
    """At least one; names are unique."""
    settings: Mapping[str, Any]
    """Settings of the whole file, as they stand in the YAML."""
    source: str
    """The file's name, or the notation."""
    document: Document | None = field(default=None, repr=False)
    """None for notation."""
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Other options of the whole file, by the keys of `sed2.options.SECTIONS`."""

    def where(self, model: ModelSpec, setting: str) -> str:
        """`file:line:column` of a setting of `model`: its own, or else the file's."""
        if setting in model.override_where:
            return model.override_where[setting]
        return self.locate(setting)

    def locate(self, *route: str) -> str:
        """`file:line:column` of a key, or of one within it."""
        return self.document.locate(route) if self.document else self.source


def load_spec(spec: str | Path | Mapping[str, Any], source: str = "<mapping>") -> SpecFile:
    """Read a spec: the path of a YAML file, a model in the paper's notation, or the mapping that
    such a file would hold.

    Args:
        source: what a mapping is called in messages.

    Raises:
        SpecError: it names `file:line:column`, what is wrong there, and what is allowed.
    """
    if isinstance(spec, Mapping):
        return read_document(_written_out(spec, source))
    if isinstance(spec, str) and notation.looks_like_notation(spec):
        parsed = notation.parse(spec)
        model = ModelSpec(parsed.name, parsed.blocks, parsed.input_width)
        return SpecFile((model,), {}, parsed.name)
    return read_document(load(Path(spec)))


def _written_out(spec: Mapping[str, Any], source: str) -> Document:
    """A mapping as the document it stands for, so that it is checked as a file is."""
    try:
        return loads(json.dumps(spec, indent=2, ensure_ascii=False), source)
    except (TypeError, ValueError) as error:
        raise SpecError(
            f"the spec holds something that YAML cannot: {error}",
            mend="Use dicts, lists, texts and plain numbers",
        ) from None


def read_document(document: Document) -> SpecFile:
    """Check a YAML document as a spec: a file of models, or one model by itself.

    Raises:
        SpecError: as `load_spec`.
    """
    reader = _Reader(document)
    top = document.data
    if isinstance(top, str) and notation.looks_like_notation(top):
        models: tuple[ModelSpec, ...] = (reader.model((), top),)
        settings: Mapping[str, Any] = {}
    elif not isinstance(top, dict):
        raise reader.fault((), "a spec is a mapping with the key `models`", _EXAMPLE)
    elif "models" not in top and any(key in top for key in MODEL_KEYS):
        models, settings = (reader.model((), top),), {}
    else:
        models, settings = reader.models(top)
    sections = {key: top[key] for key in SECTIONS if isinstance(top, dict) and key in top}
    return SpecFile(models, settings, document.source, document, sections)


def shape_check(model: ModelSpec, input_shape: Shape) -> Shape:
    """The shape of the model's output for one input of `input_shape`. Allocates nothing.

    Raises:
        SpecError: the data are not of the notation's width, or a block cannot take its input.
    """
    if model.input_width is not None and input_shape != (model.input_width,):
        features = (
            f"{input_shape[0]} features"
            if len(input_shape) == 1
            else f"inputs of shape {input_shape}"
        )
        flat = len(input_shape) == 1
        hint = model.name.replace(str(model.input_width), str(input_shape[0]), 1) if flat else ""
        raise SpecError(
            f"`{shown(model.name)}` takes {model.input_width} features, but the data have "
            f"{features}",
            mend=f"Write the width of the data first, as in `{hint}`, or take other data"
            if hint != model.name and flat
            else "Take data with flat inputs of that width, or write its blocks out with `flatten` "
            "as the first",
            where=model.where,
        )
    shape = input_shape
    for number, block in enumerate(joined_where_handed(model.blocks, input_shape), start=1):
        try:
            if number > 1 and isinstance(block, BlockOptions) and block.first_only:
                raise SpecError("it takes the data alone", mend="Make it the first block")
            shape = block.output_shape(shape)
        except SpecError as error:
            raise _at_block(model, number, error) from None
    return shape


def data_check(model: ModelSpec, x: np.ndarray) -> Shape:
    """As `shape_check`, for inputs x (rows, *input_shape), whose values are checked as well."""
    shape = shape_check(model, x.shape[1:])
    first = model.blocks[0]
    if isinstance(first, BlockOptions):
        try:
            first.check_inputs(x)
        except SpecError as error:
            raise _at_block(model, 1, error) from None
    return shape


def _at_block(model: ModelSpec, number: int, error: SpecError) -> SpecError:
    """What is wrong with a block, counted from 1, with its place."""
    return SpecError(
        f"block {number} (`{model.blocks[number - 1].kind}`) of `{shown(model.name)}`: "
        f"{error.cause}",
        mend=error.mend,
        where=error.where or (model.block_where or ("",) * number)[number - 1],
    )


@dataclass(frozen=True)
class _Reader:
    """Checks a document from the top down. A route leads to the value under inspection."""

    document: Document

    def fault(self, route: Route, cause: str, mend: str = "", *, key: bool = False) -> SpecError:
        return SpecError(cause, mend=mend, where=self.document.locate(route, key=key))

    def models(self, top: Mapping[str, Any]) -> tuple[tuple[ModelSpec, ...], dict[str, Any]]:
        self.validate(FILE, partial(FILE.model_validate, top), (), "key")
        if "models" not in top:
            raise self.fault((), "the key `models` is missing", _EXAMPLE)
        models: list[ModelSpec] = []
        blocks = 0
        for i, each in enumerate(top["models"]):
            models.append(self.model(("models", i), each))
            blocks += len(models[-1].blocks)
            if blocks > MAX_BLOCKS:
                cause = f"the models have more than {MAX_BLOCKS:,} blocks up to here"
                raise self.fault(("models", i), cause, "Write fewer models or aliases (`*name`)")
        check_names(models)
        rest = {key: value for key, value in top.items() if key not in ("models", *SECTIONS)}
        return tuple(models), rest

    def model(self, route: Route, entry: object) -> ModelSpec:
        """One entry of `models`."""
        if isinstance(entry, str):
            return self.from_notation(route, entry, route)
        if not isinstance(entry, dict):
            raise self.fault(
                route,
                f"a model is a notation or a mapping with `blocks`, not {in_words(entry)}",
                _EXAMPLE,
            )
        forms = [key for key in FORMS if key in entry]
        if len(forms) < 2:
            kind = MODEL if route else ALONE
            self.validate(kind, partial(kind.model_validate, entry), route, "key of a model")
        if len(forms) != 1:
            raise self.fault(
                route,
                f"a model has one of {', '.join(f'`{form}`' for form in FORMS)}, but this one has "
                f"{' and '.join(f'`{form}`' for form in forms) or 'none'}",
                _EXAMPLE,
            )
        known = (*MODEL_KEYS, *SECTIONS)
        overrides = {key: value for key, value in entry.items() if key not in known}
        if "notation" in entry:
            model = self.from_notation(route, entry["notation"], (*route, "notation"))
        elif "blocks" in entry:
            place = (*route, "blocks")
            blocks = self.blocks(place, entry["blocks"])
            places = tuple(self.document.locate((*place, i)) for i in range(len(blocks)))
            model = ModelSpec(_describe(blocks), blocks, block_where=places)
        else:
            name = entry["module"].strip()
            model = ModelSpec(name, (), module=name)
        return replace(
            model,
            name=entry.get("name", model.name).strip(),
            overrides=overrides,
            where=self.document.locate(route),
            override_where={key: self.document.locate((*route, key)) for key in overrides},
        )

    def from_notation(self, route: Route, text: object, place: Route) -> ModelSpec:
        if not isinstance(text, str):
            raise self.fault(place, f"a notation is text, not {in_words(text)}", _EXAMPLE)
        try:
            parsed = notation.parse(text)
        except SpecError as error:
            raise self.fault(place, error.cause, error.mend) from None
        where = self.document.locate(place)
        return ModelSpec(
            name=parsed.name,
            blocks=parsed.blocks,
            input_width=parsed.input_width,
            where=self.document.locate(route),
            block_where=(where,) * len(parsed.blocks),
        )

    def blocks(self, route: Route, entries: Sequence[object]) -> tuple[BlockOptions, ...]:
        return tuple(self.block((*route, i), entry) for i, entry in enumerate(entries))

    def block(self, route: Route, entry: object) -> BlockOptions:
        if isinstance(entry, str):  # `- flatten` is short for `- flatten: {}`
            entry = {entry: None}
        if not isinstance(entry, dict) or len(entry) != 1:
            cause = f"a block is a mapping of its kind to its options, not {in_words(entry)}"
            if isinstance(entry, dict) and entry:
                kinds = ", ".join(map(shown, list(entry)[:10]))
                cause = f"a block has one kind, but this one has {kinds}"
            raise self.fault(
                route, cause, f"{_BLOCK_EXAMPLE}; the options are indented below the kind"
            )
        ((kind, options),) = entry.items()
        route = (*route, kind)
        if kind not in KINDS:
            raise self.fault(
                route,
                f"there is no kind of block `{shown(kind)}`",
                did_you_mean(kind, KINDS),
                key=True,
            )
        if options is not None and not isinstance(options, dict):
            raise self.fault(
                route,
                f"the options of `{kind}` are a mapping, not {in_words(options)}",
                _BLOCK_EXAMPLE,
            )
        for name in KINDS[kind].nested:  # their faults have places of their own
            if options and isinstance(options.get(name), list):
                self.blocks((*route, name), options[name])
        return self.validate(
            KINDS[kind],
            lambda: read_block({kind: options}),
            route,
            "option",
            f" of `{kind}`",
        )

    def validate(
        self, model: type[BaseModel], read: Callable[[], Any], route: Route, noun: str, of: str = ""
    ) -> Any:
        try:
            return read()
        except ValidationError as error:
            fault: Fault = explain(error, model, noun, of)
            mend = fault.mend or _EXAMPLES.get("".join(map(str, fault.path)), "")
            raise self.fault((*route, *fault.path), fault.cause, mend, key=fault.at_key) from None


def check_names(models: Iterable[ModelSpec], mend: str = "Give each its own `name`") -> None:
    """
    Raises:
        SpecError: two models have one name; it names the places of both.
    """
    seen: dict[str, ModelSpec] = {}
    for model in models:
        if model.name in seen:
            raise SpecError(
                f"two models are called `{shown(model.name)}`; "
                f"the other stands at {seen[model.name].where}",
                mend=mend,
                where=model.where,
            )
        seen[model.name] = model


def _describe(blocks: Sequence[BlockOptions]) -> str:
    """A name for a model without one, from its blocks and what they set: it moves with them."""
    parts = []
    for block in blocks:
        inner = [of for name in block.nested if isinstance(of := getattr(block, name), tuple)]
        options = block.model_dump(
            mode="json",
            exclude_defaults=True,
            exclude={name for name in block.nested if isinstance(getattr(block, name), tuple)},
        )
        width = options.pop("features", "")
        rest = ", ".join(f"{name}={json.dumps(value)}" for name, value in options.items())
        part = f"{block.kind} {width}".strip() + (f" ({rest})" if rest else "")
        parts.append(" ".join([part, *(f"[{_describe(of)}]" for of in inner)]))
    whole = " - ".join(parts).replace('"', "")
    if len(whole) <= _LONGEST_NAME:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:6]
    return f"{blocks[0].kind} - ... - {blocks[-1].kind}, {len(blocks)} blocks, {digest}"


_LONGEST_NAME = 100
_EXAMPLE = "Write for example `models: [MLP 54-16-7]`, or models with `name` and `blocks`"
_BLOCK_EXAMPLE = "Write for example `- dense: {features: 16, activation: relu}`"
_EXAMPLES = {"models": _EXAMPLE, "blocks": _BLOCK_EXAMPLE}

"""The models of a spec: from YAML or notation to checked blocks and settings.

Options of blocks and settings are checked by the pydantic models that define them (`KINDS`,
`Settings`); this file knows only how they are put together, and gives every fault its place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    create_model,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema

from sed2.blocks import KINDS, Block, BlockOptions, Shape
from sed2.blocks.base import BLOCK_EXAMPLE, AnyBlock
from sed2.chain import as_handed
from sed2.common.validation import Route, StrictModel, explain, in_words
from sed2.errors import SpecError, did_you_mean, shown
from sed2.options import SECTIONS
from sed2.settings import Settings
from sed2.spec import notation
from sed2.spec.sweep import MAX_CANDIDATES, SizeLimit, SweptModel, expand
from sed2.spec.yaml import Document, load, loads

FORMS = ("blocks", "notation", "module", "onnx", "huggingface")
"""The ways to say what a model is; a model has one of them."""
ONNX = ".onnx"
"""How the name of a file ends that holds a network, and no spec."""
MAX_NAME = 1000  # characters
MAX_BLOCKS = 100_000
"""Of all models of a file: an alias repeats a long notation in a few characters."""
_EXAMPLES = "example:"
"""Begins the name of a spec that ships with sed2."""
MODEL_KEYS = ("name", *FORMS, "arguments")
"""Keys of a model that are no settings."""


def _one_line(text: str, info: ValidationInfo) -> str:
    if not text.strip():
        raise ValueError(f"`{info.field_name}` must be text that is not empty")
    if not text.isprintable():
        bad = next(character for character in text if not character.isprintable())
        raise ValueError(
            f"`{info.field_name}` must be one line of characters that can be shown, but holds "
            f"U+{ord(bad):04X}"
        )
    if len(text) > MAX_NAME:
        raise ValueError(f"`{info.field_name}` must have at most {MAX_NAME:,} characters")
    return text


_Name = Annotated[str, AfterValidator(_one_line)]


_SIZE, _DASH = r"0*[1-9][0-9]*", r"\s*[-–]\s*"
_WIDTHS = rf"{_SIZE}({_DASH}{_SIZE})+"
_NOTATION = (
    rf"^\s*([Mm][Ll][Pp]\s+{_WIDTHS}|[Cc][Nn][Nn]\s+{_SIZE}({_DASH}{_SIZE})*\s*\|\s*{_WIDTHS})\s*$"
)


def _or_notation(schema: dict[str, Any]) -> None:
    """A model in YAML has one of the forms; it may be its notation alone."""
    mapping = schema | {"oneOf": [{"required": [form]} for form in FORMS]}
    schema.clear()
    schema["oneOf"] = [mapping["properties"]["notation"], mapping]


class _ModelKeys(StrictModel):
    """What a model of a file may hold besides settings."""

    model_config = ConfigDict(json_schema_extra=_or_notation)

    name: _Name = Field(default_factory=str, min_length=1)
    """Name of the model, unique in the file; by default its notation or its blocks."""
    blocks: list[AnyBlock] = Field(default_factory=list, min_length=1)
    """The chain of blocks: each its kind, then its options. The input shape is the data's."""
    notation: str = Field(
        default_factory=str,
        description="The paper's notation: `MLP 54-16-7` has the input width, then the units of "
        "each dense block; `CNN 7-5|10-50-34-10` kernel sizes, then channels and units.",
        json_schema_extra={"pattern": _NOTATION},
    )
    module: _Name = Field(
        default_factory=str,
        description="A network of your own, `package.module:factory`: the factory is called with "
        "rngs= if it takes it, and returns an nnx or linen module, an (init, apply) pair, a "
        "sequence of them, or a network of PyTorch, Keras or Equinox. Needs --allow-import.",
        json_schema_extra={"pattern": r"^[\w.]+:\w+$"},
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="What the factory of `module` is called with, by name."
    )
    onnx: _Name = Field(default_factory=str, min_length=1)
    """A network in an ONNX file, by its path. Needs `sed2-rank[onnx]`."""
    huggingface: _Name = Field(default_factory=str, min_length=1)
    """A network of Hugging Face: the path of its config.json, of a family that sed2 knows."""

    @model_validator(mode="wrap")
    @classmethod
    def _one_form(cls, entry: object, handler: Callable[[object], _ModelKeys]) -> _ModelKeys:
        if isinstance(entry, str):
            entry = {"notation": entry}
        if not isinstance(entry, dict):
            cause = f"a model is a notation or a mapping with `blocks`, not {in_words(entry)}"
            raise ValueError(cause, _EXAMPLE)
        forms = [form for form in FORMS if form in entry]
        if len(forms) < 2:
            read = handler(entry)
        if len(forms) != 1:
            cause = f"a model has one of {', '.join(f'`{form}`' for form in FORMS)}"
            found = " and ".join(f"`{form}`" for form in forms) or "none"
            raise ValueError(f"{cause}, but this one has {found}", _EXAMPLE)
        if "arguments" in entry and "module" not in entry:
            raise ValueError("`arguments` are those of a `module`", "Leave them out")
        return read


_SETTINGS: Any = {name: (of.annotation, of) for name, of in Settings.model_fields.items()}
"""Each for itself: how they go together is known once all sources are merged."""
_SECTIONS: Any = {key: (kind, Field(default_factory=kind)) for key, kind in SECTIONS.items()}
"""The other options, which are those of a whole file."""
_MODEL = create_model("model", __base__=_ModelKeys, **_SETTINGS)
_ALONE = create_model("alone", __base__=_MODEL, **_SECTIONS)
"""A model that is the whole file."""


class _ModelsOrSweep(StrictModel):
    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["models"]}, {"required": ["sweep"]}]}
    )


_FILE = create_model(
    "file",
    __base__=_ModelsOrSweep,
    models=(
        list[_MODEL],  # type: ignore[valid-type]
        Field(default_factory=list, min_length=1, description="The candidates."),
    ),
    sweep=(
        SweptModel | list[SweptModel],
        Field(default_factory=list, description="More candidates, by the values of their options."),
    ),
    **_SETTINGS,
    **_SECTIONS,
)


class _Untitled(GenerateJsonSchema):
    """Without titles, which would only repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the YAML, for editors."""
    either: Any = _FILE | _ALONE
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "sed2 spec",
        "description": "Neural architectures to rank by the two-scale effective dimension.",
    } | TypeAdapter(either).json_schema(schema_generator=_Untitled)


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
    limits: tuple[SizeLimit, ...] = ()
    """What it is to be, as a candidate of a sweep; others do not count."""
    module: str = ""
    """`package.module:factory` of a user's own network, or the file that holds it, whose blocks are
    not known before it is imported; see `sed2.spec.module`."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """What the factory is called with."""
    source_sha256: str = ""
    """Of the file that a user's own network stands in, and of the arguments."""

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
    """Read a spec: the path of a YAML file, `example:NAME` of one that ships with sed2, a model in
    the paper's notation, or the mapping that such a file would hold.

    Args:
        source: what a mapping is called in messages.

    Raises:
        SpecError: it names `file:line:column`, what is wrong there, and what is allowed.
    """
    if isinstance(spec, Mapping):
        return read_document(_written_out(spec, source))
    if not str(spec).strip():
        raise SpecError("the spec is empty", mend=f"{_EXAMPLE}")
    if isinstance(spec, str) and notation.looks_like_notation(spec):
        parsed = notation.parse(spec)
        model = ModelSpec(parsed.name, parsed.blocks, parsed.input_width)
        return SpecFile((model,), {}, parsed.name)
    if Path(spec).suffix.lower() == ONNX:
        return SpecFile((ModelSpec(Path(spec).stem, (), module=str(spec)),), {}, str(spec))
    return read_document(load(_shipped(spec) if str(spec).startswith(_EXAMPLES) else Path(spec)))


def _shipped(spec: str | Path) -> Path:
    """The file of an example that ships with sed2."""
    folder = Path(str(resources.files("sed2"))) / "examples"
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    name = str(spec).removeprefix(_EXAMPLES)
    if name not in names:
        raise SpecError(
            f"no example `{shown(name)}` ships with sed2", mend=did_you_mean(name, names)
        )
    return folder / f"{name}.yaml"


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
    top = document.data
    if isinstance(top, str) and notation.looks_like_notation(top):
        top = {"notation": top}
    if not isinstance(top, dict):
        cause = "a spec is a mapping with the key `models`"
        raise SpecError(cause, mend=_EXAMPLE, where=document.locate(()))
    if "model_type" in top and "models" not in top:  # a config.json of Hugging Face
        model = ModelSpec(str(top["model_type"]), (), module=document.source)
        return SpecFile((model,), {}, document.source)
    is_model = "models" not in top and any(key in top for key in MODEL_KEYS)
    kind = _ALONE if is_model else _FILE
    try:
        read: Any = kind.model_validate(top)
    except ValidationError as error:
        fault = explain(error, kind, _called)
        mend = fault.mend or _example(fault.path)
        where = document.locate(fault.path, key=fault.at_key)
        raise SpecError(fault.cause, mend=mend, where=where) from None
    if not is_model and not top.keys() & {"models", "sweep"}:
        cause = "the key `models` is missing; it is a list of models"
        raise SpecError(cause, mend=_EXAMPLE, where=document.locate(()))
    checked = [read] if is_model else read.models
    routes: list[Route] = [()] if is_model else [("models", i) for i in range(len(checked))]
    entries = [top] if is_model else top.get("models", ())
    made = (_model(document, *each) for each in zip(routes, entries, checked, strict=True))
    models: list[ModelSpec] = []
    blocks = 0
    for model in chain(made, () if is_model else _swept(document, read.sweep)):
        models.append(model)
        blocks += len(model.blocks)
        if blocks > MAX_BLOCKS:
            raise SpecError(
                f"the models have more than {MAX_BLOCKS:,} blocks up to here",
                mend="Write fewer models or aliases (`*name`)",
                where=model.where,
            )
    check_names(models)
    settings = {} if is_model else _besides(top, "models", "sweep")
    sections = {key: top[key] for key in SECTIONS if key in top}
    return SpecFile(tuple(models), settings, document.source, document, sections)


def _swept(document: Document, sweeps: SweptModel | Sequence[SweptModel]) -> Iterator[ModelSpec]:
    """The candidates of the sweeps of a file."""
    alone, left = isinstance(sweeps, SweptModel), MAX_CANDIDATES
    for place, sweep in enumerate([sweeps] if isinstance(sweeps, SweptModel) else sweeps):
        route: Route = ("sweep",) if alone else ("sweep", place)
        try:
            for entry, places in expand(sweep, left):
                left -= 1
                yield _candidate(document, route, sweep, entry, places)
        except ValueError as error:
            cause, mend, path = error.args
            raise SpecError(cause, mend=mend, where=document.locate((*route, *path))) from None


def _candidate(
    document: Document,
    route: Route,
    sweep: SweptModel,
    entry: dict[str, Any],
    places: Sequence[int],
) -> ModelSpec:
    """A candidate of the sweep at the end of a route.

    Args:
        places: in the sweep, of its blocks.
    """
    try:
        read = _MODEL.model_validate(entry)
    except ValidationError as error:
        fault = explain(error, _MODEL, lambda path: _called(("models", 0, *path), 2))
        path = fault.path
        if path[:1] == ("blocks",) and len(path) > 1:
            path = ("blocks", places[int(path[1])], *path[2:])
        where = document.locate((*route, *path), key=fault.at_key)
        raise SpecError(fault.cause, mend=fault.mend or BLOCK_EXAMPLE, where=where) from None
    return ModelSpec(
        read.name.strip() or _describe(read.blocks),
        tuple(read.blocks),
        where=document.locate(route),
        block_where=tuple(document.locate((*route, "blocks", place)) for place in places),
        limits=sweep.limits,
    )


def _example(path: Route) -> str:
    """The mend of a fault that has no better one."""
    match path:
        case [*_, "models" | "notation"]:
            return _EXAMPLE
        case [*_, "blocks"] | [*_, int(), str()]:
            return BLOCK_EXAMPLE
    return ""


def _called(path: Route, less: int = 0) -> tuple[int, str, str]:
    """How many steps of a path, less some, lead to the mapping that the user has in mind, what its
    keys are called, and what they belong to."""
    if path[:1] == ("sweep",) and len(path) > 1:
        return 1 + isinstance(path[1], int), "key of a sweep", ""
    for length in range(len(path) - 1, 1, -1):
        kind = path[length - 1]
        if isinstance(path[length - 2], int) and kind in KINDS:
            return length - less, "option", f" of `{kind}`"
        if isinstance(kind, int) and path[length - 2] != "models":
            return length - less, "kind of block", ""
    return (2 - less, "key of a model", "") if len(path) > 2 else (0, "key", "")


def _model(document: Document, route: Route, entry: Any, read: _ModelKeys) -> ModelSpec:
    """The model at the end of a route, of which `read` is what stands there, checked."""
    entry = {"notation": entry} if isinstance(entry, str) else entry
    places = {key: document.locate((*route, key)) for key in entry}
    if "notation" in entry:
        try:
            parsed = notation.parse(read.notation)
        except SpecError as error:
            where = places["notation"]
            raise SpecError(error.cause, mend=error.mend, where=where) from None
        block_where = (places["notation"],) * len(parsed.blocks)
        model = ModelSpec(parsed.name, parsed.blocks, parsed.input_width, block_where=block_where)
    elif "blocks" in entry:
        block_where = tuple(document.locate((*route, "blocks", i)) for i in range(len(read.blocks)))
        model = ModelSpec(_describe(read.blocks), tuple(read.blocks), block_where=block_where)
    else:
        module = (read.module or read.onnx or read.huggingface).strip()
        model = ModelSpec(module, (), module=module, arguments=read.arguments)
    overrides = _besides(entry, *MODEL_KEYS)
    return replace(
        model,
        name=read.name.strip() or model.name,
        overrides=overrides,
        where=document.locate(route),
        override_where={key: places[key] for key in overrides},
    )


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
    for number, block in enumerate(as_handed(model.blocks, input_shape), start=1):
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


def _besides(mapping: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """The settings of a mapping."""
    return {key: value for key, value in mapping.items() if key not in (*keys, *SECTIONS)}


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
        inner = {
            name: of
            for name, of in block
            if isinstance(of, tuple) and isinstance(of[0], BlockOptions)
        }
        options = block.model_dump(mode="json", exclude_defaults=True, exclude=set(inner))
        width = options.pop("features", "")
        rest = ", ".join(f"{name}={json.dumps(value)}" for name, value in options.items())
        part = f"{block.kind} {width}".strip() + (f" ({rest})" if rest else "")
        parts.append(" ".join([part, *(f"[{_describe(of)}]" for of in inner.values())]))
    whole = " - ".join(parts).replace('"', "")
    if len(whole) <= _LONGEST_NAME:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:6]
    return f"{blocks[0].kind} - ... - {blocks[-1].kind}, {len(blocks)} blocks, {digest}"


_LONGEST_NAME = 100
_EXAMPLE = "Write for example `models: [MLP 54-16-7]`, or models with `name` and `blocks`"

"""Everything but the architecture that determines the numbers: one frozen `Settings`.

A field of a class of `Options` is an option of the command line, a `SED2_*` variable and a key of
the YAML at once. `resolve` merges the sources, in this order, and then the defaults. The other
classes are in `sed2.options`.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from sed2.common.validation import StrictModel, explain
from sed2.errors import SpecError, UsageError, did_you_mean, shown

NO_LABEL = "none"
"""The `label` that says that there is none, or that none is wanted."""
READING = ("label", "x_key", "y_key", "layout", "targets", "standardize")
"""Settings that say how data are read."""
DEFAULT_EPS = "1e-3:1e-1"
DEFAULT_POINTS = 25
SCORE_EPS = (0.3,)
"""The covering radius of scores that look at the whole network, unless `eps` is given."""
CATEGORICAL_SIGMA = 0.01
"""The noise of the other blocks, unless `sigma` is given, where the last one is categorical."""
RANKED_BY = "joint"
"""What `rank` orders models by, unless `score` is given (docs/evidence/fresh.md)."""
WHOLE_DRAWS = 10
"""Draws of 2sED end-to-end at least: those with which `RANKED_BY` was chosen."""
SCORE_NAMES = {"lower": "lower 2sED", "end-to-end": "2sED end-to-end", "joint": "joint 2sED"}
"""What a score is of, by the setting."""
MAX_POINTS = 1000
MIN_EPS = 1e-300

_INTEGER = re.compile(r"[-+]?[0-9]{1,100}")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Prior:
    """A parameter measure by its name and its numbers (docs/concepts/measure.md, section 3)."""

    name: str
    args: tuple[float, ...] = ()

    def __str__(self) -> str:
        return ":".join([self.name, *(repr(arg).removesuffix(".0") for arg in self.args)])


PRIORS: dict[str, tuple[str, ...]] = {
    "torch": (),
    "init": (),
    "uniform": ("A", "B"),
    "normal": ("STD",),
    "he_normal": (),
    "he_uniform": (),
    "glorot_normal": (),
    "glorot_uniform": (),
    "lecun_normal": (),
    "lecun_uniform": (),
}
"""The numbers that each measure takes."""

PRIOR_FORMS = tuple(":".join([name, *numbers]) for name, numbers in PRIORS.items())


def parse_prior(text: str) -> Prior:
    """Read a parameter measure, such as `torch`, `uniform:-1:1` or `normal:0.1`.

    Raises:
        ValueError: with a sentence that says what is allowed.
    """
    name, *parts = text.strip().split(":")
    if name not in PRIORS:
        raise ValueError(
            f"`prior` knows no measure `{shown(name)}`. {did_you_mean(name, PRIOR_FORMS)}"
        )
    form = ":".join([name, *PRIORS[name]])
    if len(parts) != len(PRIORS[name]):
        raise ValueError(f"`prior` must be `{form}`, not `{shown(text)}`")
    args = tuple(_to_float(part) for part in parts)
    if not all(map(math.isfinite, args)):
        raise ValueError(f"`prior` must be `{form}` with finite numbers, not `{shown(text)}`")
    if name == "uniform" and not args[0] < args[1]:
        raise ValueError(f"`prior` must be `uniform:A:B` with A below B, not `{shown(text)}`")
    if name == "uniform" and not math.isfinite(args[1] - args[0]):
        raise ValueError(f"`prior` must be `uniform:A:B` with a finite B - A, not `{shown(text)}`")
    if name == "normal" and not args[0] > 0:
        raise ValueError(f"`prior` must be `normal:STD` with STD above 0, not `{shown(text)}`")
    return Prior(name, args)


def parse_eps(value: object) -> tuple[float, ...]:
    """Read a grid of covering radii; ascending.

    Args:
        value: `"1e-3:1e-1"` (log-spaced, both ends in, 25 points), `"1e-3:1e-1:9"` (9 points),
            `"0.1,0.01"`, a number, or a sequence of numbers.

    Raises:
        ValueError: with a sentence that says what is allowed.
    """
    if isinstance(value, str) and ":" in value:
        grid = _log_spaced(value)
    elif isinstance(value, str):
        grid = [_radius(part, value) for part in value.split(",")]
    elif isinstance(value, Sequence):
        grid = [_radius(part, value) for part in value]
    elif hasattr(value, "tolist"):  # an array or a scalar of NumPy or JAX
        return parse_eps(value.tolist())
    else:
        grid = [_radius(value, value)]
    if not 1 <= len(grid) <= MAX_POINTS:
        raise ValueError(f"`eps` must hold from 1 to {MAX_POINTS:,} numbers, not {len(grid):,}")
    grid.sort()
    for low, high in pairwise(grid):
        if low == high:
            raise ValueError(f"`eps` must hold each number once, but {low:g} is repeated")
    return tuple(grid)


def _log_spaced(text: str) -> list[float]:
    first, last, *rest = text.split(":")
    points = int(rest[0]) if rest and _INTEGER.fullmatch(rest[0].strip()) else DEFAULT_POINTS
    if len(rest) > 1 or (rest and not _INTEGER.fullmatch(rest[0].strip())):
        raise ValueError(f"`eps` must be {_EPS_FORMS}, not `{shown(text)}`")
    if not 2 <= points <= MAX_POINTS:
        raise ValueError(
            f"`eps` must have from 2 to {MAX_POINTS:,} points between its ends, not {points}"
        )
    low, high = sorted([_radius(first, text), _radius(last, text)])
    start, stop = math.log10(low), math.log10(high)
    inner = [10 ** (start + (stop - start) * i / (points - 1)) for i in range(1, points - 1)]
    return [low, *inner, high]


def _radius(value: object, whole: object) -> float:
    radius = _to_float(value)
    if math.isnan(radius):
        raise ValueError(f"`eps` must be {_EPS_FORMS}, not `{shown(whole)}`")
    if not 0 < radius < 1:
        raise ValueError(f"`eps` must be above 0 and below 1, but {radius:g} is not")
    if radius < MIN_EPS:
        raise ValueError(f"`eps` must be at least {MIN_EPS:g}, since 1 / {radius:g} overflows")
    return radius


_EPS_FORMS = "numbers such as `0.1,0.01`, or `LOW:HIGH` or `LOW:HIGH:POINTS`"


def _to_float(value: object) -> float:
    """The number that text or a number stands for; NaN if it is none."""
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value := value.strip()) else math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    return math.nan


def _read_number(value: Any) -> object:
    """Text (of a flag or a variable) as the number it stands for, and 1e5 as a whole number."""
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if hasattr(value, "tolist"):  # of NumPy or JAX; one number may be an array too
        value = value.item() if value.size == 1 else value.tolist()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _read_path(value: object) -> object:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _read_bool(value: object) -> object:
    """Text of a flag or a variable as the truth it stands for."""
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    return value


@dataclass(frozen=True)
class Panel:
    """Where `--help` shows an option."""

    title: str


class Options(StrictModel):
    """Options of one purpose. The docstring of a field is its help, in which `name` is another."""

    section: ClassVar[str] = ""
    """Key of the YAML whose mapping holds the fields; they are no keys of it if it is empty."""
    panel: ClassVar[Panel]
    """Of the fields that name no other."""

    @classmethod
    def option(cls, field: str) -> str:
        """The name of a field as an option: its flag without the dashes."""
        return field

    @classmethod
    def fields(cls) -> dict[str, str]:
        """The fields, by their names as options."""
        return {cls.option(field): field for field in cls.model_fields}


OptionsT = TypeVar("OptionsT", bound=Options)

_LIMIT = 2**63 - 1
DATA, MEASURE, BUDGET = map(Panel, ("Data", "Measure", "Budget"))
Number = BeforeValidator(_read_number)
Flag = Annotated[bool, BeforeValidator(_read_bool)]
Eps = Annotated[
    tuple[float, ...],
    BeforeValidator(parse_eps),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[-+0-9.eE,:\s]+$"},
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                {
                    "type": "array",
                    "items": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                    "minItems": 1,
                    "uniqueItems": True,
                },
            ]
        }
    ),
]
PriorText = Annotated[str, AfterValidator(lambda text: str(parse_prior(text)))]


class SpectraSettings(Options):
    """What determines the Fisher spectra, but for the architecture and the data themselves: eps and
    all that is made of spectra later are unknown here."""

    panel: ClassVar[Panel] = MEASURE

    @classmethod
    def option(cls, field: str) -> str:
        return "blocks" if field == "split" else field  # `blocks` of the YAML are blocks

    dataset: Annotated[
        Annotated[str, Field(min_length=1)] | None, BeforeValidator(_read_path), DATA
    ] = None
    """Data set: a name (`sed2 datasets list`), or the path of a file: .npz, .csv, .parquet, idx,
    CIFAR, ..., or a folder of images."""
    label: Annotated[Annotated[str, Field(min_length=1)] | None, DATA] = None
    """Column of a table that is the label; by default the last one; `none` if there is none."""
    x_key: Annotated[Annotated[str, Field(min_length=1)] | None, DATA] = None
    """Name of the inputs among the arrays of a .npz file; by default x."""
    y_key: Annotated[Annotated[str, Field(min_length=1)] | None, DATA] = None
    """Name of the labels among them; by default y, if it is there."""
    layout: Annotated[Literal["nchw", "nhwc"] | None, DATA] = None
    """Order of the axes of images: with the channels first, or last."""
    targets: Annotated[Literal["classes", "numbers"] | None, DATA] = None
    """What labels are; by default integers and texts are classes, real numbers are numbers."""
    standardize: Annotated[Flag, DATA] = False
    """Whether each feature of a file is shifted and scaled to mean 0 and variance 1."""
    samples: Annotated[int, Number, DATA] = Field(default=100, ge=1, le=_LIMIT)
    """N, the number of inputs, chosen at random from the rows."""
    draws: Annotated[int, Number] = Field(default=100, ge=1, le=_LIMIT)
    """K, the number of parameter draws."""
    sigma: Annotated[Annotated[float, Field(gt=0)] | Literal["limit"], Number] = "limit"
    """Standard deviation of the noise after every block; `limit`: as it goes to 0. By default 0.01
    with `likelihood` categorical."""
    fisher: Literal["expected", "empirical"] = "expected"
    """Estimator of the Fisher matrix."""
    chain: Literal["blocks", "end-to-end"] = "blocks"
    """Noise after every block, or the whole network as one block with noise at its output."""
    split: Literal["auto", "declared", "one"] = "auto"
    """Blocks of a network of your own: auto cuts its program wherever one value crosses, declared
    takes the elements of a sequence as they are, one is the whole."""
    likelihood: Literal["gaussian", "categorical"] = "gaussian"
    """Of the last block: its mean with noise, or a softmax over classes."""
    prior: PriorText = Field(default="torch", json_schema_extra={"examples": list(PRIOR_FORMS)})
    """Measure of the parameters: torch, init, uniform:A:B, normal:STD, he_normal, ..."""
    seed: Annotated[int, Number] = Field(default=0, ge=0, le=_LIMIT)
    """Seed of everything random."""
    input_groups: Annotated[int, Number] = Field(default=10, ge=0, le=_LIMIT)
    """Groups of inputs left out in turn for the standard error; 0 leaves it undefined."""
    max_flops: Annotated[float, Number, BUDGET] = Field(default=3e12, gt=0)
    """Operations to spend on spectra; where exact costs more, units are sampled at random."""
    lanczos_steps: Annotated[int, Number, BUDGET] = Field(default=128, ge=2, le=10_000)
    """Steps of Lanczos quadrature, where no exact way fits."""
    probes: Annotated[int, Number, BUDGET] = Field(default=1, ge=1, le=10_000)
    """Random probes of Lanczos quadrature for each draw, where no exact way fits."""
    memory_gb: Annotated[Annotated[float, Field(gt=0), Number] | None, BUDGET] = None
    """Memory to stay within, in GB; by default half of what is free, at most 3."""

    @model_validator(mode="before")
    @classmethod
    def _sigma_of_likelihood(cls, data: Any) -> Any:
        """A last block without noise counts for nothing where that of the others goes to 0."""
        if isinstance(data, Mapping) and data.get("likelihood") == "categorical":
            return {"sigma": CATEGORICAL_SIGMA, **data}
        return data

    @property
    def noise(self) -> float:
        """sigma as a number; 0 is the limit."""
        return 0.0 if isinstance(self.sigma, str) else self.sigma


class Settings(SpectraSettings):
    """All that determines the numbers, but for the architecture and the data themselves."""

    eps: Eps = Field(default=parse_eps(DEFAULT_EPS), json_schema_extra={"default": DEFAULT_EPS})
    """Covering radii: `1e-3:1e-1` (log-spaced, 25 points), `1e-3:1e-1:9` or `0.1,0.01`. With
    `score` end-to-end or joint it is 0.3 by default."""
    score: Literal["lower", "end-to-end", "joint"] = "lower"
    """What models are ordered by: lower 2sED, 2sED of the network as one block, or the geometric
    mean of the two. `rank` takes joint by default."""
    end_to_end_draws: Annotated[int, Field(ge=1, le=_LIMIT), Number] | None = None
    """Draws of 2sED end-to-end in these scores; by default a tenth of `draws`, 10 at least."""
    zeta: Annotated[float, Number] = Field(default=0.0, ge=0, lt=1)
    """Meso-scale exponent."""
    estimator: Literal["mc", "smc"] = "mc"
    """Plain Monte Carlo over the draws, or sequential Monte Carlo: minutes per model and eps."""
    particles: Annotated[int, Number] = Field(default=32, ge=8, le=_LIMIT)
    """Particles of each island of `smc`."""
    islands: Annotated[int, Number] = Field(default=4, ge=2, le=1000)
    """Islands of `smc`, independent of each other: their spread is its error."""
    moves: Annotated[int, Number] = Field(default=100, ge=1, le=_LIMIT)
    """Moves of `smc` at one temperature, at most."""
    n_train: Annotated[int, Field(ge=2, le=_LIMIT), Number] | None = None
    """Size of the training set; it sets eps_n of Theorem 5.1, where models are ranked."""
    gamma: Annotated[float, Number] = Field(default=1.0, gt=0, le=1)
    """gamma of eps_n = (log n / (gamma n))^(3/8)."""

    @property
    def by_chain(self) -> tuple[Settings, ...]:
        """Those of lower 2sED, and those of 2sED end-to-end if the score takes that as well."""
        if self.score == "lower":
            return (self,)
        own = {"score": "lower", "end_to_end_draws": None}
        of_whole = {"chain": "end-to-end", "draws": self.whole_draws}
        return self.model_copy(update=own), self.model_copy(update=own | of_whole)

    @property
    def whole_draws(self) -> int:
        """Draws of 2sED end-to-end, of which one takes the time of many by block."""
        return self.end_to_end_draws or min(self.draws, max(WHOLE_DRAWS, self.draws // 10))

    @property
    def score_name(self) -> str:
        """What models are ordered by, in words."""
        return SCORE_NAMES[self.score]

    @property
    def eps_n(self) -> float | None:
        """eps_n = (log n / (gamma n))^(3/8) of Theorem 5.1; None without `n_train`."""
        if self.n_train is None:
            return None
        return float((math.log(self.n_train) / (self.gamma * self.n_train)) ** 0.375)

    @property
    def averages_draws(self) -> bool:
        """Whether 2sED is a mean over the K draws themselves, so that one draw has no error."""
        return self.estimator == "mc"

    @model_validator(mode="before")
    @classmethod
    def _eps_of_score(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and data.get("score") in ("end-to-end", "joint"):
            return {"eps": SCORE_EPS, **data}
        return data

    @model_validator(mode="after")
    def _check_score(self) -> Settings:
        if self.score != "lower" and self.chain != "blocks":
            raise ValueError(
                f"`score` {self.score} compares the network as one block with its blocks, which "
                f"`chain` {self.chain} does not tell apart. Leave out one of the two"
            )
        return self

    @model_validator(mode="after")
    def _check_eps_n(self) -> Settings:
        if self.eps_n is not None and not 0 < self.eps_n < 1:
            raise ValueError(
                f"`n_train` {self.n_train} and `gamma` {self.gamma:g} give eps_n = "
                f"{self.eps_n:.3g}, which must be above 0 and below 1. Raise one of the two"
            )
        return self


def resolve(
    flags: Mapping[str, Any],
    env: Mapping[str, str],
    yaml_model: Mapping[str, Any] | None = None,
    yaml_top: Mapping[str, Any] | None = None,
    where: Callable[[str], str] = lambda name: f"`{name}` in the YAML",
    defaults: Mapping[str, Any] | None = None,
    of: type[OptionsT] = Settings,  # type: ignore[assignment]  # python/mypy#3737
) -> OptionsT:
    """flags > `SED2_*` > the model's own YAML > the YAML's top level > defaults.

    Args:
        flags: by their names as options; None is not given.
        env: the environment; an empty variable is not given.
        yaml_model: options of the model itself, by field.
        yaml_top: options of the whole file, by field.
        where: `file:line:column` of a field in the YAML.
        defaults: a command's own, instead of those of the fields.
        of: their class.

    Raises:
        UsageError: an option is unknown or not allowed; it names the option or the variable.
        SpecError: the same in the YAML; it names the place.
    """
    in_yaml = {**(yaml_top or {}), **(yaml_model or {})}
    merged = {**(defaults or {}), **in_yaml}
    sources: dict[str, str] = {}
    known = of.fields()
    for option, field in known.items():
        if text := env.get(variable(option), "").strip():
            merged[field], sources[field] = text, variable(option)
    for option, value in flags.items():
        if value is not None:
            field = known.get(option, option)
            merged[field], sources[field] = value, option
    try:
        return of.model_validate(merged)
    except ValidationError as error:
        noun = "setting" if of is Settings else "option"
        fault = explain(error, of, lambda path: (0, noun, ""))
        names = [str(step) for step in fault.path[:1]] or [
            name for name in of.model_fields if name in merged and f"`{name}`" in fault.cause
        ]
        # A fault of two settings is laid to the one that was given last.
        name = next((name for name in names if name in sources), names[0])
        if name in sources or name not in in_yaml:
            option = of.option(name) if name in of.model_fields else name
            cause = fault.cause.replace(f"`{name}`", f"`{option}`")
            raise UsageError(cause, mend=fault.mend, where=sources.get(name, option)) from None
        raise SpecError(fault.cause, mend=fault.mend, where=where(name)) from None


def variable(option: str) -> str:
    """The variable of the environment that gives an option."""
    return f"SED2_{option.upper()}"

"""Every option besides `Settings`, by purpose: one field of one class is all there is of it.

Options of one command that are no fields, such as `--train`, are arguments of that command.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from sed2.errors import UsageError, did_you_mean, shown
from sed2.settings import BUDGET, Flag, Number, Options, Panel, Settings, variable

TIMES = 8
"""The draws or inputs of one model at most, unless given: so many times those asked for."""
TRAINING, GATE, THEOREM, CLUSTER, OUTPUT = map(
    Panel, ("Training", "Gate", "Theorem", "Cluster", "Output")
)
_LIMIT = 2**31 - 1
_UNITS = {"s": 1, "min": 60, "m": 60, "h": 3600}


def _seconds(value: object) -> object:
    """A time as seconds."""
    if isinstance(value, str) and (match := re.fullmatch(r"\s*([\d.]+)\s*([a-z]+)\s*", value)):
        number, unit = match.groups()
        if unit in _UNITS:
            try:
                return float(number) * _UNITS[unit]
            except ValueError:
                pass
    return value


Seconds = Annotated[float, Field(gt=0), BeforeValidator(_seconds), Number]
_Count = Annotated[int, Field(ge=1, le=2**40), Number] | None


class TrainingSettings(Options):
    """All that determines a training, but for the architecture, the data, and the seed and the
    parameter measure, which are those of the score."""

    section: ClassVar[str] = "training"
    panel: ClassVar[Panel] = TRAINING
    epochs: Annotated[int, Number] = Field(default=10, ge=1, le=_LIMIT)
    """Passes over the training set."""
    batch_size: Annotated[int, Number] = Field(default=64, ge=1, le=_LIMIT)
    """Rows of one step; what is left over of an epoch is not used in it."""
    learning_rate: Annotated[float, Number] = Field(default=1e-3, gt=0)
    """Step size of Adam."""
    train_seeds: Annotated[int, Number] = Field(default=3, ge=1, le=_LIMIT)
    """Trainings of each model, from parameters and in batches of their own."""
    train_samples: Annotated[int, Field(ge=1, le=2**63 - 1), Number] | None = None
    """Rows to train on, chosen at random; by default `n_train`, or all."""
    precision: Literal["float32", "float64"] = "float32"
    """Of the numbers of a training; the measure itself is always in float64."""


class DecidingOptions(Options):
    """What `until_decided` is to reach, and at what cost at most."""

    section: ClassVar[str] = "deciding"
    panel: ClassVar[Panel] = BUDGET
    decide_at: Annotated[float, Number] = Field(default=0.95, gt=0.5, le=0.999)
    """Probability demanded of every order of neighbours."""
    max_draws: _Count = None
    """Draws per model at most; by default 8 times `draws`."""
    max_samples: _Count = None
    """Inputs per model at most; by default 8 times `samples`."""
    budget: Seconds | None = None
    """Time to spend at most, such as `60s`, `5min` or `2h`; a step that would not fit is not
    begun."""


@dataclass(frozen=True)
class Budget:
    """What a selection may cost: a share of training all, or seconds."""

    share: float | None = None
    seconds: float | None = None


def read_budget(text: str) -> Budget:
    """Read `10%` or `60s`, `5min`, `2h`.

    Raises:
        ValueError: with a sentence that says what is allowed.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%|[a-z]+)\s*", text)
    number = float(match[1]) if match else 0.0
    if match and match[2] == "%" and 0 < number <= 100:
        return Budget(share=number / 100)
    if match and match[2] in _UNITS and 0 < number < 1e9:
        return Budget(seconds=number * _UNITS[match[2]])
    raise ValueError(
        f"`budget` must be a share of the cost of training all, such as `10%`, or a time such as "
        f"`60s`, `5min` or `2h`, not `{shown(text)}`"
    )


def _budget(text: str) -> str:
    read_budget(text)
    return text.strip()


class SelectOptions(Options):
    """What a choice may cost, and how sure it is to be."""

    section: ClassVar[str] = "select"
    panel: ClassVar[Panel] = BUDGET
    budget: Annotated[str, AfterValidator(_budget)] = "10%"
    """What it may cost: a share of the cost of training all, or a time such as `60s` or `5min`."""
    prune_by: Annotated[str, Field(min_length=1)] = "joint"
    """What leaves out three quarters of the candidates before any training, and weighs against
    their early losses: a score (lower, end-to-end, joint), the name of a baseline, or none."""
    decide_at: Annotated[float, Number] = Field(default=0.95, gt=0.5, le=0.999)
    """Probability of being the best from which on the choice is made."""


class LimitOptions(Options):
    """How large a candidate may be; larger ones are left out."""

    section: ClassVar[str] = "limits"
    panel: ClassVar[Panel] = BUDGET
    max_parameters: Annotated[int, Field(ge=1, le=2**62), Number] | None = None
    """Parameters of a candidate at most; larger ones are left out."""
    max_model_flops: Annotated[float, Field(gt=0), Number] | None = None
    """Operations of a candidate's forward pass of one input at most, two for each multiply-add."""


class GateOptions(Options):
    """What the gate demands, and how sure it must be."""

    section: ClassVar[str] = "gate"
    panel: ClassVar[Panel] = GATE
    min_ratio: Annotated[float, Number] = Field(default=0.95, gt=0)
    """Score demanded of each model, as a multiple of the baseline's."""
    confidence: Annotated[float, Number] = Field(default=0.95, gt=0.5, le=0.999)
    """How sure a pass or a failure must be."""
    max_draws: _Count = None
    """Draws per model at most, where fewer do not decide; by default 8 times `draws`."""
    max_parameters: Annotated[int, Field(ge=1, le=2**62), Number] | None = None
    """Parameters of each model at most."""
    min_score: Annotated[float, Number] | None = None
    """Score of each model at least, in dimensions, at that confidence."""
    allow_missing: Flag = False
    """Let models of the baseline be gone from the spec."""
    allow_new: Flag = False
    """Let models of the spec have no baseline."""


class TheoremConstants(Options):
    """The constants of Theorem 5.1 that are the user's word."""

    section: ClassVar[str] = "bound"
    panel: ClassVar[Panel] = THEOREM
    lipschitz: Annotated[float, Field(ge=0), Number] | None = None
    """L, of the normalised Fisher matrix as a field over the unit cube of parameters; needed."""
    theorem_k: Annotated[float, Number] = Field(default=1.0, gt=0)
    """K, which follows from b, Lambda, alpha_1 and alpha_2; not the number of draws."""
    theorem_c: Annotated[float, Field(gt=0), Number] | None = None
    """C, which follows from the same; else left as C."""
    loss_bound: Annotated[float, Field(gt=0), Number] | None = None
    """b, for a loss in [0, 2b], to judge C eps_n by."""


def _shareable(gpus: float) -> float:
    if gpus > 1 and not gpus.is_integer():
        raise ValueError(f"`gpus` above 1 must be a whole number, not {gpus:g}")
    return gpus


class ClusterOptions(Options):
    """Which Ray cluster, and what a task has of it."""

    section: ClassVar[str] = "ray"
    panel: ClassVar[Panel] = CLUSTER
    address: Annotated[str, Field(min_length=1)] | None = None
    """Work on a Ray cluster, a task for each candidate: `auto`, HOST:6379, ray://HOST:10001, or
    `local` for one on this machine. Needs `pip install 'sed2-rank[ray]'`."""
    cpus: Annotated[int, Number] = Field(default=1, ge=1)
    """CPUs of each task of `ray`."""
    gpus: Annotated[float, Number, AfterValidator(_shareable)] = Field(default=0, ge=0)
    """GPUs of each task of `ray`; 0.5 shares one between two."""

    @classmethod
    def option(cls, field: str) -> str:
        return "ray" if field == "address" else f"ray_{field}"


class HostOptions(Options):
    """Several processes that share the work out. Each has its own, so they are in no YAML."""

    panel: ClassVar[Panel] = CLUSTER
    distributed: Flag = False
    """Share the draws out over the devices of several processes, which all run the same command.
    JAX finds them under SLURM, Kubernetes, Open MPI and on TPU; elsewhere the next three options
    say what it would find."""
    coordinator: str | None = None
    """Where the processes meet: a free port of process 0's machine; by default
    $JAX_COORDINATOR_ADDRESS."""
    processes: Annotated[int, Field(ge=1), Number] | None = None
    """How many processes there are."""
    process: Annotated[int, Field(ge=0), Number] | None = None
    """Which of them this is, from 0."""
    host_timeout: Annotated[int, Number] = Field(default=300, ge=1)
    """How many seconds to wait for all processes to come, and for a sign of life from each."""


KINDS_OF_OPTIONS: tuple[type[Options], ...] = (
    Settings,
    TrainingSettings,
    DecidingOptions,
    LimitOptions,
    SelectOptions,
    GateOptions,
    TheoremConstants,
    ClusterOptions,
    HostOptions,
)
SECTIONS = {kind.section: kind for kind in KINDS_OF_OPTIONS if kind.section}
"""The classes of options that the YAML holds in a mapping of their own, by its key."""
NAMES = frozenset(name for kind in KINDS_OF_OPTIONS for name in kind.fields())
"""Of all options."""
OTHER_VARIABLES = ("SED2_CACHE_DIR", "SED2_DATA_DIR", "SED2_DEBUG")
"""Variables that are no options: they change no number."""
_PREFIX = "SED2_"
_TEST_PREFIX = "SED2_TEST_"
_MOST_TOLD = 10  # foreign variables
_WITHOUT = "outputs, run directories and options of single commands have no variable"


def sort_out(given: Mapping[str, Any], *kinds: type[Options]) -> list[dict[str, Any]]:
    """Options by their class; None is not given.

    Raises:
        UsageError: one belongs to none of the classes.
    """
    known = dict.fromkeys(name for kind in kinds for name in kind.fields())
    for name in given:
        if name not in known:
            raise UsageError(
                f"there is no option `{name}`", mend=did_you_mean(name, known), where=name
            )
    return [
        {name: given[name] for name in kind.fields() if given.get(name) is not None}
        for kind in kinds
    ]


def variables(env: Mapping[str, str]) -> dict[str, str]:
    """The variables of the environment that are options, as they are given."""
    known = sorted(map(variable, NAMES))
    return {name: env[name] for name in known if env.get(name, "").strip()}


def foreign_variables(env: Mapping[str, str]) -> list[str]:
    """A warning for each variable `SED2_...` that is no option, which may be another program's."""
    known = [*map(variable, sorted(NAMES)), *OTHER_VARIABLES]
    own = {name.removeprefix(_PREFIX): name for name in known}
    foreign = [
        name
        for name in sorted(env)
        if name.startswith(_PREFIX) and name not in known and not name.startswith(_TEST_PREFIX)
    ]
    warnings = []
    for name in foreign[:_MOST_TOLD]:
        near = difflib.get_close_matches(name.removeprefix(_PREFIX).upper(), own, n=1, cutoff=0.7)
        hint = f"the nearest is `{own[near[0]]}`" if near else _WITHOUT
        warnings.append(
            f"the variable `{name}` is no option of sed2, and means nothing here; {hint}"
        )
    if len(foreign) > _MOST_TOLD:
        more = len(foreign) - _MOST_TOLD
        warnings.append(f"{more:,} more variables `SED2_...` are no options of sed2")
    return warnings

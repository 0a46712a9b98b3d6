"""Run the ways in turn, round by round, and put their times in proportion to sed2's."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from scripts.bench.agreement import Agreement, Answer, compare
from scripts.bench.cases import PROBES, Case
from scripts.bench.clock import Run, Stopped, time_way
from scripts.bench.prepare import make_problem
from scripts.bench.problem import Problem, Values
from scripts.bench.training import find_epochs, training_set
from scripts.bench.ways import WAYS


class Disagreement(Exception):
    """A way's values are not sed2's."""


@dataclass(frozen=True)
class Options:
    """How it is measured."""

    rounds: int
    cores: int
    memory: float
    """Bytes that one way may take."""
    once_above: float
    """Seconds above which a way is run once only, if it is not sed2."""
    at_most: float = math.inf
    """Seconds after which a way other than sed2 is ended; of the search for the length of a
    training, too."""
    train_data: Path | None = None
    """Folder of whole data sets to train on."""


@dataclass
class Measured:
    """One way of one case."""

    case: Case
    name: str
    runs: list[Run] = field(default_factory=list)
    """Of each round; one if it takes long."""
    cached: list[Run] = field(default_factory=list)
    """The same with the programs that the run before it compiled; of sed2 alone."""
    agreement: Agreement | None = None
    left_out: list[str] = field(default_factory=list)
    """The blocks that did not fit, with the reason; or why it did not run at all."""
    stopped: bool = False
    """Whether it was ended before its first answer, so that its one time is a lower bound."""

    @property
    def partial(self) -> bool:
        """Whether its times are too small, since blocks were left out or it was ended."""
        return bool(self.runs) and (self.stopped or bool(self.left_out))

    @property
    def share(self) -> float:
        """K over the draws that it does in one run."""
        return self.case.draws / self.case.few if WAYS[self.name].few else 1.0

    def warm(self, run: Run) -> float:
        """Seconds for all K draws, without the start."""
        return self.share * (run.first if run.warm is None else run.warm)

    def cold(self, run: Run) -> float:
        """Seconds for all K draws, from the start of the process."""
        return run.first + (self.share - 1) * (run.first if run.warm is None else run.warm)


@dataclass(frozen=True)
class Ratio:
    """Of two times, over the rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, above: Sequence[float], below: Sequence[float]) -> Ratio:
        """Round by round; what ran once is held against every round of the other."""
        rounds = range(max(len(above), len(below)))
        ratios = [above[min(i, len(above) - 1)] / below[min(i, len(below) - 1)] for i in rounds]
        return cls(median(ratios), min(ratios), max(ratios))


@dataclass(frozen=True)
class Result:
    """All ways of one case."""

    case: Case
    parameters: int
    trained: str
    """What the training was, in words; empty without one."""
    ways: dict[str, Measured]

    def ratio(self, name: str, kind: str, below: str = "sed2") -> Ratio:
        """How many times sed2's time a way takes, `cold` or `warm`."""
        times = [
            [getattr(way, kind)(run) for run in way.runs]
            for way in (self.ways[name], self.ways[below])
        ]
        return Ratio.of(*times)


def measure(
    case: Case, names: Sequence[str], options: Options, tell: Callable[[str], None]
) -> Result:
    """All ways of one case.

    Args:
        names: of `WAYS`; sed2 is among them.
        tell: called with what is being done.

    Raises:
        Disagreement: before any time of it is reported.
        Failed: a way ended without an answer.
    """
    ways = {name: Measured(case, name) for name in names}
    for way in ways.values():
        if missing := WAYS[way.name].missing:
            way.left_out.append(f"not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory() as temporary:
        folder, trained = Path(temporary), ""
        tell(f"{case.model}: drawing")
        problem, answers = make_problem(case, folder, options.memory)
        if "training" in ways:
            tell(f"{case.model}: how long does it train?")
            trained = _plan_training(problem, options)
        for number in range(options.rounds):
            for way in ways.values():
                if (way.left_out and not way.runs) or (way.runs and way.runs[-1].warm is None):
                    continue
                tell(f"{case.model}: round {number + 1}, {WAYS[way.name].title}")
                run = _run(way, problem, options)
                if number == 0 and run.values:
                    judge(way, run.values[0], problem, answers)
        return Result(case, problem.parameters, trained, ways)


def _run(way: Measured, problem: Problem, options: Options) -> Run:
    """Once, and if it is sed2 once more with what was compiled."""
    with tempfile.TemporaryDirectory() as cache:
        is_ours = WAYS[way.name].family == "sed2"
        limits = (math.inf, math.inf) if is_ours else (options.once_above, options.at_most)
        rest = ([problem.folder], options.cores, Path(cache), *limits)
        try:
            way.runs.append(time_way(way.name, *rest))
        except Stopped:
            way.stopped = True
            way.runs.append(Run(options.at_most, None, 0, []))
        if is_ours:
            way.cached.append(time_way(way.name, *rest))
    return way.runs[-1]


def judge(way: Measured, values: Values, problem: Problem, answers: dict[str, Answer]) -> None:
    """
    Raises:
        Disagreement: the values are not sed2's.
    """
    kind = WAYS[way.name]
    too_large = values.needs > problem.memory
    for part in np.flatnonzero(too_large):
        what = "the whole network" if kind.answer == "abbas" else f"block {part + 1}"
        way.left_out.append(f"{what} needs {values.needs[part] / 1e9:,.0f} GB")
    if too_large.all():
        way.runs.clear()
        return
    way.agreement = compare(values, answers[kind.answer], ~too_large, kind.tolerance, PROBES)
    if not way.agreement.holds:
        raise Disagreement(
            f"{way.case.model}: {kind.title} differs from sed2 by {way.agreement.difference:.1e}"
        )


def _plan_training(problem: Problem, options: Options) -> str:
    data = training_set(problem, options.train_data)
    found = find_epochs(problem, data, seconds=options.at_most)
    state = "converged" if found.converged else "stopped"
    return (
        f"{state} after {found.epochs} epochs of {found.rows:,} rows, at a loss of {found.loss:.3g}"
    )

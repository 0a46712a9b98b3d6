"""How often `sed2 gate` passes, fails or cannot decide, for models whose true ratio is known.

    python -m scripts.statistics.gate [--runs 40] [--pairs equal,linear] [--write FILE]

Every pair of models is judged under --runs seeds by the gate's own code, each time against a
baseline made under the same seed. The true ratio is that of the mean scores over these seeds; for
`equal` pairs, the same network under other draws, it is 1. What is demanded is given as a multiple
of the true ratio: at 1 the gate stands on the edge, where a pass and a failure are both errors and
each may happen in at most 1 - confidence. A model that is truly equal, held to 0.95, is demanded
0.95 of its true ratio; one that is 10% lower 0.95 / 0.9 of it.

The rule for the pairs `JUDGED`, written before they were run and used for no choice: held to what
is 5% off the true ratio, either way, at least 95% of the runs of those pairs whose ratio scatters
by at most 1.25% are decided, so that 5% is four standard deviations or more; and at most 5% of the
runs of all pairs are wrong, there and, either way, on the edge.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from scripts.common import pages
from scripts.common.data import covertype_columns
from scripts.common.options import at_least, names_of
from sed2.data.load import Dataset, choose_inputs, choose_rows
from sed2.estimate import estimate
from sed2.gating.baseline import BaselineData, BaselineModel, make_baseline
from sed2.gating.gate import further_batch
from sed2.gating.judging import GateRun, judge_model
from sed2.gating.outcome import Status
from sed2.gating.rules import Rules, read_rules
from sed2.options import GateOptions
from sed2.results import ModelResult
from sed2.settings import Settings, resolve
from sed2.spec.schema import ModelSpec, load_spec

DEMANDS = {"equal, held to 0.95": 0.95, "on the edge": 1.0, "10% lower, held to 0.95": 0.95 / 0.9}
"""What is demanded, as a multiple of the true ratio."""
OTHER_DRAWS = 10**6
"""Added to the seed for other draws on the same inputs."""


@dataclass(frozen=True)
class Pair:
    """A baseline, a change of it, and the data and size of a run."""

    before: str
    after: str
    columns: int
    samples: int
    draws: int
    times: int = 1
    """How many times as many seeds: small networks cost little."""

    @property
    def equal(self) -> bool:
        """Whether the change is none."""
        return self.before == self.after


PAIRS = {
    "equal": Pair("MLP 54-16-7", "MLP 54-16-7", 54, 100, 100),
    "narrower": Pair("MLP 54-16-7", "MLP 54-14-7", 54, 100, 100),
    "deeper": Pair("MLP 54-16-7", "MLP 54-13-11-9-7", 54, 100, 100),
    "small-equal": Pair("MLP 4-3-2", "MLP 4-3-2", 4, 50, 100, 5),
    "small-wider": Pair("MLP 4-3-2", "MLP 4-4-2", 4, 50, 100, 5),
    "linear": Pair("MLP 8-3", "MLP 8-4-3", 8, 50, 100, 5),
    "new-20": Pair("MLP 12-6-4", "MLP 12-5-5-4", 12, 20, 100),
    "new-100": Pair("MLP 12-6-4", "MLP 12-5-5-4", 12, 100, 100),
    "new-wide-20": Pair("MLP 20-8-5", "MLP 20-10-5", 20, 20, 100),
    "new-deep-20": Pair("MLP 20-8-5", "MLP 20-7-6-5", 20, 20, 100),
    "new-deep-100": Pair("MLP 20-8-5", "MLP 20-7-6-5", 20, 100, 100),
    "new-linear-20": Pair("MLP 9-4", "MLP 9-5-4", 9, 20, 100),
    "new-large-20": Pair("MLP 54-12-7", "MLP 54-10-8-7", 54, 20, 100),
    "new-large-100": Pair("MLP 54-12-7", "MLP 54-10-8-7", 54, 100, 100),
}
JUDGED = tuple(name for name in PAIRS if name.startswith("new-"))
OFF = {"5% above, held to less": 0.95, "on the edge": 1.0, "5% below, held to more": 1.05}
"""What is demanded of these, as a multiple of the true ratio."""
CLEAR = 0.0125
"""Scatter of a ratio at which 5% is four standard deviations."""


@dataclass(frozen=True)
class Trial:
    """Both models under one seed."""

    before: list[ModelResult]
    after: list[ModelResult]

    @property
    def scores(self) -> tuple[float, float]:
        """The mean over all batches of either."""
        first, second = ([one.score.value for one in side] for side in (self.before, self.after))
        return float(np.mean(first)), float(np.mean(second))


@cache
def read(spec: str) -> ModelSpec:
    """One model."""
    return load_spec(spec).models[0]


@cache
def data_of(columns: int) -> Dataset:
    """The first columns of Covertype."""
    return covertype_columns("gate", columns, standardized=True)


def with_same_inputs(dataset: Dataset, samples: int, seed: int, other: int) -> Dataset:
    """Data of which another seed chooses the inputs that `seed` chooses of `dataset`."""
    x = dataset.x.copy()
    x[choose_rows(dataset.rows, samples, other)] = choose_inputs(dataset, samples, seed)
    return replace(dataset, x=x)


def batches(
    model: ModelSpec, dataset: Dataset, settings: Settings, count: int
) -> list[ModelResult]:
    """As the gate takes them."""
    first = estimate(model, dataset, settings)
    further = [further_batch(model, dataset, settings, n) for n in range(1, count)]
    return [first, *further]


@cache
def baseline_batches(
    spec: str, dataset: Dataset, settings: Settings, count: int
) -> list[ModelResult]:
    """As `batches`, once for all pairs."""
    return batches(read(spec), dataset, settings, count)


def trial(pair: Pair, dataset: Dataset, settings: Settings, rules: Rules) -> Trial:
    """Both models under the seed of the settings."""
    of_before = baseline_batches(pair.before, dataset, settings, rules.baseline_batches)
    if pair.equal:  # or its draws would be the same
        other = settings.seed + OTHER_DRAWS
        dataset = with_same_inputs(dataset, settings.samples, settings.seed, other)
        settings = settings.model_copy(update={"seed": other})
    return Trial(of_before, batches(read(pair.after), dataset, settings, rules.batches))


def stored(results: list[ModelResult], settings: Settings) -> BaselineModel:
    """As the baseline keeps them, under a hash that is no model's."""
    digest = "0" * 64
    data = BaselineData(
        files_sha256=None, input_shape=(1,), inputs=results[0].inputs, name="gate", sha256=digest
    )
    name, provenance = results[0].name, asdict(results[0].provenance)
    made = make_baseline([results], {}, data, {name: settings}, provenance)
    return made.models[name].model_copy(update={"spec_sha256": digest})


def verdict(pair: Pair, found: Trial, settings: Settings, rules: Rules) -> tuple[Status, int]:
    """The gate's, and how many batches it took."""
    run = GateRun(lambda number: found.after[number])
    gated = judge_model(
        read(pair.after),
        found.after[0].parameters,
        stored(found.before, settings),
        rules,
        run,
        answered=False,
    )
    return gated.status, len(run.batches)


def rows(
    name: str, runs: int, rules: Rules, report: Callable[[str], None] = lambda told: None
) -> list[list[str]]:
    """Of the table, for one pair."""
    pair = PAIRS[name]
    dataset, runs = data_of(pair.columns), runs * pair.times
    base = {"dataset": "gate", "samples": pair.samples, "draws": pair.draws, "eps": "1e-3:1e-1:7"}
    trials = []
    for seed in range(runs):
        settings = Settings.model_validate({**base, "seed": seed})
        trials.append((settings, trial(pair, dataset, settings, rules)))
        report(f"{name}: {seed + 1} of {runs}")
    before, after = np.array([found.scores for _, found in trials]).T
    true = 1.0 if pair.equal else float(after.mean() / before.mean())
    scatter = float((after / before).std(ddof=1))
    lines = []
    for words, multiple in (OFF if name in JUDGED else DEMANDS).items():
        asked = replace(rules, min_ratio=multiple * true)
        found = [verdict(pair, one, settings, asked) for settings, one in trials]
        shares = [np.mean([status is each for status, _ in found]) for each in Status]
        second = np.mean([taken > 1 for _, taken in found])
        line = [pair.before, pair.after, f"{runs}", f"{true:.3f}", f"{scatter:.4f}", words]
        shown = [f"{share:.0%}" for share in (*shares, second)]
        lines.append([*line, f"{asked.min_ratio:.3f}", *shown])
    return lines


def judgement(lines: Sequence[Sequence[str]]) -> list[str]:
    """The rule, of the rows of the judged pairs, which all have the same number of seeds."""
    edge, off = ([one for one in lines if (one[5] == "on the edge") is on] for on in (True, False))

    def mean(some: Sequence[Sequence[str]], column: int) -> float:
        return float(np.mean([float(one[column].rstrip("%")) / 100 for one in some]))

    wrong = [[one, 8 if float(one[6]) < float(one[3]) else 7] for one in off]
    clear = [one for one in off if float(one[4]) <= CLEAR]
    return [
        f"5% off, where the ratio scatters by at most {CLEAR:.2%} ({len(clear) // 2} pairs): "
        f"{1 - mean(clear, 9):.1%} decided (at least 95% wanted). Wrong 5% off, of all pairs: "
        f"{np.mean([mean([one], column) for one, column in wrong]):.1%} (at most 5%). On the edge: "
        f"{mean(edge, 7):.1%} passed, {mean(edge, 8):.1%} failed (at most 5% each).",
        "",
    ]


def document(given: argparse.Namespace, report: Callable[[str], None]) -> str:
    """The whole page."""
    size = Settings.model_validate({"draws": PAIRS[given.pairs[0]].draws})
    rules = read_rules(resolve({"confidence": given.confidence}, {}, of=GateOptions), [size])
    sizes = {f"{p.before}: N = {p.samples}, K = {p.draws}" for p in map(PAIRS.get, given.pairs)}
    head = ["baseline", "model", "seeds", "true ratio", "scatter of the ratio", "the model is"]
    head += ["demanded", "passed", "failed", "undecided", "second look"]
    lines = [line for name in given.pairs for line in rows(name, given.runs, rules, report)]
    return "\n".join(
        [
            "# How often the gate is right",
            "",
            f"Made by `python -m scripts.statistics.gate --runs {given.runs} --confidence "
            f"{given.confidence:g} --pairs {','.join(given.pairs)}`: seeded runs of each "
            "pair, on columns of Covertype, by the mean of lower 2sED over eps 0.001 to 0.1. "
            f"{'; '.join(sorted(sizes))}.",
            "A baseline is the mean of "
            f"{rules.baseline_batches} batches of K draws; a model is looked at with one, and "
            f"if that does not decide with {rules.batches}. The true ratio of two networks that "
            "differ is that of their mean scores over these seeds.",
            "",
            *pages.table(head, lines),
            "",
            *(judgement(lines) if set(given.pairs) <= set(JUDGED) else ()),
            f"On the edge a pass and a failure are both errors, each allowed in "
            f"{1 - given.confidence:.0%}. A share of 5% is known to "
            f"{np.sqrt(0.05 * 0.95 / given.runs):.1%} from {given.runs} seeds.",
            "",
        ]
    )


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How often the gate passes, fails, is undecided.")
    parser.add_argument("--runs", type=at_least(2), default=40, help="seeds per pair [%(default)s]")
    parser.add_argument("--confidence", type=float, default=0.95, help="[%(default)s]")
    parser.add_argument(
        "--pairs",
        type=names_of(PAIRS),
        default=",".join(name for name in PAIRS if name not in JUDGED),
        help="[%(default)s]",
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page to a file, too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    pages.show(document(given, pages.tell), given.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())

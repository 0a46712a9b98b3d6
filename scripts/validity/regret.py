"""What `select` loses at a budget: with every measure, without one, and by random search.

    python -m scripts.validity.regret curves FAMILY    regret-FAMILY-curves.csv, minutes of one core
    python -m scripts.validity.regret truth FAMILY     regret-FAMILY-truth.csv, the same
    python -m scripts.validity.regret report           regret.md, regret-FAMILY.csv

All networks of a family are trained to the end once. `select` is then played on lists of them: its
race is handed the stored curves instead of trainings. All files are in docs/evidence.

- `mlps`: the 104 of configs/validity-mlps.yaml; measures of docs/validity-mlps.csv.
- `cnns`: the first of configs/fresh-cnns.yaml, as many as docs/evidence/fresh-cnns.csv has scores
  of; measures of that table. Joint 2sED was not made up on these, nor was what `select` says of P.

Fixed before the curves of a family were computed:

- 40 lists, of 30 of the MLPs and of 10 of the CNNs, drawn without replacement, seed 0; budgets of
  2, 5, 10 and 20% of the epochs of training all of a list;
- `decide_at` 0.999, so that the budget is spent;
- regret: the loss of the choice at the end, mean over the seeds, less the lowest of the list;
- random search trains as many networks to the end as the budget holds, at least one, and takes the
  best;
- the rule of the default of `--prune-by`, on the MLPs: of lower, end-to-end and joint the one with
  the smallest mean regret at 10%, if the 95% interval of its gain over `none` (paired bootstrap
  over the lists, 2,000 resamples, seed 0) lies above 0; else `none`.

P(best) of a choice comes true if the choice has the lowest loss of all that were trained, mean over
further seeds (`truth`), which the race does not see.

The MLPs were looked at when joint 2sED was made up, and how `select` forecasts was chosen by them.
Lists share networks: intervals over lists are too narrow for other networks. The cost of a measure
is not in the budget here; it is told beside it.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from scripts.common.pages import table
from scripts.common.paths import CONFIGS, DOCS
from scripts.validity.data import Key
from scripts.validity.data import load as load_benchmark
from scripts.validity.fresh.cells import FAMILIES as FRESH
from scripts.validity.fresh.numbers import load as load_fresh
from sed2.common import terminal
from sed2.data.load import Dataset, load_dataset
from sed2.options import TrainingSettings
from sed2.selection.halving import Race
from sed2.selection.schedule import schedule
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec, load_spec
from sed2.training.many import train_some
from sed2.training.result import CROSS_ENTROPY, Training

LISTS, SEED = 40, 0
BUDGETS = (0.02, 0.05, 0.1, 0.2)
WITHIN = 0.01
RESAMPLES = 2_000
EVIDENCE = DOCS / "evidence"
PAGE = EVIDENCE / "regret.md"
SCORES = ("lower", "end-to-end", "joint")
CHANCES = (0, 0.2, 0.3, 0.5, 0.7, 1)
"""Between these, what was said is put together."""
Priors = dict[str, dict[str, float]]
"""By measure and model, larger is better."""


@dataclass(frozen=True)
class Family:
    """Networks that are chosen from."""

    name: str
    title: str
    about: str
    models: Callable[[], Sequence[ModelSpec]]
    dataset: Callable[[], Dataset]
    priors: Callable[[], Priors]
    length: int
    """Of a list."""
    further: int
    """Seeds that tell what is true."""
    training: TrainingSettings

    def file(self, what: str = "") -> Path:
        return EVIDENCE / f"regret-{self.name}{what and '-'}{what}.csv"


def _mlp_priors() -> Priors:
    benchmark = load_benchmark([DOCS / "validity-mlps.csv"])
    lower = benchmark.scores[Key("torch N=100", "lower_2sed", "0.3")]
    whole = benchmark.scores[Key("end-to-end N=100", "2sed", "0.3")]
    measures = {"lower": benchmark.scores[benchmark.default], "end-to-end": whole}
    measures |= {"joint": np.sqrt(lower * whole), **benchmark.rivals}
    return _by_name([str(name) for name in benchmark.models], measures)


def _cnn_priors() -> Priors:
    numbers = load_fresh(FRESH["cnns"])
    measures = {name: numbers.scores[name] for name in ("lower", "joint")}
    measures |= {"end-to-end": numbers.scores["end-to-end, eps 0.3"]}
    whole = {name: its for name, its in numbers.baselines.items() if np.isfinite(its).all()}
    return _by_name(numbers.models, measures | whole)


def _by_name(names: Sequence[str], measures: Mapping[str, np.ndarray]) -> Priors:
    return {
        measure: dict(zip(names, values.tolist(), strict=True))
        for measure, values in measures.items()
    }


def _scored_cnns() -> list[ModelSpec]:
    scored = set(load_fresh(FRESH["cnns"]).models)
    return [model for model in FRESH["cnns"].models if model.name in scored]


FAMILIES = {
    family.name: family
    for family in (
        Family(
            "mlps",
            "MLPs",
            "of about 1,000 parameters on Covertype",
            lambda: load_spec(CONFIGS / "validity-mlps.yaml").models,
            lambda: load_dataset("covertype"),
            _mlp_priors,
            length=30,
            further=10,
            training=TrainingSettings(epochs=20, train_samples=10_000, train_seeds=3),
        ),
        Family(
            "cnns",
            "CNNs",
            "of about 1,000 parameters on MNIST with half the rows and columns",
            _scored_cnns,
            lambda: FRESH["cnns"].data(),
            _cnn_priors,
            length=10,
            further=3,
            training=TrainingSettings(epochs=12, train_samples=1_600, batch_size=16, train_seeds=3),
        ),
    )
}


def curves(family: Family) -> None:
    """Train all to the end, with the loss of the training set after every epoch."""
    training, models = family.training, family.models()
    with (
        terminal.progress("training") as report,
        family.file("curves").open("w", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["model", "seed", "epoch", "steps_loss", "loss", "cpu_seconds"])
        for place, stopped in train_some(
            models,
            family.dataset(),
            Settings(dataset="made"),
            training,
            range(1, training.epochs + 1),
            progress=lambda done, total: report("all networks", done, total),
        ):
            seconds = stopped.checkpoint.cost.cpu_seconds
            for epoch, its in enumerate(stopped.trainings):
                for seed, (steps, loss) in enumerate(
                    zip(its.loss[:, -1], its.final_loss, strict=True)
                ):
                    row = [models[place].name, seed, epoch + 1, f"{steps:.6g}", f"{loss:.6g}"]
                    writer.writerow([*row, f"{seconds:.3g}"])


def truth(family: Family) -> None:
    """Train all to the end under further seeds."""
    seeds, models = family.training.train_seeds, family.models()
    more = family.training.model_copy(update={"train_seeds": seeds + family.further})
    with (
        terminal.progress("training") as report,
        family.file("truth").open("w", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["model", "seed", "loss"])
        for place, stopped in train_some(
            models,
            family.dataset(),
            Settings(dataset="made"),
            more,
            [more.epochs],
            progress=lambda done, total: report("all networks", done, total),
        ):
            losses = stopped.trainings[-1].final_loss[seeds:]
            for seed, loss in enumerate(losses, start=seeds):
                writer.writerow([models[place].name, seed, f"{loss:.6g}"])


@dataclass(frozen=True)
class Curves:
    """Of one network, each (S, E)."""

    steps: np.ndarray
    losses: np.ndarray
    training: TrainingSettings

    def until(self, epochs: int) -> Training:
        return Training(
            objective=CROSS_ENTROPY,
            loss=self.steps[:, :epochs],
            final_loss=self.losses[:, epochs - 1],
            accuracy=None,
            samples=self.training.train_samples or 0,
            wanted=self.training.train_samples or 0,
            batch_size=self.training.batch_size,
            steps=0,
            settings=self.training.model_copy(update={"epochs": epochs}),
        )

    @property
    def end(self) -> float:
        return float(self.losses[:, -1].mean())


def read_curves(family: Family) -> tuple[dict[str, Curves], float]:
    """By name, and the mean CPU seconds of a network."""
    found: dict[str, np.ndarray] = {}
    seconds: dict[str, float] = {}
    empty = (2, family.training.train_seeds, family.training.epochs)
    with family.file("curves").open(newline="") as file:
        for row in csv.DictReader(file):
            its = found.setdefault(row["model"], np.full(empty, math.nan))
            at = int(row["seed"]), int(row["epoch"]) - 1
            its[(slice(None), *at)] = float(row["steps_loss"]), float(row["loss"])
            seconds[row["model"]] = float(row["cpu_seconds"])
    of = {name: Curves(*its, family.training) for name, its in found.items()}
    return of, float(np.mean([*seconds.values()]))


def read_truth(family: Family) -> dict[str, float]:
    """The loss of each network, mean over the further seeds."""
    found: dict[str, list[float]] = {}
    with family.file("truth").open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["model"], []).append(float(row["loss"]))
    return {name: float(np.mean(losses)) for name, losses in found.items()}


def play(
    names: Sequence[str], of: Mapping[str, Curves], share: float, prior: Mapping[str, float] | None
) -> tuple[str, float, list[str]]:
    """The choice of `select`, the probability it tells, and what it trained."""
    epochs = of[names[0]].training.epochs
    rungs = schedule(len(names), epochs, share, prune=prior is not None)
    known = {name: prior[name] if prior else math.nan for name in names}
    race = Race(known, rungs, epochs, 0.999, SEED)
    race.run(lambda alive, epochs: {name: of[name].until(epochs) for name in alive})
    found, (chances, _) = race.outlook()
    furthest = max(race.came.values())
    last = [i for i, name in enumerate(race.racing) if race.came[name] == furthest]
    choice = min(last, key=lambda i: found.log_loss[i])
    return race.racing[choice], float(chances[choice]), race.racing


def at_random(
    names: Sequence[str], of: Mapping[str, Curves], share: float, rng: np.random.Generator
) -> str:
    count = max(1, int(share * len(names) + 1e-9))
    return min(rng.choice(names, size=count, replace=False), key=lambda name: of[name].end)


@dataclass(frozen=True)
class Played:
    """What came of all lists; arrays are (ways, budgets, lists)."""

    family: Family
    networks: int
    ways: list[str]
    regrets: np.ndarray
    within: np.ndarray
    """Whether the choice is within 1% of the lowest loss of the list."""
    said: np.ndarray
    """The probability that the choice is the best of those trained; NaN where none is told."""
    came_true: np.ndarray
    seconds: float
    """CPU seconds of training one network."""

    @classmethod
    def of(cls, family: Family) -> Played:
        of, seconds = read_curves(family)
        true, priors = read_truth(family), family.priors()
        rng = np.random.default_rng(SEED)
        lists = [
            rng.choice([*of], size=family.length, replace=False).tolist() for _ in range(LISTS)
        ]
        ways = ["random search", "none", *priors]
        regrets = np.zeros((len(ways), len(BUDGETS), LISTS))
        within, came_true = np.zeros_like(regrets), np.zeros_like(regrets)
        said = np.full_like(regrets, math.nan)
        for number, names in enumerate(lists):
            lowest = min(of[name].end for name in names)
            for w, way in enumerate(ways):
                for b, share in enumerate(BUDGETS):
                    at = w, b, number
                    if way == "random search":
                        rng_of_list = np.random.default_rng([SEED, number, b])
                        choice = at_random(names, of, share, rng_of_list)
                    else:
                        choice, said[at], trained = play(names, of, share, priors.get(way))
                        came_true[at] = true[choice] == min(true[name] for name in trained)
                    regrets[at] = of[choice].end - lowest
                    within[at] = of[choice].end <= (1 + WITHIN) * lowest
        return cls(family, len(of), ways, regrets, within, said, came_true, seconds)

    def write(self) -> None:
        with self.family.file().open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            head = ["prune_by", "budget", "list", "regret", "within_1_percent", "probability"]
            writer.writerow([*head, "came_true"])
            for at in np.ndindex(*self.regrets.shape):
                row = [self.regrets[at], self.within[at], self.said[at], self.came_true[at]]
                w, b, number = at
                writer.writerow(
                    [self.ways[w], BUDGETS[b], number, *(f"{value:.4g}" for value in row)]
                )


def gain(regrets: np.ndarray, against: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean of the gain over the lists, and its 95% interval."""
    gains = against - regrets
    picks = np.random.default_rng(SEED).integers(len(gains), size=(RESAMPLES, len(gains)))
    return float(gains.mean()), np.quantile(gains[picks].mean(axis=1), (0.025, 0.975))


def decide(ways: Sequence[str], regrets: np.ndarray) -> tuple[str, str]:
    """The default of `--prune-by` by the rule above, and why."""
    at = BUDGETS.index(0.1)
    means = {name: regrets[ways.index(name), at].mean() for name in SCORES}
    name = min(means, key=lambda each: means[each])
    value, interval = gain(regrets[ways.index(name), at], regrets[ways.index("none"), at])
    told = (
        f"of the scores {name} has the smallest mean regret at 10%; its gain over `none` is "
        f"{1000 * value:.1f} ({1000 * interval[0]:.1f} to {1000 * interval[1]:.1f}) thousandths"
    )
    return (name if interval[0] > 0 else "none"), told


def _regrets_of(played: Played) -> list[str]:
    training = played.family.training
    rows = []
    for w, way in enumerate(played.ways):
        cells = [
            f"{1000 * played.regrets[w, b].mean():.1f} ({played.within[w, b].mean():.0%})"
            for b in range(len(BUDGETS))
        ]
        rows.append([way, *cells])
    return [
        f"## {played.family.title}",
        "",
        f"{LISTS} lists of {played.family.length} of {played.networks} {played.family.title} "
        f"{played.family.about}, trained for {training.epochs} epochs on "
        f"{training.train_samples:,} rows under {training.train_seeds} seeds. One whole training "
        f"of all seeds took {played.seconds:.2g} s of CPU a network, compilation shared.",
        "",
        *table(["prune by", *(f"{share:.0%}" for share in BUDGETS)], rows),
        "",
        "What is said of the choice, and how often it comes true, over all rows but random search:",
        "",
        *table(["P(best) said", "choices", "mean said", "came true"], list(_chances_of(played))),
        "",
    ]


def _chances_of(played: Played) -> list[list[str]]:
    known = np.isfinite(played.said)
    said, true = played.said[known], played.came_true[known]
    rows = []
    for low, high in pairwise(CHANCES):
        its = (said >= low) & (said < high)
        if its.any():
            told = [f"{said[its].mean():.2f}", f"{true[its].mean():.2f}"]
            rows.append([f"{low:g} to {high:g}", f"{its.sum():,}", *told])
    return rows


def report() -> None:
    """The page, of the families whose curves are there."""
    found = [Played.of(its) for its in FAMILIES.values() if its.file("truth").exists()]
    for played in found:
        played.write()
    first = found[0]
    chosen, why = decide(first.ways, first.regrets)
    at = BUDGETS.index(0.1)
    met = [
        f"{played.within[played.ways.index(chosen), at].mean():.0%} of {played.family.title}"
        for played in found
    ]
    cells = load_benchmark([DOCS / "validity-mlps.csv"]).cells
    costs = ", ".join(
        f"{name} {cells[cell][2]:.1f} s"
        for name, cell in (("lower 2sED", "torch N=100"), ("end-to-end", "end-to-end N=100"))
    )
    page = [
        "# What `select` loses at a budget",
        "",
        "Made by `python -m scripts.validity.regret report` from the tables `regret-*.csv` beside "
        "this page. The method and the rule were fixed in that script before the curves of a "
        "family were computed.",
        "",
        "Tables: mean regret in thousandths of a nat, and in brackets the share of lists whose "
        "choice lies within 1% of the lowest loss, by the budget. `none` is halving without a "
        "measure. Every other row leaves out three quarters by the measure before the first "
        "epoch, and weighs it against the losses.",
        "",
        *(line for played in found for line in _regrets_of(played)),
        "## What follows",
        "",
        f"- **The default of `--prune-by`**: `{chosen}`, by the rule: on MLPs, {why}.",
        "- **The goal**, within 1% of the lowest loss at 10% of the cost in at least 95% of lists: "
        f"with `{chosen}` {', '.join(met)}.",
        f"- **Cost**: the measures took, by docs/validity-mlps.csv (wall clock, one busy core), "
        f"{costs} a network. That is not in the budget. Networks of this size are trained side by "
        "side for less than a score costs: the score pays where a training is longer than that.",
        "- P(best) is of those that were trained, and a low one is too low: the errors of all "
        "forecasts are taken to be independent. How `select` forecasts was chosen on the MLPs.",
        "- Lists share networks, and joint 2sED was made up on the MLPs: read their differences "
        "with care.",
        "",
    ]
    PAGE.write_text("\n".join(page), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.validity.regret",
        description="What `select` loses at a budget.",
        epilog=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=("curves", "truth", "report"))
    parser.add_argument("family", nargs="?", choices=FAMILIES, default="mlps")
    given = parser.parse_args(arguments)
    if given.what == "report":
        report()
    else:
        {"curves": curves, "truth": truth}[given.what](FAMILIES[given.family])
    return 0


if __name__ == "__main__":
    sys.exit(main())

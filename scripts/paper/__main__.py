"""The paper's experiments, one command each: figures, numbers, and whether its claims hold.

    python -m scripts.paper fig3 --out docs/paper
    python -m scripts.paper all --out docs/paper --mnist mnist.npz --cifar cifar10.npz

fig1: sharpness of the lower bound. fig2: stability. fig3: MLPs on Covertype against their training
loss. fig3-cnns: CNNs on CIFAR-10. fig4, fig5: the effect of sigma, MLPs and a CNN. fig6: CNNs on
MNIST (the paper's Figures 6 to 9). Into the folder --out go figures and a JSON file for each;
beside it, a page of all claims, with the experiments that were run before. The named data sets are
taken where no file is given; an experiment whose data is not at hand is skipped, and the page says
why.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.common.options import at_least
from scripts.paper import cnns, mlps, sharpness, sigma, stability
from scripts.paper.claims import Statement, not_tested
from scripts.paper.data import NotAtHandError, Sources
from scripts.paper.lab import FULL, QUICK, Lab, Outcome, Size
from scripts.paper.page import keep, write_page
from sed2.common import terminal
from sed2.errors import Sed2Error


@dataclass(frozen=True)
class Experiment:
    """One command."""

    run: Callable[[Lab], Outcome]
    data: Sequence[str]
    statements: Sequence[Statement]
    """Of the paper, to be listed if it cannot be run."""


EXPERIMENTS = {
    "fig1": Experiment(sharpness.figure_1, ("covertype", "mnist"), sharpness.STATEMENTS),
    "fig2": Experiment(stability.figure_2, ("covertype", "mnist"), stability.STATEMENTS),
    "fig3": Experiment(mlps.figure_3, ("covertype",), mlps.STATEMENTS),
    "fig3-cnns": Experiment(cnns.figure_3_cnns, ("cifar",), (cnns.CIFAR, cnns.DOUBLED)),
    "fig4": Experiment(sigma.figure_4, ("covertype",), (sigma.MLP, sigma.OTHERS)),
    "fig5": Experiment(sigma.figure_5, ("mnist",), (sigma.CNN,)),
    "fig6": Experiment(cnns.figure_6, ("mnist",), tuple(cnns.MNIST.values())),
}


def main(given: Sequence[str] | None = None) -> int:
    arguments = parse(given)
    names = list(EXPERIMENTS) if arguments.experiment == "all" else [arguments.experiment]
    sources = Sources(arguments.covertype, arguments.mnist, arguments.cifar)
    size = chosen_size(arguments)
    try:
        for name in names:
            with terminal.progress(name) as report:
                outcome = run(name, Lab(sources, size, report, arguments.memory_gb))
            keep(arguments.out, name, command(name, arguments), outcome)
            for claim in outcome.claims:
                print(f"{name}: {claim.verdict}: {claim.statement.text} [{claim.way}]", flush=True)
    except Sed2Error as error:
        terminal.fail(str(error))
        return error.exit_code
    print(write_page(arguments.out, list(EXPERIMENTS)))
    return 0


def run(name: str, lab: Lab) -> Outcome:
    """One experiment; if its data is not at hand, its claims and the reason."""
    experiment = EXPERIMENTS[name]
    try:
        return experiment.run(lab)
    except NotAtHandError as reason:
        claims = not_tested(experiment.statements, str(reason))
        return Outcome(f"Not run: {name}", (f"{reason}.",), claims)


def chosen_size(arguments: argparse.Namespace) -> Size:
    """One of the three sizes, with what the user says instead."""
    size = {"quick": QUICK, "full": FULL, None: Size()}[arguments.size]
    if (seeds := arguments.seeds) is not None:
        size = replace(size, mlp=replace(size.mlp, seeds=seeds, train_seeds=(seeds,) * 2))
    if (seeds := arguments.cnn_seeds) is not None:
        size = replace(size, cnn=replace(size.cnn, seeds=seeds, train_seeds=(seeds,) * 3))
    if (seeds := arguments.smc_seeds) is not None:
        size = replace(size, smc_seeds=seeds)
    if (epochs := arguments.epochs) is not None:
        size = replace(size, mlp_epochs=(epochs, epochs), image_epochs=epochs)
    if arguments.images is not None:
        size = replace(size, images=arguments.images)
    return size


def command(name: str, arguments: argparse.Namespace) -> str:
    """What makes this experiment anew; files by their names alone."""
    words = ["python", "-m", "scripts.paper", name]
    for option in ("seeds", "cnn_seeds", "smc_seeds", "epochs", "images", "memory_gb"):
        if (value := getattr(arguments, option)) is not None:
            words += [f"--{option.replace('_', '-')}", str(value)]
    for option in EXPERIMENTS[name].data:
        if (path := getattr(arguments, option)) is not None:
            words += [f"--{option}", path.name]
    if arguments.size is not None:
        words.append(f"--{arguments.size}")
    return shlex.join(words)


def parse(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.paper", description="The paper's experiments and its claims."
    )
    parser.add_argument("experiment", choices=[*EXPERIMENTS, "all"])
    parser.add_argument("--out", type=Path, default=Path("paper"), help="folder [%(default)s]")
    parser.add_argument(
        "--seeds", type=at_least(1), help="of MLPs [scores 10, trainings 50 and 20]"
    )
    parser.add_argument("--cnn-seeds", type=at_least(1), help="of CNNs [3]")
    parser.add_argument("--smc-seeds", type=int, help="of sequential Monte Carlo in fig1 [3]")
    parser.add_argument("--epochs", type=at_least(1), help="of every training [MLPs: 100, 40; 10]")
    parser.add_argument("--images", type=at_least(1), help="training images at most [8192]")
    parser.add_argument("--memory-gb", type=float, help="for trainings [sed2's own budget]")
    sizes = parser.add_mutually_exclusive_group()
    for name, told in (("quick", "toy sizes"), ("full", "the paper's sizes, where they are known")):
        sizes.add_argument(f"--{name}", dest="size", action="store_const", const=name, help=told)
    for name in ("covertype", "mnist", "cifar"):
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=".npz with arrays x and y")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())

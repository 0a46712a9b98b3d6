"""Fresh architectures: is a default to change, and how good is the score?

    python -m scripts.validity.fresh run [--first 20]
    python -m scripts.validity.fresh report

`run` goes on where it stopped, however it stopped. It takes hours of one core. The families take
turns, `ROUND` architectures each, so that whenever it stops all of them are partly done. What is
computed is in `cells`, the rule of the decisions in `rule`, the architectures are those of `specs`:
all of these were committed before the first loss was computed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax

from scripts.common.paths import DOCS
from scripts.validity import table
from scripts.validity.__main__ import begun, measure
from scripts.validity.cells import Cell
from scripts.validity.fresh.cells import CORE, COUNTS, FAMILIES, GRADIENTS, MEASURES, ROUND, Family
from scripts.validity.fresh.numbers import TooFewError, load
from scripts.validity.fresh.report import page
from sed2.common import terminal
from sed2.errors import Sed2Error
from sed2.spec.schema import ModelSpec

Task = tuple[Family, ModelSpec, tuple[Cell, ...]]


def tasks(count: int | None) -> Iterator[Task]:
    """What the decisions need, family by family in rounds; then the other baselines likewise.

    Args:
        count: so many architectures of each family; None is all.
    """
    models = {name: family.models[:count] for name, family in FAMILIES.items()}
    for wanted in ((*CORE, COUNTS), (GRADIENTS,)):
        for first in range(0, max(map(len, models.values())), ROUND):
            for name, family in FAMILIES.items():
                cells = tuple(cell for cell in family.cells if cell.name in wanted)
                for model in models[name][first : first + ROUND]:
                    yield family, model, cells


def run(given: argparse.Namespace) -> None:
    """Compute every cell that is not in the tables yet."""
    data = {
        name: family.data(given.cifar10 if name == "photos" else None)
        for name, family in FAMILIES.items()
    }
    done = set()
    for name, family in FAMILIES.items():
        family.table.parent.mkdir(exist_ok=True)
        found = begun(family.table, family.cells, data[name].rows)
        done |= {(name, row.model, row.cell) for row in found}
    todo = [
        (family, model, missing)
        for family, model, cells in tasks(given.first)
        if (missing := [c for c in cells if (family.name, model.name, c.name) not in done])
    ]
    with terminal.progress("fresh") as report:
        for number, (family, model, cells) in enumerate(todo):
            report(f"{family.title}, {model.name}", number, len(todo))
            for cell in cells:
                rows = measure(model, data[family.name], cell, MEASURES)
                table.append(family.table, table.encode(rows))
            if number % ROUND == ROUND - 1:
                jax.clear_caches()  # no other architecture has most of these programs


def write(given: argparse.Namespace) -> None:
    """The page, from the tables as they are."""
    families, too_few = [], {}
    for family in FAMILIES.values():
        try:
            families.append(load(family))
        except TooFewError as error:
            too_few[family.title] = error.whole
    if not families:
        raise ValueError("no family has three whole architectures yet: let `run` go on")
    lines = page(families, given.resamples, too_few)
    given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.validity.fresh",
        description="Is a default to change? Fresh architectures decide.",
        epilog=__doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True)
    running = commands.add_parser("run", help="compute scores, baselines and losses")
    running.set_defaults(command=run)
    running.add_argument("--cifar10", help="a file of (part of) CIFAR-10; else all is downloaded")
    running.add_argument("--first", type=int, metavar="COUNT", help="of each family; else all")
    reporting = commands.add_parser("report", help="decide, compare, write the page")
    reporting.set_defaults(command=write)
    reporting.add_argument("--out", type=Path, default=DOCS / "evidence" / "fresh.md")
    reporting.add_argument("--resamples", type=int, default=1_000, help="[%(default)s]")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    try:
        given.command(given)
    except (Sed2Error, ValueError, OSError) as error:
        terminal.fail(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

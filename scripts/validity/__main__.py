"""Does 2sED tell which architecture trains best? Scores, baselines and training losses, compared.

    python -m scripts.validity run --what mlps --out docs/validity-mlps.csv
    python -m scripts.validity run --what cnns --out docs/validity-cnns.csv
    python -m scripts.validity report --out docs/validity.md --plot docs/validity.png

`run` goes on where it stopped, however it stopped. It takes hours on one core; slices of the models
can run in processes of their own, to files of their own, and be merged:

    python -m scripts.validity run --what mlps --slice 0:52 --out one.csv
    python -m scripts.validity run --what mlps --slice 52:104 --out two.csv
    python -m scripts.validity merge one.csv two.csv --out docs/validity-mlps.csv

The architectures are configs/validity-mlps.yaml and configs/validity-cnns.yaml. What is computed of
each is `CELLS` in `cells`; the variants of 2sED are in `measures`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from scripts.common.data import by_channel
from scripts.common.paths import CONFIGS, DOCS
from scripts.validity import table
from scripts.validity.cells import CELLS, MEASURES, Cell
from scripts.validity.measures import Values
from scripts.validity.report import write
from sed2.chain import build_chain
from sed2.common import terminal
from sed2.common.compilation import use_compilation_cache
from sed2.data.catalogue import DATASETS
from sed2.data.load import Dataset, hash_arrays, load_dataset
from sed2.errors import NumericsError, Sed2Error
from sed2.spec.schema import ModelSpec, load_spec


def run(given: argparse.Namespace) -> None:
    """Compute every cell of every model that is not in the file yet, cell after cell."""
    use_compilation_cache()
    spec = load_spec(given.config or CONFIGS / f"validity-{given.what}.yaml")
    models = spec.models[given.slice]
    dataset = load(given.dataset or str(spec.settings["dataset"]))
    cells = cut(CELLS[given.what], given)
    done = {(row.model, row.cell) for row in begun(given.out, cells, dataset.rows)}
    tasks = [
        (cell, model) for cell in cells for model in models if (model.name, cell.name) not in done
    ]
    with terminal.progress("validity") as report:
        for number, (cell, model) in enumerate(tasks):
            report(f"{cell.name}, {model.name}", number, len(tasks))
            table.append(given.out, table.encode(measure(model, dataset, cell, MEASURES)))


def cut(cells: Sequence[Cell], given: argparse.Namespace) -> list[Cell]:
    """The cells that are asked for, at most as large as is asked for."""
    return [
        replace(
            cell,
            samples=min(cell.samples, given.samples or cell.samples),
            draws=min(cell.draws, given.draws or cell.draws),
            epochs=min(cell.epochs, given.epochs or cell.epochs),
        )
        for cell in cells
        if given.cells is None or cell.name in given.cells
    ]


def begun(out: Path, cells: Sequence[Cell], rows: int) -> list[table.Row]:
    """What a run before left.

    Raises:
        ValueError: it was one of another size.
    """
    found = table.resume(out)
    sizes = {cell.name: (min(cell.samples, rows), cell.draws) for cell in cells}
    for row in found:
        size = (row.samples, row.draws)
        if sizes.get(row.cell, size) != size:
            raise ValueError(
                f"in {out} {row.cell} was computed with N = {row.samples} and K = {row.draws}: "
                "give another --out, or the same --samples and --draws"
            )
    return found


def measure(
    model: ModelSpec,
    dataset: Dataset,
    cell: Cell,
    measures: Mapping[str, Callable[[ModelSpec, Dataset, Cell], Values]],
) -> list[table.Row]:
    """The rows of one cell. Where a number is not finite there is none, and a warning says so."""
    parameters = build_chain(model.blocks, dataset.input_shape).parameters
    is_score = cell.kind == "score"
    start = time.perf_counter()
    try:
        values = measures[cell.kind](model, dataset, cell)
    except NumericsError as error:
        terminal.warn(f"{model.name}, {cell.name}: {error}")
        values = {}
    seconds = time.perf_counter() - start
    return [
        table.Row(
            model.name,
            parameters,
            cell.name,
            cell.kind,
            name,
            cell.prior if is_score else "",
            cell.fisher if is_score else "",
            min(cell.samples, dataset.rows),
            cell.draws,
            eps,
            value,
        )
        for (name, eps), value in [*values.items(), ((table.END, ""), seconds)]
    ]


def load(name: str) -> Dataset:
    """A named data set, or a file of raw numbers, standardised as the named ones are."""
    raw = load_dataset(name)
    if name in DATASETS:
        return raw
    x = by_channel(raw.x)
    return replace(raw, x=x, standardized=True, sha256=hash_arrays(x))


def merge(given: argparse.Namespace) -> None:
    given.out.write_text(table.merge(given.files), encoding="utf-8")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.validity",
        description="Does 2sED tell which architecture trains best?",
        epilog=__doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True)

    running = commands.add_parser("run", help="compute scores, baselines and losses")
    running.set_defaults(command=run)
    running.add_argument("--what", choices=CELLS, required=True)
    running.add_argument("--out", type=Path, required=True, metavar="FILE.csv")
    running.add_argument("--slice", type=_slice, default=slice(None), metavar="FROM:TO")
    running.add_argument("--dataset", help="name or file; by default the config's")
    running.add_argument("--config", type=Path, help="other architectures")
    running.add_argument("--cells", type=_names, help="some cells only, by name, with commas")
    running.add_argument("--samples", type=int, help="at most so many inputs or training points")
    running.add_argument("--draws", type=int, help="at most so many draws or seeds")
    running.add_argument("--epochs", type=int, help="at most")

    merging = commands.add_parser("merge", help="several files of `run` into one")
    merging.set_defaults(command=merge)
    merging.add_argument("files", type=Path, nargs="+")
    merging.add_argument("--out", type=Path, required=True, metavar="FILE.csv")

    reporting = commands.add_parser("report", help="compare, write the page and the figure")
    reporting.set_defaults(command=write)
    for family in CELLS:
        default = DOCS / f"validity-{family}.csv"
        reporting.add_argument(f"--{family}", type=Path, default=default, help="[%(default)s]")
    reporting.add_argument("--out", type=Path, required=True, metavar="FILE.md")
    reporting.add_argument("--plot", type=Path, help="figure: .png, .svg or .pdf")
    reporting.add_argument("--resamples", type=int, default=1000, help="[%(default)s]")

    given = parser.parse_args(arguments)
    known = {cell.name for cell in CELLS[given.what]} if given.command is run else set()
    if given.command is run and given.cells and set(given.cells) - known:
        running.error(f"--cells knows {', '.join(sorted(known))}")
    return given


def _slice(text: str) -> slice:
    first, last = (int(part) if part else None for part in text.split(":"))
    return slice(first, last)


def _names(text: str) -> list[str]:
    return text.split(",")


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

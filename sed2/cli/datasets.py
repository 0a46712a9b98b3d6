"""`sed2 datasets`: what --dataset accepts, and getting it."""

from __future__ import annotations

from typing import Annotated

import typer

from sed2.cli.completion import dataset_names
from sed2.common import terminal

app = typer.Typer(
    help="What `--dataset` accepts, and getting it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A name from `sed2 datasets list`.", autocompletion=dataset_names
    ),
]


@app.command("list")
def list_() -> None:
    """All named data sets, and whether they are on this machine.

    \b
    Examples:
      sed2 datasets list
    """
    from sed2.data import catalogue, registry
    from sed2.report.tables.datasets import print_datasets

    infos = catalogue.DATASETS.values()
    here = [registry.is_available(info.name) for info in infos]
    print_datasets(terminal.out(), list(zip(infos, here, strict=True)))


@app.command()
def info(name: Name) -> None:
    """All about one data set: rows, licence, citation, checksum.

    \b
    Examples:
      sed2 datasets info covertype
    """
    from sed2.data import registry
    from sed2.report.tables.datasets import print_dataset

    print_dataset(terminal.out(), registry.dataset_info(name), registry.is_available(name))


@app.command()
def fetch(name: Name) -> None:
    """Download a data set once, check it, keep it, and print where it is.

    It is kept in `$SED2_DATA_DIR`, by default the user's cache folder.

    \b
    Examples:
      sed2 datasets fetch covertype-full
    """
    from sed2.data import registry

    for path in registry.fetch(name, progress=True):
        terminal.write(f"{path}\n")

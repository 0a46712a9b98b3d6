"""The data sets that sed2 knows, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from sed2.data.catalogue import DatasetInfo
from sed2.report.layout import Column, Table, note, print_table
from sed2.report.tables.checked import shape


def print_datasets(console: Console, datasets: Sequence[tuple[DatasetInfo, bool]]) -> None:
    """What `--dataset` accepts by name, and whether it is on this machine."""
    columns: list[Column[tuple[DatasetInfo, bool]]] = [
        Column("name", lambda each: each[0].name),
        Column("rows", lambda each: f"{each[0].rows:,}"),
        Column("input", lambda each: shape(each[0].input_shape)),
        Column("classes", lambda each: str(each[0].classes)),
        Column("here", lambda each: "yes" if each[1] else "fetch"),
        Column("licence", lambda each: each[0].licence),
    ]
    print_table(console, Table.of(columns, datasets, text=(0, 2, 4, 5)))
    note(
        console,
        "Or the path of a .npz file (arrays x and, if any, y), of a .csv with a header, of idx "
        "files as MNIST has them, or of CIFAR's archive; or the folder of the last two.",
    )


def print_dataset(console: Console, info: DatasetInfo, here: bool) -> None:
    """Everything about one named data set."""
    place = "ships with sed2" if info.bundled else f"`sed2 datasets fetch {info.name}`"
    table = RichTable(box=None, show_header=False, pad_edge=False)
    for key, value in (
        ("name", info.name),
        ("what", info.description),
        ("rows", f"{info.rows:,}"),
        ("input", shape(info.input_shape)),
        ("classes", str(info.classes)),
        ("here", f"yes ({place})" if info.bundled else "yes" if here else f"no: {place}"),
        ("from", info.home),
        *(row for of in info.files for row in (("file", of.url or of.name), ("sha256", of.sha256))),
        ("licence", info.licence),
        ("cite", info.citation),
    ):
        table.add_row(Text(key, style="bold"), Text(value, overflow="fold"))
    console.print(table)

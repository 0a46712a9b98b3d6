"""The data sets that sed2 knows, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sed2.data.catalogue import DatasetInfo
from sed2.data.files import DataFile
from sed2.report.layout import note as _note
from sed2.report.layout import print_table as _print_table
from sed2.report.tables.checked import _shape


def print_datasets(console: Console, datasets: Sequence[tuple[DatasetInfo, bool]]) -> None:
    """What `--dataset` accepts by name, and whether it is on this machine."""
    _print_table(
        console,
        ["name", "rows", "input", "classes", "here", "licence"],
        [
            [
                info.name,
                f"{info.rows:,}",
                _shape(info.input_shape),
                str(info.classes),
                "yes" if here else "fetch",
                info.licence,
            ]
            for info, here in datasets
        ],
        text=(0, 2, 4, 5),
    )
    _note(
        console,
        "Or the path of a .npz file (arrays x and, if any, y), of a .csv with a header, of idx "
        "files as MNIST has them, or of CIFAR's archive; or the folder of the last two.",
    )


def print_dataset(console: Console, info: DatasetInfo, here: bool) -> None:
    """Everything about one named data set."""
    place = "ships with sed2" if info.bundled else f"`sed2 datasets fetch {info.name}`"
    table = Table(box=None, show_header=False, pad_edge=False)
    for key, value in (
        ("name", info.name),
        ("what", info.description),
        ("rows", f"{info.rows:,}"),
        ("input", _shape(info.input_shape)),
        ("classes", str(info.classes)),
        ("here", f"yes ({place})" if info.bundled else "yes" if here else f"no: {place}"),
        ("from", info.home),
        *(row for file in info.files for row in _file_rows(file)),
        ("licence", info.licence),
        ("cite", info.citation),
    ):
        table.add_row(Text(key, style="bold"), Text(value, overflow="fold"))
    console.print(table)


def _file_rows(file: DataFile) -> list[tuple[str, str]]:
    return [("file", file.url or file.name), ("sha256", file.sha256)]

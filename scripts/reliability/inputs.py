"""Outputs that are inputs, and devices and pipes in the place of files."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, product
from pathlib import Path

from scripts.reliability.commands import COMMANDS, Bench
from scripts.reliability.lab import same
from scripts.reliability.trying import Outcome, Try, demand

TITLE = "Files that are taken for others"
ABOUT = (
    "An output that the same command reads must be refused with exit code 2, for every output of "
    "every command, and no file may change; by which name it is called takes turns. A device, a "
    "pipe, a socket or a folder in the place of a file must be refused at once, with exit code 2, "
    "or 4 for data; a stored result that is one must be told and made anew."
)
FIGURES = ("--json", "--csv", "--plot", "--html")
OUTPUTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "compute": (FIGURES, ("s.yaml", "d.csv")),
    "rank": (FIGURES, ("s.yaml", "d.csv")),
    "select": (FIGURES, ("s.yaml", "d.csv")),
    "bound": (("--json",), ("s.yaml", "d.csv")),
    "stability": (("--json", "--csv", "--plot"), ("s.yaml", "d.csv")),
    "gate": (("--json", "--junit", "--summary", "--html"), ("s.yaml", "b.json", "d.csv")),
    "report": (FIGURES, ("run/sed2-run.json", "run/results/*.sed2")),
    "diff": (("--json",), ("one.json", "other.json")),
}
"""Of commands: their outputs, and what they read."""
HOWS: dict[str, Callable[[Path, Path], object]] = {
    "by its name": lambda path, link: None,
    "by another spelling": lambda path, link: None,
    "through a symlink": lambda path, link: link.symlink_to(path.resolve()),
    "through a hard link": lambda path, link: os.link(path, link),
}
KINDS: dict[str, Callable[[Path], object]] = {
    "/dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "/dev/null": lambda path: path.symlink_to("/dev/null"),
    "a pipe": os.mkfifo,
    "a link to a pipe": lambda path: (
        os.mkfifo(path.with_suffix(".pipe")),
        path.symlink_to(path.with_suffix(".pipe").resolve()),
    ),
    "a socket": lambda path: _socket(path),
    "a folder": lambda path: path.mkdir(),
}
DATA = ("--samples", "5", "--draws", "3", "--eps", "0.1")
READ: dict[str, tuple[int, tuple[str, ...]]] = {
    "s.yaml": (2, COMMANDS["rank"]),
    "x.npz": (4, ("rank", "MLP 2-3-2", *DATA, "--dataset", "x.npz")),
    "x.csv": (4, ("rank", "MLP 2-3-2", *DATA, "--dataset", "x.csv")),
    "x-images-idx3-ubyte": (4, ("rank", "MLP 4-2", *DATA, "--dataset", "x-images-idx3-ubyte")),
    "x.tar.gz": (4, ("rank", "MLP 2-3-2", *DATA, "--dataset", "x.tar.gz")),
    "b.json": (2, COMMANDS["gate"]),
    "one.json": (2, COMMANDS["diff"]),
    "run/sed2-run.json": (2, COMMANDS["report"]),
}
"""Files that commands read, with the exit code if they are none."""


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(path.parent)  # its path may be 108 characters long
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


def line(command: str) -> list[str]:
    """A command on the files of the bench, and data of a file."""
    own = list(COMMANDS[command])
    own = own[: own.index("--json")]
    if command in ("compute", "rank", "select", "bound", "stability", "gate"):
        own += ["--dataset", "d.csv"]
    return own


def tries(bench: Bench, few: bool) -> Iterator[Try]:
    """Every output, and every file that is read."""

    def output(command: str, option: str, read: str, how: str) -> Outcome:
        with bench.place() as place:
            (place / "d.csv").write_text("1," * 54 + "0\n" + "2," * 54 + "1\n")
            (path,) = list(place.glob(read))[:1]
            target = place / "link.png"
            HOWS[how](path, target)
            name = {
                "by its name": str(path.relative_to(place)),
                "by another spelling": f"./run/../{path.relative_to(place)}",
            }.get(how, target.name)
            before = contents(place)
            arguments = (*line(command), option, name)
            ran = bench.lab.sed2(*arguments, cwd=place)
            demand(ran.code == 2, f"exit 2, not {ran.code}: {ran.err}")
            demand(contents(place) == before, "no file has changed")
        return Outcome({"exit 2": 1}, ran.peak_mb)

    def special(name: str, kind: str) -> Outcome:
        code, arguments = READ[name]
        with bench.place() as place:
            path = place / name
            path.unlink(missing_ok=True)
            KINDS[kind](path)
            ran = bench.lab.sed2(*arguments, cwd=place, timeout=60)
        demand(ran.code == code, f"exit {code}, not {ran.code}: {ran.err}")
        demand("Traceback" not in ran.err and not ran.out, f"one message says it: {ran.err}")
        return Outcome({f"exit {code}": 1}, ran.peak_mb)

    def result(kind: str) -> Outcome:
        arguments = COMMANDS["rank --run-dir"]
        with bench.place() as place:
            first = bench.lab.sed2(*arguments, cwd=place)
            wanted = (place / "r.json").read_bytes()
            path = sorted((place / "new" / "results").iterdir())[0]
            path.unlink()
            KINDS[kind](path)
            ran = bench.lab.sed2(*arguments, cwd=place, timeout=120)
            demand(ran.code == first.code == 0, f"exit 0, not {ran.code}: {ran.err}")
            demand(same((place / "r.json").read_bytes(), wanted), "the result is the same")
            demand("warning:" in ran.err, f"it is told: {ran.err}")
        return Outcome({"exit 0": 1}, ran.peak_mb)

    hows = cycle(HOWS)
    for command, (options, files) in OUTPUTS.items():
        for option, read in product(options, files):
            how = next(hows)
            while option == "--plot" and "link" not in how:  # else it would not end in .png
                how = next(hows)
            if not few or command in ("diff", "bound"):
                yield Try(
                    f"an output that is an input, {how}",
                    f"{command} {option} on {read} {how}",
                    partial(output, command, option, read, how),
                )
    for kind in KINDS:
        for name in list(READ)[:1] if few else READ:
            yield Try(
                f"{kind} in the place of a file",
                f"{kind} as {name}",
                partial(special, name, kind),
            )
    for kind in list(KINDS)[:1] if few else KINDS:
        if kind != "a folder":
            yield Try(
                "one of these in the place of a stored result",
                f"{kind} as a stored result",
                partial(result, kind),
            )


def contents(place: Path) -> dict[Path, bytes]:
    """Of all files of a folder."""
    return {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}

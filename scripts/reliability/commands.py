"""Every command, small, with the files it reads: what it gives undisturbed, and again otherwise."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.reliability.lab import Lab, Ran, same
from scripts.reliability.trying import demand

SIZE = ("--samples", "5", "--draws", "3", "--eps", "0.01,0.1")
SPEC = "dataset: covertype\nmodels:\n  - {name: a, notation: MLP 54-3-7}\n  - MLP 54-4-7\n"
JSON = ("--json", "r.json")
COMMANDS: dict[str, tuple[str, ...]] = {
    "compute": ("compute", "s.yaml", "--model", "a", *SIZE, *JSON),
    "rank": ("rank", "s.yaml", *SIZE, *JSON),
    "rank --run-dir": ("rank", "s.yaml", *SIZE, "--run-dir", "new", *JSON),
    "rank --train": ("rank", "s.yaml", *SIZE, "--train", "--epochs", "1", *JSON),
    "select": ("select", "s.yaml", *SIZE, "--epochs", "1", "--budget", "100%", *JSON),
    "gate": ("gate", "s.yaml", *SIZE, "--baseline", "b.json", *JSON),
    "gate --update": ("gate", "s.yaml", *SIZE, "--baseline", "r.json", "--update"),
    "stability": (
        *("stability", "s.yaml", "--eps", "0.01,0.1", "--seeds", "1", "--samples-grid", "5,6"),
        *("--draws-grid", "3,4", "--sigma-grid", "0.01", *JSON),
    ),
    "bound": (
        *("bound", "s.yaml", "--model", "a", *SIZE, "--n-train", "1e3", "--lipschitz", "1"),
        *JSON,
    ),
    "report": ("report", "run", *JSON),
    "diff": ("diff", "one.json", "other.json", *JSON),
    "validate": ("validate", "s.yaml"),
    "init": ("init", "new.yaml"),
    "datasets list": ("datasets", "list"),
    "datasets info": ("datasets", "info", "covertype"),
    "datasets fetch": ("datasets", "fetch", "covertype"),
    "schema": ("schema",),
    "doctor": ("doctor", *JSON),
}
DIFFER = ("doctor", "select")
"""Commands that tell of the machine and of the time that they took."""
REFUSALS: dict[str, tuple[str, ...]] = {
    "compute": ("compute", "none.yaml"),
    "rank": ("rank", "s.yaml", "--draws", "0"),
    "gate": ("gate", "s.yaml", "--baseline", "none.json"),
    "stability": ("stability", "s.yaml", "--samples-grid", "x"),
    "bound": ("bound", "s.yaml", "--model", "c"),
    "select": ("select", "s.yaml", "--budget", "x"),
    "report": ("report", "none"),
    "diff": ("diff", "one.json", "none.json"),
    "validate": ("validate", "s.yaml", "--dataset", "none.csv"),
    "init": ("init", "s.yaml"),
    "datasets info": ("datasets", "info", "none"),
    "datasets fetch": ("datasets", "fetch", "none"),
    "an option": ("rank", "--none"),
    "a command": ("none",),
}


@dataclass
class Bench:
    """A folder with the files that the commands read, and what each command gives there."""

    lab: Lab
    known: dict[str, tuple[Ran, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.inputs.mkdir(exist_ok=True)
        if not (self.inputs / "other.json").exists():
            self.lab.report("the files that commands read")
            (self.inputs / "s.yaml").write_text(SPEC)
            for arguments in (
                ("rank", "s.yaml", *SIZE, "--run-dir", "run", "--json", "one.json"),
                ("gate", "s.yaml", *SIZE, "--baseline", "b.json", "--update"),
                ("rank", "s.yaml", *SIZE, "--seed", "1", "--json", "other.json"),
            ):
                ran = self.lab.sed2(*arguments, cwd=self.inputs)
                demand(ran.code == 0, f"{' '.join(arguments)} succeeds: {ran.err}")

    @property
    def inputs(self) -> Path:
        return self.lab.folder / "inputs"

    @contextmanager
    def place(self) -> Iterator[Path]:
        """A copy of the inputs, which everybody may write."""
        with self.lab.scratch() as scratch:
            place = scratch / "place"
            shutil.copytree(self.inputs, place)
            for path in (place, *place.rglob("*")):
                path.chmod(0o777)
            yield place

    def run(self, arguments: tuple[str, ...], **how: Any) -> tuple[Ran, bytes]:
        """A command in such a copy, and the JSON that it wrote."""
        with self.place() as place:
            ran = self.lab.sed2(*arguments, cwd=place, **how)
            file = place / "r.json"
            return ran, file.read_bytes() if file.exists() else b""

    def usual(self, arguments: tuple[str, ...]) -> tuple[Ran, bytes]:
        """The same when nothing is in the way."""
        key = " ".join(arguments)
        if key not in self.known:
            self.known[key] = self.run(arguments)
        return self.known[key]

    def same(self, arguments: tuple[str, ...], *, out: bool = True, **how: Any) -> Ran:
        """A command must give what it usually gives: exit code, JSON, and stdout if `out`.

        What some tell of the machine and its time differs: of these the exit code counts, and
        that there is a JSON. With --train, stdout has the seconds that it took.

        Raises:
            BrokenError: it does not.
        """
        usual, wanted = self.usual(arguments)
        ran, json = self.run(arguments, **how)
        demand(ran.code == usual.code, f"exit {usual.code}, not {ran.code}: {ran.err}")
        if arguments[0] in DIFFER:
            demand(bool(json) == bool(wanted), "its JSON is there")
        else:
            demand(same(json, wanted), "the JSON is the same")
            out = out and "--train" not in arguments
            demand(not out or ran.out == usual.out, f"stdout is the same: {ran.out!r}")
        return ran


def quick(names: dict[str, tuple[str, ...]], few: bool) -> dict[str, tuple[str, ...]]:
    """All commands, or two."""
    return dict(list(names.items())[:2]) if few else names

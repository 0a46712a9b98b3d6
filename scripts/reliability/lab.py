"""What the checks have in common: a spec, its command, and the result it must come to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts.common.paths import ROOT
from sed2.common.files import temporaries
from sed2.runs.loading import load_run

MODELS = ("MLP 54-8-7", "MLP 54-48-32-7", "MLP 54-6-6-7")
SPEC = "\n  - ".join(["dataset: covertype\neps: 1e-2,1e-1\nmodels:", *MODELS])


def result(content: Path | str) -> Any:
    """What `--json` tells, but for what it cost: that is never twice the same.

    Args:
        content: the file, or its text.
    """
    text = content.read_text("utf-8") if isinstance(content, Path) else content
    return json.loads(
        text, object_hook=lambda of: {key: value for key, value in of.items() if key != "cost"}
    )


class BrokenError(Exception):
    """A promise that is not kept."""


def demand(kept: bool, promise: str) -> None:
    """
    Raises:
        BrokenError: a promise is not kept.
    """
    if not kept:
        raise BrokenError(promise)


@dataclass(frozen=True)
class Lab:
    """A folder with a spec in it, and the run that nothing disturbs."""

    folder: Path
    samples: int
    draws: int
    wanted: Any = None
    """Its JSON, but for what it cost."""
    seconds: float = 0.0
    """How long it takes when everything is compiled."""

    @classmethod
    def prepare(cls, folder: Path, samples: int, draws: int, report: Callable[[str], None]) -> Lab:
        """Write the spec, and run it twice: the second time nothing is compiled."""
        (folder / "spec.yaml").write_text(SPEC)
        lab = cls(folder, samples, draws)
        for number in range(2):
            report(f"undisturbed run {number + 1} of 2")
            with lab.scratch() as scratch:
                start = time.perf_counter()
                code, err = lab.run(scratch / "run", scratch / "r.json")
                seconds = time.perf_counter() - start
                demand(code == 0, f"the undisturbed run succeeds: {err}")
                wanted = result(scratch / "r.json")
        return replace(lab, wanted=wanted, seconds=seconds)

    def check(self, run_dir: Path, file: Path, what: str) -> None:
        """The same command again comes to the same result, and leaves nothing half-done.

        Raises:
            BrokenError: it does not.
        """
        code, err = self.run(run_dir, file)
        demand(code == 0, f"{what}: the same command goes on: {err}")
        demand("damaged" not in err, f"{what}: no file is damaged: {err}")
        demand(result(file) == self.wanted, f"{what}: the result is the same")
        demand(load_run(run_dir).finished, f"{what}: the run is finished")
        demand(kept(run_dir)[1:] == (0, 0), f"{what}: nothing half-done is left")

    def start(self, run_dir: Path, json: Path) -> subprocess.Popen[str]:
        """`sed2 rank` on a run directory, as a process of its own."""
        size = ["--samples", str(self.samples), "--draws", str(self.draws)]
        command = [sys.executable, "-m", "sed2", "rank", str(self.folder / "spec.yaml"), *size]
        return subprocess.Popen(
            [*command, "--run-dir", str(run_dir), "--json", str(json)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"SED2_CACHE_DIR": str(self.folder / "cache")},
        )

    def run(self, run_dir: Path, json: Path) -> tuple[int, str]:
        """Exit code and stderr of the command."""
        process = self.start(run_dir, json)
        _, err = process.communicate()
        return process.returncode, err

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder, gone afterwards."""
        folder = self.folder / "scratch"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def kept(run_dir: Path) -> tuple[int, int, int]:
    """Results, pieces of the work, and half-written files in a run directory."""
    return (
        len(list(run_dir.glob("results/*.sed2"))),
        len(list(run_dir.glob("pieces/*/*.sed2"))),
        len(list(temporaries(run_dir))),
    )

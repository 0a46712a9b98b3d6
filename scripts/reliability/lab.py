"""What the checks have in common: commands as processes, a spec, and the result it must come to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from scripts.common.paths import ROOT
from scripts.common.processes import finding_scripts, peak_bytes, without_settings
from scripts.reliability.trying import BrokenError, demand
from sed2.common.files import temporaries

MODELS = ("MLP 54-8-7", "MLP 54-48-32-7", "MLP 54-6-6-7")
MB = 1e6
T = TypeVar("T")
_ALONE = """
import json, os, sys, time
record, *command = sys.argv[1:]
start = time.perf_counter()
child = os.fork()
if not child:
    os.execvp(command[0], command)
_, status, usage = os.wait4(child, 0)
took = time.perf_counter() - start
with open(record, "w") as file:
    json.dump([os.waitstatus_to_exitcode(status), took, usage.ru_utime + usage.ru_stime,
               usage.ru_maxrss], file)
"""
"""The peak that Linux tells of a process is at least that of the process that started it, so that
one has to be small."""


def same(content: bytes | str, wanted: bytes | str) -> bool:
    """Whether two documents of `--json` tell the same, but for what it cost: that is another number
    each time."""
    return content == wanted or bool(content and wanted and _result(content) == _result(wanted))


def _result(content: bytes | str) -> Any:
    return json.loads(
        content, object_hook=lambda of: {key: value for key, value in of.items() if key != "cost"}
    )


@dataclass(frozen=True)
class Ran:
    """What became of a process."""

    code: int
    """Below 0: by which signal it died."""
    out: bytes
    err: str
    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Lab:
    """A folder to work in, and the size of the run that is disturbed in it."""

    folder: Path
    samples: int
    draws: int
    report: Callable[[str], None]
    models: tuple[str, ...] = MODELS

    @property
    def environment(self) -> dict[str, str]:
        """Of every process."""
        own = {"SED2_CACHE_DIR": str(self.folder / "cache"), "PYTHONUTF8": "1"}
        return finding_scripts(without_settings()) | own

    def sed2(
        self,
        *arguments: str | Path,
        cwd: Path,
        before: Sequence[str] = (),
        env: Mapping[str, str | None] = MappingProxyType({}),
        timeout: float = 600,
    ) -> Ran:
        """A command line of sed2, as a process of its own.

        Args:
            before: a command that ends by executing the arguments that follow it.
            env: variables besides those of every process; None for one that is not set.
            timeout: seconds.

        Raises:
            BrokenError: it does not end.
        """
        record = self.folder / "record.json"
        record.write_text("")
        command = [*before, sys.executable, "-m", "sed2", *map(str, arguments)]
        given = {**self.environment, **env}
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _ALONE, str(record), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={name: value for name, value in given.items() if value is not None},
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise BrokenError(f"{' '.join(map(str, arguments))}: ends in {timeout} s") from None
        code, seconds, cpu, peak = json.loads(record.read_text())
        return Ran(code, out, err.decode(errors="replace"), seconds, cpu, peak * 1024 / MB)

    @cached_property
    def undisturbed(self) -> tuple[bytes, float]:
        """The JSON of the run that nothing disturbs, and its seconds when all is compiled."""
        for number in range(2):
            self.report(f"undisturbed run {number + 1} of 2")
            with self.scratch() as scratch:
                start = time.perf_counter()
                code, err = self.run(scratch / "run", scratch / "r.json")
                seconds = time.perf_counter() - start
                demand(code == 0, f"the undisturbed run succeeds: {err}")
                wanted = (scratch / "r.json").read_bytes()
        return wanted, seconds

    @property
    def wanted(self) -> bytes:
        return self.undisturbed[0]

    @property
    def seconds(self) -> float:
        return self.undisturbed[1]

    def check(self, run_dir: Path, json: Path, what: str) -> None:
        """The same command again comes to the same result, and leaves nothing half-done.

        Raises:
            BrokenError: it does not.
        """
        from sed2.runs.loading import load_run

        code, err = self.run(run_dir, json)
        demand(code == 0, f"{what}: the same command goes on: {err}")
        demand("damaged" not in err, f"{what}: no file is damaged: {err}")
        demand(same(json.read_bytes(), self.wanted), f"{what}: the result is the same")
        demand(load_run(run_dir).finished, f"{what}: the run is finished")
        demand(kept(run_dir)[1:] == (0, 0), f"{what}: nothing half-done is left")

    def start(self, run_dir: Path, json: Path) -> subprocess.Popen[str]:
        """`sed2 rank` on a run directory, as a process of its own."""
        spec = self.folder / "spec.yaml"
        spec.write_text(
            "\n  - ".join(
                ["dataset: covertype\nscore: lower\neps: 1e-2,1e-1\nmodels:", *self.models]
            )
        )
        size = ["--samples", str(self.samples), "--draws", str(self.draws)]
        command = [sys.executable, "-m", "sed2", "rank", str(spec), *size]
        return subprocess.Popen(
            [*command, "--run-dir", str(run_dir), "--json", str(json)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=self.environment,
        )

    def run(self, run_dir: Path, json: Path) -> tuple[int, str]:
        """Exit code and stderr of the command."""
        process = self.start(run_dir, json)
        _, err = process.communicate()
        return process.returncode, err

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder, gone afterwards."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        folder.chmod(0o755)  # other users come here, too
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


def whole_files(run_dir: Path) -> dict[str, bytes]:
    """The content of every file that is kept.

    Raises:
        BrokenError: one is not whole.
    """
    from sed2.runs.codec import Unreadable
    from sed2.runs.store import unsealed

    found = {}
    for path in run_dir.rglob("*.sed2"):
        try:
            with path.open("rb") as file:
                found[str(path.relative_to(run_dir))] = unsealed(file, path.stem)
        except Unreadable as error:
            raise BrokenError(f"{path} is whole: {error}") from error
    return found


def apart(work: Callable[..., T], *arguments: Any) -> tuple[T, float]:
    """What a function returns in a process of its own, and the peak of its memory in MB.

    Raises:
        BrokenError: whatever it raised.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(_measured, work, *arguments).result()
        except Exception as error:
            raise BrokenError(f"{type(error).__name__}: {error}") from error


def _measured(work: Callable[..., T], *arguments: Any) -> tuple[T, float]:
    return work(*arguments), peak_bytes() / MB

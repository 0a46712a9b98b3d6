"""A disk that is full: a small tmpfs as the run directory."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from scripts.reliability.lab import Lab, kept, whole_files
from scripts.reliability.trying import Outcome, Try, demand

TITLE = "A full disk"
ABOUT = (
    "The run directory is a tmpfs of a few sizes, which only root can mount. A disk that does not "
    "suffice must be told with exit code 2, and what was finished kept. Then the disk is enlarged, "
    "and the same command must come to the result of the undisturbed run."
)


def tries(lab: Lab, sizes: Sequence[str]) -> Iterator[Try]:
    """Disks of these sizes."""
    with lab.scratch() as scratch, tmpfs(scratch / "run", "4k") as path:
        possible = path is not None
    if possible:
        for size in sizes:
            yield Try("a full disk", f"a disk of {size}", partial(full, lab, size))


def full(lab: Lab, size: str) -> Outcome:
    """
    Raises:
        BrokenError: the full disk was not told, or a file was lost or torn.
    """
    with lab.scratch() as scratch, tmpfs(scratch / "run", size) as run_dir:
        assert run_dir
        json = scratch / "r.json"
        code, err = lab.run(run_dir, json)
        if code:
            demand(code == 2, f"a full disk is exit code 2: {err}")
            error = f"error: --run-dir: no space is left for the run directory `{run_dir}`"
            demand(error in err, f"a full disk is told: {err}")
            demand(not json.exists(), "no result is written")
        before = whole_files(run_dir)
        demand(kept(run_dir)[2] == 0, "nothing half-written is left")
        subprocess.run(["mount", "-o", "remount,size=64m", str(run_dir)], check=True)
        lab.check(run_dir, json, "afterwards")
        after = whole_files(run_dir)
        lost = [name for name in before if "results" in name and name not in after]
        demand(not lost, "nothing finished is lost")
    return Outcome({f"exit {code}": 1})


@contextmanager
def tmpfs(path: Path, size: str) -> Iterator[Path | None]:
    """A file system of that size; None where none can be mounted."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        yield None
        return
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)

"""A disk that is full: a small tmpfs as the run directory."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scripts.reliability.lab import Lab, demand, kept
from sed2.runs.store import unsealed


def check(lab: Lab, sizes: Sequence[str], report: Callable[[str], None]) -> list[str]:
    """Lines of the page.

    Raises:
        BrokenError: the full disk was not told, or a file was lost or torn.
    """
    told = 0
    for size in sizes:
        with lab.scratch() as scratch, tmpfs(scratch / "run", size) as run_dir:
            if run_dir is None:
                return ["| a full disk | 0 | not tried: only root can mount a tmpfs |"]
            json = scratch / "r.json"
            code, err = lab.run(run_dir, json)
            if code:
                told += 1
                demand(code == 2, f"{size}: a full disk is exit code 2: {err}")
                error = f"error: --run-dir: no space is left for the run directory `{run_dir}`"
                demand(error in err, f"{size}: a full disk is told: {err}")
                demand(not json.exists(), f"{size}: no result is written")
            before = whole_files(run_dir)
            demand(kept(run_dir)[2] == 0, f"{size}: nothing half-written is left")
            subprocess.run(["mount", "-o", "remount,size=64m", str(run_dir)], check=True)
            lab.check(run_dir, json, f"after a disk of {size}")
            after = whole_files(run_dir)
            lost = [name for name in before if "results" in name and name not in after]
            demand(not lost, f"{size}: nothing finished is lost")
        report(f"a disk of {size}")
    return [
        f"| a full disk: a tmpfs of {', '.join(sizes)}, enlarged then | {len(sizes)} | {told} "
        f"times told with exit 2, {len(sizes) - told} times it sufficed; {len(sizes)} equal "
        "results, after the same command |"
    ]


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


def whole_files(run_dir: Path) -> dict[str, bytes]:
    """The content of every file that is kept.

    Raises:
        Unreadable: one is not whole.
    """
    return {
        str(path.relative_to(run_dir)): unsealed(path.read_bytes(), path.stem)
        for path in run_dir.rglob("*.sed2")
    }

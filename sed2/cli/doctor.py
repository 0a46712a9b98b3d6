"""`sed2 doctor`: what sed2 finds on this machine."""

from __future__ import annotations

import os
import platform
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import typer

from sed2.cli.options import Outputs, with_outputs
from sed2.common import terminal
from sed2.common.distribution import install, version
from sed2.common.memory import GB, free_memory
from sed2.data.catalogue import DATASETS
from sed2.data.registry import is_available
from sed2.errors import ExitCode

PACKAGES = ("sed2", "jax", "jaxlib", "flax", "numpy", "scipy")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    found: str
    fault: ExitCode = ExitCode.OK
    """The exit code that this would end a command with; OK if it would not."""
    mend: str = ""
    """What to do about it; also where it is no fault, but costs something."""


def examine(cache: Path) -> list[Finding]:
    """Look at everything; computes next to nothing.

    Args:
        cache: folder of the compiled programs.
    """
    packages = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return [
        Finding("versions", packages),
        Finding("python", f"{platform.python_version()} on {platform.platform(terse=True)}"),
        _devices(),
        _precision(),
        Finding("cores", f"{os.cpu_count()}"),
        Finding("free memory", f"{free_memory() / GB:.1f} GB"),
        _ray(),
        _cache(cache),
        *(_data(name) for name in DATASETS),
    ]


def _devices() -> Finding:
    import jax

    from sed2.common.devices import device_count

    devices = [f"{device.platform}: {device.device_kind}" for device in jax.local_devices()]
    found = ", ".join(sorted(set(devices))) + f" ({len(devices)})"
    sharing = device_count()
    if sharing == len(devices):
        return Finding("devices", found + (", which share the draws" if sharing > 1 else ""))
    return Finding(
        "devices",
        f"{found}, of which {sharing} " + ("share the draws" if sharing > 1 else "has all draws"),
        mend="Force fewer host devices than there are cores, or none",
    )


def _precision() -> Finding:
    """Whether float64 is what it says, in a compiled program on the device."""
    import jax
    import jax.numpy as jnp

    smallest = 2.0**-52
    with jax.enable_x64(True):
        left = jax.jit(lambda x, y: (x + y) - x)(jnp.float64(1), jnp.float64(smallest))
        exact = left.dtype == jnp.float64 and float(left) == smallest
    if exact:
        return Finding("precision", "float64")
    return Finding(
        "precision",
        "less than float64",
        ExitCode.NUMERICS,
        "Use another device: set JAX_PLATFORMS=cpu",
    )


def _ray() -> Finding:
    """Which `sed2 rank --ray` needs, and nothing else does."""
    try:
        return Finding("ray", version("ray"))
    except PackageNotFoundError:
        return Finding("ray", f"not here; `{install('ray')}` gets it")


def _cache(folder: Path) -> Finding:
    files = [file for file in folder.glob("*") if file.is_file()] if folder.is_dir() else []
    size = sum(file.stat().st_size for file in files)
    found = f"{folder}: {len(files):,} files, {size / 1e6:.1f} MB"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        mend = "Set SED2_CACHE_DIR to a folder that can be written, or every run compiles anew"
        return Finding("cache", f"{folder}: cannot be written ({error.strerror})", mend=mend)
    return Finding("cache", found)


def _data(name: str) -> Finding:
    info, what = DATASETS[name], f"data: {name}"
    if is_available(name):
        return Finding(what, "ships with sed2, whole" if info.bundled else "here, whole")
    if info.bundled:
        return Finding(what, "damaged or missing", ExitCode.DATA, "Reinstall sed2")
    folder = info.files[0].path().parent
    return Finding(what, f"not in {folder}; `sed2 datasets fetch {name}` gets it")


@with_outputs("json")
def doctor(*, outputs: Outputs) -> None:
    """What sed2 finds on this machine, and what is wrong with it.

    Versions, devices, precision, memory, cache and data.

    Exits with 0 if nothing is wrong; what is merely missing, such as data that can be fetched, is
    not. The first fault decides otherwise: 4 for data, 5 for precision.

    \b
    Examples:
      sed2 doctor
      sed2 doctor --json -
    """
    from sed2.common.compilation import compilation_cache
    from sed2.report.layout import Table, print_table

    findings = examine(compilation_cache())
    faults = [finding for finding in findings if finding.fault is not ExitCode.OK]
    outputs.write(
        {
            "schema_version": 1,
            "healthy": not faults,
            "findings": [asdict(one) | {"fault": int(one.fault) or None} for one in findings],
        }
    )
    if not outputs.json_on_stdout:
        rows = [[one.what, one.found] for one in findings]
        print_table(terminal.out(), Table(["", "found"], rows, text=(0, 1), named=1))
    for finding in findings:
        if finding.mend:
            tell = terminal.fail if finding in faults else terminal.warn
            tell(f"{finding.what}: {finding.found}. {finding.mend}")
    if faults:
        raise typer.Exit(int(faults[0].fault))

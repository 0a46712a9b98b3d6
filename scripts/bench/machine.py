"""The machine in words, and the versions of what ran."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    *("sed2", "jax", "jaxlib", "flax", "numpy", "scipy"),
    *("torch", "nngeometry", "curvlinops-for-pytorch"),
)
BLAS_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def machine(cores: int) -> str:
    """One sentence."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    forced = [f"{name}={os.environ[name]}" for name in BLAS_VARIABLES if name in os.environ]
    told = f"; {', '.join(forced)}" if forced else ""
    return (
        f"{cores} core{'s' * (cores != 1)} of {_processor()}, {pages / 1e9:.0f} GB of memory, "
        f"{platform.system()}, Python {platform.python_version()}{told}"
    )


def versions() -> dict[str, str]:
    """Of every package that is installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else f"a {platform.machine()} processor"

"""The hash of all that determines a number, by which it is kept.

Not in it: the name of a model and its place among others, what the data are called (their hash is
in it), and the memory that happens to be free.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from sed2.blocks.base import OfUser
from sed2.common.distribution import version
from sed2.errors import UsageError, shown
from sed2.fisher.items import Items
from sed2.settings import READING
from sed2.spec.schema import ModelSpec
from sed2.tasks import Task

_ROOT = Path(__file__).parents[1]
PACKAGES = ("sed2", "jax", "jaxlib", "flax", "numpy", "scipy", "optax", "blackjax")
"""Whose versions may change a number."""
NAMES_OF_DATA = {"dataset", *READING}
"""Settings that determine the data, whose hash is taken instead."""
_NO_NUMERICS = ("cli", "cluster", "gating", "ranking", "report", "runs", "robustness", "selection")
"""Parts of sed2 that change no number."""


@cache
def software() -> Mapping[str, str]:
    """Versions, and the source of sed2."""
    return {name: version(name) for name in PACKAGES} | {"source": _own_source()}


@cache
def numerics(device: str = "") -> Mapping[str, str]:
    """What computes: the software, the device, and the type of the numbers.

    Args:
        device: that of this process, unless it is another one that computes.
    """
    return {
        **software(),
        "device": device or _own_device(),
        "machine": platform.machine(),
        "dtype": "float64",
    }


def _own_device() -> str:
    import jax

    device = jax.devices()[0]
    return f"{device.platform}: {device.device_kind}"


def _own_source() -> str:
    """Of sed2's files that have to do with numbers: a change of them needs no new version."""
    root = _ROOT
    files = sorted(
        path.relative_to(root)
        for path in root.rglob("*.py")
        if path.relative_to(root).parts[0] not in _NO_NUMERICS
    )
    return digest([[path.as_posix(), (root / path).read_text("utf-8")] for path in files])


def architecture(model: ModelSpec) -> str:
    """The hash of a model, whatever its name.

    A user's own network is determined by all the code that it runs: the files that are imported
    from outside of Python and its packages, and the versions of the packages.

    Raises:
        UsageError: it was handed over in Python, so that no file has its code.
    """
    if model.module:
        source = sorted(
            [name, hashlib.sha256(path.read_bytes()).hexdigest()]
            for name, path in user_modules().items()
        )
        return digest([model.sha256, model.module, source, _installed()])
    if any(isinstance(block, OfUser) for block in model.blocks):
        raise UsageError(
            f"`{shown(model.name)}` is a network that was handed over, which no hash can name in "
            "another process",
            mend="Name it by `module: package.module:factory`, or leave out the run directory",
            where="run_dir",
        )
    return model.sha256


def user_modules() -> dict[str, Path]:
    """Name and file of every imported module that is not of Python, of a package, or of sed2."""
    paths = sysconfig.get_paths()
    others = [Path(paths[of]).resolve() for of in ("stdlib", "platstdlib", "purelib", "platlib")]
    others.append(_ROOT.resolve())
    found = {}
    for name, module in list(sys.modules.items()):
        file = Path(getattr(module, "__file__", None) or "")
        if file.suffix == ".py" and file.is_file():
            resolved = file.resolve()
            if not any(resolved.is_relative_to(other) for other in others):
                found[name] = resolved
    return found


@cache
def _installed() -> list[str]:
    return sorted({f"{each.name}=={each.version}" for each in distributions()})


def of_task(task: Task, data_sha256: str, device: str = "") -> str:
    """The key of a value of a model.

    Args:
        task: which computes it.
        data_sha256: of the data set.
        device: as for `numerics`.

    Raises:
        UsageError: as `architecture`.
    """
    own = task.own.model_dump(mode="json") if isinstance(task.own, BaseModel) else task.own
    settings = task.settings.model_dump(mode="json", exclude=NAMES_OF_DATA)
    model = architecture(task.model)
    return digest([task.stage.name, numerics(device), model, data_sha256, settings, own])


def of_spectra(model: str, items: Items, device: str = "", quieter: float = 1.0) -> str:
    """The key of spectra, but for the draws and the weights of the inputs.

    Args:
        model: its `architecture`.
        items: all else that determines them. Of the settings that is what the programs take; the
            budgets and the steps are in the ways.
        device: as for `numerics`.
        quieter: what sigma is divided by.
    """
    determining = {"seed", "prior", "fisher", "likelihood", "chain", "split"}
    settings = items.settings.model_dump(mode="json", include=determining)
    settings["noise"] = items.settings.noise / quieter
    ways = [_as_read(asdict(way.numeric)) for way in items.plan.ways]
    return digest(["spectra", numerics(device), model, of_array(items.inputs), settings, ways])


def _as_read(way: dict[str, Any]) -> dict[str, Any]:
    """Every number as a float: a whole one comes back from a stored plan as another type."""
    return {name: float(of) if isinstance(of, int | float) else of for name, of in way.items()}


def of_array(array: np.ndarray) -> str:
    """sha256 of an array: its type, its shape and its numbers."""
    header = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(array).tobytes()).hexdigest()


def digest(parts: Any) -> str:
    """sha256 of what JSON can say, whatever the order of its mappings."""
    text = json.dumps(parts, sort_keys=True, default=dict)
    return hashlib.sha256(text.encode()).hexdigest()

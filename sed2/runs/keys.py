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
from functools import cache
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

from sed2.blocks.user import UserBlock
from sed2.errors import UsageError
from sed2.fisher.plan import Plan
from sed2.runs.codec import to_bytes
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec
from sed2.training.settings import TrainingSettings

_ROOT = Path(__file__).parents[1]
PACKAGES = ("sed2", "jax", "jaxlib", "flax", "numpy", "scipy", "optax", "matfree", "blackjax")
"""Whose versions may change a number."""
NAMES_OF_DATA = {"dataset", "label", "standardize"}
"""Settings that determine the data, whose hash is taken instead."""
_NO_NUMERICS = ("cli", "cluster", "gating", "ranking", "report", "runs", "stability")
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
    if any(isinstance(block, UserBlock) for block in model.blocks):
        raise UsageError(
            f"`{model.name}` is a network that was handed over, which no hash can name in another "
            "process",
            mend="Name it by `module: package.module:factory`, or leave out the run directory",
            where="--run-dir",
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


def of_result(model: str, data_sha256: str, settings: Settings, device: str = "") -> str:
    """The key of a model's result.

    Args:
        model: its `architecture`.
        data_sha256: of the data set.
        settings: of the model.
        device: as for `numerics`.
    """
    return digest(["result", numerics(device), model, data_sha256, _determining(settings)])


def of_plan(result: str) -> str:
    """The key of the plan by which a result is worked on."""
    return digest(["plan", result])


def of_piece(result: str, plan: Plan, first: int) -> str:
    """The key of the spectra of a piece of the work.

    Args:
        result: what it is a piece of.
        plan: by which it is cut.
        first: its first item.
    """
    return digest(["piece", result, hashlib.sha256(to_bytes(plan, Plan)).hexdigest(), first])


def of_baselines(model: str, data_sha256: str, settings: Settings, device: str = "") -> str:
    """The key of a model's baselines; as `of_result`."""
    return digest(["baselines", numerics(device), model, data_sha256, _determining(settings)])


def of_training(
    model: str,
    data_sha256: str,
    settings: Settings,
    training: TrainingSettings,
    device: str = "",
) -> str:
    """The key of a model's training.

    Args:
        model, data_sha256, settings, device: as for `of_result`.
        training: its own settings.
    """
    its = [_determining(settings), training.model_dump(mode="json")]
    return digest(["training", numerics(device), model, data_sha256, its])


def _determining(settings: Settings) -> dict[str, Any]:
    return settings.model_dump(mode="json", exclude=NAMES_OF_DATA)


def digest(parts: Any) -> str:
    """sha256 of what JSON can say, whatever the order of its mappings."""
    text = json.dumps(parts, sort_keys=True, default=dict)
    return hashlib.sha256(text.encode()).hexdigest()

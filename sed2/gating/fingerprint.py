"""The hash of the files that data are read from, which spares reading them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from sed2.common.files import open_input
from sed2.data.catalogue import DATASETS
from sed2.settings import Settings

_SINGLE = (".npz", ".csv")  # formats of one file; others are read with what lies beside them


def fingerprint(settings: Settings) -> str | None:
    """sha256 of the data's files and of the settings by which they are read.

    The same fingerprint under the same version of sed2 means the same numbers. None where there is
    none: the data must be read then.
    """
    name = settings.dataset or ""
    if name in DATASETS:
        info = DATASETS[name]
        whole = all(file.is_here() for file in info.files)
        return _hash([name, *(file.sha256 for file in info.files)]) if whole else None
    path = Path(name).expanduser()
    if path.suffix.lower() not in _SINGLE:
        return None
    try:
        with open_input(path) as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
    return _hash([path.suffix.lower(), content, settings.label, settings.standardize])


def _hash(parts: list[object]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

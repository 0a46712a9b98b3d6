"""A bundled file, written and told."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np


def write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays to a file of that very name, and print its size and sha256."""
    with path.open("wb") as file:  # given a name, numpy would append .npz to it
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # numpy stubs: allow_pickle
    content = path.read_bytes()
    print(f"{path}: {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}")

"""Compiled programs kept on disk: for a process that is sed2's own, never for a library's user."""

from __future__ import annotations

import os
from pathlib import Path


def compilation_cache() -> Path:
    """In `$SED2_CACHE_DIR`, by default the user's cache folder."""
    import pooch

    return Path(os.environ.get("SED2_CACHE_DIR") or pooch.os_cache("sed2")) / "xla"


def use_compilation_cache() -> None:
    """Keep compiled programs on disk, so that the second run of a spec compiles nothing.

    A folder that cannot be written costs time, not correctness, so JAX merely goes on without
    it."""
    import jax

    jax.config.update("jax_compilation_cache_dir", str(compilation_cache()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

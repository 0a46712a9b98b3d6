"""Compiled programs kept on disk: for a process that is sed2's own, never for a library's user."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib import util
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from sed2.common import terminal

_FAILED = re.compile(r"Error (read|writ)ing persistent compilation cache entry for '([\w.]+)'")


def compilation_cache() -> Path:
    """In `$SED2_CACHE_DIR`, by default the user's cache folder."""
    import pooch

    return Path(os.environ.get("SED2_CACHE_DIR") or pooch.os_cache("sed2")) / "xla"


def use_compilation_cache() -> None:
    """Keep compiled programs on disk, so that the second run of a spec compiles nothing. JAX is not
    imported for that: it is told once something imports it.

    A folder that cannot be written costs time, not correctness, so it is told and JAX goes on.
    What cannot be read in it is removed, or JAX would never write it anew."""
    if "jax" in sys.modules:
        _use()
    elif not any(isinstance(finder, _WithJax) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WithJax())


class _WithJax(MetaPathFinder):
    """Has JAX keep its programs as soon as it is imported."""

    _is_looking = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "jax" or self._is_looking:
            return None
        self._is_looking = True
        try:
            spec = util.find_spec(name)
        finally:
            self._is_looking = False
        if spec and spec.loader:
            spec.loader.exec_module = partial(self._execute, spec.loader.exec_module)  # type: ignore[method-assign]
        return spec

    def _execute(self, execute: Callable[[ModuleType], None], module: ModuleType) -> None:
        execute(module)
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            _use()


def _use() -> None:
    import jax

    if not _reads:
        _reads.append(0)
        jax.monitoring.register_event_listener(_count)
    folder = compilation_cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # of which JAX says that it cannot read
        _tell(_UNWRITTEN, folder)
        return
    warnings.showwarning = partial(_show, folder)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def start_afresh() -> bool:
    """Remove the programs that are kept, and forget those in memory, if any came from the disk: one
    may be that of something else, which JAX does not look at. Whether it was so; once."""
    if not any(_reads) or _afresh:
        return False
    import jax

    folder = compilation_cache()
    _afresh.append(folder)
    for path in folder.glob("*-cache"):
        with contextlib.suppress(OSError):
            path.unlink()
    jax.clear_caches()
    terminal.warn(
        f"the work failed with compiled programs from {folder}, of which one may be that of "
        "something else: all are compiled anew"
    )
    return True


def _count(event: str, **more: Any) -> None:
    _reads[0] += event == "/jax/compilation_cache/cache_hits"


def _show(folder: Path, message: Warning | str, *more: Any, **named: Any) -> None:
    """A warning; those of JAX in plain words and once."""
    found = _FAILED.match(str(message))
    if not found:
        _usual(message, *more, **named)
        return
    _tell(_DAMAGED if found[1] == "read" else _UNWRITTEN, folder)
    if found[1] == "read":
        for path in folder.glob(f"{found[2]}-*-cache"):  # JAX does not say which of them it is
            with contextlib.suppress(OSError):
                path.unlink()


def _tell(what: str, folder: Path) -> None:
    if (what, folder) not in _told:
        _told.add((what, folder))
        terminal.warn(what.format(folder))


_DAMAGED = "a compiled program in {} is damaged: it is compiled anew"
_UNWRITTEN = (
    "compiled programs cannot be kept in {}: every run compiles anew. Set SED2_CACHE_DIR to a "
    "folder that can be written"
)


_reads: list[int] = []
"""How many programs came from the disk; empty where nobody counts."""
_afresh: list[Path] = []
_told: set[tuple[str, Path]] = set()
_usual = warnings.showwarning

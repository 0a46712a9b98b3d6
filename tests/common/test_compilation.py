"""A compiled program that is damaged on disk is told once, in plain words, and made anew."""

from __future__ import annotations

import warnings
from pathlib import Path

import jax
import pytest

from sed2.common import compilation
from sed2.common.compilation import compilation_cache, use_compilation_cache


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SED2_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(jax.config, "update", lambda name, value: None)
    monkeypatch.setattr(compilation, "_told", set())
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    use_compilation_cache()
    folder = compilation_cache()
    folder.mkdir()
    return folder


def test_damage_is_told_once_and_removed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("jit_a-1-cache", "jit_a-2-cache", "jit_ab-1-cache", "jit_b-1-cache")
    for name in names:
        (folder / name).touch()
    for name in ("jit_a", "jit_b"):
        text = f"Error reading persistent compilation cache entry for '{name}': error: -5"
        warnings.showwarning(UserWarning(text), UserWarning, "compiler.py", 782)
    assert [path.name for path in folder.iterdir()] == ["jit_ab-1-cache"]
    told = f"warning: a compiled program in {folder} is damaged: it is compiled anew\n"
    assert capsys.readouterr().err == told


def test_other_warnings_are_shown_as_ever(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(compilation, "_usual", lambda message, *more: shown.append(str(message)))
    warnings.showwarning(UserWarning("another"), UserWarning, "x.py", 1)
    assert shown == ["another"]

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
    return compilation_cache()


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


def test_what_cannot_be_kept_is_told_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "jit_a-1-cache").touch()
    for name in ("jit_a", "jit_b"):
        text = f"Error writing persistent compilation cache entry for '{name}': OSError: full"
        warnings.showwarning(UserWarning(text), UserWarning, "compiler.py", 782)
    err = capsys.readouterr().err
    assert err.startswith(f"warning: compiled programs cannot be kept in {folder}: ")
    assert err.count("\n") == 1
    assert (folder / "jit_a-1-cache").exists()


def test_a_folder_that_cannot_be_made_is_told_and_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """JAX would say that it cannot read, and so would it be taken for damage."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("SED2_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(jax.config, "update", lambda name, value: pytest.fail("it is used"))
    monkeypatch.setattr(compilation, "_told", set())
    use_compilation_cache()
    where = tmp_path / "file" / "xla"
    assert f"warning: compiled programs cannot be kept in {where}: " in capsys.readouterr().err

"""How a command was called, as one would type it again."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from sed2.cli.telling import command_line
from tests.cli.conftest import FAST, Run


def test_a_command_is_quoted_for_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SED2_SCORE")
    monkeypatch.delenv("SED2_SIGMA")
    arguments = ["rank", "my models.yaml", "--eps", "1e-3:1e-1", "--html", "it's $HOME.html"]
    told = command_line(arguments)
    assert shlex.split(told) == ["sed2", *arguments]
    monkeypatch.setattr("sys.argv", ["/somewhere/bin/sed2", *arguments])
    assert command_line() == told


def test_variables_that_are_settings_belong_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SED2_SCORE")
    monkeypatch.delenv("SED2_SIGMA")
    monkeypatch.setenv("SED2_DRAWS", "5")
    monkeypatch.setenv("SED2_PRIOR", "uniform:-1:1; rm x")
    monkeypatch.setenv("SED2_SEED", "")
    monkeypatch.setenv("SED2_CACHE_DIR", "/nowhere")
    told = command_line(["rank", "x"])
    assert told == "SED2_DRAWS=5 SED2_PRIOR='uniform:-1:1; rm x' sed2 rank x"


@pytest.mark.parametrize("command", ["compute", "rank"])
def test_the_page_tells_the_command(
    sed2: Run, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    arguments = [command, "MLP 54-3-7", *FAST, "--html", "page.html"]
    monkeypatch.delenv("SED2_SCORE")
    monkeypatch.delenv("SED2_SIGMA")
    monkeypatch.setattr("sys.argv", ["sed2", *arguments])
    assert sed2(*arguments).code == 0
    page = Path("page.html").read_text()
    assert f"<code>{shlex.join(['sed2', *arguments])}</code>" in page
    assert "MLP 54-3-7" in page

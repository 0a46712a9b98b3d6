"""What files and other people wrote reaches a terminal and a log as one harmless line."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sed2.common import terminal
from sed2.errors import SpecError, one_line, shown
from sed2.report.layout import Table, note, print_table, sentence

HOSTILE = "x\x1b[31m\n::stop-here::\r\u202eb\u2028\x9b2J\x07"


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert line == text or not text.isprintable()
    assert one_line(line) == line


def test_what_is_not_printable_is_told_apart() -> None:
    assert one_line("a\nb\x1b\u202e\udc80") == r"a\nb\x1b\u202e\udc80"
    assert one_line("größer – 大") == "größer – 大"


@given(st.text(min_size=50))
def test_what_is_shown_is_short(text: str) -> None:
    assert len(shown(text)) <= 60
    assert shown(text).isprintable()


def test_what_is_short_is_shown_whole() -> None:
    assert shown("a" * 60) == "a" * 60
    assert shown("a" * 61) == "a" * 57 + "..."
    assert shown(0.5) == "0.5"


def test_an_error_is_one_line() -> None:
    error = SpecError(HOSTILE, mend=HOSTILE, where=f"{HOSTILE}.yaml:1:1")
    assert str(error).isprintable()
    assert str(error).count(r"\n::stop-here::") == 3


@pytest.mark.parametrize("tell", [terminal.warn, terminal.fail, terminal.say])
def test_what_is_told_is_one_line(tell: object, capsys: pytest.CaptureFixture[str]) -> None:
    tell(HOSTILE)  # type: ignore[operator]
    told = capsys.readouterr().err
    assert told.endswith("\n")
    assert told[:-1].isprintable()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_a_width_and_what_is_none_shows_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    columns = [f"column {i}" for i in range(9)]
    told = []
    for colour, stream in (("", Terminal()), ("1", Terminal()), ("", io.StringIO())):
        monkeypatch.setenv("NO_COLOR", colour)
        print_table(terminal._console(stream), Table(columns, [columns]))
        told.append(stream.getvalue())
        assert "Left out at this width: column 4" in told[-1] or not stream.isatty()
    assert "column 8" in told[-1].splitlines()[0]


def test_tables_and_sentences_hold_harmless_cells() -> None:
    file = io.StringIO()
    console = terminal._console(file)
    print_table(console, Table(["model", HOSTILE], [[HOSTILE, HOSTILE], ["b", "c"]]))
    note(console, HOSTILE)
    sentence(console, HOSTILE)
    lines = file.getvalue().splitlines()
    assert len(lines) == 6  # the heads, a rule, two rows, and two sentences
    assert all(line.isprintable() for line in lines)


COMMANDS = ["::error::x", "  ::error::x", "::add-mask::x"]


@pytest.mark.parametrize("text", COMMANDS)
def test_no_line_is_a_command_to_the_ci(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say(text)
    print_table(terminal.out(), Table([text, "b"], [[text, "1"], [text, "2"]]))
    told = capsys.readouterr()
    lines = [*told.err.splitlines(), *told.out.splitlines()]
    assert len(lines) == 5
    assert not any(line.lstrip().startswith("::") for line in lines)
    assert sum(r"\x3a:" in line for line in lines) == 4


def test_a_name_that_is_folded_is_no_command_either() -> None:
    file = io.StringIO()
    console = terminal._console(file)
    print_table(console, Table(["model"], [["a" * 10_000 + "::error::x"]], named=0))
    print_table(console, Table(["model"], [["a" * 9_999 + "::error::x"]], named=0))
    assert not any(line.lstrip().startswith("::") for line in file.getvalue().splitlines())


def test_sed2_may_give_commands_itself(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.command("::error file=a.yaml::it failed")
    assert capsys.readouterr().err == "::error file=a.yaml::it failed\n"

"""What holds for every command: help, exit codes, streams, start-up."""

from __future__ import annotations

import io
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from sed2 import api
from sed2.cli.app import app
from sed2.common import compilation, terminal
from sed2.errors import ExitCode, Sed2Error
from sed2.options import OTHER_VARIABLES
from tests.cli.conftest import FAST, Ran, Run, shell

CONTRACT = {
    "bound": "--dataset --eps --zeta --samples --draws --sigma --fisher --prior --n-train --gamma "
    "--seed --label --standardize --model --json --lipschitz --theorem-k --theorem-c --loss-bound",
    "compute": "--dataset --eps --zeta --samples --draws --sigma --fisher --prior --n-train --seed "
    "--label --standardize --model --json --csv --plot --html",
    "diff": "--json",
    "doctor": "--json",
    "init": "",
    "gate": "--dataset --eps --zeta --samples --draws --sigma --fisher --prior --n-train --seed "
    "--label --standardize --json --baseline --update --min-ratio --confidence --max-draws "
    "--max-parameters --min-score --allow-missing --allow-new --junit --summary --html",
    "rank": "--dataset --eps --zeta --samples --draws --sigma --fisher --prior --n-train --seed "
    "--label --standardize --json --csv --plot --html --until-decided --decide-at --max-draws "
    "--max-samples --train --epochs --batch-size --learning-rate --train-seeds --train-samples "
    "--baselines --run-dir",
    "report": "--json --csv --plot --html",
    "select": "--dataset --draws --samples --seed --budget --prune-by --decide-at --epochs "
    "--train-seeds --max-parameters --max-model-flops --run-dir --ray --json --csv --plot --html",
    "stability": "--dataset --eps --zeta --samples --draws --sigma --fisher --prior --n-train "
    "--seed --label --standardize --json --csv --plot --samples-grid --draws-grid --sigma-grid "
    "--seeds",
    "validate": "--dataset --eps",
    "datasets list": "",
    "datasets info": "",
    "datasets fetch": "",
    "schema": "",
}


def commands() -> dict[str, Any]:
    """Every command by its full name."""
    found: dict[str, Any] = {}

    def visit(command: Any, name: str) -> None:
        if hasattr(command, "commands"):
            for inner, sub in command.commands.items():
                visit(sub, f"{name} {inner}".strip())
        else:
            found[name] = command

    visit(typer.main.get_command(app), "")
    return found


COMMANDS = commands()


def test_the_commands_are_those_of_the_contract() -> None:
    assert set(COMMANDS) == set(CONTRACT)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_is_documented(name: str) -> None:
    for parameter in COMMANDS[name].params:
        if "--help" not in parameter.opts:
            assert parameter.help, f"{name} {parameter.opts}"


@pytest.mark.parametrize(("name", "options"), CONTRACT.items())
def test_help_shows_the_options_and_an_example(sed2: Run, name: str, options: str) -> None:
    ran = sed2(*name.split(), "--help")
    assert ran.code == 0
    for option in options.split():
        assert option in ran.out
    assert "Examples" in ran.out
    assert f"sed2 {name}" in ran.out


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_use_options_that_exist(sed2: Run, name: str) -> None:
    known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    examples = re.findall(rf"^ +(sed2 {name}.*)$", sed2(*name.split(), "--help").out, re.MULTILINE)
    assert examples
    for example in examples:
        assert set(re.findall(r"(?<=\s)-[-a-z]+", example)) <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_parse(sed2: Run, name: str) -> None:
    root = Path(__file__).parents[2]
    for example in re.findall(rf"^ +sed2 {name}(.*)$", sed2(*name.split(), "--help").out, re.M):
        arguments = shlex.split(example.partition(" > ")[0])
        COMMANDS[name].make_context(name, list(arguments))
        for argument in arguments:
            assert not argument.startswith("configs/") or (root / argument).is_file()


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_80_columns(sed2: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, sed2(*name.split(), "--help").out.splitlines())) <= 80


def test_the_help_tells_every_exit_code_and_variable(sed2: Run) -> None:
    shown = sed2("--help").out
    codes = re.findall(r"^ +(\d+) +\w", shown.partition("Exit codes:")[2], re.M)
    assert list(map(int, codes)) == [code.value for code in ExitCode]
    assert set(OTHER_VARIABLES) <= set(re.findall(r"SED2_[A-Z_]+", shown))


@pytest.mark.parametrize("group", [[], ["datasets"]])
def test_the_lists_of_commands_are_not_cut(sed2: Run, group: list[str]) -> None:
    assert "..." not in sed2(*group, "--help").out.partition("Commands:")[2]


def test_exit_codes_are_those_of_the_contract() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0,
        "DEFECT": 1,
        "USAGE": 2,
        "GATE_FAILED": 3,
        "DATA": 4,
        "NUMERICS": 5,
        "UNDECIDED": 6,
        "INTERRUPTED": 130,
    }


def test_version(sed2: Run) -> None:
    assert sed2("--version").out.startswith("sed2 0.")


@pytest.mark.parametrize("arguments", [["--help"], ["rank", "--help"], ["datasets", "list"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom sed2.cli.app import run\n"
        f"code = run({arguments!r})\n"
        "heavy = {'jax', 'flax', 'optax', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_an_unknown_command_or_option_is_a_usage_error(sed2: Run) -> None:
    assert sed2("rnak").code == 2
    ran = sed2("rank", "x.yaml", "--drawz", "3")
    assert ran.code == 2
    assert "--draws" in ran.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rank x --drawz 3", "--drawz: there is no such option. Did you mean `--draws`"),
        ("rank x --quux", "--quux: there is no such option. `sed2 rank --help` shows what there"),
        ("compute x --json", "--json: it needs a value. Write `--json VALUE`"),
        ("compute x --verbose=3", "--verbose: it takes no value. Write `--verbose` alone"),
        ("compute", "missing argument `SPEC`. `sed2 compute --help` shows what there is"),
        ("compute x y", "got unexpected extra argument(s) (y). `sed2 compute --help` shows"),
        ("datasets frob", "no such command `frob`. `sed2 datasets --help` shows what there is"),
        (f"compute {'x ' * 9999}", "got unexpected extra argument(s) (x x"),
        (f"{'x' * 9999}", "no such command `xx"),
        (f"rank x --{'x' * 9999}", "--xx"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line_as_all_is(
    sed2: Run, line: str, said: str
) -> None:
    ran = sed2(*line.split())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: {said}")
    assert ran.err.count("\n") == 1
    assert len(ran.err) < 500


def test_a_variable_that_is_no_truth_is_refused(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SED2_DEBUG", "maybe")
    ran = sed2("datasets", "list")
    assert ran == Ran(2, "", "error: SED2_DEBUG: it must be true or false, not `maybe`\n")


def test_no_command_is_answered_by_the_help(sed2: Run) -> None:
    for group in ([], ["datasets"]):
        ran = sed2(*group)
        assert ran.code == 2
        assert "Commands:" in ran.err + ran.out


def test_a_defect_asks_for_a_report_and_shows_no_traceback(
    sed2: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(api, "validate", fail)
    ran = sed2("validate", "MLP 54-3-7")
    assert ran.code == 1
    assert "a defect of sed2: ZeroDivisionError: oops" in ran.err
    assert "--debug" in ran.err
    assert "Traceback" not in ran.err
    ran = sed2("--debug", "validate", "MLP 54-3-7")
    assert ran.code == 1
    assert "Traceback" in ran.err


@pytest.mark.parametrize(("debug", "shown"), [("1", True), ("0", False), ("", False)])
def test_a_variable_asks_for_the_traceback_too(
    sed2: Run, monkeypatch: pytest.MonkeyPatch, debug: str, shown: bool
) -> None:
    monkeypatch.setenv("SED2_DEBUG", debug)
    ran = sed2("datasets", "info", "nothing")
    assert ran.code == 4
    assert ("Traceback" in ran.err) is shown
    assert ran.err.splitlines()[-1].startswith("error: there is no data set `nothing`")


@pytest.mark.parametrize("error", Sed2Error.__subclasses__())
def test_every_deliberate_error_has_its_code_and_one_line(
    sed2: Run, monkeypatch: pytest.MonkeyPatch, error: type[Sed2Error]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error("[cause]", mend="Mend it", where="here")

    monkeypatch.setattr(api, "validate", fail)
    ran = sed2("validate", "MLP 54-3-7")
    assert error.exit_code in (2, 4, 5)
    assert ran == Ran(error.exit_code, "", "error: here: [cause]. Mend it\n")


def test_an_interrupt_ends_with_130(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "compute", interrupt)
    ran = sed2("compute", "MLP 54-3-7", *FAST)
    assert ran.code == 130
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: 8 GB")])
def test_out_of_memory_is_a_failure_of_numbers(
    sed2: Run, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(api, "compute", fail)
    ran = sed2("compute", "MLP 54-3-7", *FAST)
    assert ran.code == 5
    assert "memory" in ran.err


@pytest.mark.parametrize("command", ["schema", "datasets list", "--version"])
def test_a_closed_pipe_is_no_fault(tmp_path: Path, command: str) -> None:
    ran = shell(f"sed2 {command} | true; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_after_a_closed_pipe_the_work_goes_on(tmp_path: Path) -> None:
    """`sed2 rank ... --json r.json | head -1` still writes the file."""
    code = (
        "import sys; from sed2.common import terminal\nsys.stdin.read()\n"
        "for _ in range(3): terminal.out().print('table'); terminal.write('text')\n"
        "open('done', 'w')"
    )
    ran = shell(f'(sleep 1) | python -c "{code}" | true; exit ${{PIPESTATUS[1]}}', tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize("command", ["schema", "datasets list"])
def test_a_closed_stdout_is_no_fault(tmp_path: Path, command: str) -> None:
    ran = shell(f"sed2 {command} >&-", tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("command", ["schema", "datasets list"])
def test_a_full_disk_is_told_and_no_defect(tmp_path: Path, command: str) -> None:
    ran = shell(f"sed2 {command} > /dev/full", tmp_path)
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: no space left")


def test_a_poor_encoding_shows_question_marks(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("models: [{name: Größe, notation: MLP 5-2}]")
    ran = shell("sed2 validate m.yaml", tmp_path, PYTHONIOENCODING="ascii")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Gr??e" in ran.stdout
    assert ran.stdout.isascii()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "moves"), [("", True), ("1", False)])
def test_terminals_have_colour_and_progress_unless_no_color(
    monkeypatch: pytest.MonkeyPatch, no_color: str, moves: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    with terminal.progress("sampling") as report:
        report("MLP 54-3-7", 1, 2)
    assert ("MLP 54-3-7" in screen.getvalue()) is moves
    terminal.fail("broken")
    assert ("\x1b[1;31m" in screen.getvalue()) is moves
    assert "broken" in screen.getvalue()


def test_without_a_terminal_nothing_is_cut_or_coloured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", pipe := io.StringIO())
    with terminal.progress("sampling") as report:
        report("MLP 54-3-7", 1, 2)
    terminal.warn("word " * 100)
    assert pipe.getvalue() == f"warning: {'word ' * 100}\n"


def test_without_a_terminal_progress_is_lines_that_become_rare(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sys, "stderr", pipe := io.StringIO())
    with terminal.progress("sampling") as report:
        for now[0] in range(100):
            report("MLP 54-3-7", int(now[0]), 400)
        now[0] = 200
        report("training", 0, 10)  # other work, with a beginning of its own
        now[0] = 210
        report("training", 5, 10)
    assert pipe.getvalue().splitlines() == [
        "progress: MLP 54-3-7, 0% after 2 s, about 7 min left",
        "progress: MLP 54-3-7, 2% after 6 s, about 7 min left",
        "progress: MLP 54-3-7, 4% after 14 s, about 6 min left",
        "progress: MLP 54-3-7, 8% after 30 s, about 6 min left",
        "progress: MLP 54-3-7, 16% after 62 s, about 6 min left",
        "progress: training, 50% after 10 s, about 10 s left",
    ]


def test_a_platform_that_is_not_there_is_no_defect(tmp_path: Path) -> None:
    """Of JAX itself, in a process of its own."""
    ran = shell("JAX_PLATFORMS=nonsense sed2 doctor", tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "error: JAX_PLATFORMS: JAX finds no device of `nonsense` here. Unset it" in ran.stderr


SWAPPED = """
import shutil, sys
from sed2.cli.app import run
from sed2.common.compilation import compilation_cache
line = "compute 'MLP 54-3-7' --dataset covertype --samples 5 --draws 3 --eps 0.1 --json"
line = line.replace("--eps", "--fisher empirical --eps")  # which XLA computes
import shlex
assert run([*shlex.split(line), "a.json"]) == 0
import jax  # after the first run, which had to import it by itself
files = sorted(compilation_cache().glob("*-cache"), key=lambda path: path.stat().st_size)
for path in files[1:]:
    shutil.copy(files[0], path)
jax.clear_caches()
assert run([*shlex.split(line), "b.json"]) == 0
jax.clear_caches()
assert run([*shlex.split(line), "c.json"]) == 0
"""


def test_compiled_programs_of_something_else_are_compiled_anew_once(tmp_path: Path) -> None:
    (tmp_path / "swapped.py").write_text(SWAPPED)
    ran = shell("python swapped.py > out.txt", tmp_path, SED2_CACHE_DIR=str(tmp_path / "kept"))
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("of which one may be that of something else") == 1
    first, *others = (
        json.loads((tmp_path / f"{name}.json").read_text())["score"] for name in "abc"
    )
    assert others == [first, first]


@pytest.mark.parametrize("reads", [0, 3])
def test_a_defect_is_tried_again_once_where_programs_came_from_the_disk(
    sed2: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reads: int
) -> None:
    calls = []

    def fail(*_: object, **__: object) -> None:
        calls.append(1)
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(api, "compute", fail)
    monkeypatch.setattr(compilation, "_reads", [reads])
    monkeypatch.setattr(compilation, "_afresh", [])
    monkeypatch.setenv("SED2_CACHE_DIR", str(tmp_path / "kept"))
    ran = sed2("compute", "MLP 54-3-7", *FAST)
    assert (ran.code, len(calls)) == (1, 2 if reads else 1)
    assert ("are compiled anew" in ran.err) == bool(reads)
    assert "a defect of sed2: ZeroDivisionError: oops" in ran.err


def test_matplotlib_is_silent_of_a_home_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import matplotlib

    assert app
    monkeypatch.setenv("MPLCONFIGDIR", "/proc/none")
    found = matplotlib._get_config_or_cache_dir(Path)  # type: ignore[attr-defined]
    assert found != "/proc/none"  # what `get_cachedir` does, once for each process
    assert not caplog.records

"""The files of every command: never one that is read, and there before anything is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sed2 import tasks
from sed2.cli.app import app
from sed2.cli.options import OUTPUTS, flag
from tests.cli.conftest import FAST, Run, shell
from tests.cli.test_app import COMMANDS

LINKS: dict[str, Callable[[Path, Path], None]] = {
    "itself": lambda path, link: None,
    "a symlink": lambda path, link: link.symlink_to(path.name),
    "a hard link": lambda path, link: os.link(path, link),
}
FILES = {
    "compute": ("json", "csv", "plot", "html"),
    "rank": ("json", "csv", "plot", "html"),
    "bound": ("json",),
    "stability": ("json", "csv", "plot"),
    "gate": ("json", "junit", "summary", "html"),
    "select": ("json", "csv", "plot", "html"),
    "report": ("json", "csv", "plot", "html"),
    "diff": ("json",),
    "doctor": ("json",),
}


def idx(path: Path, array: np.ndarray) -> None:
    """Write an idx file of bytes."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes())


def inputs(sed2: Run, command: str) -> tuple[list[str], list[str]]:
    """A command line over files of all kinds here, and the files that it reads."""
    rng = np.random.default_rng(0)
    idx(Path("train-images-idx3-ubyte"), rng.integers(0, 255, (20, 2, 2)))
    idx(Path("train-labels-idx1-ubyte"), rng.integers(0, 3, 20))
    Path("s.yaml").write_text(
        "dataset: train-images-idx3-ubyte\nsamples: 5\ndraws: 3\neps: 0.1\n"
        "models:\n  - name: a\n    blocks: [flatten, {dense: {features: 3}}]\n"
    )
    Path("baseline.json").write_text("{}")
    read = ["s.yaml", "train-images-idx3-ubyte", "train-labels-idx1-ubyte"]
    line = [command, "s.yaml"]
    if command == "select":
        more = (
            "  - name: b\n    blocks: [flatten, {dense: {features: 2}}, {dense: {features: 3}}]\n"
        )
        Path("s.yaml").write_text(Path("s.yaml").read_text() + more)
        line += ["--epochs", "1", "--budget", "100%", "--prune-by", "none", "--train-samples", "10"]
    if command == "bound":
        line += ["--lipschitz", "1", "--n-train", "100"]
    if command == "gate":
        Path("baseline.json").unlink()
        assert sed2(*line, "--baseline", "baseline.json", "--update").code == 0
        changed = Path("s.yaml").read_text().replace("dense: {", "dense: {bias: false, ")
        Path("s.yaml").write_text(changed)  # else no data are read
        line, read = [*line, "--baseline", "baseline.json"], [*read, "baseline.json"]
    if command == "diff":
        Path("a.json").write_text("{}")
        line, read = ["diff", "a.json", "baseline.json"], ["a.json"]
    if command == "report":
        Path("run").mkdir()
        Path("run/sed2-run.json").write_text("{}")
        line, read = ["report", "run"], ["run/sed2-run.json"]
    return line, read


def test_every_output_of_every_command_is_known() -> None:
    assert app
    for name, command in COMMANDS.items():
        options = {parameter.name for parameter in command.params} & OUTPUTS.keys()
        assert options == set(FILES.get(name, ()))


@pytest.mark.parametrize(
    ("command", "output", "how"),
    [
        (command, output, how)
        for command, outputs in FILES.items()
        for output in outputs
        for how in LINKS
        if command != "doctor"  # which reads nothing
        # One of a command's files by all names; the others by one, as all are looked at alike.
        and (output == outputs[0] or how == "a symlink")
    ],
)
def test_an_output_that_is_an_input_is_refused_and_nothing_written(
    sed2: Run, monkeypatch: pytest.MonkeyPatch, command: str, output: str, how: str
) -> None:
    line, read = inputs(sed2, command)
    monkeypatch.setattr(tasks, "estimate", lambda *_, **__: pytest.fail("the work began"))
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    for name in read:
        target = Path("link.png") if how != "itself" else Path(name)
        if output == "plot" and how == "itself":
            continue  # no file that is read is called so
        LINKS[how](Path(name), target) if "/" not in name else None
        if "/" in name and how != "itself":
            (target.symlink_to if how == "a symlink" else target.hardlink_to)(Path(name))
        ran = sed2(*line, flag(output), target)
        assert ran.code == 2
        assert ran.out == ""
        assert f"error: {flag(output)}: `{target}` is read by the same command" in ran.err
        if how != "itself":
            target.unlink()
        assert before == {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def test_a_baseline_that_is_an_input_is_refused(sed2: Run) -> None:
    Path("d.csv").write_text("")
    Path("s.yaml").write_text("dataset: d.csv\nmodels: [MLP 2-2]\n")
    ran = sed2("gate", "s.yaml", "--baseline", "d.csv", "--update")
    assert (ran.code, ran.out) == (2, "")
    assert "--baseline: `d.csv` is read by the same command" in ran.err
    assert sed2("gate", "s.yaml", "--baseline", "s.yaml", "--update").code == 2
    assert Path("s.yaml").read_text().startswith("dataset")


@pytest.mark.parametrize("command", ["report", "rank"])
def test_an_output_that_is_kept_in_the_run_directory_is_refused(sed2: Run, command: str) -> None:
    """Also of what is not read: the ranking is kept, so that no result is."""
    run_dir = ["rank", "MLP 54-3-7", *FAST, "--run-dir", "run"]
    assert sed2(*run_dir).code == 0
    line = ["report", "run"] if command == "report" else run_dir
    for path in sorted(Path("run").rglob("*.sed2")):
        before = path.read_bytes()
        ran = sed2(*line, "--json", path)
        assert (ran.code, ran.out) == (2, "")
        assert f"error: --json: `{path}` is read by the same command" in ran.err
        assert path.read_bytes() == before
    assert sed2(*line, "--json", "run/ranking.json").code == 0


def test_files_that_are_only_written_are_taken(sed2: Run) -> None:
    line, _ = inputs(sed2, "compute")
    for _ in range(2):  # the second time they are there
        assert sed2(*line, "--json", "r.json", "--csv", "r.csv").code == 0
    assert json.loads(Path("r.json").read_text())["schema_version"] == 1


WORK = {
    "compute": ("compute", "MLP 54-3-7", *FAST),
    "rank": ("rank", "s.yaml", *FAST),
    "bound": ("bound", "MLP 54-3-7", *FAST, "--n-train", "1e3", "--lipschitz", "1"),
    "stability": (
        *("stability", "s.yaml", *FAST, "--seeds", "1", "--samples-grid", "5,6"),
        *("--draws-grid", "3,4", "--sigma-grid", "0.01"),
    ),
    "doctor": ("doctor",),
}


@pytest.mark.parametrize("command", WORK)
def test_files_are_there_before_anything_is_said(
    sed2: Run, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Whatever is printed first, the file is there."""
    from sed2.common import terminal

    Path("s.yaml").write_text("models: [MLP 54-3-7, MLP 54-4-7]")
    said: list[bool] = []
    for name in ("out", "warn", "fail"):
        said_by = getattr(terminal, name)
        monkeypatch.setattr(
            terminal,
            name,
            lambda *text, said_by=said_by: (said.append(Path("r.json").exists()), said_by(*text))[
                1
            ],
        )
    assert sed2(*WORK[command], "--json", "r.json").code in (0, 4)
    assert said
    assert all(said)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize(
    ("output", "stderr"),
    [
        ("--json r.json > table", "2>/dev/full"),
        ("--json - > r.json", "2>&-"),
        ("--json - > r.json", "2> >(true)"),
    ],
)
def test_a_stderr_that_takes_nothing_loses_no_result(
    tmp_path: Path, output: str, stderr: str
) -> None:
    """Of a foreign variable it would be warned, before the work and without a listener."""
    line = f"sed2 compute 'MLP 54-3-7' {' '.join(FAST)} {output}"
    ran = shell(f"{line} {stderr}", tmp_path, SED2_FOREIGN="1", SED2_SAMPLES="1", PYTHONUTF8="1")
    assert ran.returncode == 0
    assert json.loads((tmp_path / "r.json").read_text())["schema_version"] == 1


def test_a_full_stdout_keeps_the_files(tmp_path: Path) -> None:
    ran = shell(f"sed2 compute 'MLP 54-3-7' {' '.join(FAST)} --json r.json > /dev/full", tmp_path)
    assert ran.returncode == 2
    assert "error: no space left for" in ran.stderr
    assert json.loads((tmp_path / "r.json").read_text())["schema_version"] == 1


def test_a_warning_that_cannot_be_printed_loses_nothing(tmp_path: Path) -> None:
    """The name of the data cannot be shown in ASCII; the strict handler would raise."""
    np.savez(tmp_path / "größe.npz", x=np.eye(3), y=np.arange(3))
    line = (
        "PYTHONIOENCODING=ascii:strict sed2 compute 'MLP 3-2' --dataset größe.npz --draws 2 "
        "--eps 0.1 --json r.json"
    )
    ran: subprocess.CompletedProcess[str] = shell(line, tmp_path, **{"SED2_GRÖSSE": "1"})
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "r.json").exists()


@pytest.mark.parametrize("tracker", ["mlflow", "wandb"])
def test_a_tracker_that_is_not_here_is_told_before_the_work(
    sed2: Run, tracker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, tracker, None)
    monkeypatch.setattr("sed2.api.rank", lambda *_, **__: pytest.fail("the work began"))
    ran = sed2("rank", "MLP 54-3-7", *FAST, f"--{tracker}", "widths")
    assert ran.code == 2
    assert f"--{tracker}: `{tracker}` needs the package `{tracker}`" in ran.err
    assert f"pip install 'sed2-rank[{tracker}]'" in ran.err
    monkeypatch.setitem(sys.modules, tracker, SimpleNamespace())
    assert "needs a name" in sed2("rank", "MLP 54-3-7", *FAST, f"--{tracker}", " ").err


def test_a_tracker_that_fails_loses_no_result(
    sed2: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(name: str) -> None:
        print("to be on stderr")
        raise ConnectionError(f"no answer of the server of {name}")

    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace(set_experiment=fail))
    path = tmp_path / "r.json"
    ran = sed2("compute", "MLP 54-3-7", *FAST, "--mlflow", "widths", "--json", path)
    assert ran.code == 2
    assert "could not be logged (no answer of the server of widths)" in ran.err
    assert "to be on stderr" in ran.err
    assert "MLP 54-3-7" in ran.out
    assert json.loads(path.read_text())["model"]["name"] == "MLP 54-3-7"

"""What the code, the README and the pages of docs/ say of each other is so."""

from __future__ import annotations

import os
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sed2.baselines.registry import BASELINES
from sed2.cli.app import run
from sed2.data.catalogue import DATASETS
from sed2.errors import ExitCode

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs").rglob("*.md"))
ALL = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")), *PAGES]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in ALL)
CODE = [
    path
    for folder in ("sed2", "tests", "scripts", ".ci")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", "") and path.is_file()
]
CITATION = re.compile(
    r"(?<![\w/])(docs/[\w./-]*\w\.(?:md|jsonl?|csv|png))(?:,\s+sections?\s+([0-9]+))?"
)


def citations() -> set[tuple[str, str]]:
    """Files of docs/ that the code cites, and their sections, "" if it cites none."""
    return {found for path in CODE for found in CITATION.findall(path.read_text(encoding="utf-8"))}


def test_every_file_that_the_code_cites_exists() -> None:
    cited = {file for file, _ in citations()}
    assert "docs/concepts/measure.md" in cited
    assert [file for file in sorted(cited) if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize("page", ["concepts/measure.md", "reference/contract.md"])
def test_every_section_that_the_code_cites_exists(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    there = re.findall(r"^## ([0-9]+)\. ", text, re.MULTILINE)
    cited = {section for file, section in citations() if file == f"docs/{page}" and section}
    assert there == [str(number) for number in range(1, len(there) + 1)]
    assert cited
    assert cited <= set(there)


def test_pages_are_cited_by_their_whole_path() -> None:
    bare = re.compile(r"(?<![\w/.])(?:measure|contract)\.md")
    others = [path for path in CODE if path != Path(__file__)]  # which holds the pattern itself
    assert [path for path in others if bare.search(path.read_text(encoding="utf-8"))] == []


def test_the_output_in_the_readme_is_that_of_its_command() -> None:
    """In a process of its own, whose threads and programs are those of the command line."""
    (command,) = re.findall(r"^    sed2 (.*)$", README, re.MULTILINE)
    shown = README.split("[start:output]")[1].split("    ...\n")[0].split("-->")[1]
    done = subprocess.run(
        [sys.executable, "-m", "sed2", *shlex.split(command)],
        cwd=ROOT,
        env={
            k: v
            for k, v in os.environ.items()
            if k == "SED2_CACHE_DIR" or not k.startswith(("SED2_", "XLA_"))
        },
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.removeprefix("    ") for line in shown.strip("\n").splitlines()]
    assert len(lines) == 9
    printed = done.stdout.replace(f"{sys.executable} -m sed2", "sed2").splitlines()
    assert [line.rstrip() for line in printed][:9] == lines


def test_ci_runs_the_test_command_of_the_readme() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").replace(" --quiet", "").splitlines()
    (line,) = re.findall(r"^    (python -m pip .*)$", README, re.MULTILINE)
    assert set(line.split(" && ")) <= set(ci)
    assert any("mkdocs build --strict" in command for command in ci)


@pytest.mark.parametrize("page", ["exit-codes.md", "contract.md"])
def test_every_exit_code_is_in_the_reference(page: str) -> None:
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    codes = re.findall(r"^\| ([0-9]+) \|", text, re.MULTILINE)
    assert codes == [str(int(code)) for code in ExitCode]


def test_the_layout_in_contributing_names_every_room() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    layout = re.search(r"^    sed2/\n((?:      .*\n)+)", text, re.MULTILINE)
    assert layout
    named = re.findall(r"(?<![\w/])(\w+)(?:/|\.py)(?![\w/])", layout[1])
    there = {
        path.stem
        for path in (ROOT / "sed2").iterdir()
        if (path / "__init__.py").exists() or (path.suffix == ".py" and path.stem[0] != "_")
    }
    assert set(named) >= there


def test_every_page_is_in_the_navigation_once() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    pages = re.findall(r"[\w/-]+\.md", nav)
    assert sorted(pages) == sorted(str(page.relative_to(ROOT / "docs")) for page in PAGES)


@pytest.mark.parametrize("page", ALL, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_figures_of_a_page_exist(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_files_that_the_pages_name_exist() -> None:
    named = re.findall(
        r"(?<![\w/.-])((?:sed2|tests|scripts|configs|docs)/[\w/.-]*\w)\b(?!\\)", TEXT
    )
    assert "sed2/estimate.py" in named
    missing = [name for name in sorted(set(named)) if not (ROOT / name).exists()]
    assert missing == [
        "scripts/benchmark_paper.py",  # which the changelog says is gone
        "sed2/blocks/NAME.py",  # of a recipe
    ]


def test_names_of_python_in_the_pages_exist() -> None:
    names = set(re.findall(r"(?<![\w./-])sed2(?:\.[A-Za-z_]\w*)+", TEXT)) - {"sed2.schema.json"}
    assert {"sed2.rank", "sed2.compute"} <= names
    assert [name for name in sorted(names) if not _is_there(name)] == []


def _is_there(name: str) -> bool:
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def test_every_data_set_and_every_baseline_has_its_line() -> None:
    data = (ROOT / "docs" / "reference" / "data.md").read_text(encoding="utf-8")
    for name, info in DATASETS.items():
        shape = " x ".join(map(str, info.input_shape))
        licence = info.licence + ("; ships with sed2" if info.bundled else "")
        assert f"| `{name}` | {info.rows:,} | {shape} | {info.classes} | {licence} |" in data
    baselines = (ROOT / "docs" / "baselines.md").read_text(encoding="utf-8")
    assert [name for name in BASELINES if f"| `{name}` |" not in baselines] == []


def test_the_network_of_the_tutorial_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs" / "tutorials" / "own-network.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"```(python|yaml)\n(.*?)```", text, re.DOTALL))
    (tmp_path / "mynets.py").write_text(blocks["python"])
    (tmp_path / "mine.yaml").write_text(blocks["yaml"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert yaml.safe_load(blocks["yaml"])["models"][1]["module"] == "mynets:small"
    assert run(["validate", "mine.yaml"]) == ExitCode.USAGE  # it is not trusted yet
    assert run(["validate", "mine.yaml", "--allow-import"]) == 0

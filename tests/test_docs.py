"""What the code and the pages say of each other: files and sections that are cited are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = [
    path
    for folder in ("sed2", "tests", "scripts", ".ci")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", "") and path.is_file()
]
CITATION = re.compile(
    r"(?<![\w/])(docs/[\w./-]*\w\.(?:md|json|csv|png))(?:,\s+sections?\s+([0-9]+))?"
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
    bare = re.compile(r"(?<![\w/.])(?:measure|contract|cli)\.md")
    others = [path for path in CODE if path != Path(__file__)]  # which holds the pattern itself
    assert [path for path in others if bare.search(path.read_text(encoding="utf-8"))] == []

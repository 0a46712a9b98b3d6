"""What the package index shows depends on where the repository is, which a build may be told.

With REPOSITORY=https://..., as .github/workflows/release.yml sets it, the README's links to files
of the repository lead there, and the project has its addresses. Without, they are plain text: no
address is made up. Everything else is in pyproject.toml.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from setuptools import setup

LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)([^)]+)\)")
PAPER = "https://arxiv.org/abs/2401.09184"


def readme(text: str, address: str) -> str:
    """The README with absolute links alone, and without the marks of the site's snippets.

    Args:
        address: of the repository's files at this version; empty if it is not known.
    """
    text = re.sub(r"<!-- --8<-- .*? -->\n\n?", "", text)
    return LINK.sub(rf"[\1]({address}/\2)" if address else r"\1", text)


def urls(repository: str) -> dict[str, str]:
    """The project's addresses; the paper alone if the repository's is not known."""
    if not repository:
        return {"Paper": PAPER}
    return {
        "Source": repository,
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        "Issues": f"{repository}/issues",
        "Paper": PAPER,
    }


if __name__ == "__main__":
    repository = os.environ.get("REPOSITORY", "").rstrip("/")
    files = repository and f"{repository}/blob/{os.environ.get('REPOSITORY_REF', 'main')}"
    setup(
        long_description=readme(Path("README.md").read_text(encoding="utf-8"), files),
        long_description_content_type="text/markdown",
        project_urls=urls(repository),
    )

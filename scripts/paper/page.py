"""What is kept of the experiments: figures, numbers as JSON, and one page with all claims."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.common.pages import table
from scripts.paper.claims import CONFIDENCE
from scripts.paper.lab import Outcome
from sed2.report.figures.curves import rendered

DIGITS = 6  # significant ones that are kept
BREAK = "<br>"  # within a cell

HEAD = f"""# The paper's experiments, and what came out

Datres, Leonardi, Figalli, Sutter, "A two-scale Complexity Measure for Deep Learning Models",
NeurIPS 2024 ([arXiv 2401.09184](https://arxiv.org/abs/2401.09184)). Made by
`python -m scripts.paper`; the numbers are beside the figures, as JSON.

**The rule, fixed before the runs.** A claim is turned into inequalities, each measured once under
each seed. Every number has an interval from its scatter over the seeds (Student's t; `±` is half of
it), and the intervals of one claim hold together with {CONFIDENCE:.0%} confidence (Bonferroni). A
claim *holds* if all of them lie where the paper has them, *does not hold* if one lies beyond the
limit altogether, and else is *not decided*. Two differences joined by "and" must have the same
sign. The limits, where a claim has one, are stated with the experiment. A seed changes inputs,
draws and noise, and in training the initial parameters and the order of the points. It does not
tell of the limit of many draws, from which plain Monte Carlo is far
([estimators.md](estimators.md)).
"""


def keep(folder: Path, name: str, command: str, outcome: Outcome) -> None:
    """Write one experiment's figures and numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for end, figure in outcome.figures.items():
        file = folder / f"{name}{end}.png"
        file.write_bytes(rendered(figure, "png"))
        files.append(file.name)
    content = {
        "title": outcome.title,
        "command": command,
        "setup": list(outcome.setup),
        "figures": files,
        "claims": [claim.as_json() for claim in outcome.claims],
        "numbers": outcome.numbers,
    }
    (folder / f"{name}.json").write_text(as_text(rounded(content)), encoding="utf-8")


def as_text(content: dict[str, Any]) -> str:
    """JSON with every list of numbers in one line."""
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    return re.sub(r'\[[^][{}"]*\]', lambda numbers: " ".join(numbers[0].split()), text) + "\n"


def rounded(value: Any) -> Any:
    """The same with fewer digits, and null for what is not finite."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def write_page(folder: Path, names: Sequence[str]) -> Path:
    """The page of all experiments whose numbers are in the folder, in the given order.

    It lies beside the folder and bears its name, so that its figures are found from there.
    """
    kept = {
        name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in names
        if (folder / f"{name}.json").exists()
    }
    lines = [HEAD, "## All claims", "", *summary(kept)]
    for content in kept.values():
        lines += ["", f"## {content['title']}", "", f"`{content['command']}`", ""]
        lines += [" ".join(content["setup"]), ""]
        lines += [f"![{content['title']}]({folder.name}/{file})" for file in content["figures"]]
        lines += ["", *details(content["claims"])]
    page = folder.with_suffix(".md")
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return page


def summary(kept: dict[str, dict[str, Any]]) -> list[str]:
    """One line for each statement of the paper, with the verdict of every way of testing it."""
    rows = []
    for name, content in kept.items():
        for says, claims in by_statement(content["claims"]).items():
            ways: dict[str, list[str]] = {}
            for claim in claims:
                ways.setdefault(claim["verdict"], []).append(claim["way"])
            told = [
                f"**{verdict}**{': ' if any(by) else ''}{'; '.join(by)}"
                for verdict, by in ways.items()
            ]
            rows.append([name, says, claims[0]["where"], BREAK.join(told)])
    return table(["", "the paper says", "where", "what came out"], rows)


def by_statement(claims: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The claims under what they say."""
    found: dict[str, list[dict[str, Any]]] = {}
    for claim in claims:
        found.setdefault(claim["says"], []).append(claim)
    return found


def details(claims: Sequence[dict[str, Any]]) -> list[str]:
    """One line for each way of testing, with its numbers."""
    lines = []
    for says, ways in by_statement(claims).items():
        lines += [f"**{says}** ({ways[0]['where']})", ""]
        rows = []
        for claim in ways:
            told = filter(None, [*(part["told"] for part in claim["parts"]), claim["remark"]])
            rows.append([claim["way"], BREAK.join(told), claim["verdict"]])
        lines += [*table(["tested by", "what came out", "verdict"], rows), ""]
    return lines

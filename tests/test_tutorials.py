"""The code of docs/tutorials/search.md, as it stands there but for fewer numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parents[1] / "docs/tutorials/search.md").read_text("utf-8")


def run(heading: str, **fewer: str) -> dict[str, Any]:
    """What the code below a heading leaves, with other values for some of its arguments."""
    section = PAGE.partition(f"## {heading}")[2].partition("\n## ")[0]
    code = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0]
    for name, value in {"samples": "5", "draws": "3", **fewer}.items():
        code, times = re.subn(rf"\b{name}=\d+", f"{name}={value}", code)
        assert times
    left: dict[str, Any] = {}
    exec(compile(code.replace("(8, 16, 24)", "(4, 6)"), "search.md", "exec"), left)
    return left


@pytest.mark.filterwarnings("ignore")
def test_optuna_itself() -> None:
    pytest.importorskip("optuna", reason="needs optuna")
    study = run("Optuna", n_trials="3")["study"]
    done = [trial for trial in study.trials if trial.value is not None]
    assert len(study.trials) == 3
    assert done
    assert study.best_value == max(trial.value for trial in done) > 0


@pytest.mark.filterwarnings("ignore")
def test_syne_tune_itself() -> None:
    pytest.importorskip("syne_tune", reason="needs syne-tune")
    left = run("Syne Tune")
    names = [model.name for model in left["ranking"]]
    assert sorted(names) == ["4-4", "4-6", "6-4", "6-6"]
    suggested = [left["scheduler"].suggest().config for _ in range(4)]
    assert suggested == [left["points"][name] for name in names]

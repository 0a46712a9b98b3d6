"""Texts of files reach the terminal and the log as escapes: no control character, no line of its
own, no command to GitHub Actions. The texts are harmless here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sed2.gating import baseline as gate_baseline
from tests.cli.conftest import FAST, Ran, Run
from tests.gating.made import made_baseline

HOSTILE = "x\x1b[2J\n::stop-here::\n\u202e"
LONG = "y" * 5000


def check(ran: Ran, code: int) -> None:
    assert ran.code == code, ran.err
    for line in (ran.out + ran.err).split("\n"):
        assert line.isprintable()
        assert not line.lstrip().startswith("::")
        assert len(line) < 3000


SPECS = {
    "key": "{text}: 1\nmodels: [MLP 54-8-7]",
    "repeated key": "models: [MLP 54-8-7]\n{text}: 1\n{text}: 2",
    "key of a model": "models: [{{notation: MLP 54-8-7, {text}: 1}}]",
    "option": "models: [{{blocks: [dense: {{features: 7, {text}: 1}}]}}]",
    "kind of block": "models: [{{blocks: [{text}: {{features: 7}}]}}]",
    "kinds of block": "models: [{{blocks: [{{dense: {{}}, {text}: {{}}}}]}}]",
    "block": "models: [{{blocks: [{text}]}}]",
    "notation": "models: [{text}]",
    "widths": "models: ['MLP 54-8-7', {{notation: {text}}}]",
    "name": "models: [{{name: {text}, notation: MLP 54-8-7}}]",
    "module": "models: [{{module: {text}}}]",
    "eps": "eps: {text}\nmodels: [MLP 54-8-7]",
    "prior": "prior: {text}\nmodels: [MLP 54-8-7]",
    "data set": "dataset: {text}\nmodels: [MLP 54-8-7]",
    "choice": "fisher: {text}\nmodels: [MLP 54-8-7]",
    "tag": "models: [!{tag} MLP 54-8-7]",
}


@pytest.mark.parametrize(
    ("place", "text"),
    [(place, HOSTILE) for place in SPECS]
    + [(place, LONG) for place in SPECS if place not in ("name", "module", "data set")],
    ids=lambda text: text[:15] if text.isprintable() else "hostile",
)
def test_texts_of_a_spec(sed2: Run, place: str, text: str) -> None:
    found = SPECS[place].format(text=json.dumps(text), tag="t" * 5000)
    Path("spec.yaml").write_text(found, "utf-8")
    data = [] if place == "data set" else ["--dataset", "covertype"]
    check(sed2("validate", "spec.yaml", *data), 4 if place == "data set" else 2)


def test_paths(sed2: Run) -> None:
    name = f"{HOSTILE.replace('/', '')}.yaml"
    Path(name).write_text("models: [MLP 54-8-7]\nsampels: 1\n")
    check(sed2("validate", name), 2)
    check(sed2("validate", f"not-{name}"), 2)
    check(sed2("rank", "MLP 54-8-7", "--dataset", f"./{HOSTILE}.npz"), 4)


def test_labels_and_columns_of_data(sed2: Run) -> None:
    Path("data.csv").write_text(f'"a","b{HOSTILE}"\n1,0\n2,1\n', "utf-8")
    check(sed2("validate", "MLP 1-2", "--dataset", "data.csv"), 4)
    Path("data.csv").write_text("a,b\n1,0\n2,1\n")
    check(sed2("validate", "MLP 1-2", "--dataset", "data.csv", "--label", HOSTILE), 4)
    Path("data.csv").write_text('a,b\n1,0\n"\n::stop-here::",1\n', "utf-8")
    check(sed2("validate", "MLP 1-2", "--dataset", "data.csv"), 4)


@pytest.mark.parametrize("key", ["", "models", "provenance", "settings", "data"])
def test_keys_of_a_baseline(sed2: Run, key: str) -> None:
    document: Any = json.loads(gate_baseline.to_text(made_baseline()))
    (document[key] if key else document)[HOSTILE] = 1
    Path("baseline.json").write_text(json.dumps(document))
    check(sed2("gate", "MLP 54-8-7", *FAST, "--baseline", "baseline.json"), 2)


def test_names_in_documents_that_are_compared(sed2: Run) -> None:
    assert sed2("rank", "MLP 54-2-7", *FAST, "--json", "a.json").code == 0
    document = json.loads(Path("a.json").read_text())
    document["models"][0]["name"] = HOSTILE
    Path("b.json").write_text(json.dumps(document))
    check(sed2("diff", "a.json", "b.json"), 0)
    document["schema_version"] = HOSTILE
    Path("b.json").write_text(json.dumps(document))
    check(sed2("diff", "a.json", "b.json"), 2)


def test_what_lies_in_a_folder_that_is_no_run(sed2: Run) -> None:
    Path("run").mkdir()
    Path("run", HOSTILE).touch()
    check(sed2("rank", "MLP 54-2-7", *FAST, "--run-dir", "run"), 2)


def test_names_of_a_run_directory_of_others(sed2: Run) -> None:
    """Its manifest and results are whole, as its maker may make them."""
    spec = {"models": [{"name": "a", "notation": "MLP 54-2-7"}]}
    Path("spec.json").write_text(json.dumps(spec))
    assert sed2("rank", "spec.json", *FAST, "--run-dir", "run").code == 0
    from sed2.runs import manifest

    read = manifest.read_manifest(Path("run"))
    (model,) = read.models
    named = read.model_copy(update={"models": (model.model_copy(update={"name": HOSTILE}),)})
    Path("run", manifest.NAME).write_text(manifest.to_text(named), "utf-8")
    check(sed2("report", "run"), 0)


def test_a_command_stays_one_in_github_actions(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its own lines begin with `::`, and a text of the spec within one ends none."""
    Path("spec.yaml").write_text("models: [{name: '::stop-here::', notation: MLP 54-2-7}]", "utf-8")
    assert sed2("gate", "spec.yaml", *FAST, "--baseline", "b.json", "--update").code == 0
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    ran = sed2("gate", "spec.yaml", *FAST, "--baseline", "b.json", "--max-parameters", "3")
    assert ran.code == 3
    commands = [line for line in (ran.out + ran.err).split("\n") if line.lstrip().startswith("::")]
    assert len(commands) == 1
    assert commands[0].startswith("::error file=spec.yaml,line=1,")

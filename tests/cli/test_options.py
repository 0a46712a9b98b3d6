"""Options made from the fields of classes: flags, variables, keys of the YAML, help."""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from sed2 import api
from sed2.cli.options import PANELS, flag, with_dashes
from sed2.errors import SpecError, UsageError
from sed2.options import (
    KINDS_OF_OPTIONS,
    NAMES,
    SECTIONS,
    TIMES,
    ClusterOptions,
    DecidingOptions,
    GateOptions,
    HostOptions,
    LimitOptions,
    SelectOptions,
    TheoremConstants,
    TrainingSettings,
    foreign_variables,
    sort_out,
)
from sed2.request import read_spec, resolve_options, resolve_settings
from sed2.settings import Options, Settings, resolve, variable
from tests.cli.conftest import FAST, Run
from tests.cli.test_app import commands

Given = Callable[..., dict[str, object]]
OF_RANK = ("until_decided", "train", "baselines", "allow_mixed", "run_dir", "progress", "tell")
"""Arguments of `rank` that are no options of a class."""
COMMANDS: dict[str, tuple[type[Options], ...]] = {
    "bound": (Settings, TheoremConstants),
    "compute": (Settings, HostOptions),
    "gate": (Settings, GateOptions),
    "rank": (Settings, DecidingOptions, LimitOptions, TrainingSettings, ClusterOptions),
    "select": (Settings, SelectOptions, LimitOptions, TrainingSettings, ClusterOptions),
    "stability": (Settings,),
    "validate": (Settings,),
}
"""Which options each command has."""
VALUES: dict[str, tuple[object, ...]] = {
    "dataset": ("a.csv", "b.csv", "c.csv"),
    **dict.fromkeys(("label", "x_key", "y_key"), ("a", "b", "c")),
    "layout": ("nchw", "nhwc", "nchw"),
    "targets": ("numbers", "classes", "numbers"),
    "eps": (0.1, 0.2, 0.3),
    "prior": ("init", "he_normal", "he_uniform"),
    "ray": ("auto", "local", "node:6379"),
    "coordinator": ("a:1", "b:1", "c:1"),
    "decide_at": (0.6, 0.7, 0.8),
    "confidence": (0.6, 0.7, 0.8),
    "zeta": (0.6, 0.7, 0.8),
    "gamma": (0.6, 0.7, 0.8),
    "prune_by": ("none", "lower", "snip"),
}
"""Three of an option, where the numbers below will not do."""
OPTIONS = [(kind, name) for kind in KINDS_OF_OPTIONS for name in kind.fields()]


def values(kind: type[Options], name: str) -> tuple[object, ...]:
    """Three values of an option, none the default, if it has so many."""
    field = kind.model_fields[kind.fields()[name]]
    if field.annotation is bool:
        return True, False, True
    choices = typing.get_args(field.annotation)
    if choices and all(isinstance(choice, str) for choice in choices):
        return choices[-1], choices[0], choices[-1]
    if (kind, name) == (SelectOptions, "budget"):
        return "11%", "12%", "13s"
    return VALUES.get(name, (11, 12, 13))


class Stop(Exception):
    """Thrown in the place of the work, with the settings the command line gave."""


@pytest.fixture
def given(sed2: Run, monkeypatch: pytest.MonkeyPatch) -> Given:
    """`given("--draws", "3")` is what `sed2 rank x.yaml --draws 3` asks for."""
    seen: dict[str, object] = {}

    def stop(spec: object, **given: object) -> None:
        seen.clear()
        seen.update({name: given[name] for name in given if name not in OF_RANK})
        raise Stop

    def run_it(*options: str) -> dict[str, object]:
        monkeypatch.setattr(api, "rank", stop)
        assert "Stop" in sed2("rank", "x.yaml", *options).err
        return dict(seen)

    return run_it


def panels(shown: str) -> dict[str, str]:
    """The text of each group of a help, on one line."""
    parts = re.split(r"^(\w+):$", shown, flags=re.M)
    return {
        title: re.sub(r"\s+", " ", text)
        for title, text in zip(parts[1::2], parts[2::2], strict=True)
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_its_panel_with_its_help(sed2: Run, command: str) -> None:
    shown = panels(sed2(command, "--help").out)
    assert [title for title in shown if title not in ("Arguments", "Options")] == [
        panel.title for panel in PANELS if panel.title in shown
    ]
    for kind in COMMANDS[command]:
        for name, field in kind.fields().items():
            its = kind.model_fields[field]
            panel = next((it for it in its.metadata if hasattr(it, "title")), kind.panel)
            assert f" {flag(name)} " in shown[panel.title]
            assert its.description
            text = re.sub(r"\s+", " ", with_dashes(its.description, NAMES))
            assert text in shown[panel.title]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_defaults_shown_are_the_defaults(command: str) -> None:
    told = {
        parameter.name: re.search(r"\[default: (.*)\]$", parameter.help)
        for parameter in commands()[command].params
    }
    found = {name: match[1] for name, match in told.items() if match}
    for kind in COMMANDS[command]:
        for name, field in kind.fields().items():
            default = kind.model_fields[field].get_default()
            if name in {
                "bound": ["zeta"],
                "stability": ["input_groups"],
                "rank": ["score", "eps"],
            }.get(command, []):
                continue
            assert (default is None or default is False) is (name not in found), name
            if name in found:
                given = {name: found[name]}
                assert getattr(resolve(given, {}, of=kind), field) == default, name
    assert TIMES == 8  # as the help of --max-draws says


@pytest.mark.parametrize(("kind", "name"), OPTIONS)
def test_flags_then_variables_then_the_yaml(
    kind: type[Options], name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    field, (first, second, third) = kind.fields()[name], values(kind, name)
    own = {field: third} if kind.section else {}
    spec = {"models": ["MLP 54-3-7"], **({kind.section: own} if own else {field: third})}
    monkeypatch.delenv("SED2_SCORE")
    monkeypatch.delenv("SED2_SIGMA")
    if kind is HostOptions:  # of one process alone
        spec.pop(field)
    path = tmp_path / "s.yaml"
    path.write_text(json.dumps(spec))
    file = read_spec(path, False, False)

    def found(**given: object) -> object:
        if kind is Settings:
            return getattr(resolve_settings(file, file.models[0], given), field)
        return getattr(resolve_options(kind, given, file), field)

    def read(value: object) -> object:
        return getattr(resolve({name: value}, {}, of=kind), field)

    if kind is not HostOptions:
        assert found() == read(third)
    monkeypatch.setenv(variable(name), str(second))
    assert found() == read(second)
    assert found(**{name: first}) == read(first)
    if isinstance(second, int | float) and not isinstance(second, bool):
        monkeypatch.setenv(variable(name), "many")
        with pytest.raises(UsageError) as caught:
            found()
        assert caught.value.where == variable(name)


def test_faults_of_a_section_have_a_place(tmp_path: Path) -> None:
    def fault(text: str) -> str:
        (tmp_path / "s.yaml").write_text(text)
        with pytest.raises(SpecError) as caught:
            read_spec(tmp_path / "s.yaml", False, False)
        return str(caught.value)

    models = "models: [MLP 54-3-7]\n"
    found = fault(f"{models}training: {{epochs: 0}}")
    assert re.search(
        r"s\.yaml:2:20: `training.epochs` must be a whole number of at least 1 and .*, not 0", found
    )
    found = fault(f"{models}training: {{epoch: 1}}")
    assert "s.yaml:2:12: there is no key `training.epoch`. Did you mean `epochs`" in found
    assert "`gate` must be a mapping, not 3" in fault(f"{models}gate: 3")
    found = fault("models:\n  - {notation: MLP 54-3-7, training: {epochs: 1}}")
    assert "s.yaml:2:28: there is no key of a model `training`" in found


def test_a_file_of_one_model_has_sections_too() -> None:
    file = read_spec({"notation": "MLP 54-3-7", "bound": {"lipschitz": 2}}, False, False)
    assert resolve_options(TheoremConstants, {}, file).lipschitz == 2
    assert file.models[0].overrides == {}


def test_every_section_is_in_the_schema(sed2: Run) -> None:
    schema = json.loads(sed2("schema").out)
    known = schema["$defs"]
    (_, alone), (_, model) = known["alone"]["oneOf"], known["model"]["oneOf"]
    for key, kind in SECTIONS.items():
        for form in (known["file"], alone):
            assert form["properties"][key]["$ref"] == f"#/$defs/{kind.__name__}"
        assert known[kind.__name__]["properties"].keys() == kind.model_fields.keys()
        assert key not in model["properties"]


def test_a_new_option_is_one_field() -> None:
    class Toy(Options):
        panel = PANELS[0]
        toy_size: int = 3
        """How large the toy is; see `draws`."""

    from sed2.cli.options import Grouped, with_options

    def play(*, options: dict[str, object]) -> None:
        """Play."""

    own = typer.Typer(rich_markup_mode=None)
    own.command(cls=Grouped)(with_options(Toy)(play))
    command = typer.main.get_command(own)
    with command.make_context("play", []) as context:
        shown = panels(command.get_help(context))["Data"]
    assert "--toy-size NUMBER How large the toy is; see --draws. [default: 3]" in shown


def test_options_belong_to_a_class() -> None:
    assert sort_out({"draws": 3, "max_draws": None}, Settings, GateOptions) == [{"draws": 3}, {}]
    with pytest.raises(UsageError, match=r"`epochs`"):
        sort_out({"epochs": 3}, Settings, GateOptions)


@pytest.mark.parametrize("name", ["SED2_DRAWZ", "SED2_draws", "SED2_DRAW"])
def test_a_foreign_variable_is_a_warning_that_names_the_nearest(
    sed2: Run, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "3")
    monkeypatch.setenv("SED2_TEST_DATA", "x")
    monkeypatch.setenv("SED2_CACHE_DIR", "x")
    ran = sed2("validate", "MLP 54-3-7", *FAST)
    assert ran.code == 0
    assert ran.err.startswith(f"warning: the variable `{name}` is no option of sed2")
    assert "`SED2_DRAWS`" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("name", ["SED2_RUN_DIR", "SED2_JSON", "SED2_QUUX"])
def test_a_variable_that_is_near_to_none_is_not_given_a_strange_name(
    sed2: Run, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "3")
    assert sed2("validate", "MLP 54-3-7", *FAST).err == (
        f"warning: the variable `{name}` is no option of sed2, and means nothing here; outputs, "
        "run directories and options of single commands have no variable\n"
    )


def test_of_many_foreign_variables_some_are_told() -> None:
    told = foreign_variables({f"SED2_{i}": "1" for i in range(10_000)})
    assert len(told) == 11
    assert told[-1].startswith("9,990 more variables")


def test_python_names_arguments_and_the_command_line_flags(sed2: Run) -> None:
    with pytest.raises(UsageError) as caught:
        api.rank("MLP 54-3-7", ray_cpus=0, ray="local", dataset="covertype")
    assert caught.value.where == "ray_cpus"
    with pytest.raises(UsageError) as caught:
        api.rank("MLP 54-3-7", max_draws=3, dataset="covertype")
    assert str(caught.value) == (
        "max_draws: nothing is added to what is given, so it means nothing. "
        "Give `until_decided` as well, or leave `max_draws` out"
    )
    assert sed2("rank", "MLP 54-3-7", *FAST, "--max-draws", "3").err == (
        "error: --max-draws: nothing is added to what is given, so it means nothing. "
        "Give --until-decided as well, or leave --max-draws out\n"
    )
    ran = sed2("compute", "MLP 54-3-7")
    assert "Name one with --dataset (`sed2 datasets list` shows them" in ran.err
    Path("s.yaml").write_text("models: [MLP 54-3-7]\ndrawz: 3\n")
    assert "Did you mean `draws`?" in sed2("rank", "s.yaml").err  # a key, not a flag


def test_a_command_may_have_a_default_of_its_own(sed2: Run) -> None:
    assert "Meso-scale exponent. [default: 2/3]" in sed2("bound", "--help").out
    assert "Meso-scale exponent. [default: 0]" in sed2("compute", "--help").out


def test_what_is_not_given_is_not_passed_on(given: Given) -> None:
    assert given() == {}
    assert given("--draws", "3", "--eps", "0.1") == {"draws": "3", "eps": "0.1"}


def test_flags_have_three_states(given: Given) -> None:
    assert given("--standardize") == {"standardize": True}
    assert given("--no-standardize") == {"standardize": False}


def test_the_last_of_two_counts(given: Given) -> None:
    assert given("--draws", "3", "--draws", "4") == {"draws": "4"}


def test_a_negative_number_is_a_value(given: Given) -> None:
    assert given("--zeta", "-1", "--prior", "uniform:-1:1") == {
        "zeta": "-1",
        "prior": "uniform:-1:1",
    }


def test_a_flag_takes_back_what_the_yaml_says(sed2: Run) -> None:
    Path("d.csv").write_text("a,b,label\n1,9,0\n2,-3,1\n4,5,0\n")
    Path("m.yaml").write_text(
        "dataset: d.csv\nstandardize: true\neps: 0.1\ndraws: 2\nnotation: MLP 2-2\n"
    )

    def settings(*options: str) -> dict[str, object]:
        return json.loads(sed2("compute", "m.yaml", "--json", "-", *options).out)["settings"]

    assert settings()["standardize"] is True
    assert settings("--no-standardize")["standardize"] is False

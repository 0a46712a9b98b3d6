"""The generated pages of the docs hold every command, option, setting and block."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from scripts.docs import reference
from sed2.blocks import KINDS
from sed2.cli.app import app
from sed2.settings import Settings

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def page(name: str) -> str:
    """A page of docs/reference/ as MkDocs gets it."""
    return reference.on_page_markdown((REFERENCE / name).read_text(encoding="utf-8"))


def test_every_part_is_in_a_page_and_no_mark_is_left() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md"))
    for name in reference.PARTS:
        assert f"<!-- generated: {name} -->" in written
    assert "generated:" not in page("cli.md") + page("yaml.md")


def test_every_command_has_all_its_options() -> None:
    text = page("cli.md")
    sections = dict(re.findall(r"^## (sed2 .+?)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    panels = dict(re.findall(r"^### (.+?)\n(.*?)(?=^### |\Z)", text, re.MULTILINE | re.DOTALL))
    root = typer.main.get_command(app)
    groups = {"sed2": root.commands} | {  # type: ignore[attr-defined]
        f"sed2 {name}": command.commands
        for name, command in root.commands.items()  # type: ignore[attr-defined]
        if hasattr(command, "commands")
    }
    commands = {
        f"{group} {name}": command
        for group, its in groups.items()
        for name, command in its.items()
        if not hasattr(command, "commands")
    }
    assert sections.keys() == commands.keys()
    for name, command in commands.items():
        own = sections[name]
        linked = [panels[panel] for panel in re.findall(r"all of \[(.+?)\]", own)]
        for option in command.params:
            if option.param_type_name == "option":
                flag = option.opts[0]
                assert flag == "-h" or f"`{flag}`" in own + "".join(linked), (name, flag)


def test_a_default_that_one_command_has_for_itself_is_told_there() -> None:
    bound = page("cli.md").split("## sed2 bound")[1].split("\n## ")[0]
    assert "| `--zeta` `NUMBER` | Meso-scale exponent. | `2/3` |" in bound
    assert "| `--zeta` `NUMBER` | Meso-scale exponent. | `0` |" in page("cli.md")


def test_every_setting_and_every_option_of_a_block_is_there() -> None:
    settings, blocks = page("yaml.md").split("\n## Settings\n")[1].split("\n## Blocks\n")
    for name in Settings.model_fields:
        assert f"| `{name}` |" in settings
    for kind, block in KINDS.items():
        section = blocks.split(f"\n### {kind}\n")[1].split("\n### ")[0]
        for name, field in block.model_fields.items():
            assert f"| `{field.alias or name}` |" in section, (kind, name)
    assert "`draws` | whole number at least 1 |" in settings
    assert (
        "| `features` | whole number at least 1 | Number of units (outputs). | **needed** |"
        in blocks
    )


def test_text_is_escaped_and_code_is_not() -> None:
    assert reference._escape("a*b < c `x*y < z`") == "a\\*b &lt; c `x*y < z`"

"""A zoo of real networks: does sed2 take each as it is, and is it the same network?

`run` examines the networks, one after the other, and writes a line of docs/zoo.jsonl for each;
`report` makes docs/zoo.md of them.

    python -m scripts.zoo run
    python -m scripts.zoo report
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from scripts.common.pages import show, table, tell
from scripts.zoo.examine import SAMPLES, examine
from scripts.zoo.networks import ENTRIES

LINES = Path("docs/zoo.jsonl")
PAGE = Path("docs/zoo.md")
CLOSE = 1e-5
PACKAGES = (
    *("jax", "flax", "torch", "torchvision", "timm", "transformers", "keras", "equinox", "onnx"),
)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.zoo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="examine the networks")
    run.add_argument("--only", default="", help="those whose framework or name holds this text")
    run.add_argument("--again", action="store_true", help="also those that have a line already")
    commands.add_parser("report", help="make the page")
    given = parser.parse_args(arguments)
    if given.command == "report":
        show(report(read()), PAGE)
    else:
        _run(given.only, given.again)


def _run(only: str, again: bool) -> None:
    import jax

    jax.config.update("jax_enable_x64", True)
    for entry in ENTRIES:
        key = f"{entry.framework}: {entry.name}"
        if only not in key or (key in read() and not again):
            continue
        tell(key)
        line: dict[str, Any] = {"network": key}
        try:
            line |= examine(entry)
        except Exception as error:
            print(traceback.format_exc(), file=sys.stderr)
            line["fault"] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        print(json.dumps(line), flush=True)
        kept = {**read(), key: line}
        LINES.write_text("".join(f"{json.dumps(one)}\n" for one in kept.values()), "utf-8")


def read() -> dict[str, dict[str, Any]]:
    """The lines by network, in their order."""
    if not LINES.exists():
        return {}
    lines = [json.loads(line) for line in LINES.read_text("utf-8").splitlines()]
    return {line["network"]: line for line in lines}


def report(found: dict[str, dict[str, Any]]) -> str:
    order = [f"{entry.framework}: {entry.name}" for entry in ENTRIES]
    lines = [found[key] for key in order if key in found]
    good = [line for line in lines if is_same(line)]
    frameworks = {line["network"].split(":")[0] for line in good}
    rows = [
        [
            line["network"],
            "×".join(map(str, line["shape"])),
            f"{line['parameters']:,}",
            f"{line['difference']:.0e}",
            str(line["blocks"]),
            str(line["exact"]),
            f"{line['seconds']:.0f}",
        ]
        for line in good
    ]
    head = ["network", "input", "parameters", "difference", "blocks", "exact", "seconds"]
    bad = [line for line in lines if not is_same(line)]
    text = [
        "# Zoo",
        "",
        f"{len(good)} networks of {len(frameworks)} sources that sed2 takes as they are, of "
        f"{len(lines)} that were tried. Each has as many parameters as its framework counts, and "
        f"the outputs of its framework to {CLOSE:.0e} of the largest. Weights are random. Widths "
        "and inputs are small.",
        "",
        "- `config.json` is a network of Hugging Face by its configuration alone, against the one "
        "of `transformers` with the same parameters. ONNX files are those that PyTorch writes.",
        "- **difference**: the largest one of an output, over the largest output. Keras and "
        "Equinox compute in float32, sed2 in float64.",
        "- **blocks**: how many the network comes apart into. **exact**: of how many the Fisher "
        f"spectrum is exact, at N = {SAMPLES} inputs and the default budgets. The others go by "
        "Lanczos quadrature or by a sample of units ([spectra](concepts/spectra.md)).",
        "- **seconds**: until the network is read, checked and split, compilation included. The "
        "machine had other work, so only their size means something.",
        "",
        *table(head, rows),
        "",
    ]
    if bad:
        text += [
            "Not taken, or not the same:",
            "",
            *table(["network", "why"], [[line["network"], why(line)] for line in bad]),
            "",
        ]
    if missing := [key for key in order if key not in found]:
        text += [f"Of the list, not tried yet: {'; '.join(missing)}.", ""]
    installed = ", ".join(f"{name} {number}" for name in PACKAGES if (number := _version(name)))
    text += [
        f"Made by `python -m scripts.zoo` with Python {platform.python_version()}, {installed}.",
        "",
    ]
    return "\n".join(text)


def is_same(line: dict[str, Any]) -> bool:
    return (
        "fault" not in line and line["parameters"] == line["theirs"] and line["difference"] <= CLOSE
    )


def why(line: dict[str, Any]) -> str:
    if "fault" in line:
        return str(line["fault"])
    if line["parameters"] != line["theirs"]:
        return f"{line['parameters']:,} parameters, {line['theirs']:,} there"
    return f"the outputs differ by {line['difference']:.0e} of the largest"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    main()

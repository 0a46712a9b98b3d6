from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import scripts.bench
from scripts.bench.cases import CASES, TOY_CASES
from scripts.bench.clock import Failed
from scripts.bench.machine import machine, versions
from scripts.bench.suite import Disagreement, Options, measure
from scripts.bench.table import as_json, as_page
from scripts.bench.ways import WAYS
from scripts.common.pages import tell
from scripts.common.paths import DOCS
from sed2.common.memory import free_memory


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(arguments)
    options = Options(
        rounds=given.rounds,
        cores=given.cores,
        memory=given.memory_gb * 1e9,
        once_above=given.once_above,
        at_most=given.at_most,
        train_data=given.train_data,
    )
    cases = [case for case in (TOY_CASES if given.quick else CASES) if chosen(case.model, given)]
    if given.draws:
        cases = [replace(case, draws=given.draws, few=min(case.few, given.draws)) for case in cases]
    results = []
    for case in cases:
        try:
            results.append(measure(case, given.ways, options, tell))
        except (Disagreement, Failed) as fault:
            print(f"FAILED: {fault}", file=sys.stderr)
            return 1
        about = (results, options, machine(options.cores), versions())
        given.out.mkdir(parents=True, exist_ok=True)  # after every case: a long run may be stopped
        page = as_page(*about)
        (given.out / "benchmarks.md").write_text(page, encoding="utf-8")
        kept = json.dumps(as_json(*about), indent=1)
        (given.out / "benchmarks.json").write_text(kept + "\n", encoding="utf-8")
    print(page)
    return 0


def chosen(model: str, given: argparse.Namespace) -> bool:
    return not given.only or model in given.only


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench",
        description=scripts.bench.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--only", action="append", metavar="MODEL", help="one model; repeatable")
    parser.add_argument(
        "--ways", type=_ways, default=list(WAYS), help=f"of {','.join(WAYS)}; by default all"
    )
    parser.add_argument("--draws", type=int, metavar="K", help="instead of each model's own K")
    parser.add_argument("--rounds", type=int, default=3, help="[%(default)s]")
    parser.add_argument("--cores", type=int, default=cores, help="threads of each way [all]")
    parser.add_argument(
        "--memory-gb",
        type=float,
        default=round(0.7 * free_memory() / 1e9, 1),
        help="that one way may take [0.7 of what is free]",
    )
    parser.add_argument(
        "--once-above",
        type=float,
        default=60,
        metavar="SECONDS",
        help="a way that takes longer is run once only [%(default)s]",
    )
    parser.add_argument(
        "--at-most",
        type=float,
        default=math.inf,
        metavar="SECONDS",
        help="end a way that has no answer by then, and say so; the search for the length of a "
        "training, too [never]",
    )
    parser.add_argument(
        "--train-data",
        type=Path,
        metavar="FOLDER",
        help="of covertype.npz and mnist.npz, whole, to train on instead of the bundled samples",
    )
    parser.add_argument("--quick", action="store_true", help="toy sizes")
    parser.add_argument("--out", type=Path, default=DOCS, metavar="FOLDER", help="[docs]")
    given = parser.parse_args(arguments)
    known = [case.model for case in (TOY_CASES if given.quick else CASES)]
    for model in given.only or ():
        if model not in known:
            parser.error(f"--only: there is no model `{model}`; there are {', '.join(known)}")
    if given.rounds < 1 or not 1 <= given.cores <= cores or (given.draws or 1) < 1:
        parser.error(f"--rounds and --draws must be at least 1, --cores from 1 to {cores}")
    if given.at_most < given.once_above:
        parser.error("--at-most must not be below --once-above")
    return given


def _ways(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in WAYS]
    if unknown or "sed2" not in names:
        raise argparse.ArgumentTypeError(f"name sed2 and others of {', '.join(WAYS)}")
    return names


if __name__ == "__main__":
    sys.exit(main())

"""A user who may write nowhere but in the folder of the work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

from scripts.reliability.commands import COMMANDS, Bench, quick
from scripts.reliability.trying import Outcome, Try, demand

TITLE = "A user who may write nowhere"
ABOUT = (
    "Every command as the user `nobody`, without rights, in a folder that he may write. His home "
    "is one that he may only read, or one that does not exist; no variable names another cache. "
    "Exit code, JSON and stdout must be the usual ones, and stderr at most one line more."
)
NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
FIGURE = ("--plot", "f.png", "--html", "f.html")
WORK = COMMANDS | {"rank, with a figure and a page": (*COMMANDS["rank"], *FIGURE)}


def possible() -> bool:
    """Whether another user can run this interpreter; only root can try."""
    if not shutil.which("setpriv"):
        return False
    return not subprocess.run(
        [*NOBODY, sys.executable, "-c", "import sed2"], capture_output=True, check=False
    ).returncode


def tries(bench: Bench, few: bool) -> Iterator[Try]:
    """Every command with every home."""
    if not possible():
        return
    bench.lab.folder.chmod(0o755)
    home = bench.lab.folder / "home"
    home.mkdir(mode=0o555, exist_ok=True)
    probe = subprocess.run([*NOBODY, "touch", home / "x"], capture_output=True, check=False)
    demand(probe.returncode != 0, "the home cannot be written")

    def one(arguments: tuple[str, ...], where: os.PathLike[str]) -> Outcome:
        usual, _ = bench.usual(arguments)
        env = {"HOME": str(where), "SED2_CACHE_DIR": None, "XDG_CACHE_HOME": None}
        ran = bench.same(arguments, before=NOBODY, env=env)
        more = ran.err.count("\n") - usual.err.count("\n")
        demand(more <= 1, f"at most one line more is said: {ran.err}")
        demand("Traceback" not in ran.err, f"there is no traceback: {ran.err}")
        return Outcome({f"exit {ran.code}": 1, "warned once": int(more == 1)}, ran.peak_mb)

    for what, where in (
        ("a home that he may only read", home),
        ("a home that does not exist", bench.lab.folder / "none"),
    ):
        for name, arguments in quick(WORK, few).items():
            yield Try(
                what,
                f"{what}, {name}",
                partial(one, arguments, where),
            )

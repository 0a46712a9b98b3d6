"""A user who may write nowhere but in the folder of the work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

from scripts.reliability.commands import COMMANDS, Bench, quick
from scripts.reliability.trying import Outcome, Try, demand

TITLE = "A user who may write nowhere"
ABOUT = (
    "Every command as the user `nobody`, in a folder that he may write; elsewhere he may only "
    "read. His home is one that he may only read, or one that does not exist; no variable names "
    "another cache. Exit code, JSON and stdout must be the usual ones, and stderr at most one line "
    "more."
)
NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
READER = tuple(f"--{which}=-all,+dac_read_search" for which in ("inh-caps", "ambient-caps"))
"""Rights to read everything and to write nothing more, where Python lies in the home of root."""
FIGURE = ("--plot", "f.png", "--html", "f.html")
WORK = COMMANDS | {"rank, with a figure and a page": (*COMMANDS["rank"], *FIGURE)}


def nobody() -> tuple[str, ...] | None:
    """To run a command as a user who can run this very interpreter; only root can try."""
    for user in (NOBODY, (*NOBODY, *READER)):
        command = [*user, sys.executable, "-c", "import sys, sed2; print(sys.base_prefix)"]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError:
            return None
        if ran.returncode == 0 and ran.stdout.strip() == sys.base_prefix:
            return user
    return None


def tries(bench: Bench, few: bool) -> Iterator[Try]:
    """Every command with every home."""
    user = nobody()
    if not user:
        return
    bench.lab.folder.chmod(0o755)
    home = bench.lab.folder / "home"
    home.mkdir(mode=0o555, exist_ok=True)
    probe = subprocess.run([*user, "touch", home / "x"], capture_output=True, check=False)
    demand(probe.returncode != 0, "the home cannot be written")

    def one(arguments: tuple[str, ...], where: os.PathLike[str]) -> Outcome:
        usual, _ = bench.usual(arguments)
        env = {"HOME": str(where), "SED2_CACHE_DIR": None, "XDG_CACHE_HOME": None}
        ran = bench.same(arguments, before=user, env=env)
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

"""Streams that take nothing: the result is not lost, and neither is the exit code."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import cycle

from scripts.reliability.commands import COMMANDS, DIFFER, REFUSALS, Bench, quick
from scripts.reliability.lab import same
from scripts.reliability.trying import Outcome, Try, demand

TITLE = "A stderr or stdout that takes nothing"
ABOUT = (
    "Every command, with a variable `SED2_FOREIGN` of which it would warn. A full stream is "
    "`/dev/full`. Exit code, JSON and the other stream must be those of the command that nothing "
    "disturbs, but for what it cost. Of the other streams one is tried with each command. A full "
    "stdout is told by exit code 2, and the JSON is there."
)
STDERR = {
    "a full stderr": 'exec "$@" 2>/dev/full',
    "a closed stderr": 'exec "$@" 2>&-',
}
STDOUT = {
    "a stderr that nobody reads": 'exec "$@" 2> >(exec true)',
    "a full stdout": 'exec "$@" >/dev/full',
    "a closed stdout": 'exec "$@" >&-',
    "a stdout that nobody reads": 'exec "$@" > >(exec true)',
    "stdout and stderr full": 'exec "$@" >/dev/full 2>/dev/full',
    "stdin, stdout and stderr closed": 'exec "$@" <&- >&- 2>&-',
}
FOREIGN = {"SED2_FOREIGN": "1"}


def bash(script: str) -> tuple[str, ...]:
    """To run a command with other streams."""
    return ("bash", "-c", script, "bash")


def tries(bench: Bench, few: bool) -> Iterator[Try]:
    """Every command with every stream."""

    def stderr(arguments: tuple[str, ...], script: str) -> Outcome:
        ran = bench.same(arguments, before=bash(script), env=FOREIGN)
        return Outcome({f"exit {ran.code}": 1}, ran.peak_mb)

    def stdout(arguments: tuple[str, ...], script: str) -> Outcome:
        usual, wanted = bench.usual(arguments)
        ran, json = bench.run(arguments, before=bash(script), env=FOREIGN)
        expected = 2 if ">/dev/full" in script else usual.code
        demand(ran.code == expected, f"exit {expected}, not {ran.code}: {ran.err}")
        equal = arguments[0] in DIFFER or same(json, wanted)
        demand(equal and bool(json) == bool(wanted), "the JSON is the same")
        demand("Traceback" not in ran.err, f"there is no traceback: {ran.err}")
        return Outcome({f"exit {ran.code}": 1}, ran.peak_mb)

    for how, script in STDERR.items():
        for kind, commands in (("", COMMANDS), (", a refusal", REFUSALS)):
            for name, arguments in quick(commands, few).items():
                yield Try(
                    f"{how}{kind}", f"{how}{kind}, {name}", partial(stderr, arguments, script)
                )
    for (name, arguments), how in zip(quick(COMMANDS, few).items(), cycle(STDOUT)):
        yield Try(how, f"{how}, {name}", partial(stdout, arguments, STDOUT[how]))

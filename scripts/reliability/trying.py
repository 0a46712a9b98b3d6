"""What a try is, and the file in which the outcome of each is kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path


class BrokenError(Exception):
    """A promise that is not kept."""


def demand(kept: bool, promise: str) -> None:
    """
    Raises:
        BrokenError: a promise is not kept.
    """
    if not kept:
        raise BrokenError(promise)


@dataclass(frozen=True)
class Outcome:
    """What became of one try, which kept its promises."""

    seen: Mapping[str, int] = field(default_factory=dict)
    """What is counted, and how often it was seen: of one case once, of a fuzz many times."""
    peak_mb: float = 0.0
    """Largest resident set of the processes of sed2; 0 where it was not read."""
    times: int = 1
    """How many cases it was."""


@dataclass(frozen=True)
class Try:
    """One thing to try."""

    kind: str
    """The row of the page to which it belongs."""
    name: str
    """Its own, within its part."""
    run: Callable[[], Outcome]
    """Raises BrokenError if a promise is not kept."""


@dataclass(frozen=True)
class Tried:
    """A line of the file."""

    part: str
    kind: str
    name: str
    times: int
    failure: str
    """Empty if all promises were kept."""
    peak_mb: int
    seen: Mapping[str, int]


@dataclass(frozen=True)
class Ledger:
    """The outcomes of all tries, one line of JSON each: what stands there is not tried again."""

    path: Path

    def lines(self) -> list[Tried]:
        """In the order in which they were tried."""
        if not self.path.exists():
            return []
        return [Tried(**json.loads(line)) for line in self.path.read_text("utf-8").splitlines()]

    def forget(self, parts: Iterable[str], *, failures: bool = False) -> None:
        """What is to be tried anew of these parts: all, or what failed."""
        some = set(parts)
        left = [
            line
            for line in self.lines()
            if line.part not in some or (failures and not line.failure)
        ]
        self.path.write_text("".join(map(_text, left)), "utf-8")

    def run(
        self, part: str, tries: Iterable[Try], report: Callable[[str], None]
    ) -> Iterator[Tried]:
        """Try what has not been tried, and keep each outcome at once.

        Yields:
            The lines that are new.
        """
        known = {line.name for line in self.lines() if line.part == part}
        for one in tries:
            if one.name in known:
                continue
            report(f"{part}: {one.name}")
            failure = ""
            try:
                outcome = one.run()
            except BrokenError as error:
                outcome, failure = Outcome(), str(error)
            peak = round(outcome.peak_mb)
            line = Tried(part, one.kind, one.name, outcome.times, failure, peak, dict(outcome.seen))
            with self.path.open("a", encoding="utf-8") as file:
                file.write(_text(line))
            yield line


def _text(line: Tried) -> str:
    return f"{json.dumps(asdict(line), ensure_ascii=False)}\n"


def rows(lines: Iterable[Tried]) -> list[list[str]]:
    """Cells of the table of a part: kind, cases, failures, peak memory, and what was seen."""
    kinds: dict[str, list[Tried]] = {}
    for line in lines:
        kinds.setdefault(line.kind, []).append(line)
    return [
        [
            kind,
            f"{sum(line.times for line in some):,}",
            str(sum(bool(line.failure) for line in some)),
            f"{peak:,}" if (peak := max(line.peak_mb for line in some)) else "",
            _counted(some),
        ]
        for kind, some in kinds.items()
    ]


def _counted(lines: Iterable[Tried]) -> str:
    seen: Counter[str] = Counter()
    for line in lines:
        seen.update(line.seen)
    return ", ".join(f"{what}: {number:,}" for what, number in seen.items() if number)

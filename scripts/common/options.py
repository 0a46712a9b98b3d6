"""Types of options, for argparse."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable


def at_least(least: int) -> Callable[[str], int]:
    """A whole number that is not below `least`."""

    def whole(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, not {value}")
        return value

    return whole


def numbers(text: str) -> list[int]:
    """Whole numbers, with commas between them."""
    return [int(number) for number in text.split(",")]


def names_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Some of the known names, with commas between them."""

    def names(text: str) -> list[str]:
        given = text.split(",")
        if unknown := set(given) - set(known):
            told = f"knows {', '.join(known)}, not {', '.join(sorted(unknown))}"
            raise argparse.ArgumentTypeError(told)
        return given

    return names

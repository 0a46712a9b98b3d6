"""The paper's notation: `MLP 54-16-7` is a chain of bias-free dense blocks.

The first number is the width of the data, each further one is a block. ReLU follows every block
but the last (measure.md, section 1). A new family is one parser in `FAMILIES`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from sed2.blocks import BlockSpec
from sed2.blocks.dense import Dense
from sed2.errors import SpecError, did_you_mean

MAX_DIGITS = 15

_WORDS = re.compile(r"\s*[A-Za-z]+\s+[-0-9]")


@dataclass(frozen=True)
class Notation:
    """A model written in the paper's notation."""

    name: str
    """The notation itself, with single spaces and the family in capitals."""
    input_width: int
    """Number of features the data must have."""
    blocks: tuple[BlockSpec, ...]


def parse(text: str) -> Notation:
    """Read a model in the paper's notation. Nothing of the model's size is allocated.

    Raises:
        SpecError: the family is unknown, or a width is not a whole number of at least 1.
    """
    words = text.split(maxsplit=1)
    if not words:
        raise SpecError("the notation is empty", mend=_EXAMPLE)
    family, widths = words[0].upper(), words[1] if len(words) > 1 else ""
    if family not in FAMILIES:
        raise SpecError(
            f"`{_shorten(words[0])}` is no family of networks",
            mend=f"{did_you_mean(family, FAMILIES)}. {_EXAMPLE}",
        )
    return FAMILIES[family](widths)


def looks_like_notation(text: str) -> bool:
    """Whether a command-line SPEC is meant as notation, rather than as the path of a file.

    It is if no such file exists and it begins with a word and a number, or with a family."""
    if text.lower().endswith((".yaml", ".yml")) or os.path.exists(text):
        return False
    return _WORDS.match(text) is not None or any(
        word.upper() in FAMILIES for word in text.split(maxsplit=1)[:1]
    )


def _parse_mlp(text: str) -> Notation:
    parts = re.split(r"\s*[-–]\s*", text.strip()) if text.strip() else []
    widths = [_parse_width(part, text.strip()) for part in parts]
    if len(widths) < 2:
        raise SpecError(
            f"`MLP {_shorten(text.strip())}` needs at least two widths, of the input and of "
            "one block",
            mend=_EXAMPLE,
        )
    *hidden, last = widths[1:]
    return Notation(
        name=f"MLP {'-'.join(map(str, widths))}",
        input_width=widths[0],
        blocks=(
            *(Dense(features=width, bias=False, activation="relu") for width in hidden),
            Dense(features=last, bias=False),
        ),
    )


def _parse_width(part: str, text: str) -> int:
    if re.fullmatch(r"[0-9]+", part) and len(part) <= MAX_DIGITS and int(part) >= 1:
        return int(part)
    raise SpecError(
        f"`{_shorten(part)}` in `MLP {_shorten(text)}` is no width"
        if part
        else f"a width is missing in `MLP {_shorten(text)}`",
        mend=f"Widths are whole numbers from 1 to {10**MAX_DIGITS - 1}, joined by `-`. {_EXAMPLE}",
    )


def _parse_cnn(text: str) -> Notation:
    raise SpecError(
        "the notation `CNN ...` is not supported by this version of sed2",
        mend=f"Describe a dense network. {_EXAMPLE}",
    )


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


FAMILIES: dict[str, Callable[[str], Notation]] = {"MLP": _parse_mlp, "CNN": _parse_cnn}
"""The parser of each family; it receives what follows the family's name."""

_EXAMPLE = "Write for example `MLP 54-16-7`: 54 inputs, then dense blocks of 16 and 7 units"

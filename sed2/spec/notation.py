"""The paper's notation for its networks (docs/concepts/measure.md, section 1).

- `MLP 54-16-7` is a chain of bias-free dense blocks. The first number is the width of the data,
  each further one is a block. ReLU follows every block but the last.
- `CNN 7-5|10-50-34-10` has conv blocks with kernels of 7 and 5, each conv -> batch norm -> ReLU ->
  max-pool of 2; a flattening block, one kernel shared by all channels; then the dense part, whose
  first number is the channels of the last conv. The paper does not say how many the others have:
  here the same. Convolutions keep the size of the image (padding SAME), pooling halves it.

A new family is one parser in `FAMILIES`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from sed2.blocks import BlockOptions
from sed2.blocks.conv import Conv
from sed2.blocks.dense import Dense
from sed2.blocks.flatten import Flatten
from sed2.blocks.pooling import Pool
from sed2.errors import SpecError, did_you_mean, shown

MAX_DIGITS = 15
MAX_LENGTH = 10_000  # characters of a notation
MAX_BLOCKS = 1000  # of a notation

_WORDS = re.compile(r"\s*[A-Za-z]+\s+[-0-9]")


@dataclass(frozen=True)
class Notation:
    """A model written in the paper's notation."""

    name: str
    """The notation itself, with single spaces and the family in capitals."""
    input_width: int | None
    """Number of features the data must have; None for images, whose shape is the data's."""
    blocks: tuple[BlockOptions, ...]


def parse(text: str) -> Notation:
    """Read a model in the paper's notation. Nothing of the model's size is allocated.

    Raises:
        SpecError: the family is unknown, a width is not a whole number of at least 1, or there are
            too many.
    """
    if len(text) > MAX_LENGTH:
        raise SpecError(
            f"a notation has {len(text):,} characters, but may have {MAX_LENGTH:,}", mend=_EXAMPLE
        )
    words = text.split(maxsplit=1)
    if not words:
        raise SpecError("the notation is empty", mend=_EXAMPLE)
    family, widths = words[0].upper(), words[1] if len(words) > 1 else ""
    if family not in FAMILIES:
        raise SpecError(
            f"`{shown(words[0])}` is no family of networks",
            mend=f"{did_you_mean(family, FAMILIES)}. {_EXAMPLE}",
        )
    if len(_split(widths)) > MAX_BLOCKS:
        raise SpecError(f"a notation has more than {MAX_BLOCKS:,} widths", mend=_EXAMPLE)
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
    parts = _split(text) if text.strip() else []
    widths = [_parse_width(part, text.strip()) for part in parts]
    if len(widths) < 2:
        raise SpecError(
            f"`MLP {shown(text.strip())}` needs at least two widths, of the input and of one block",
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


def _parse_width(part: str, text: str, family: str = "MLP") -> int:
    if re.fullmatch(r"[0-9]+", part) and len(part) <= MAX_DIGITS and int(part) >= 1:
        return int(part)
    raise SpecError(
        f"`{shown(part)}` in `{family} {shown(text)}` is no width"
        if part
        else f"a width is missing in `{family} {shown(text)}`",
        mend=f"Widths are whole numbers from 1 to {10**MAX_DIGITS - 1}, joined by `-`. {_EXAMPLE}",
    )


def _parse_cnn(text: str) -> Notation:
    """`7-5|10-50-34-10`: kernels of the conv blocks, then the channels and the dense widths."""
    kernels, bar, widths = text.partition("|")
    if not bar:
        raise SpecError(
            f"`CNN {shown(text.strip())}` has no `|` between its kernels and its widths",
            mend=_CNN_EXAMPLE,
        )
    sizes = [_parse_width(part, text, "CNN") for part in _split(kernels)]
    channels, *units = [_parse_width(part, text, "CNN") for part in _split(widths)]
    if not units:
        raise SpecError(
            f"`CNN {shown(text.strip())}` needs a dense block after its {channels} channels",
            mend=_CNN_EXAMPLE,
        )
    *hidden, last = units
    return Notation(
        name=f"CNN {'-'.join(map(str, sizes))}|{'-'.join(map(str, [channels, *units]))}",
        input_width=None,
        blocks=(
            *(
                Conv(
                    features=channels,
                    kernel_size=size,
                    bias=False,  # batch norm has a shift
                    norm="batch",
                    activation="relu",
                    pool=Pool(),
                )
                for size in sizes
            ),
            Flatten(kind="shared_kernel"),
            *(Dense(features=width, bias=False, activation="relu") for width in hidden),
            Dense(features=last, bias=False),
        ),
    )


def _split(text: str) -> list[str]:
    return [part.strip() for part in re.split("[-–]", text)]


FAMILIES: dict[str, Callable[[str], Notation]] = {"MLP": _parse_mlp, "CNN": _parse_cnn}
"""The parser of each family; it receives what follows the family's name."""

_CNN_EXAMPLE = (
    "Write for example `CNN 7-5|10-50-34-10`: conv blocks with kernels of 7 and 5, 10 channels "
    "each, then dense blocks of 50, 34 and 10 units"
)
_EXAMPLE = "Write for example `MLP 54-16-7`: 54 inputs, then dense blocks of 16 and 7 units"

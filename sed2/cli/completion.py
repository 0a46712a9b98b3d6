"""What a shell completes besides commands, options and files.

Completing must be quick: nothing here imports JAX, and nothing looks at data.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable

from pydantic.fields import FieldInfo

from sed2.settings import PRIORS

Completer = Callable[[str], list[str]]


def dataset_names(incomplete: str) -> list[str]:
    """Of the named data sets; where none begins so, the shell completes files."""
    from sed2.data.catalogue import DATASETS

    return _beginning(incomplete, DATASETS)


def allowed_values(field: FieldInfo) -> tuple[str, ...]:
    """Of an option that is one of a few words; none otherwise."""
    kinds = (field.annotation, *typing.get_args(field.annotation))
    words = (kind for kind in kinds if typing.get_origin(kind) is typing.Literal)
    return tuple(word for each in words for word in typing.get_args(each))


def completer(option: str, field: FieldInfo) -> Completer | None:
    """Completes the values of an option; None if any number or file will do."""
    if option == "dataset":
        return dataset_names
    # A measure with numbers ends in the colon before them.
    priors = [f"{name}:" if numbers else name for name, numbers in PRIORS.items()]
    values = priors if option == "prior" else allowed_values(field)
    if not values:
        return None

    def complete(incomplete: str) -> list[str]:
        return _beginning(incomplete, values)

    return complete


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]

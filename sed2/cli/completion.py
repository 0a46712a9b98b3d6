"""What a shell completes besides commands, options and files.

Completing must be quick: nothing here imports JAX, and nothing looks at data.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable

from sed2.settings import PRIORS, Settings

Completer = Callable[[str], list[str]]


def dataset_names(incomplete: str) -> list[str]:
    """Of the named data sets; where none begins so, the shell completes files."""
    from sed2.data.catalogue import DATASETS

    return _beginning(incomplete, DATASETS)


def allowed_values(setting: str) -> tuple[str, ...]:
    """Of a setting that is one of a few words; none otherwise."""
    annotation = Settings.model_fields[setting].annotation
    if typing.get_origin(annotation) is not typing.Literal:
        return ()
    return typing.get_args(annotation)


def completer(setting: str) -> Completer | None:
    """Completes the values of a setting; None if any number or file will do."""
    if setting == "dataset":
        return dataset_names
    # A measure with numbers ends in the colon before them.
    priors = [f"{name}:" if numbers else name for name, numbers in PRIORS.items()]
    values = priors if setting == "prior" else allowed_values(setting)
    if not values:
        return None

    def complete(incomplete: str) -> list[str]:
        return _beginning(incomplete, values)

    return complete


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]

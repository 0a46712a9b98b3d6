"""Packages that few need: each belongs to an extra, and is imported only when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sed2.common.distribution import install
from sed2.errors import UsageError


def need(module: str, extra: str, what: str, where: str = "") -> Any:
    """A module of a package that may not be here.

    Args:
        extra: of sed2, which installs it.
        what: needs it, as the subject of a sentence.
        where: the option that asked for it.

    Raises:
        UsageError: it is not here.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise UsageError(
            f"{what} needs the package `{package}` ({error})",
            mend=install(extra),
            where=where,
        ) from None

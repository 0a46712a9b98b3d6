"""JSON that a user hands over: read strictly, and every fault with its place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from sed2.errors import shown

_M = TypeVar("_M", bound=BaseModel)


class Damaged(Exception):
    """A file that is not what it should be."""

    def __init__(self, where: str, cause: str) -> None:
        super().__init__(f"{where}: {cause}")
        self.where, self.cause = where, cause


def parse(raw: bytes, path: Path) -> Any:
    """The document in a file of these bytes.

    Raises:
        Damaged: it is not UTF-8, no JSON, or a mapping has a key twice, as a careless merge makes
            it.
    """
    try:
        text = raw.decode("utf-8")
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise Damaged(str(path), "it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        where = f"{path}:{error.lineno}:{error.colno}"
        raise Damaged(where, "it ends early" if cut else error.msg) from None
    except (RecursionError, ValueError) as error:
        raise Damaged(str(path), str(error)) from None


def validate(model: type[_M], raw: bytes, path: Path) -> _M:
    """The document in a file of these bytes, as a model has it.

    Raises:
        Damaged: it does not fit the model; the first field that does not is named.
    """
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        cause = f"`{shown(place)}`: {fault['msg']}" if place else fault["msg"]
        raise Damaged(str(path), cause) from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key `{shown(repeated)}` is there twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"`{name}` is no number of JSON")

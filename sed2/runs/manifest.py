"""What a run directory is of: one readable JSON file, from which its ranking can be found again.

Its last entry is the hash of the others, so that a file that was changed or cut is told apart.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from sed2.common.files import MAX_DOCUMENT, read_input
from sed2.common.validation import StrictModel
from sed2.errors import UsageError
from sed2.options import TrainingSettings
from sed2.ranking.results import Demand
from sed2.runs.keys import digest
from sed2.settings import Settings

NAME = "sed2-run.json"
_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ManifestModel(StrictModel):
    """One model of a run."""

    name: str
    settings: Settings
    values: dict[str, _Hash]
    """The keys under which all that was asked for is kept, by stage."""


class Manifest(StrictModel):
    """All of the file."""

    schema_version: Literal[2] = 2
    verb: str
    """What was asked for: `rank`, `compute`, ..."""
    sed2: str
    """The version."""
    command: str
    """As it was typed; empty if it was called from Python."""
    source: str
    """The spec: a file, or the notation."""
    data_sha256: _Hash
    models: tuple[ManifestModel, ...] = Field(min_length=1)
    """In the order of the file."""
    demand: Demand | None
    """Of `--until-decided`."""
    training: TrainingSettings | None
    """Of `--train`."""

    @property
    def sha256(self) -> str:
        """Hash of all that determines the ranking, with the names and without the command."""
        return digest(self.model_dump(mode="json", exclude={"command", "source"}))


def to_text(manifest: Manifest) -> str:
    """The file."""
    document = manifest.model_dump(mode="json")
    return json.dumps(document | {"sha256": digest(document)}, indent=1, ensure_ascii=False) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """
    Raises:
        UsageError: the folder is no run directory, or its manifest is damaged.
    """
    path = folder / NAME
    try:
        raw = read_input(path, MAX_DOCUMENT)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        cause = "there is no such file" if missing else error.strerror
        raise UsageError(
            f"`{folder}` is no run directory of sed2: {cause}",
            mend="Name one that `sed2 rank --run-dir` has made",
            where=str(path),
        ) from None
    try:
        document = json.loads(raw)
        if not isinstance(document, dict):
            raise ValueError("it is no mapping")
        document.pop("sha256", None)
        manifest = Manifest.model_validate_json(json.dumps(document))
    except (ValidationError, ValueError, RecursionError):  # UnicodeDecodeError is one of these
        raise _damaged(path) from None
    if to_text(manifest).encode() != raw:
        raise _damaged(path)
    return manifest


def _damaged(path: Path) -> UsageError:
    return UsageError(
        "it is damaged, or of another version of sed2",
        mend="The command that made the run directory writes it anew, and takes over the rest",
        where=str(path),
    )

"""Results as runs of MLflow and of Weights & Biases (the extras `mlflow` and `wandb`).

What is logged is the JSON of a result: its settings as parameters, the numbers of each model as
metrics, and the whole as a file. Where it goes is the tracker's to know, as its own variables say
(`MLFLOW_TRACKING_URI`, `WANDB_MODE`, ...).
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

from sed2.common.extras import need
from sed2.errors import UsageError, shown

_FILE = "sed2.json"


def check(trackers: Mapping[str, str]) -> None:
    """Find out before the work that all trackers are here, and that their names will do.

    Args:
        trackers: the name of the experiment or project, by tracker.

    Raises:
        UsageError: one is not here, or has no name.
    """
    for tracker, name in trackers.items():
        if not name.strip():
            raise UsageError("it needs a name", mend="Name an experiment or project", where=tracker)
        need(tracker, tracker, f"`{tracker}`", tracker)


def track(trackers: Mapping[str, str], document: str, command: str) -> None:
    """Log a result.

    Args:
        trackers: as for `check`.
        document: its JSON.
        command: the command line; empty if there is none.

    Raises:
        UsageError: a tracker has failed, whatever it raised.
    """
    parsed = json.loads(document)
    models = parsed.get("models") or [parsed | parsed.get("model", {})]
    settings = dict(_flat(parsed.get("settings", {})))
    for tracker, name in trackers.items():
        try:
            with redirect_stdout(sys.stderr):  # stdout is that of the results
                _TRACKERS[tracker](name, document, command, settings, models)
        except Exception as error:  # of any kind: of networks, databases, accounts
            raise UsageError(
                f"the results could not be logged ({shown(error, 300) or type(error).__name__})",
                mend="They are complete above and in the files; see the tracker's own settings",
                where=tracker,
            ) from error


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The single values of nested mappings, by their names joined by points; no lists."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        elif isinstance(value, str | bool | int | float):
            yield f"{before}{name}", value


def metrics(model: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers of a model of a result's JSON, by name, but for its settings."""
    own = {name: value for name, value in model.items() if name not in ("settings", "provenance")}
    return {
        name: float(value)
        for name, value in _flat(own)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _mlflow(
    experiment: str,
    document: str,
    command: str,
    settings: Mapping[str, Any],
    models: Sequence[Mapping[str, Any]],
) -> None:
    """A run with the settings, and one within it for each model."""
    import mlflow

    mlflow.set_experiment(experiment)
    with mlflow.start_run(run_name="sed2", tags={"command": command}):
        mlflow.log_params(settings)
        mlflow.log_text(document, _FILE)
        for model in models:
            with mlflow.start_run(run_name=model["name"], nested=True):
                mlflow.log_metrics(metrics(model))


def _wandb(
    project: str,
    document: str,
    command: str,
    settings: Mapping[str, Any],
    models: Sequence[Mapping[str, Any]],
) -> None:
    """A run with the settings, and a table of the models."""
    import wandb

    rows = [{"name": model["name"], **metrics(model)} for model in models]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with wandb.init(project=project, name="sed2", config={**settings, "command": command}) as run:
        data = [[row.get(name) for name in columns] for row in rows]
        run.log({"models": wandb.Table(columns=columns, data=data)})
        run.summary.update(rows[0])  # the first of a ranking is the best
        artifact = wandb.Artifact("sed2", type="result")
        with artifact.new_file(_FILE) as file:
            file.write(document)
        run.log_artifact(artifact)


_TRACKERS: Mapping[str, Callable[..., None]] = {"mlflow": _mlflow, "wandb": _wandb}
TRACKERS = tuple(_TRACKERS)
"""The names of their options."""

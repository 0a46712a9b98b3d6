"""Results as files: JSON (the documents of cli.md), CSV, figures. Checked before the work."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sed2 import terminal
from sed2.bound_results import BoundResult, Bracket, Covering
from sed2.errors import UsageError
from sed2.report.training_files import (
    baselines_document,
    csv_columns,
    prediction_document,
    training_document,
)
from sed2.results import Curve, ModelResult, Probability, Ranking, Score
from sed2.settings import Settings
from sed2.stability_results import StabilityResult

SCHEMA_VERSION = 1
PLOT_FORMATS = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Outputs:
    """Where the results go besides the terminal."""

    json: Path | None
    json_on_stdout: bool
    csv: Path | None
    plot: Path | None
    html: Path | None = None
    command: str = ""
    """The command line, of which the page tells."""

    @classmethod
    def check(
        cls,
        *,
        json: str | None = None,
        csv: Path | None = None,
        plot: Path | None = None,
        html: Path | None = None,
        command: str = "",
    ) -> Outputs:
        """Find out before the work that every file can be written.

        Raises:
            UsageError: a path cannot be written, or the figure's format is not known.
        """
        if plot is not None and plot.suffix.lower() not in PLOT_FORMATS:
            raise UsageError(
                f"`{plot}` has no known figure format",
                mend=f"End it in {', '.join(PLOT_FORMATS)}",
                where="--plot",
            )
        json_file = None if json is None or json == "-" else Path(json)
        check_files({"--json": json_file, "--csv": csv, "--plot": plot, "--html": html})
        return cls(json_file, json == "-", csv, plot, html, command)

    def write_compute(self, result: ModelResult) -> None:
        """Write all files of `compute`."""
        self._write_curves(compute_document(result), [result])
        if self.html is not None:
            from sed2.report.html import compute_page

            replace_file(self.html, compute_page(result, self.command))

    def write_rank(self, ranking: Ranking) -> None:
        """Write all files of `rank`."""
        results = [model.result for model in ranking.models]
        more = [csv_columns(model) for model in ranking.models]

        def figure(file_format: str) -> bytes:
            from sed2.report.training_plot import ranking_figure

            return ranking_figure(ranking, file_format)

        self._write(rank_document(ranking), lambda: _csv_text(results, more), figure)
        if self.html is not None:
            from sed2.report.html import rank_page

            replace_file(self.html, rank_page(ranking, self.command))

    def write_bound(self, result: BoundResult) -> None:
        """Write the JSON of `bound`."""
        self._write_curves(bound_document(result), [result.model])

    def write_stability(self, result: StabilityResult) -> None:
        """Write all files of `stability`."""
        from sed2.report.stability_files import stability_csv, stability_document

        def figure(file_format: str) -> bytes:
            from sed2.report.stability_plot import stability_figure

            return stability_figure(result, file_format)

        self._write(
            stability_document(result, SCHEMA_VERSION), lambda: stability_csv(result), figure
        )

    def _write_curves(self, document: dict[str, Any], results: list[ModelResult]) -> None:
        def figure(file_format: str) -> bytes:
            from sed2.report.plot import curves_figure

            return curves_figure(results, file_format)

        self._write(document, lambda: _csv_text(results), figure)

    def _write(
        self,
        document: dict[str, Any],
        table: Callable[[], str],
        figure: Callable[[str], bytes],
    ) -> None:
        text = to_json(document)
        if self.json_on_stdout:
            terminal.write(text)
        elif self.json is not None:
            replace_file(self.json, text.encode())
        if self.csv is not None:
            replace_file(self.csv, table().encode())
        if self.plot is not None:
            replace_file(self.plot, figure(self.plot.suffix[1:].lower()))


def compute_document(result: ModelResult) -> dict[str, Any]:
    """The JSON of `compute`, as cli.md lays it down. NaN becomes null when written."""
    return {
        "schema_version": SCHEMA_VERSION,
        "model": {
            "name": result.name,
            "parameters": result.parameters,
            "left_out": result.left_out,
            "blocks": [
                {
                    "name": block.name,
                    "parameters": block.parameters,
                    "rank": block.rank,
                    "lower_two_sed_share": block.share,
                    "way": plan.way,
                    "forecast_bytes": plan.bytes,
                    "forecast_flops": plan.work,
                }
                for block, plan in zip(result.blocks, result.plan, strict=True)
            ],
        },
        "settings": _settings(result.settings) | {"inputs": result.inputs},
        "eps": result.eps,
        "eps_n": result.eps_n,
        **_score(result.score),
        **_curves(result),
        "upper_bound": result.upper_bound,
        **_brackets(result),
        "warnings": result.warnings,
        "provenance": asdict(result.provenance),
    }


def rank_document(ranking: Ranking) -> dict[str, Any]:
    """The JSON of `rank`, as cli.md lays it down."""
    first = ranking.models[0].result
    own = {"spec_sha256", "data_sha256"}
    return {
        "schema_version": SCHEMA_VERSION,
        "settings": _settings(ranking.settings) | {"inputs": first.inputs},
        "eps": ranking.eps,
        "eps_n": ranking.eps_n,
        "models": [
            {
                "rank": model.rank,
                "name": model.result.name,
                "parameters": model.result.parameters,
                **_score(model.result.score),
                "separation": model.separation,
                "probability_best": _probability(model.probability_best),
                "order_probability": _probability(model.order_probability),
                "decided": model.decided,
                "inputs": model.result.inputs,
                "settings": _settings(model.result.settings),
                **_curves(model.result),
                **_brackets(model.result),
                "training": model.training and training_document(model.training),
                "baselines": model.baselines and baselines_document(model.baselines),
                "warnings": model.warnings,
                "spec_sha256": model.result.provenance.spec_sha256,
            }
            for model in ranking.models
        ],
        "crossings": [asdict(crossing) for crossing in ranking.crossings],
        "until_decided": ranking.demand and asdict(ranking.demand),
        "correlation": ranking.correlation and prediction_document(ranking.correlation),
        "warnings": ranking.warnings,
        "provenance": {k: v for k, v in asdict(first.provenance).items() if k not in own}
        | {"data_sha256": first.provenance.data_sha256},
    }


def bound_document(result: BoundResult) -> dict[str, Any]:
    """The JSON of `bound`. Every `log_...` is a natural logarithm."""
    model, at_eps_n = result.model, result.covering_at_eps_n
    return {
        "schema_version": SCHEMA_VERSION,
        "model": {
            "name": model.name,
            "parameters": model.parameters,
            "left_out": model.left_out,
            "rank": model.max_rank,
            "eigenvalue": model.max_eigenvalue,
        },
        "settings": _settings(model.settings) | {"inputs": model.inputs},
        "constants": {
            "lipschitz": result.lipschitz,
            "theorem_k": result.theorem_k,
            "theorem_c": result.theorem_c,
            "loss_bound": result.loss_bound,
            "log_c_d": result.log_covering_constant,
            "log_h": result.log_h,
        },
        "eps_n": result.eps_n,
        "deviation": result.deviation,
        "d_zeta": _bracket(result.two_sed)
        | {
            "std_error": model.two_sed_score.std_error,
            "is_lower_estimate": model.two_sed_score.lower_estimate,
        },
        "log_probability": _bracket(result.log_probability),
        "vacuous": result.vacuous,
        "smallest_k": _bracket(result.smallest_k),
        "gamma_0": result.gamma_0,
        "eps": model.eps,
        "log_covering": _covering(result.covering),
        "log_covering_at_eps_n": {key: value[0] for key, value in _covering(at_eps_n).items()},
        "assumptions": [asdict(assumption) for assumption in result.assumptions],
        "warnings": result.warnings,
        "provenance": asdict(model.provenance),
    }


def _bracket(bracket: Bracket) -> dict[str, Any]:
    return {"estimate": bracket.estimate, "upper_bound": bracket.at_most}


def _covering(covering: Covering) -> dict[str, Any]:
    return {
        "estimate": covering.estimate,
        "upper_bound": covering.at_most,
        "equal_cubes": covering.cubes,
        "vacuous": covering.vacuous,
    }


def _settings(settings: Settings) -> dict[str, Any]:
    return settings.model_dump()


def _curves(result: ModelResult) -> dict[str, Any]:
    return {
        "two_sed": _curve(result.two_sed),
        "lower_two_sed": _curve(result.lower_two_sed)
        | {"effective_sample_size": result.lower_effective_sample_size},
        "effective_sample_size": result.effective_sample_size,
        "smc": None if result.smc is None else asdict(result.smc),
    }


def _brackets(result: ModelResult) -> dict[str, Any]:
    return {"upper_bracket": result.upper_bracket, "trace_bracket": result.trace_bracket}


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "estimate": curve.estimate,
        "std_error": curve.std_error,
        "interval_95": [_interval(low, high) for low, high in curve.interval],
        "lower_estimate": curve.lower_estimate,
        "scatter": curve.scatter,
        "std_error_draws": curve.std_error_draws,
        "std_error_inputs": curve.std_error_inputs,
        "std_error_spectra": curve.std_error_spectra,
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "score": score.value,
        "score_std_error": score.std_error,
        "score_interval_95": _interval(*score.interval),
        "score_lower_estimate": score.lower_estimate,
        "score_scatter": score.scatter,
        "score_std_error_draws": score.std_error_draws,
        "score_std_error_inputs": score.std_error_inputs,
    }


def _interval(low: float, high: float) -> list[float] | None:
    return None if math.isnan(low) or math.isnan(high) else [low, high]


def _probability(probability: Probability) -> dict[str, Any]:
    return {"score": probability.score, "curve": probability.curve}


def _csv_text(
    results: Sequence[ModelResult], more: Sequence[Mapping[str, float]] | None = None
) -> str:
    """One row per model and eps; an undefined number is empty.

    Args:
        more: of each model, further columns by name.
    """
    more = more or [{}] * len(results)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            "model",
            "parameters",
            "eps",
            "lower_two_sed",
            "lower_two_sed_std_error",
            "two_sed",
            "two_sed_std_error",
            "effective_sample_size",
            "upper_bound",
            "lower_two_sed_low",
            "lower_two_sed_high",
            "two_sed_low",
            "two_sed_high",
            "upper_bracket",
            "trace_bracket",
            *more[0],
        ]
    )
    for result, own in zip(results, more, strict=True):
        columns = (
            result.eps,
            result.lower_two_sed.estimate,
            result.lower_two_sed.std_error,
            result.two_sed.estimate,
            result.two_sed.std_error,
            result.effective_sample_size,
            result.upper_bound,
            *result.lower_two_sed.interval.T,
            *result.two_sed.interval.T,
            result.upper_bracket,
            result.trace_bracket,
        )
        for row in zip(*columns, strict=True):
            numbers = [
                "" if math.isnan(value) else repr(float(value)) for value in (*row, *own.values())
            ]
            writer.writerow([result.name, result.parameters, *numbers])
    return text.getvalue()


def to_json(document: dict[str, Any]) -> str:
    """A document as text; NaN becomes null."""
    return json.dumps(_finite(document), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """Plain JSON values; a number that is not finite becomes null."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_finite(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def check_files(files: Mapping[str, Path | None], taken: Mapping[str, Path] | None = None) -> None:
    """Refuse files that cannot be written or are given twice, before the work.

    Args:
        files: by their options; None is not given.
        taken: files that are read, by their options.

    Raises:
        UsageError: it names the option.
    """
    options = {_target(path): option for option, path in (taken or {}).items()}
    for option, path in files.items():
        if path is None:
            continue
        if str(path) == "-":
            raise UsageError("only --json can go to stdout", mend="Name a file", where=option)
        check_writable(option, path)
        other = options.setdefault(_target(path), option)
        if other != option and not _is_special(path):
            raise UsageError(
                f"`{path}` is the file of {other} already",
                mend="Name another file",
                where=option,
            )


def check_writable(option: str, path: Path) -> None:
    """Refuse a file that cannot be written, before the work.

    Raises:
        UsageError: it names the option.
    """

    def refuse(cause: str) -> UsageError:
        return UsageError(
            f"cannot write `{path}`: {cause}",
            mend="Name a file in a folder that exists and can be written",
            where=option,
        )

    try:
        if path.is_dir():
            raise refuse("it is a folder")
        if not path.parent.is_dir():
            raise refuse(f"there is no folder `{path.parent}`")
        if _is_special(path):
            return
        target, existed = _target(path), path.exists()
        with target.open("ab"):
            pass
        if not existed:
            target.unlink()
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".sed2-"):
            pass
    except OSError as error:
        raise refuse(error.strerror or str(error)) from error


def _is_special(path: Path) -> bool:
    """Whether it is a device or a pipe, which take what comes and cannot be replaced."""
    return path.exists() and not path.is_file()


def _target(path: Path) -> Path:
    """The file itself, where the path is a link to it: the link stays one."""
    return Path(os.path.realpath(path))


def replace_file(path: Path, content: bytes) -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    try:
        if _is_special(path):
            path.write_bytes(content)
            return
        target = _target(path)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".sed2-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(name, 0o666 & ~umask)
            os.replace(name, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        raise UsageError(
            f"cannot write `{path}`: {error.strerror or error}",
            mend="The results above are complete; free some space or name another file",
        ) from error

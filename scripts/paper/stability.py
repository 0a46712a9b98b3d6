"""Figure 2: lower 2sED with more inputs, more draws and other seeds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from scripts.paper import figures
from scripts.paper.claims import Claim, Inequality, SameSign, Scatter, Statement
from scripts.paper.lab import Lab, Outcome, Way, mean_and_scatter, ways
from sed2.data.load import Dataset
from sed2.robustness.results import StabilityResult, Sweep
from sed2.robustness.study import Grids, read_grids, study
from sed2.settings import Settings
from sed2.spec.schema import ModelSpec
from sed2.tasks import ThisProcess

STABLE = 5.0
"""Percent of lower 2sED: several times the distance of the two models that the paper compares."""

STATEMENT = Statement(
    "The plots of lower 2sED are stable with respect to the number of points used in the Monte "
    "Carlo approximation",
    "Section 7, Figure 2",
)
STATEMENTS = (STATEMENT,)


def figure_2(lab: Lab) -> Outcome:
    """N and K from the paper's 100 to its 1,000, for the MLPs and the CNNs."""
    size, covertype, mnist = lab.size, lab.sources.load_covertype(), lab.sources.load_mnist()
    mlps = (lab.models("mlps.yaml"), covertype, size.mlp, size.more_samples, size.more_draws)
    cnns = (lab.models("cnns-mnist.yaml"), mnist, size.cnn, size.more_cnn_samples, size.cnn.draws)
    claims, found = [], {}
    for family, (models, dataset, counts, samples, draws) in (("MLPs", mlps), ("CNNs", cnns)):
        for way in ways(size, counts):
            label = f"{family}, {way.fisher} Fisher"
            grids = read_grids({"samples": samples, "draws": draws, "sigma": 0.01}, counts.seeds)
            found[label] = vary(lab, models, dataset, way, grids)
            claims += stability_claims(found[label], label)
    return Outcome(
        title="Stability of the Monte Carlo estimates",
        setup=(
            f"`sed2 stability`: {size.setup} Lower 2sED is its mean over eps 0.001 to 0.1 in log "
            f"eps. One at a time, N goes to {size.more_samples:,} and K to {size.more_draws:,} for "
            f"the MLPs, as in the paper, and N to {size.more_cnn_samples:,} for the CNNs, here on "
            "MNIST (in the paper to 500).",
            f"Stable means: a change of less than {STABLE:g}%; and the ranking: that no pair of "
            "models changes its order.",
        ),
        claims=tuple(claims),
        figures={"": draw(found)},
        numbers={label: as_json(result) for label, result in found.items()},
    )


def vary(
    lab: Lab, models: Sequence[ModelSpec], dataset: Dataset, way: Way, grids: Grids
) -> StabilityResult:
    """sed2's own study, around the settings of the way."""
    base = Settings.model_validate({"dataset": dataset.name, "sigma": 0.01, **way.settings})
    return study(
        models,
        [base] * len(models),
        grids,
        dataset.rows,
        ThisProcess(dataset),
        lab.report,
    )


def stability_claims(found: StabilityResult, label: str) -> list[Claim]:
    """With more inputs, with more draws, with another seed; and of the ranking."""
    names = [model.name for model in found.models]
    samples, draws = found.sweeps[0], found.sweeps[1]
    claims = [
        Claim(
            STATEMENT,
            f"{label}, {symbol} from {sweep.base_value:,g} to {sweep.grid[-1]:,g}",
            tuple(
                Inequality(f"change of {name}", values, STABLE, below=True, unit="%")
                for name, values in zip(names, changes(sweep), strict=True)
            ),
        )
        for symbol, sweep in (("N", samples), ("K", draws))
        if len(sweep.grid) > 1
    ]
    scores = found.base_scores
    relative = 100 * scores / scores.mean(axis=1, keepdims=True)
    claims.append(
        Claim(
            STATEMENT,
            f"{label}, another seed",
            tuple(
                Scatter(f"s.d. of {name}", values, STABLE, unit="%")
                for name, values in zip(names, relative, strict=True)
            ),
        )
    )
    few, many = samples.scores[:, samples.base], samples.scores[:, -1]
    pairs = tuple(
        SameSign(f"{names[i]} over {names[j]}", few[i] - few[j], many[i] - many[j])
        for i, j in combinations(range(len(names)), 2)
    )
    told = f"{label}, the ranking at N = {samples.base_value:,g} and at {samples.grid[-1]:,g}"
    return [*claims, Claim(STATEMENT, told, pairs)]


def changes(sweep: Sweep) -> np.ndarray:
    """(M, S) from the base to the end of the sweep, in percent."""
    return 100 * np.abs(sweep.scores[:, -1] / sweep.scores[:, sweep.base] - 1)


def as_json(found: StabilityResult) -> dict[str, Any]:
    """Means and standard deviations along the sweeps of N and K."""
    return {
        sweep.setting: {
            "grid": list(sweep.grid),
            "models": {
                model.name: mean_and_scatter(sweep.scores[m].T)
                for m, model in enumerate(found.models)
            },
        }
        for sweep in found.sweeps[:2]
    }


def draw(found: dict[str, StabilityResult]) -> figures.Figure:
    """One row for each study; lower 2sED over N and over K."""
    figure, axes = figures.panels(len(found), 2)
    for row, (label, result) in zip(axes, found.items(), strict=True):
        for panel, sweep, symbol in zip(row, result.sweeps, ("N", "K"), strict=False):
            for m, model in enumerate(result.models):
                figures.curve(panel, sweep.grid, sweep.scores[m].T, m, label=model.name)
            panel.set_xticks(sweep.grid, [f"{value:,g}" for value in sweep.grid])
            panel.set_xlabel(symbol)
            panel.set_title(label, fontsize="medium")
        row[0].set_ylabel("lower 2sED")
        row[1].legend(frameon=False, fontsize="x-small")
    return figure

"""Figures 4 and 5: what the standard deviation of the noise does to both measures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scripts.paper import figures
from scripts.paper.claims import Claim, Inequality, Statement
from scripts.paper.lab import Counts, Lab, Outcome, Scores, Way, score, ways
from scripts.paper.sharpness import VISIBLE
from sed2.data.load import Dataset
from sed2.settings import parse_eps
from sed2.spec.schema import ModelSpec

SIGMAS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
SMALL = 0.01
"""sed2's own sigma: small beside activations of order 1."""

MLP = Statement(
    "The impact of sigma^2 on 2sED and lower 2sED is negligible: MLP 54-16-7 on Covertype",
    "Section 7 and Appendix C, Figure 4",
)
OTHERS = Statement(
    "The same for different models on Covertype: the two other MLPs",
    "Section 7",
)
CNN = Statement(
    "The impact of sigma^2 on 2sED and lower 2sED is negligible: CNN 7-5|10-50-34-10 on MNIST",
    "Section 7 and Appendix C, Figure 5",
)


def figure_4(lab: Lab) -> Outcome:
    """The three MLPs on Covertype."""
    models = lab.models("mlps.yaml")
    statements = [MLP, *[OTHERS] * (len(models) - 1)]
    covertype = lab.sources.load_covertype()
    return vary(lab, models, statements, covertype, lab.size.mlp, "MLPs on Covertype")


def figure_5(lab: Lab) -> Outcome:
    """The paper's CNN on MNIST."""
    models = lab.models("cnns-mnist.yaml")[:1]
    mnist = lab.sources.load_mnist()
    return vary(lab, models, [CNN], mnist, lab.size.cnn, "a CNN on MNIST")


def vary(
    lab: Lab,
    models: Sequence[ModelSpec],
    statements: Sequence[Statement],
    dataset: Dataset,
    counts: Counts,
    title: str,
) -> Outcome:
    """Both measures over eps for every sigma, the inputs, draws and seeds unchanged."""
    eps = parse_eps(lab.size.eps)
    claims, numbers, drawn = [], {}, []
    for way in ways(lab.size, counts):
        by_sigma = [
            score(models, dataset, eps, counts.seeds, way.settings | {"sigma": sigma}, lab.report)
            for sigma in SIGMAS
        ]
        for m, statement in enumerate(statements):
            claims += change_claims(statement, way, by_sigma, m)
        numbers[way.label] = {
            f"{sigma:g}": scores.as_json() for sigma, scores in zip(SIGMAS, by_sigma, strict=True)
        }
        drawn.append((way, by_sigma))
    return Outcome(
        title=f"Effect of sigma: {title}",
        setup=(
            f"sigma from {SIGMAS[0]:g} to {SIGMAS[-1]:g}; {counts.seeds} seeds, N = "
            f"{counts.samples:,} inputs and K = {counts.draws:,} draws, the same for every sigma.",
            f"Negligible means: from sigma {SIGMAS[0]:g} on, neither measure changes by more than "
            f"{VISIBLE:g}%, at the eps where it changes most.",
        ),
        claims=tuple(claims),
        figures={"": draw(drawn)},
        numbers=numbers,
    )


def change_claims(
    statement: Statement, way: Way, by_sigma: Sequence[Scores], model: int
) -> list[Claim]:
    """Of one model: for all small sigma, and for every larger one."""
    name = by_sigma[0].names[model]
    small, larger = [], []
    for sigma, other in zip(SIGMAS[1:], by_sigma[1:], strict=True):
        changes = change(by_sigma[0], other, model)
        part = Inequality(f"at sigma {sigma:g}", changes, VISIBLE, below=True, unit="%")
        (small if sigma <= SMALL else larger).append(part)
    told = f"{name}, {way.label}, sigma"
    return [
        Claim(statement, f"{told} up to {SMALL:g}", tuple(small)),
        *(Claim(statement, part.what.replace("at sigma", told), (part,)) for part in larger),
    ]


def change(first: Scores, other: Scores, model: int) -> np.ndarray:
    """(S,) the largest change over eps and over both measures, in percent."""
    changes = [
        np.abs(its[model] / own[model] - 1).max(axis=1)
        for its, own in ((other.lower, first.lower), (other.two, first.two))
    ]
    return 100 * np.max(changes, axis=0)


def draw(drawn: Sequence[tuple[Way, Sequence[Scores]]]) -> figures.Figure:
    """One row for each way, one panel for each model, one curve for each sigma."""
    models = drawn[0][1][0].names
    figure, axes = figures.panels(len(drawn), len(models))
    for row, (way, by_sigma) in zip(axes, drawn, strict=True):
        for m, panel in enumerate(row):
            for kind, (sigma, scores) in enumerate(zip(SIGMAS, by_sigma, strict=True)):
                label = rf"lower 2sED, $\sigma$ = {sigma:g}"
                figures.curve(panel, scores.eps, scores.lower[m], kind, label=label)
            figures.over_eps(panel, f"{models[m]}\n{way.fisher} Fisher")
        row[0].set_ylabel("effective dimension")
    figures.legend(figure, axes[0, 0], columns=len(models) + 1)
    return figure

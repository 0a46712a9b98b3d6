"""Figure 1: how close lower 2sED is to 2sED."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from scripts.paper import figures
from scripts.paper.claims import Claim, Inequality, Statement
from scripts.paper.lab import Lab, Outcome, Scores, Way, score, ways
from sed2.settings import parse_eps

VISIBLE = 1.0
"""Percent of 2sED: about the width of a line of a figure."""
ALIKE = 95.0
"""Percent of the comparisons that must come out alike for conclusions to be called equivalent."""
SMC_EPS = 0.1

MLP = Statement(
    "The difference between 2sED and lower 2sED of MLP 54-16-7 on Covertype cannot be appreciated: "
    "the lower bound is tight",
    "Section 7, Figure 1a",
)
CNN = Statement(
    "Lower 2sED and 2sED of CNN 7-5|10-50-34-10 on MNIST are extremely close",
    "Section 7, Figure 1b",
)
ORDER = Statement(
    "Conclusions about complexity are equivalent by lower 2sED and by 2sED for all covering radii",
    "Section 7",
)
STATEMENTS = (MLP, CNN, ORDER)


def figure_1(lab: Lab) -> Outcome:
    """Gaps between the two measures over eps, by plain Monte Carlo, and by smc at one eps."""
    size, eps = lab.size, parse_eps(lab.size.eps)
    covertype, mnist = lab.sources.load_covertype(), lab.sources.load_mnist()
    mlps, cnn = lab.models("mlps.yaml"), lab.models("cnns-mnist.yaml")[:1]
    claims, numbers = [], {}
    drawn: list[tuple[Way, Scores, Scores]] = []
    for way, of_cnns in zip(ways(size, size.mlp), ways(size, size.cnn), strict=True):
        scores = score(mlps, covertype, eps, size.mlp.seeds, way.settings, lab.report)
        of_cnn = score(cnn, mnist, eps, size.cnn.seeds, of_cnns.settings, lab.report)
        claims += [gap_claim(MLP, way, scores), gap_claim(CNN, of_cnns, of_cnn)]
        claims.append(order_claim(way, scores))
        numbers[way.label] = [scores.as_json(), of_cnn.as_json()]
        drawn.append((way, scores, of_cnn))
    smc = None
    if size.smc_seeds:
        settings = {"estimator": "smc", "samples": size.mlp.samples}
        way = Way(f"sequential Monte Carlo, eps {SMC_EPS:g}", settings)
        smc = score(mlps[:1], covertype, (SMC_EPS,), size.smc_seeds, way.settings, lab.report)
        claims.append(gap_claim(MLP, way, smc))
        numbers[way.label] = smc.as_json()
    return Outcome(
        title="Sharpness of the lower bound",
        setup=(
            f"{size.setup} Inputs and draws are the same for both measures.",
            f"Close means: the gap, at the eps where it is largest, is below {VISIBLE:g}% of 2sED. "
            f"Equivalent means: at least {ALIKE:g}% of the comparisons of two of the paper's three "
            f"MLPs, at {len(eps)} eps, come out alike.",
        ),
        claims=tuple(claims),
        figures={"": draw(drawn, smc)},
        numbers=numbers,
    )


def gap_claim(statement: Statement, way: Way, scores: Scores) -> Claim:
    """Of the first model: the largest gap over eps, in percent of 2sED."""
    gaps = 100 * (scores.two[0] - scores.lower[0]) / scores.two[0]
    part = Inequality("largest gap over eps", gaps.max(axis=1), VISIBLE, below=True, unit="%")
    return Claim(statement, way.label, (part,), remark_on_draws(way, scores))


def remark_on_draws(way: Way, scores: Scores) -> str:
    """What a small gap is worth."""
    if way.settings.get("estimator") == "smc":
        return "; ".join(scores.warnings)
    typical = float(np.median(scores.sizes[0]))
    if typical >= 10:
        return ""
    return (
        f"effective sample size {typical:.1f}: both numbers are those of a few draws, so this gap "
        "is of the estimates, and says little of the measures; [estimators.md](estimators.md) has "
        "both for MLP 54-16-7 by sequential Monte Carlo"
    )


def order_claim(way: Way, scores: Scores) -> Claim:
    """Of all pairs of models at all eps: how many are ordered alike by both measures."""
    alike = [
        np.sign(scores.lower[i] - scores.lower[j]) == np.sign(scores.two[i] - scores.two[j])
        for i, j in combinations(range(len(scores.names)), 2)
    ]
    share = 100 * np.mean(alike, axis=(0, 2))
    part = Inequality("pairs and eps that are ordered alike", share, ALIKE, unit="%")
    return Claim(ORDER, way.label, (part,))


def draw(drawn: Sequence[tuple[Way, Scores, Scores]], smc: Scores | None) -> figures.Figure:
    """One row for each way, one panel for each network."""
    figure, axes = figures.panels(len(drawn), 2)
    for row, (way, *pair) in zip(axes, drawn, strict=True):
        for panel, scores in zip(row, pair, strict=True):
            curves = (
                ("lower 2sED", scores.lower),
                ("2sED", scores.two),
                ("bracket", scores.bracket),
            )
            for kind, (label, values) in enumerate(curves):
                style = ("-", "--", ":")[kind]
                figures.curve(panel, scores.eps, values[0], kind, label=label, ls=style)
            figures.over_eps(panel, f"{scores.names[0]}, {way.fisher} Fisher")
        row[0].set_ylabel("effective dimension")
    if smc is not None:
        for values, mark, label in ((smc.lower, "x", "lower 2sED"), (smc.two, "+", "2sED")):
            told = f"{label}, sequential Monte Carlo"
            axes[-1, 0].plot(SMC_EPS, values[0].mean(), mark, color="k", ls="", label=told)
    figures.legend(figure, axes[-1, 0])
    return figure

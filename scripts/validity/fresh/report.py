"""The page on the fresh architectures, docs/evidence/fresh.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from scripts.common.pages import table
from scripts.validity.fresh.bootstrap import (
    STATISTICS,
    ahead,
    central,
    paired,
    resamples_of,
    sampled,
)
from scripts.validity.fresh.cells import LOSS
from scripts.validity.fresh.numbers import Numbers
from scripts.validity.fresh.rule import GOAL, LEAST, RESAMPLES, SEED, Decision, Gain, decide
from scripts.validity.fresh.statistics import noise_ceiling, tau_given
from scripts.validity.statistics import mean_interval, residuals, shown
from sed2.ranking.correlation import correlate, tau_b

CANDIDATES = {
    "joint": "`--score joint`: sqrt(2sED end-to-end x lower 2sED), eps 0.3",
    "limit": "sigma -> 0, by sigma 1e-6: lower 2sED, eps 1e-3:1e-1",
}
COMPARED = ("joint", "lower")
"""The scores that are held against every baseline."""
WORST = 6
FORMS = dict.fromkeys(STATISTICS, ".2f") | {"regret": ".3f"}


def page(
    families: Sequence[Numbers], resamples: int, too_few: Mapping[str, int] | None = None
) -> list[str]:
    """All of it.

    Args:
        families: those that can be compared at all.
        resamples: of the architectures.
        too_few: by title, how many architectures the others have.
    """
    counts = (too_few or {}) | {one.family.title: len(one.models) for one in families}
    scores = [family.scores | {"target": family.target} for family in families]
    decisions = {name: decide(scores, name) for name in CANDIDATES}
    lines = [*introduction(families, resamples), *on_decisions(families, decisions, counts)]
    lines += on_goals(families)
    for number, family in enumerate(families):
        lines += section(family, number, resamples)
    return lines


def introduction(families: Sequence[Numbers], resamples: int) -> list[str]:
    """What was fixed when, what was computed, how it is to be read."""
    return [
        "# Fresh architectures: which score is the default?",
        "",
        "Made by `python -m scripts.validity.fresh report` from the tables `fresh-*.csv` beside "
        "this page, which `python -m scripts.validity.fresh run` wrote. The architectures "
        "(`fresh-*.yaml` in `configs`), the measures, the seeds, the statistics and the rule were "
        "committed before the first loss was computed.",
        "",
        *_computed(families),
        "",
        "Trained by Adam (rate 0.001) under three seeds. MNIST is the bundled sample, CIFAR-10 a "
        "part of 4,566 images; images are means over 2 x 2 pixels. Core numbers are the scores and "
        "the losses; the baselines that need gradients came after all of these.",
        "",
        "The target is minus the mean training loss at the end. tau-b is Kendall's, rho "
        "Spearman's. nDCG: the gain of an architecture is the share of the others that it beats, "
        "the discount 1 / log2(place + 1), over all places. Precision at 10%: the share of the "
        "first tenth by the measure that is in the first tenth by the loss. Regret: by how many "
        "nats the loss of the first place is above the least. Directions are fixed beforehand. In "
        f"brackets a 95% interval, by {resamples:,} resamples of the architectures (the decisions: "
        f"{RESAMPLES:,}; seed {SEED}), the same for all measures.",
        "",
        "`lower` is what `sed2 rank` took before (sigma 0.01, the mean over eps 1e-3 to 1e-1), "
        "`limit` the same at sigma 1e-6, `joint` sqrt(2sED end-to-end x lower 2sED) at eps 0.3 and "
        "sigma 0.01, `joint of the limit` the same with lower 2sED at sigma 1e-6.",
    ]


def _computed(families: Sequence[Numbers]) -> list[str]:
    lines = []
    for numbers in families:
        family, d = numbers.family, numbers.parameters
        score, _, whole, training, *_ = family.cells
        gradients = np.isfinite(numbers.baselines.get("snip", np.full(len(d), np.nan))).sum()
        lines.append(
            [
                family.title,
                str(len(family.models)),
                str(len(numbers.models)),
                str(gradients),
                f"{d.min():,.0f} to {d.max():,.0f}",
                f"N = {score.samples}, K = {score.draws} ({whole.draws} end-to-end)",
                f"{training.samples:,} rows, {training.epochs} epochs, batches of {training.batch}",
                f"{sum(s for name, s in numbers.seconds.items() if name != LOSS):.0f}",
                f"{numbers.seconds[LOSS]:.0f}",
            ]
        )
    head = [
        "family",
        "drawn",
        "with core numbers",
        "with gradient baselines",
        "parameters",
        "scores",
        "training",
        "seconds of scores and baselines",
        "of training",
    ]
    return table(head, lines)


def on_decisions(
    families: Sequence[Numbers], decisions: Mapping[str, Decision], counts: Mapping[str, int]
) -> list[str]:
    """By the rule, if there are enough architectures for it."""
    enough = min(counts.values()) >= LEAST
    outcomes = {True: "**becomes the default**", False: "today's default stays"}
    state = ", ".join(f"{title} {count}" for title, count in counts.items())
    waiting = [
        "",
        f"**Not decided yet**: {LEAST} architectures of every family are needed, and there are "
        f"{state}. What stands here is provisional; `run` goes on where it stopped.",
    ]
    lines = [
        [
            CANDIDATES[name],
            *(shown(gain.value, gain.interval) for gain in (*found.families, found.mean)),
            outcomes[found.accepted] if enough else "not decided yet",
        ]
        for name, found in decisions.items()
    ]
    head = ["candidate", *(numbers.family.title for numbers in families), "mean", "decision"]
    return [
        "",
        "## The two decisions",
        "",
        "A candidate becomes the default if the interval of its gain in tau-b over `lower` is "
        "above 0 in the mean of the families and below 0 in none; else today's default stays. "
        "Gains:",
        "",
        *table(head, lines),
        *([] if enough else waiting),
    ]


def on_goals(families: Sequence[Numbers]) -> list[str]:
    """tau of every score in every family, the ceiling, and the best single baseline."""
    lines = []
    for name in families[0].scores:
        taus = [correlate(one.scores[name], one.target, seed=SEED) for one in families]
        reached = all(tau.value >= GOAL for tau in taus)
        lines.append(
            [name, *(shown(t.value, t.interval) for t in taus), "yes" if reached else "no"]
        )
    ceilings = [f"{noise_ceiling(one.losses):.2f}" for one in families]
    lines.append(["ceiling: one training seed with the mean of the two others", *ceilings, ""])
    titles = [one.family.title for one in families]
    return [
        "",
        "## The goals",
        "",
        *table(["tau-b", *titles, f"at least {GOAL:.2f} in every family"], lines),
        "",
        "Ahead of the best baseline, in tau-b. `anew in each family`: the best is chosen anew in "
        "each family and resample, which favours the baselines; `one for all`: that with the "
        "largest mean over the families, anew in each resample.",
        "",
        *table(
            ["score", *titles, "mean, anew in each family", "mean, one for all"], _rivals(families)
        ),
    ]


def _rivals(families: Sequence[Numbers]) -> list[list[str]]:
    shared = [name for name in families[0].baselines if all(name in f.baselines for f in families)]
    lines = []
    for name in families[0].scores:
        ours, theirs = [], []
        for number, one in enumerate(families):
            rivals = {rival: one.baselines[rival] for rival in shared}
            mine, their = ahead(one.scores[name], rivals, one.target, SEED + number, RESAMPLES)
            ours.append(mine)
            theirs.append(their)
        each = [
            mine - np.fmax.reduce(their, axis=1) for mine, their in zip(ours, theirs, strict=True)
        ]
        means = np.mean(theirs, axis=0)
        single = np.mean(ours, axis=0) - np.fmax.reduce(means, axis=1)
        cells = [*each, np.mean(each, axis=0), single]
        told = [shown((gain := Gain.of(cell)).value, gain.interval) for cell in cells]
        best = [shared[np.nanargmax(their[0])] for their in theirs]
        told[: len(best)] = [f"{text}, {rival}" for text, rival in zip(told, best, strict=False)]
        told[-1] += f", {shared[np.nanargmax(means[0])]}"
        lines.append([name, *told])
    return lines


def section(numbers: Numbers, number: int, resamples: int) -> list[str]:
    """All tables of one family."""
    places = resamples_of(len(numbers.models), SEED + number, resamples)
    out = [f"Left out, a number is not finite: {', '.join(numbers.undefined)}.", ""]
    lines = [
        "",
        f"## {numbers.family.title}",
        "",
        *(out if numbers.undefined else []),
        *table(["measure", *STATISTICS], _measures(numbers, places)),
        "",
        "### Against each baseline",
        "",
        "The score less the baseline, paired; for regret a negative number is the score's gain.",
        "",
        *table(["score", "less", "architectures", *STATISTICS], _against(numbers, places)),
        "",
        "### Test loss and accuracy",
        "",
        "tau-b with minus the mean test loss, and with the mean test accuracy:",
        "",
        *table(["measure", "test loss", "test accuracy"], _tested(numbers)),
    ]
    if numbers.family.mixed:
        lines += [
            "",
            "### With the size held",
            "",
            "Kendall's partial tau with the number of parameters held, and tau-b of the measure "
            "with that number:",
            "",
            *table(["measure", "tau, size held", "tau with size"], _held(numbers, places)),
        ]
    return [
        *lines,
        "",
        "### What is misplaced",
        "",
        "tau-b of the places a score puts an architecture too high with what it looks like:",
        "",
        *table(["trait", *COMPARED], _leanings(numbers)),
        *(
            ["", "Places too high, mean:", "", *_kinds(numbers)]
            if numbers.family.name == "blocks"
            else []
        ),
        "",
        *_worst(numbers),
    ]


def _measures(numbers: Numbers, places: np.ndarray) -> list[list[str]]:
    lines = []
    for name, values in (numbers.scores | numbers.baselines).items():
        line = []
        for label, statistic in STATISTICS.items():
            found = sampled(values, numbers.target, places, statistic)
            line.append(shown(found[0], central(found), FORMS[label]))
        missing = np.isnan(values).sum()
        lines.append([f"{name} ({len(values) - missing} of them)" if missing else name, *line])
    return lines


def _against(numbers: Numbers, places: np.ndarray) -> list[list[str]]:
    lines = []
    for score in COMPARED:
        rivals = {"lower": numbers.scores["lower"]} if score != "lower" else {}
        for name, theirs in (rivals | numbers.baselines).items():
            line = []
            for label, statistic in STATISTICS.items():
                found = paired(numbers.scores[score], theirs, numbers.target, places, statistic)
                line.append(shown(found[0], central(found), "+" + FORMS[label]))
            lines.append([score, name, str(np.isfinite(theirs).sum()), *line])
    return lines


def _tested(numbers: Numbers) -> list[list[str]]:
    targets = (-numbers.test_losses.mean(axis=1), numbers.test_accuracies.mean(axis=1))
    measures = numbers.scores | numbers.baselines | {"minus the training loss": numbers.target}
    lines = []
    for name, values in measures.items():
        found = [correlate(values, target, seed=SEED) for target in targets]
        lines.append([name, *(shown(tau.value, tau.interval) for tau in found)])
    return lines


def _held(numbers: Numbers, places: np.ndarray) -> list[list[str]]:
    lines = []
    size, target = numbers.parameters, numbers.target
    for name, values in (numbers.scores | numbers.baselines).items():
        its = np.isfinite(values)
        if name == "parameters" or its.sum() < 3:
            continue
        found = np.array(
            [
                tau_given(values[at], target[at], size[at])
                for at in (each[its[each]] for each in places)
            ]
        )
        with_size = correlate(values, size, seed=SEED)
        lines.append(
            [name, shown(found[0], central(found)), shown(with_size.value, with_size.interval)]
        )
    return lines


def _leanings(numbers: Numbers) -> list[list[str]]:
    too_high = [residuals(numbers.scores[name], numbers.target) for name in COMPARED]
    lines = []
    for trait, values in numbers.traits.items():
        found = [correlate(values, places, seed=SEED) for places in too_high]
        lines.append([trait, *(shown(tau.value, tau.interval) for tau in found)])
    return lines


def _kinds(numbers: Numbers) -> list[str]:
    """Residual blocks with batch norm and without, transformers, attention alone."""
    kinds = np.array([_kind(name) for name in numbers.models])
    lines = []
    for kind in sorted(set(kinds)):
        its = kinds == kind
        target, scores = numbers.target[its], [numbers.scores[name] for name in COMPARED]
        places = [residuals(score, numbers.target)[its] for score in scores]
        too_high = [shown(float(some.mean()), mean_interval(some), "+.0f") for some in places]
        within = [shown(tau_b(score[its], target), None) for score in scores]
        lines.append([kind, str(its.sum()), f"{-target.mean():.2f}", *too_high, *within])
    within = [f"tau of {score} within" for score in COMPARED]
    head = ["kind", "architectures", "mean training loss", *COMPARED, *within]
    return ["", "Places too high, the mean of each kind:", "", *table(head, lines)]


def _kind(name: str) -> str:
    """`residual 6 batch, 3-1, flatten` is `residual, batch`; `attention 8 x 1, ...` `attention`."""
    kind, *rest = name.partition(",")[0].split()
    return f"{kind}, norm {rest[1]}" if kind == "residual" else kind


def _worst(numbers: Numbers) -> list[str]:
    lines = []
    for score in COMPARED:
        places = residuals(numbers.scores[score], numbers.target)
        for m in np.argsort(-np.abs(places), kind="stable")[:WORST]:
            end = int(numbers.traits["width before the last block"][m])
            lines.append(
                [
                    score,
                    numbers.models[m],
                    f"{numbers.parameters[m]:,.0f}",
                    str(end),
                    f"{-numbers.target[m]:.3f}",
                    f"{places[m]:+.0f}",
                ]
            )
    head = ["score", "architecture", "parameters", "width before the last block"]
    return table([*head, "training loss", f"places too high of {len(numbers.models)}"], lines)

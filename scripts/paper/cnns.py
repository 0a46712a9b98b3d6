"""Figures 3b, 3d, 3f and 6 to 9: CNNs on CIFAR-10 and MNIST."""

from __future__ import annotations

from scripts.paper.claims import Statement
from scripts.paper.data import with_mirrored
from scripts.paper.lab import Lab, Outcome, ways
from scripts.paper.training import Comparison, Course, agreement_claim, compare, losses_told

CIFAR = Statement(
    "CNNs on CIFAR-10 give additional evidence: more lower 2sED, less loss in training "
    "(batch size 512)",
    "Section 7, Figures 3b and 3d",
)
DOUBLED = Statement(
    "The same with CIFAR-10 augmented to double its size",
    "Section 7, Figures 3b and 3f",
)
MNIST = {
    batch: Statement(
        "CNNs on MNIST give additional evidence: more lower 2sED, less loss in training "
        f"(batch size {batch:,})",
        f"Section 7, Figures 6 and {figure}",
    )
    for batch, figure in ((256, 7), (512, 8), (2048, 9))
}
STAND_INS = "of similar size, stand in for the paper's, which are listed in a table not at hand."


def figure_3_cnns(lab: Lab) -> Outcome:
    """CIFAR-10 as it is, and with every image mirrored as well."""
    cifar, epochs = lab.sources.load_cifar(), lab.size.image_epochs
    rows = min(lab.size.images, cifar.rows)
    doubled = with_mirrored(cifar)
    first, second, *_ = lab.size.cnn.train_seeds
    told = f"{2 * rows:,} images, half mirrored"
    courses = (
        Course(f"{rows:,} images", CIFAR, cifar, rows, 512, epochs, first),
        Course(told, DOUBLED, doubled, 2 * rows, 512, epochs, second),
    )
    counts, all_ways = lab.size.cnn, ways(lab.size, lab.size.cnn)
    found = compare(lab, lab.models("cnns-cifar10.yaml"), cifar, counts, all_ways, courses)
    reduced = (
        f"{rows:,} images of CIFAR-10 instead of 50,000; augmented by mirroring, since the paper "
        f"does not say how. The CNNs of configs/cnns-cifar10.yaml, {STAND_INS}"
    )
    return outcome(lab, found, "CNNs on CIFAR-10", reduced)


def figure_6(lab: Lab) -> Outcome:
    """MNIST with three sizes of batches."""
    mnist, epochs = lab.sources.load_mnist(), lab.size.image_epochs
    rows = min(lab.size.images, mnist.rows)
    courses = tuple(
        Course(f"batch size {batch:,}", statement, mnist, rows, batch, epochs, seeds)
        for (batch, statement), seeds in zip(MNIST.items(), lab.size.cnn.train_seeds, strict=True)
    )
    counts, all_ways = lab.size.cnn, ways(lab.size, lab.size.cnn)
    found = compare(lab, lab.models("cnns-mnist.yaml"), mnist, counts, all_ways, courses)
    reduced = (
        f"{rows:,} images of MNIST instead of 60,000. Two of the CNNs of configs/cnns-mnist.yaml, "
        f"{STAND_INS}"
    )
    return outcome(lab, found, "CNNs on MNIST", reduced)


def outcome(lab: Lab, found: Comparison, title: str, reduced: str) -> Outcome:
    """The same claim for every course and every way of scoring."""
    counts = lab.size.cnn
    return Outcome(
        title=f"Lower 2sED and training: {title}",
        setup=(
            f"Scores: N = {counts.samples:,} inputs, K = {counts.draws:,} draws (the paper has "
            f"100), {counts.seeds} seeds. Training: Adam, learning rate 0.001, "
            f"{lab.size.image_epochs} epochs (the paper does not say how many it took), "
            f"{counts.train_seeds[0]} seeds. The loss is that of the training set after the last "
            "step; the images are the same under all seeds.",
            reduced,
        ),
        claims=tuple(
            agreement_claim(found, place, way, losses_told(found, trained))
            for place, trained in enumerate(found.trained)
            for way in range(len(found.scored))
        ),
        figures={"": found.figure()},
        numbers=found.as_json(),
    )

"""Fresh architectures: the statistics by brute force, the rule, the training, the run, the page."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import sed2
from scripts.common.data import made
from scripts.common.paths import CONFIGS
from scripts.validity import table
from scripts.validity.fresh import __main__ as fresh
from scripts.validity.fresh import bootstrap, cells, numbers, report, rule, specs
from scripts.validity.fresh import statistics as given
from sed2.data.load import Dataset, load_dataset
from sed2.options import TrainingSettings
from sed2.ranking.correlation import tau_b
from sed2.spec.schema import ModelSpec, load_spec
from sed2.training.recipe import train


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    """A measure with ties, and a target with one."""
    return np.array([3.0, 1, 3, 2, 1, 3]), np.array([0.9, 0.2, 0.4, 0.9, 0.1, 0.5])


def orders(measure: np.ndarray) -> list[tuple[int, ...]]:
    """All orders that the measure allows, the largest first."""
    return [
        order
        for order in itertools.permutations(range(len(measure)))
        if all(measure[a] >= measure[b] for a, b in itertools.pairwise(order))
    ]


def test_ndcg_is_the_mean_over_the_orders_of_what_is_tied(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    measure, target = pair
    others = range(len(target))
    gains = [
        sum((b < a) + 0.5 * (b == a) for j, b in enumerate(target) if j != i) / (len(target) - 1)
        for i, a in enumerate(target)
    ]
    found = [sum(gains[i] / math.log2(k + 2) for k, i in enumerate(o)) for o in orders(measure)]
    best = max(
        sum(gains[i] / math.log2(k + 2) for k, i in enumerate(order))
        for order in itertools.permutations(others)
    )
    assert given.ndcg(measure, target) == pytest.approx(np.mean(found) / best)
    assert given.ndcg(target, target) == pytest.approx(1)


@pytest.mark.parametrize("count", [6, 10, 11, 23])
def test_precision_is_the_mean_over_the_orders_of_what_is_tied(count: int) -> None:
    rng = np.random.default_rng(count)
    measure, target = rng.integers(4, size=count).astype(float), rng.normal(size=count)
    top = math.ceil(count / 10)
    best = set(np.argsort(-target)[:top])
    found = []
    for _ in range(4000):  # the standard error of the mean is below 0.008, 4 of which are allowed
        order = rng.permutation(count)
        order = order[np.argsort(-measure[order], kind="stable")]
        found.append(len(best & set(order[:top])) / top)
    assert given.precision(measure, target) == pytest.approx(np.mean(found), abs=0.032)
    assert given.precision(target, target) == 1


def test_regret_is_the_mean_over_those_that_are_first(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    measure, target = pair
    found = [target.max() - target[order[0]] for order in orders(measure)]
    assert given.regret(measure, target) == pytest.approx(np.mean(found))
    assert given.regret(-measure, target) == pytest.approx(0.9 - 0.15)


def test_partial_tau_is_that_of_the_residuals_by_signs() -> None:
    """Without ties it is the correlation of the signs of all pairs, with those of size held."""
    rng = np.random.default_rng(3)
    measure, target, size = rng.normal(size=(3, 12))
    measure += size
    signs = [np.sign(np.subtract.outer(v, v))[np.triu_indices(12, 1)] for v in (measure, target)]
    held = np.sign(np.subtract.outer(size, size))[np.triu_indices(12, 1)]
    x, y = (sign - held * (sign @ held) / (held @ held) for sign in signs)
    wanted = (x @ y) / math.sqrt((x @ x) * (y @ y))
    assert given.tau_given(measure, target, size) == pytest.approx(wanted)


def test_the_ceiling_holds_a_seed_against_the_mean_of_the_others() -> None:
    losses = np.random.default_rng(0).normal(size=(9, 3))
    wanted = [
        stats.kendalltau(losses[:, a], losses[:, b] + losses[:, c]).statistic
        for a, b, c in ((0, 1, 2), (1, 0, 2), (2, 0, 1))
    ]
    assert given.noise_ceiling(losses) == pytest.approx(np.mean(wanted))


def test_a_paired_difference_is_over_the_architectures_that_have_both() -> None:
    rng = np.random.default_rng(1)
    ours, theirs, target = rng.normal(size=(3, 20))
    theirs[:5] = np.nan
    places = bootstrap.resamples_of(20, seed=0, resamples=3)
    found = bootstrap.paired(ours, theirs, target, places, tau_b)
    for place, value in zip(places, found, strict=True):
        its = place[place >= 5]
        wanted = tau_b(ours[its], target[its]) - tau_b(theirs[its], target[its])
        assert value == pytest.approx(wanted)


def family(better: float, count: int = 60, seed: int = 0) -> dict[str, np.ndarray]:
    """Scores with errors of deviation 1, and a candidate with `better` of that."""
    rng = np.random.default_rng(seed)
    target = rng.normal(size=count)
    errors = rng.normal(size=(2, count))
    return {"target": target, "lower": target + errors[0], "new": target + better * errors[1]}


def test_the_rule() -> None:
    """A clear gain everywhere; a clear loss in one of two; no difference."""
    gains = rule.decide([family(0.3), family(0.3, seed=1)], "new")
    assert gains.accepted
    assert gains.mean.value == pytest.approx(np.mean([gain.value for gain in gains.families]))
    harmed = rule.decide([family(0.01), family(0.01, seed=1), family(3.0, seed=2)], "new")
    assert harmed.mean.interval[0] > 0
    assert not harmed.accepted
    assert not rule.decide([family(0.3)], "lower").accepted


def test_the_gain_is_that_of_tau() -> None:
    one = family(0.3)
    found = rule.decide([one], "new")
    wanted = tau_b(one["new"], one["target"]) - tau_b(one["lower"], one["target"])
    assert found.mean.value == found.families[0].value == pytest.approx(wanted)
    assert found.mean.interval[0] < wanted < found.mean.interval[1]


@pytest.mark.parametrize("name", specs.COUNTS)
def test_the_architectures_are_many_and_new_and_of_their_size(name: str) -> None:
    models = cells.FAMILIES[name].models
    known = {
        model.sha256
        for file in ("validity-mlps.yaml", "validity-cnns.yaml")
        for model in load_spec(CONFIGS / file).models
    }
    assert len({model.sha256 for model in models} - known) == len(models) == specs.COUNTS[name]
    sizes = [specs._parameters(model.blocks, specs.SHAPES[name]) for model in models]
    low, high = (500, 4_000) if cells.FAMILIES[name].mixed else specs.ALIKE
    assert low <= min(sizes) < max(sizes) <= high


def test_the_committed_files_are_made_again(tmp_path: Path) -> None:
    specs.main(["--folder", str(tmp_path)])
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    files = [f"fresh-{name}.yaml" for name in specs.COUNTS]
    assert found == {file: (CONFIGS / file).read_text() for file in files}


@pytest.fixture
def photos(tmp_path: Path) -> Dataset:
    rng = np.random.default_rng(0)
    path = tmp_path / "photos.npz"
    np.savez(path, x=rng.integers(256, size=(40, 8, 8, 1)), y=rng.integers(3, size=40))
    return cells.halved(load_dataset(str(path)))


def test_images_are_halved_by_means(photos: Dataset, tmp_path: Path) -> None:
    raw = np.load(tmp_path / "photos.npz")["x"].astype(float)
    means = [
        raw[:, i : i + 2, j : j + 2].mean(axis=(1, 2)) for i in (0, 2, 4, 6) for j in (0, 2, 4, 6)
    ]
    wanted = np.stack(means, axis=1).reshape(40, 4, 4, 1)
    np.testing.assert_allclose(photos.x, (wanted - wanted.mean()) / wanted.std())


def test_the_training_is_that_of_sed2(photos: Dataset) -> None:
    model = load_spec("CNN 3|2-3").models[0]
    cell = cells.loss(30, 2, batch=8, seeds=2)
    found = cells.measure_loss(model, photos, cell)
    training = TrainingSettings(train_samples=30, epochs=2, batch_size=8, train_seeds=2)
    wanted = train(model, photos, cell.settings, training)
    for seed in range(2):
        assert found[f"seed {seed}", ""] == pytest.approx(wanted.final_loss[seed], rel=1e-5)
        assert found[f"seed {seed} accuracy", ""] == pytest.approx(wanted.accuracy[seed])
        assert math.isfinite(found[f"test seed {seed}", ""])
    assert len(found) == 2 * 4


def test_the_scores_are_those_of_sed2() -> None:
    """Lower at both sigmas over the grid, and joint at eps 0.3 of the two kept numbers."""
    data = load_dataset("covertype")
    model = load_spec("MLP 54-2-3-7").models[0]
    lower, limit, whole, *_ = cells._cells(20, 4, 4, cells.loss(10, 1))
    found = [cells.measure_score(model, data, cell) for cell in (lower, limit, whole)]
    chosen = {"dataset": "covertype", "samples": 20, "draws": 4}
    for values, more in ((found[0], {}), (found[1], {"sigma": 1e-6})):
        wanted = sed2.compute(model.name, **chosen, **more).score.value
        assert values["lower_2sed", cells.GRID] == pytest.approx(wanted, rel=1e-9)
    wanted = sed2.rank([model.name], score="joint", **chosen).models[0].result.score.value
    joint = math.sqrt(found[0]["lower_2sed", "0.3"] * found[2]["2sed", "0.3"])
    assert joint == pytest.approx(wanted, rel=1e-9)


def made_up(model: ModelSpec, dataset: Dataset, cell: cells.Cell) -> dict[tuple[str, str], float]:
    """Numbers that hang on the model alone, in place of those that cost time."""
    rng = np.random.default_rng(list(model.name.encode()))
    if cell.kind == "loss":
        parts = [
            f"{part} {s}{what}"
            for part in ("seed", "test seed")
            for s in range(3)
            for what in ("", " accuracy")
        ]
        return {(part, ""): rng.uniform() for part in parts}
    if cell.kind == "baseline":
        return {(name, ""): rng.uniform() for name in cells.BASELINES if name not in cell.without}
    name = "lower_2sed" if cell.chain == "blocks" else "2sed"
    return {(name, eps): rng.uniform() for eps in cells.EPS}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Made-up numbers, tables elsewhere; the names of what is computed, as it goes on."""
    calls: list[str] = []

    def counted(
        model: ModelSpec, dataset: Dataset, cell: cells.Cell
    ) -> dict[tuple[str, str], float]:
        calls.append(f"{model.name}, {cell.name}")
        return made_up(model, dataset, cell)

    monkeypatch.setattr(fresh, "MEASURES", dict.fromkeys(cells.MEASURES, counted))
    monkeypatch.setattr(cells, "DOCS", tmp_path)
    monkeypatch.setattr(
        cells.Family,
        "data",
        lambda self, given: made(self.name, np.zeros((100, *specs.SHAPES[self.name]))),
    )
    monkeypatch.setattr(
        cells.Family, "models", property(lambda self: load_spec(self.config).models[:12])
    )
    return calls


def test_a_run_goes_on_where_it_stopped_and_the_page_is_made_of_it(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fresh.main(["run"]) == 0
    assert len(quick) == len(set(quick)) == 4 * 12 * 6
    # All families have a turn before one has its second.
    first = quick.index(f"{cells.FAMILIES['mlps'].models[10].name}, lower")
    assert first == 4 * 10 * 5
    path = tmp_path / "evidence" / "fresh-cnns.csv"
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    quick.clear()
    assert fresh.main(["run"]) == 0
    assert 0 < len(quick) < 12 * 6
    both = [line.split(",") for line in [*text.splitlines(), *path.read_text().splitlines()]]
    assert len({tuple(line) for line in both if line[4] != table.END}) == len(text.splitlines()) - (
        12 * 6
    )
    page, blocks = tmp_path / "page.md", cells.FAMILIES["blocks"].table.read_text()
    assert fresh.main(["report", "--out", str(page), "--resamples", "4"]) == 0
    assert "nan" not in page.read_text()
    # Twelve of each family are too few for a decision.
    assert page.read_text().count("| not decided yet |") == 2
    monkeypatch.setattr(report, "LEAST", 12)
    cells.FAMILIES["blocks"].table.write_text(f"{table.HEADER}\n")
    fresh.main(["report", "--out", str(page), "--resamples", "4"])
    assert "residual and attention 0" in page.read_text()
    assert page.read_text().count("| not decided yet |") == 2
    cells.FAMILIES["blocks"].table.write_text(blocks)
    fresh.main(["report", "--out", str(page), "--resamples", "4"])
    assert "not decided yet" not in page.read_text().lower()


def test_an_architecture_without_all_core_numbers_has_no_say(
    quick: list[str], tmp_path: Path
) -> None:
    fresh.main(["run"])
    family = cells.FAMILIES["mlps"]
    rows = table.read([family.table])
    lost, undefined = (family.models[m].name for m in (2, 5))
    kept = [row for row in rows if (row.model, row.cell) != (lost, "whole")]
    changed = [
        replace(row, value=math.nan) if (row.model, row.measure) == (undefined, "seed 1") else row
        for row in kept
    ]
    family.table.write_text(f"{table.HEADER}\n{table.encode(changed)}")
    found = numbers.load(family)
    assert found.undefined == (undefined,)
    assert len(found.models) == 10
    assert not {lost, undefined} & set(found.models)

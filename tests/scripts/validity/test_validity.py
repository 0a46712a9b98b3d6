"""The validity benchmark: its variants of 2sED, its table and report, and all of it at toy size."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from scripts.validity import __main__ as validity
from scripts.validity import cells as validity_cells
from scripts.validity import data as validity_data
from scripts.validity import defaults as validity_defaults
from scripts.validity import measures as validity_measures
from scripts.validity import statistics as validity_statistics
from scripts.validity import table as validity_table
from scripts.validity import tables as validity_tables
from scripts.validity.data import Key
from sed2.baselines.registry import BASELINES
from sed2.data.load import Dataset, load_dataset
from sed2.spec.schema import ModelSpec
from tests import reference
from tests.cases import spectra

MODELS = ("MLP 3-2-2", "MLP 3-4-3-2", "MLP 3-5-2", "MLP 3-2-3-3-2")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A few labelled rows."""
    rng = np.random.default_rng(0)
    path = tmp_path / "rows.npz"
    np.savez(path, x=rng.integers(9, size=(40, 3)), y=rng.integers(2, size=40))
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "models.yaml"
    path.write_text(f"models: [{', '.join(MODELS)}]")
    return path


@pytest.fixture
def arguments(data: Path, config: Path) -> list[str]:
    given = ["run", "--what", "mlps", "--config", str(config), "--dataset", str(data)]
    return [*given, "--samples", "10", "--draws", "3", "--epochs", "1"]


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Numbers that hang on the model and the cell alone, in place of those that cost time.

    Returns:
        the model and the cell of every call, as it goes on."""
    calls = []

    def measure(model: ModelSpec, dataset: Dataset, cell: validity_cells.Cell) -> dict:
        calls.append((model.name, cell.name))
        rng = np.random.default_rng(list(f"{model.name} {cell.name}".encode()))
        if cell.kind == "score":
            names = ["2sed"] if cell.chain == "end-to-end" else ["2sed", "lower_2sed"]
            names += [] if cell.chain == "end-to-end" else ["mean_logdet", "lower_2sed_own"]
            keys = [(name, eps) for name in names for eps in validity_measures.EPS_NAMES]
        elif cell.kind == "loss":
            keys = [(f"seed {seed}", "") for seed in range(cell.draws)]
        else:
            keys = [(name, "") for name in BASELINES]
        return {key: float(rng.normal()) for key in keys}

    monkeypatch.setattr(validity, "MEASURES", dict.fromkeys(validity_cells.MEASURES, measure))
    return calls


def numbers(path: Path) -> list[str]:
    """The lines of a table, but for those that hold seconds."""
    return [line for line in path.read_text().splitlines() if ",seconds," not in line]


def test_the_variants_are_their_formulas() -> None:
    its = spectra(0)
    found = validity_measures.measure_all(its)
    d = its.parameters
    own = [block.parameters / block.traces.mean() for block in its.blocks]
    for name, scales in (("", [its.scale] * len(own)), ("_own", own)):
        for eps in validity_measures.EPS:
            logdets = np.stack(
                [
                    np.log1p(np.sqrt(scale) / eps * block.roots).sum(axis=(1, 2))
                    for scale, block in zip(scales, its.blocks, strict=True)
                ],
                axis=1,
            )
            at = f"{eps:g}"
            assert found[f"2sed{name}", at] == pytest.approx(reference.two_sed(logdets, eps, 0, d))
            want = reference.lower_two_sed(logdets, eps, 0, d)
            assert found[f"lower_2sed{name}", at] == pytest.approx(want)
            want = logdets.sum(axis=1).mean() / abs(np.log(eps))
            assert found[f"mean_logdet{name}", at] == pytest.approx(want)


def test_the_mean_over_the_grid_is_the_score_of_rank(data: Path) -> None:
    import sed2

    model, cell = "MLP 3-4-2", validity_cells.score("torch", 10, 3)
    dataset = validity.load(str(data))
    np.savez(data, x=dataset.x, y=dataset.y)
    found = validity_cells.measure_spectra(
        validity.load_spec(model).models[0], load_dataset(data), cell
    )
    want = sed2.compute(model, dataset=str(data), samples=10, draws=3).score.value
    assert found["lower_2sed", validity_measures.GRID] == pytest.approx(want)


def test_of_one_block_there_is_one_measure() -> None:
    found = validity_measures.measure_all(spectra(0, sizes=(5,)))
    assert {name for name, _ in found} == {"2sed", "mean_logdet"}


def test_files_are_standardised_as_the_named_data_sets_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(256, size=(5, 4, 4, 2))
    np.savez(tmp_path / "images.npz", x=x)
    found = validity.load(str(tmp_path / "images.npz"))
    assert found.standardized
    np.testing.assert_allclose(found.x.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(found.x.std(axis=(0, 1, 2)), 1)
    ratio = (x - x.mean(axis=(0, 1, 2))) / found.x  # by the channel, not by the pixel
    np.testing.assert_allclose(ratio, np.broadcast_to(x.std(axis=(0, 1, 2)), x.shape))
    np.savez(tmp_path / "columns.npz", x=x.reshape(5, -1)[:, :3])
    columns = validity.load(str(tmp_path / "columns.npz"))
    np.testing.assert_allclose(columns.x.std(axis=0), 1)


def test_a_toy_run_measures_and_trains(arguments: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    cells = ["torch N=100", "end-to-end N=100", "empirical N=100", "baselines", "loss n=10000"]
    options = ["--slice", "1:3", "--cells", ",".join(cells), "--out", str(out)]
    assert validity.main([*arguments, *options]) == 0
    rows = validity_table.read([out])
    assert {(row.model, row.cell) for row in rows} == {
        (model, cell) for model in MODELS[1:3] for cell in cells
    }
    assert all(np.isfinite(row.value) for row in rows if row.kind != "baseline")
    assert {row.parameters for row in rows} == {3 * 4 + 4 * 3 + 3 * 2, 3 * 5 + 5 * 2}
    losses = [row for row in rows if row.cell == "loss n=10000" and row.measure != "seconds"]
    assert [row.measure for row in losses] == ["seed 0", "seed 1", "seed 2"] * 2
    assert all(0 < row.value < 10 for row in losses)
    parameters = [row for row in rows if row.measure == "parameters"]
    assert all(row.value == row.parameters for row in parameters)
    assert len(parameters) == 2
    value = {(row.cell, row.measure, row.eps): row.value for row in rows if row.model == MODELS[2]}
    for eps in validity_measures.EPS_NAMES:  # five digits are kept
        lower, full = (value["torch N=100", name, eps] for name in ("lower_2sed", "2sed"))
        assert lower <= full * (1 + 1e-5)


def test_a_run_goes_on_where_it_stopped(
    arguments: list[str], tmp_path: Path, made_up: list[tuple[str, str]]
) -> None:
    whole, part = tmp_path / "whole.csv", tmp_path / "part.csv"
    assert validity.main([*arguments, "--out", str(whole)]) == 0
    tasks, content = list(made_up), whole.read_bytes()
    ends = [0, *_ends_of_cells(content)]
    assert len(ends) == 1 + len(tasks)
    for length in (0, 5, ends[1] - 1, ends[1], ends[1] + 1, ends[7] + 200, len(content)):
        part.write_bytes(content[:length])
        made_up.clear()
        assert validity.main([*arguments, "--out", str(part)]) == 0
        assert made_up == tasks[sum(0 < end <= length for end in ends) :]
        assert numbers(part) == numbers(whole)


def _ends_of_cells(content: bytes) -> Iterator[int]:
    """Lengths of the file after each cell."""
    length = 0
    for line in content.splitlines(keepends=True):
        length += len(line)
        if b",seconds," in line:
            yield length


def test_slices_merged_are_the_whole(
    arguments: list[str], tmp_path: Path, made_up: list[tuple[str, str]]
) -> None:
    whole, merged, *slices = (tmp_path / f"{name}.csv" for name in ("whole", "merged", "a", "b"))
    validity.main([*arguments, "--out", str(whole)])
    for which, path in zip(("0:1", "1:"), slices, strict=True):
        validity.main([*arguments, "--slice", which, "--out", str(path)])
    assert validity.main(["merge", *map(str, slices), "--out", str(merged)]) == 0
    assert numbers(merged) == numbers(whole)


def test_what_cannot_be_merged_is_refused(
    arguments: list[str],
    tmp_path: Path,
    made_up: list[tuple[str, str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    one, merged = tmp_path / "one.csv", str(tmp_path / "merged.csv")
    validity.main([*arguments, "--out", str(one)])
    assert validity.main(["merge", str(one), str(one), "--out", merged]) == 1
    assert "MLP 3-2-2 torch N=100 2sed 0.9 is there twice" in capsys.readouterr().err
    one.write_text("a,b\n1,2\n")
    assert validity.main(["merge", str(one), "--out", merged]) == 1
    assert "does not begin with model,parameters" in capsys.readouterr().err


def test_other_sizes_are_not_mixed(
    arguments: list[str],
    tmp_path: Path,
    made_up: list[tuple[str, str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [*arguments, "--out", str(tmp_path / "out.csv")]
    assert validity.main(given) == 0
    assert validity.main([*given, "--draws", "2"]) == 1
    assert "torch N=100 was computed with N = 10 and K = 3" in capsys.readouterr().err


@pytest.fixture
def tables(tmp_path: Path, made_up: list[tuple[str, str]]) -> dict[str, Path]:
    """Made-up numbers of the real architectures, some of them."""
    paths = {}
    for family, slice_ in (("mlps", "0:24"), ("cnns", "0:18")):
        paths[family] = tmp_path / f"{family}.csv"
        options = ["--slice", slice_, "--out", str(paths[family])]
        assert validity.main(["run", "--what", family, *options]) == 0
    return paths


def test_the_report_says_what_scipy_says(tables: dict[str, Path], tmp_path: Path) -> None:
    page, figure = tmp_path / "validity.md", tmp_path / "validity.png"
    files = [f"--{family}={path}" for family, path in tables.items()]
    options = ["--out", str(page), "--plot", str(figure), "--resamples", "20"]
    assert validity.main(["report", *files, *options]) == 0
    assert figure.read_bytes().startswith(b"\x89PNG")

    rows = [row for row in validity_table.read([tables["mlps"]]) if row.measure != "seconds"]
    models = list(dict.fromkeys(row.model for row in rows))

    def column(cell: str, measure: str, eps: str = "") -> np.ndarray:
        its = {r.model: r.value for r in rows if (r.cell, r.measure, r.eps) == (cell, measure, eps)}
        return np.array([its[model] for model in models])

    loss = np.mean([column("loss n=10000", f"seed {seed}") for seed in range(3)], axis=0)
    sizes = {row.model: row.parameters for row in rows}
    d = np.array([sizes[model] for model in models])
    with page.with_suffix(".csv").open() as file:
        told = [row for row in csv.DictReader(file) if row["family"].startswith("MLPs")]
    assert len(told) == 2 * len({(r.cell, r.measure, r.eps) for r in rows if r.kind == "score"})
    for row in told[::17]:
        score = column(row["cell"], row["measure"], row["eps"]) / d ** int(row["per_parameter"])
        want = stats.kendalltau(score, -loss).statistic
        assert float(row["tau"]) == pytest.approx(want, abs=1e-4)
        assert float(row["low"]) <= float(row["high"])

    text = page.read_text()
    width = stats.kendalltau(column("baselines", "narrowest_width"), -loss).statistic
    (line,) = (
        line
        for line in _under(text, "### Against each training, all architectures")
        if line.startswith("| narrowest_width |")
    )
    assert line.split("|")[2].split()[0] == f"{width:.2f}"
    verdicts = ("2sED wins", "2sED loses", "undecided")
    assert sum(text.count(f"| {verdict} |") for verdict in verdicts) == 2 * 4


def _under(text: str, heading: str) -> list[str]:
    """Lines of the first section of that name."""
    return text.partition(f"{heading}\n")[2].partition("\n#")[0].splitlines()


def test_settings_are_chosen_on_one_half_only(tables: dict[str, Path]) -> None:
    benchmark = validity_data.load([tables["mlps"]])
    choosing, reporting = validity_statistics.halves(len(benchmark.models))
    assert sorted([*choosing, *reporting]) == [*range(len(benchmark.models))]
    before = list(validity_tables.contenders(benchmark))
    for losses in benchmark.losses.values():
        losses[reporting] = np.random.default_rng(1).normal(size=losses[reporting].shape)
    assert list(validity_tables.contenders(benchmark)) == before
    best = Key("uniform:0:1 N=1000", "lower_2sed", "0.3")
    benchmark.scores[best][choosing] = benchmark.target[choosing]
    assert f"lower 2sED, chosen: {best}" in validity_tables.contenders(benchmark)


def test_a_default_is_changed_by_the_halves_for_choosing_alone(tables: dict[str, Path]) -> None:
    families = {name: validity_data.load([path]) for name, path in tables.items()}
    cells = {name: one.default.cell for name, one in families.items()}

    def told(change: str) -> list[str]:
        lines = validity_defaults.defaults(families, 200)
        (line,) = (line for line in lines if line.startswith(f"| {change} |"))
        return [cell.strip() for cell in line.split("|")[2:-1]]

    for half, verdict in ((1, "kept"), (0, "changed")):
        for name, one in families.items():
            which = validity_statistics.halves(len(one.models))[half]
            one.scores[Key(cells[name], "lower_2sed", "0.3")][which] = one.target[which]
        assert told("eps 0.3")[-1] == verdict
    gains = []
    for one in families.values():
        which, _ = validity_statistics.halves(len(one.models))
        score, target = one.scores[one.default][which], one.target[which]
        gains.append(1 - stats.kendalltau(score, target).statistic)
    assert [float(cell.split()[0]) for cell in told("eps 0.3")[:3]] == pytest.approx(
        [*gains, np.mean(gains)], abs=0.006
    )
    scores = families["cnns"].scores
    for key in [key for key in scores if key.cell.startswith("empirical")]:
        del scores[key]
    of_mlps, of_cnns, mean, *_ = told("empirical")
    assert (of_cnns, mean) == ("–", of_mlps)


def test_what_is_undefined_is_not_compared(tables: dict[str, Path]) -> None:
    content = tables["mlps"].read_text().splitlines()
    for label in (",he_normal N=1000,score,2sed,", ",baselines,baseline,naswot,"):
        at = next(i for i, line in enumerate(content) if label in line)
        content[at] = content[at].rpartition(",")[0] + ","
    tables["mlps"].write_text("\n".join(content) + "\n")
    benchmark = validity_data.load([tables["mlps"]])
    assert list(benchmark.partial) == ["naswot"]
    assert "naswot" not in benchmark.rivals
    (line,) = validity_tables.where_defined(benchmark, 20)[2:]
    assert line.startswith("| naswot | 23 |")
    assert benchmark.undefined == ("score he_normal N=1000 2sed 0.9",)
    assert Key("he_normal N=1000", "2sed", "0.9") not in benchmark.scores
    assert Key("he_normal N=1000", "2sed", "0.5") in benchmark.scores
    np.testing.assert_array_equal(benchmark.target, -benchmark.losses["loss n=10000"].mean(axis=1))


def test_widths_and_places() -> None:
    chains = tuple(
        validity_data.chain_of(name) for name in ("MLP 54-16-7", "MLP 54-13-2-9-7", "CNN 5|4-20-10")
    )
    empty = np.zeros(3)
    benchmark = validity_data.Benchmark(empty, chains, {}, {}, {}, (), {})
    assert benchmark.last_widths.tolist() == [16, 9, 20]
    assert benchmark.other_widths.tolist() == [np.inf, 2, 4]
    assert benchmark.depths.tolist() == [2, 4, 4]
    places = validity_statistics.residuals(np.array([5.0, 1, 3]), np.array([1.0, 2, 3]))
    assert places.tolist() == [2, -1, -1]
    low, high = validity_statistics.mean_interval(np.array([1.0, 2, 3, 6]))
    want = stats.t.interval(0.95, 3, loc=3, scale=stats.sem([1, 2, 3, 6]))
    np.testing.assert_allclose([low, high], want)
    assert validity_statistics.mean_interval(np.array([1.0])) is None


def test_useless_arguments_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (["--cells", "none"], ["--slice", "a:b"], ["--what", "trees"]):
        with pytest.raises(SystemExit) as exit_:
            validity.main(["run", "--what", "mlps", "--out", "x.csv", *wrong])
        assert exit_.value.code == 2
    with pytest.raises(SystemExit) as exit_:
        validity.main(["--help"])
    assert exit_.value.code == 0
    assert "scripts.validity merge one.csv two.csv" in capsys.readouterr().out

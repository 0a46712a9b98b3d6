"""The study of NAS-Bench-201: its own linear algebra against sed2's, its figures by hand."""

from __future__ import annotations

import argparse
import gzip
import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from scripts.common.data import made
from scripts.common.spectra import spectra_of
from scripts.nb201 import __main__ as main
from scripts.nb201 import measures, report
from scripts.nb201.data import images
from scripts.nb201.figures import ndcg, precision, regret
from scripts.nb201.network import run
from scripts.nb201.space import Size, cell, network
from sed2.baselines.registry import measure_baselines
from sed2.chain import build_chain
from sed2.data.load import Dataset, choose_inputs
from sed2.measure.logdet import log_determinants

ARCH = "|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
SMALL = "|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|"
SIZE = Size(channels=2, cells=1, side=4, samples=5, draws=2)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(70, SIZE.side, SIZE.side, 3))
    return made("random", x, rng.integers(10, size=70), standardized=True)


def test_spectra_are_those_of_sed2(dataset: Dataset) -> None:
    settings = measures.settings_of(SIZE)
    blocks = network(SMALL, SIZE).blocks
    assert [block.kind for block in blocks] == [
        *("conv", "cell", "residual", "cell", "residual", "cell", "network")
    ]
    chain = build_chain((*blocks[:3], blocks[-1]), dataset.input_shape)  # one of each
    inputs = choose_inputs(dataset, settings.samples, settings.seed)
    own, of_sed2 = measures.spectra(chain, inputs, settings), spectra_of(chain, inputs, settings)
    both = [log_determinants(each, np.array([0.3]), 0.0).values for each in (own, of_sed2)]
    np.testing.assert_allclose(*both, rtol=1e-6)


def test_products_are_those_of_the_gram_matrix(dataset: Dataset) -> None:
    """Of a network in which every kind of step is, by its inputs and outputs alone."""
    chain = build_chain(network(ARCH, SIZE).blocks, dataset.input_shape, "end-to-end")
    block = chain.blocks[0]
    made = run(block, dataset.x[:5], np.random.default_rng(1).uniform(-1, 1, block.parameters))
    vector = np.random.default_rng(2).normal(size=made.values[-1].size)
    gram = made.gram(10**9)  # J J^T whatever the size
    np.testing.assert_allclose(made.product(vector), gram @ vector, rtol=1e-9)
    narrow = made.in_single_precision().product(np.float32(vector))
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, gram @ vector, rtol=1e-3, atol=1e-4 * abs(gram).max())


def test_quadrature_of_large_blocks(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """With as many steps as eigenvalues it is exact but for the probe, whose error is within four
    of its standard deviations in all of six draws: a chance of 4e-4 that it is not."""
    settings = measures.settings_of(SIZE).model_copy(update={"draws": 6})
    chain = build_chain(network(SMALL, SIZE).blocks[:3], dataset.input_shape)
    inputs = choose_inputs(dataset, settings.samples, settings.seed)
    exact = measures.spectra(chain, inputs, settings)
    monkeypatch.setattr(measures, "LARGEST", 0)
    found = measures.spectra(chain, inputs, settings)
    for ours, theirs in zip(found.blocks, exact.blocks, strict=True):
        np.testing.assert_array_equal(ours.activations, theirs.activations)
        values = [block.total(lambda roots: np.log1p(roots))[0] for block in (ours, theirs)]
        f = np.log1p(theirs.roots[:, 0])
        assert (abs(values[0] - values[1]) < 4 * np.sqrt(2 * (f**2).sum(axis=1))).all()
        assert ours.below
        assert ours.coarse


@pytest.mark.slow  # half a minute: sed2 compiles them for this one network
def test_baselines_are_those_of_sed2(dataset: Dataset) -> None:
    own = measures.baselines(ARCH, SIZE, dataset)
    names = ["parameters", *measures.BASELINES[1:]]
    of_sed2 = measure_baselines(network(ARCH, SIZE), dataset, measures.settings_of(SIZE), names)
    own["parameters"] = own.pop("params")
    assert {name: pytest.approx(value, rel=1e-8) for name, value in own.items()} == of_sed2


def test_a_cell_is_read_as_the_benchmark_writes_it() -> None:
    assert cell(ARCH).nodes[1] == ("avg_pool_3x3", "nor_conv_1x1")
    with pytest.raises(ValueError, match="no cell"):
        cell("|nor_conv_3x3~1|")


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "200.csv", tmp_path / "12.csv.gz"
    first.write_text(f"# of 200 epochs\nindex,arch,cifar10_test_200\n7,{ARCH},90\n")
    rows = "".join(f"{i},{ARCH},80\n" for i in range(5))
    second.write_bytes(gzip.compress(f"index,arch,cifar10_test\n{rows}".encode()))
    np.savez(tmp_path / "x.npz", x=np.ones((2, 32, 32, 3), np.uint8), y=np.arange(2))
    done: list[str] = []

    def measured(arch: str, size: Size, dataset: Dataset) -> dict[str, float]:
        done.append(arch)
        return dict.fromkeys(measures.NAMES, 1.0)

    monkeypatch.setattr(main, "measure", measured)
    ticks = itertools.count(0, 2.5)  # a cell's seconds are in its line
    monkeypatch.setattr(main, "time", SimpleNamespace(process_time=lambda: next(ticks)))
    out = tmp_path / "out" / "scores.csv"
    tables = [str(first), str(second)]
    arguments = ["run", "--images", str(tmp_path / "x.npz"), "--out", str(out), "--count", "2"]
    assert main.main([*arguments, "--accuracies", *tables]) == 0
    whole = out.read_text()
    assert len(done) == 3
    assert whole.splitlines()[1].startswith("7,")
    assert {line.rpartition(",")[2] for line in whole.splitlines()[1:]} == {"2.50"}
    out.write_text(whole[:-10])  # the last line was being written
    main.main([*arguments, "--accuracies", *tables])
    assert len(done) == 4
    assert out.read_text() == whole


def test_images_are_averaged_and_standardised(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(256, size=(3, 32, 32, 3)).astype(np.uint8)
    np.savez(tmp_path / "x.npz", x=x, y=np.arange(3))
    found = images(tmp_path / "x.npz", 8)
    assert found.input_shape == (8, 8, 3)
    np.testing.assert_allclose(found.x.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    first, other = x[0, :4, :4, 0].mean(), x[1, 4:8, :4, 0].mean()
    assert np.sign(found.x[0, 0, 0, 0] - found.x[1, 1, 0, 0]) == np.sign(first - other)


def test_figures_by_hand() -> None:
    ranked = np.r_[80.0, 90.0, np.full(18, 70.0)]  # the first tenth is two of twenty
    assert regret(ranked) == 10
    assert precision(ranked) == 1
    gain = 2**0.5 - 1
    assert ndcg(ranked) == pytest.approx((gain + 1 / np.log2(3)) / (1 + gain / np.log2(3)))
    assert precision(np.r_[80.0, 70.0, 90.0, np.full(17, 70.0)]) == 0.5


def test_the_page_tells_who_wins(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows, first, second = {}, {}, {}
    for i in range(40):
        quality = rng.normal()
        values = dict.fromkeys(measures.NAMES, f"{rng.normal()}")
        values["joint_0.3"], values["cpu_seconds"] = f"{quality}", "1"
        rows[i] = values
        first[i] = {"arch": ARCH, "cifar10_test_200": f"{quality}", "cifar10_test_12": f"{i}"}
        columns = ("cifar10_test", "cifar10_val", "cifar100_test", "imagenet16_test")
        second[i] = {"arch": ARCH} | dict.fromkeys(columns, f"{-quality}")
    full = {i: rows[i] | {"joint_0.3": str(-float(rows[i]["joint_0.3"]))} for i in range(20)}
    page = report.page(rows, full, first, second, 50, tmp_path / "scores.csv")
    won, of_full, lost = (line for line in page.splitlines() if line.startswith("- **"))
    assert "full networks (20 cells)**: joint 2sED at eps 0.3 has tau-b -1.00" in of_full
    assert "tau-b 1.00 (1.00 to 1.00), and -1.00 with that of the full ones" in page
    assert "tau-b 1.00; the goal of 0.75 is reached. It beats parameters, FLOPs, snip" in won
    assert "tau-b -1.00; the goal of 0.75 is missed by 1.75. It loses to" in lost


def test_the_arguments_are_told() -> None:
    with pytest.raises(SystemExit):
        main.parse(["run"])
    assert isinstance(
        main.parse(
            ["report", "--scores", "a", "--full", "a", "--out", "b", "--accuracies", "c", "d"]
        ),
        argparse.Namespace,
    )

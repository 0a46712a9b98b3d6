"""The rule that claims are held to, and every experiment at toy size."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from scripts.paper import __main__ as paper
from scripts.paper import mlps, sharpness, sigma
from scripts.paper.claims import (
    Claim,
    Inequality,
    SameSign,
    Scatter,
    Statement,
    Verdict,
    mean_interval,
    scatter_interval,
)
from scripts.paper.data import Sources, with_mirrored
from scripts.paper.lab import Scores, Way
from scripts.paper.page import rounded, write_page
from sed2.data.load import load_dataset

DOCS = Path(__file__).parents[3] / "docs"
SAID = Statement("it is so", "Figure 0")
CLOSE = np.array([1.0, 1.1, 0.9])  # 1 ± 0.25 with 95%, 1 ± 0.36 with 97.5%
WIDE = np.array([1.0, 3.0, -1.0])


def verdict(*parts: Inequality | SameSign) -> Verdict:
    return Claim(SAID, "made numbers", parts).verdict


def test_the_interval_is_student_s() -> None:
    found = mean_interval(CLOSE)
    assert found.estimate == pytest.approx(1)
    assert found.high - 1 == pytest.approx(4.302653 * 0.1 / np.sqrt(3), rel=1e-6)
    assert 1 - found.low == pytest.approx(found.high - 1)


def test_the_interval_of_the_scatter_is_chi_squared() -> None:
    found = scatter_interval(CLOSE)
    assert found.estimate == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1 * np.sqrt(2 / 7.377759), rel=1e-6)
    assert found.high == pytest.approx(0.1 * np.sqrt(2 / 0.05063562), rel=1e-6)
    assert verdict(Scatter("", CLOSE, limit=1)) == Verdict.HOLDS
    assert verdict(Scatter("", CLOSE, limit=0.05)) == Verdict.FAILS
    assert verdict(Scatter("", CLOSE, limit=0.5)) == Verdict.UNDECIDED
    assert verdict(Scatter("", np.ones(1), limit=1)) == Verdict.UNDECIDED


def test_a_clear_difference_holds_or_fails() -> None:
    assert verdict(Inequality("", CLOSE)) == Verdict.HOLDS
    assert verdict(Inequality("", -CLOSE)) == Verdict.FAILS
    assert verdict(Inequality("", CLOSE, limit=2, below=True)) == Verdict.HOLDS
    assert verdict(Inequality("", CLOSE, limit=0.5, below=True)) == Verdict.FAILS


@pytest.mark.parametrize("values", [WIDE, -WIDE, np.ones(1), np.zeros(3)])
def test_noise_one_seed_and_a_tie_decide_nothing(values: np.ndarray) -> None:
    assert verdict(Inequality("", values)) == Verdict.UNDECIDED


def test_all_parts_must_hold_and_one_that_fails_is_enough() -> None:
    sure, unsure, wrong = (Inequality("", values) for values in (CLOSE, WIDE, -CLOSE))
    assert verdict(sure, sure) == Verdict.HOLDS
    assert verdict(sure, unsure) == Verdict.UNDECIDED
    assert verdict(sure, unsure, wrong) == Verdict.FAILS


def test_many_parts_need_wider_intervals() -> None:
    barely = Inequality("", CLOSE - 0.7)  # 0.3 ± 0.25 alone, 0.3 ± 0.36 beside another
    assert verdict(barely) == Verdict.HOLDS
    assert verdict(barely, Inequality("", CLOSE)) == Verdict.UNDECIDED


def test_two_differences_must_have_one_sign() -> None:
    assert verdict(SameSign("", CLOSE, CLOSE)) == Verdict.HOLDS
    assert verdict(SameSign("", -CLOSE, -CLOSE)) == Verdict.HOLDS
    assert verdict(SameSign("", CLOSE, -CLOSE)) == Verdict.FAILS
    assert verdict(SameSign("", CLOSE, -WIDE)) == Verdict.UNDECIDED


def test_a_number_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        mean_interval(np.array([1.0, np.nan]))


def test_what_is_told_shows_two_digits_of_the_error() -> None:
    part = Inequality("gap", 100 * CLOSE, limit=120, unit="%")
    assert part.told(0.95) == "gap: +100 ± 25% (limit 120%)"
    assert Inequality("gap", 0.01 * CLOSE).told(0.95) == "gap: +0.0100 ± 0.0025"
    assert Inequality("gap", np.ones(1)).told(0.95) == "gap: +1 (one seed)"


def scores(lower: np.ndarray, two: np.ndarray) -> Scores:
    """Of M models under S seeds at E radii."""
    names, eps = tuple("abc"[: len(lower)]), np.geomspace(0.01, 0.1, lower.shape[2])
    return Scores(names, eps, lower, two, two, np.ones_like(two), np.ones(lower.shape[:2]))


def test_the_gap_is_the_largest_over_eps() -> None:
    two = np.full((1, 3, 2), 100.0)
    lower = two - np.array([[[0.0, 0.5], [0.4, 0.0], [0.6, 0.1]]])
    claim = sharpness.gap_claim(SAID, Way("", {}), scores(lower, two))
    assert claim.parts[0].measured[0].tolist() == pytest.approx([0.5, 0.4, 0.6])
    assert claim.verdict == Verdict.HOLDS
    assert "effective sample size 1.0" in claim.remark


def test_orders_are_compared_pair_by_pair() -> None:
    two = np.array([[[3.0, 3.0]], [[2.0, 2.0]], [[1.0, 1.0]]])
    lower = np.array([[[3.0, 1.5]], [[2.0, 2.0]], [[1.0, 1.0]]])  # one of six is swapped
    (part,) = sharpness.order_claim(Way("", {}), scores(lower, two)).parts
    assert part.measured[0].tolist() == pytest.approx([100 * 5 / 6])


def test_the_change_with_sigma_is_the_largest_over_eps_and_measures() -> None:
    ones = np.ones((1, 2, 2))
    other = scores(
        ones + np.array([[[0, 0.02], [-0.03, 0]]]), ones + np.array([[[0.01, 0], [0, 0.04]]])
    )
    assert sigma.change(scores(ones, ones), other, 0) == pytest.approx([2, 4])


def test_where_curves_cross() -> None:
    eps = np.array([0.01, 0.1, 0.5])
    assert mlps.crossing_told(eps, np.array([-1.0, 1.0, 2.0])).endswith("cross at eps 0.032")
    assert "do not cross" in mlps.crossing_told(eps, np.ones(3))


def test_raw_images_are_standardised_by_the_channel_and_mirrored(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    file = tmp_path / "raw.npz"
    raw = rng.integers(0, 256, size=(6, 4, 4, 3)).astype(np.uint8)
    np.savez(file, x=raw, y=np.arange(6))
    found = Sources(cifar=file).load_cifar()
    np.testing.assert_allclose(found.x.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(found.x.std(axis=(0, 1, 2)), 1)
    twice = with_mirrored(found)
    np.testing.assert_array_equal(twice.x[6:], found.x[:, :, ::-1])
    assert twice.y is not None
    assert twice.y.tolist() == 2 * list(range(6))


def test_raw_covertype_is_standardised_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "raw.npz"
    rows = load_dataset("covertype").x[:50] * 3 + 1
    np.savez(file, x=rows, y=np.zeros(50, int))
    found = Sources(covertype=file).load_covertype()
    np.testing.assert_allclose(found.x.mean(axis=0), 0, atol=1e-9)
    assert found.name == "raw.npz"


def test_numbers_are_kept_with_six_digits() -> None:
    assert rounded({"a": [1.23456789, float("nan"), 3], "b": ("x",)}) == {
        "a": [1.23457, None, 3],
        "b": ["x"],
    }


def test_the_committed_page_is_that_of_the_committed_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "paper"
    shutil.copytree(DOCS / "paper", folder)
    page = write_page(folder, list(paper.EXPERIMENTS))
    assert page.read_text() == (DOCS / "paper.md").read_text()
    for name in paper.EXPERIMENTS:
        kept = json.loads((folder / f"{name}.json").read_text())
        assert all((folder / file).exists() for file in kept["figures"])


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Toy photographs, of the shape of MNIST: nothing is compiled anew for them."""
    rng = np.random.default_rng(0)
    file = tmp_path / "images.npz"
    np.savez(file, x=rng.integers(0, 256, size=(32, 28, 28, 1)), y=np.arange(32) % 10)
    return file


@pytest.mark.parametrize(
    "name",
    # The CNNs take longest, and differ from `fig3` in the networks alone.
    [
        pytest.param(name, marks=pytest.mark.slow) if name == "fig3-cnns" else name
        for name in paper.EXPERIMENTS
    ],
)
def test_every_experiment_at_toy_size(name: str, tmp_path: Path, images: Path) -> None:
    out = tmp_path / "paper"
    assert paper.main([name, "--quick", "--out", str(out), "--cifar", str(images)]) == 0
    kept = json.loads((out / f"{name}.json").read_text())
    assert kept["figures"]
    for file in kept["figures"]:
        assert (out / file).read_bytes().startswith(b"\x89PNG")
    said = {claim["says"] for claim in kept["claims"]}
    assert said == {each.text for each in paper.EXPERIMENTS[name].statements}
    for claim in kept["claims"]:
        judged = claim["verdict"] in ("holds", "does not hold", "not decided")
        assert judged == (claim["says"] != mlps.COST.text)
    for part in [part for claim in kept["claims"] for part in claim["parts"]]:
        assert all(len(values) == 2 for values in part["by_seed"])
    page = (tmp_path / "paper.md").read_text()
    assert all(f"](paper/{file})" in page for file in kept["figures"])
    assert str(tmp_path) not in page


def test_without_its_data_an_experiment_is_skipped_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SED2_DATA_DIR", str(tmp_path / "empty"))
    out = tmp_path / "paper"
    assert paper.main(["fig3-cnns", "--quick", "--out", str(out)]) == 0
    page = (tmp_path / "paper.md").read_text()
    assert "**not tested**" in page
    assert "--cifar FILE" in page


def test_a_missing_file_is_an_error_not_a_skip(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--quick", "--out", str(tmp_path / "paper"), "--cifar", str(tmp_path / "none.npz")]
    assert paper.main(["fig3-cnns", *options]) == 4
    assert "there is no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["fig0"], ["fig1", "--seeds", "0"], ["fig1", "--epochs", "x"]]
)
def test_useless_arguments_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        paper.main(arguments)
    assert exit_.value.code == 2

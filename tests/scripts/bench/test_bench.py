"""The benchmark suite compares honest work on the same draws, and reports what it measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from flax import nnx

from scripts.bench import __main__ as bench
from scripts.bench import together, training
from scripts.bench.agreement import Answer, compare
from scripts.bench.cases import CASES, GOALS, PROBES, STEPS, TOY_CASES, Case
from scripts.bench.clock import Failed, Run, Stopped, time_way
from scripts.bench.draws import Layer, load_layers, save_layers
from scripts.bench.layers import linearise
from scripts.bench.limit import Limit
from scripts.bench.paper import dense_fisher
from scripts.bench.prepare import make_problem
from scripts.bench.problem import Problem, Values
from scripts.bench.qiskit import Qiskit, effective_dimension
from scripts.bench.stages import length
from scripts.bench.suite import Disagreement, Measured, Options, Ratio, Result, judge
from scripts.bench.table import as_json, as_page
from scripts.bench.training import FIRST, GAIN, SPAN, converged_after
from scripts.bench.ways import WAYS
from sed2.baselines import dimension
from sed2.blocks import Block
from sed2.blocks.conv import Conv
from sed2.blocks.dense import Dense
from sed2.blocks.flatten import Flatten
from sed2.blocks.freeze import freeze
from sed2.blocks.pooling import Pool
from sed2.chain import build_chain
from sed2.fisher.items import Items
from sed2.fisher.plan import make_plan
from sed2.fisher.sample import sample_spectra
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from tests import reference

MLP, CNN = TOY_CASES
COMPARED = [name for name, way in WAYS.items() if way.answer]


@pytest.fixture(scope="module", params=[MLP, CNN], ids=["MLP", "CNN"])
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Problem, dict[str, Answer]]:
    return make_problem(request.param, tmp_path_factory.mktemp("problem"), memory=4e9)


def layer_of(spec: Block, shape: tuple[int, ...], x: np.ndarray) -> tuple[nnx.Module, Layer]:
    """A module as it is initialised, its batch norm frozen at x, and the same in numpy."""
    from scripts.bench.prepare import to_layer

    module = spec.build(shape, nnx.Rngs(0))
    layer = to_layer(module, np.zeros((len(x), *spec.output_shape(shape))))
    freeze(module, x)
    return module, layer


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        (Dense(features=3, bias=False, activation="relu"), (4,)),
        (Dense(features=3, bias=False), (4,)),
        (
            Conv(
                features=2,
                kernel_size=3,
                bias=False,
                norm="batch",
                activation="relu",
                pool=Pool(),
            ),
            (5, 6, 2),
        ),
        (Flatten(kind="shared_kernel"), (3, 2, 4)),
    ],
    ids=["dense", "linear", "conv", "shared kernel"],
)
def test_blocks_in_numpy_equal_the_reference(spec: Block, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(6, *shape))
    module, layer = layer_of(spec, shape, x)
    found = linearise(layer, x)
    np.testing.assert_allclose(found.mean, np.asarray(module(x)), atol=1e-12)
    got, want = found.jacobians(), reference.jacobians(module, x)
    assert got.shape == want.shape
    got, want = (rows.reshape(-1, rows.shape[-1]) for rows in (got, want))
    # The order of the parameters is free: only products over them are the same.
    np.testing.assert_allclose(got @ got.T, want @ want.T, atol=1e-12)

    factor = reference.expected_factor(module, x, sigma=0.1)
    eigenvalues = np.linalg.eigvalsh(dense_fisher(found.jacobians(), 0.1))
    np.testing.assert_allclose(eigenvalues, np.linalg.eigvalsh(factor.T @ factor), atol=1e-9)


def test_layers_survive_their_file(made: tuple[Problem, dict], tmp_path: Path) -> None:
    problem, _ = made
    save_layers(tmp_path / "layers.npz", problem.drawn)
    for ours, theirs in zip(problem.drawn, load_layers(tmp_path / "layers.npz"), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert vars(one).keys() == vars(other).keys()
            for name, value in vars(one).items():
                np.testing.assert_array_equal(value, getattr(other, name))


@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")
@pytest.mark.parametrize("name", COMPARED)
def test_every_way_agrees_with_sed2(name: str, made: tuple[Problem, dict[str, Answer]]) -> None:
    way, (problem, answers) = WAYS[name], made
    for package in way.packages:
        pytest.importorskip(package)
    values = way.load()(problem).run()
    everything = np.ones(len(values.needs), bool)
    answer = answers[way.answer]
    assert compare(values, answer, everything, way.tolerance, PROBES).holds
    # And not with anything else: a tenth more in the factor, or a number that is none.
    for wrong in (replace(values, traces=1.21 * values.traces + 1), values_with_nan(values)):
        assert not compare(wrong, answer, everything, way.tolerance, 10_000).holds


def values_with_nan(values: Values) -> Values:
    traces = values.traces.copy()
    traces[0, 0] = np.nan
    return replace(values, traces=traces)


def test_agreement_is_told_block_by_block(made: tuple[Problem, dict[str, Answer]]) -> None:
    problem, answers = made
    answer = answers["2sed"]
    logdets = answer.logdets.copy()
    logdets[0, 0, -1] *= 1 + 1e-3
    values = Values(answer.traces, logdets, np.zeros(answer.traces.shape[1]))
    every = np.ones(answer.traces.shape[1], bool)
    found = compare(values, answer, every, 1e-4, 1)
    assert found.difference == pytest.approx(1e-3)
    assert not found.holds
    every[-1] = False
    assert compare(values, answer, every, 1e-4, 1).difference == 0
    with pytest.raises(Disagreement, match=r"differs from sed2 by 1\.0e-03"):
        judge(Measured(problem.case, "eigvals"), values, problem, answers)


def test_blocks_that_do_not_fit_are_named_and_left_out(
    made: tuple[Problem, dict[str, Answer]],
) -> None:
    problem, answers = made
    needs = [WAYS["eigvals"].load()(problem).needs(layer) for layer in problem.drawn[0]]
    tight = replace(problem, memory=max(needs) - 1)
    way, largest = Measured(problem.case, "eigvals"), int(np.argmax(needs))
    values = WAYS["eigvals"].load()(tight).run()
    assert np.isnan(values.traces[:, largest]).all()
    way.runs.append(Run(1.0, 1.0, 1, [values]))
    judge(way, values, tight, answers)
    assert way.partial
    assert way.left_out[0].startswith(f"block {largest + 1} needs ")

    none = replace(problem, memory=1.0)
    way = Measured(problem.case, "qiskit", runs=[Run(1.0, 1.0, 1, [])])
    judge(way, Qiskit(none).run(), none, answers)
    assert way.runs == []
    assert "the whole network needs" in way.left_out[0]


def test_the_dimension_is_that_of_sed2_s_baseline(made: tuple[Problem, dict]) -> None:
    problem, _ = made
    case, x = problem.case, problem.x
    settings = Settings(samples=case.samples, draws=case.few, sigma=0.01, input_groups=0)
    chain = build_chain(load_spec(case.model).models[0].blocks, x.shape[1:])
    plan = make_plan(chain, case.few, len(x), settings)
    weights = np.ones((case.few, len(x)))
    spectra = sample_spectra(Items(chain, x, np.arange(case.few), weights, settings, plan))
    got = effective_dimension(Qiskit(problem).run().logdets[:, :, 0], problem.eps)
    want = dimension.effective_dimension(spectra, problem.eps)
    np.testing.assert_allclose(got, want, rtol=1e-9)


def test_the_limit_takes_the_singular_values_that_sed2_takes(
    made: tuple[Problem, dict],
) -> None:
    problem, _ = made
    shapes = [block.stack.shape for block in Limit(problem).drawn[0]]
    if problem.case == MLP:  # 54 features of 6 inputs, compressed; the last block is linear
        assert shapes == [(2, 6, 6), (1, 6, 2)]
    else:  # 14 x 14 positions of each image, 25 weights, a scale and a shift
        assert shapes == [(2, 3 * 14 * 14, 27), (1, 3 * 2, 14 * 14), (1, 3, 2)]


def test_lanczos_is_as_long_as_sed2_s() -> None:
    settings = Settings()
    assert (settings.lanczos_steps, settings.probes) == (STEPS, PROBES)


def test_convergence() -> None:
    falling = np.exp(-np.arange(100.0) / 10)
    assert converged_after(falling) is None
    flat = np.concatenate([falling[:30], np.full(40, falling[29])])
    assert converged_after(flat) == 30 + 2 * SPAN - 1  # the last of the fall is in no span
    slow = (1 - GAIN / SPAN / 2) ** np.arange(50.0)
    assert converged_after(slow) == 2 * SPAN


def test_times_are_extrapolated_from_warm_draws() -> None:
    case = Case("m", "covertype", samples=10, draws=100, few=5)
    few, long = Run(3.0, 0.5, 1, []), Run(90.0, None, 1, [])
    slow = Measured(case, "eigvals")
    assert slow.warm(few) == pytest.approx(20 * 0.5)
    assert slow.cold(few) == pytest.approx(3 + 19 * 0.5)
    assert slow.warm(long) == slow.cold(long) == pytest.approx(20 * 90)
    ours = Measured(case, "sed2")
    assert (ours.cold(few), ours.warm(few)) == (3.0, 0.5)


def test_functions_that_are_traced_within_each_other_count_once() -> None:
    assert length([(3, 5), (0, 2), (0.5, 1), (4, 6)]) == 5
    assert length([]) == 0


def test_ratios_go_round_by_round() -> None:
    assert Ratio.of([2, 6, 12], [1, 2, 3]) == Ratio(3, 2, 4)
    assert Ratio.of([12], [1, 2, 3]) == Ratio(6, 4, 12)


def result_of(**seconds: tuple[float, float]) -> Result:
    """Cold and warm seconds by way, with K draws done by each."""
    case = replace(CASES[0], few=CASES[0].draws)
    ways = {
        name.replace("_", "-"): Measured(
            case, name.replace("_", "-"), runs=[Run(cold, warm, 10**9, [])]
        )
        for name, (cold, warm) in seconds.items()
    }
    return Result(case, 976, "", ways)


OPTIONS = Options(rounds=1, cores=2, memory=1e9, once_above=60)


def test_goals_are_judged_by_the_fastest_way_of_a_kind() -> None:
    result = result_of(
        sed2=(2, 1),
        limit=(1, 0.5),
        eigvals=(90, 70),
        eigvalsh=(10, 9),
        nngeometry_dense=(30, 20),
        nngeometry_lowrank=(19, 18),
    )
    result.ways["curvlinops-dense"] = Measured(result.case, "curvlinops-dense")
    result.ways["curvlinops-dense"].left_out.append("not installed: curvlinops")
    goals = {g["family"]: g for g in as_json([result], OPTIONS, "", {})["models"][0]["goals"]}
    assert (goals["paper"]["cold"]["median"], goals["paper"]["met"]) == (45, True)
    assert goals["nngeometry"]["way"] == "nngeometry-lowrank"
    assert (goals["nngeometry"]["cold"]["median"], goals["nngeometry"]["met"]) == (9.5, False)
    assert (goals["curvlinops"]["cold"], goals["curvlinops"]["met"]) == (None, None)
    assert (goals["limit"]["warm"]["median"], goals["limit"]["met"]) == (2, False)
    page = as_page([result], OPTIONS, "two cores", {})
    assert f"| (a) the paper's way | at least {GOALS['paper']:g} | 45 cold, 70 warm: met |" in page
    assert "| (b) curvlinops | at least 10 | could not run |" in page
    assert "- curvlinops, dense: not installed: curvlinops." in page


def test_a_ratio_of_some_blocks_is_a_bound() -> None:
    result = result_of(sed2=(2, 1), eigvals=(30, 30))
    result.ways["eigvals"].left_out.append("block 1 needs 1,289 GB")
    goal = as_json([result], OPTIONS, "", {})["models"][0]["goals"][0]
    assert (goal["cold"]["median"], goal["met"]) == (15, None)
    page = as_page([result], OPTIONS, "two cores", {})
    assert "| > 15 cold, 30 warm: not known |" in page
    assert "block 1 needs 1,289 GB, so the times are of the other blocks" in page
    result.ways["eigvals"].runs[0] = Run(100.0, 100.0, 1, [])
    assert as_json([result], OPTIONS, "", {})["models"][0]["goals"][0]["met"]


@pytest.mark.slow  # a process for each way; ways, pages and failures are tested here one by one
def test_the_suite_at_toy_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ways = "sed2,limit,eigvals,nngeometry-dense"
    options = ["--quick", "--rounds", "1", "--ways", ways, "--out", str(tmp_path)]
    assert bench.main([*options, "--only", MLP.model]) == 0
    page = (tmp_path / "benchmarks.md").read_text()
    assert capsys.readouterr().out.strip() == page.strip()
    kept = json.loads((tmp_path / "benchmarks.json").read_text())
    (model,) = kept["models"]
    assert (model["model"], model["samples"], model["draws"]) == (MLP.model, 6, 3)
    found = {way["way"]: way for way in model["ways"]}
    assert found["sed2"]["times_sed2"]["cold"] == {"median": 1, "low": 1, "high": 1}
    assert len(found["sed2"]["seconds_cached"]) == 1
    (run,) = found["sed2"]["runs"]
    assert run["stages"] is None  # of XLA alone
    assert "- sed2: of its first answer, " not in page
    for name in ("limit", "eigvals"):
        assert found[name]["agreement"]["difference"] <= WAYS[name].tolerance
        (run,) = found[name]["runs"]
        assert 0 < run["warm"] < run["first"]
        few, draws = MLP.few, MLP.draws
        assert found[name]["seconds_warm"] == [pytest.approx(run["warm"] * draws / few)]
    if WAYS["nngeometry-dense"].missing:
        assert found["nngeometry-dense"]["ran"] is False
        assert "- nngeometry, dense: not installed: " in page
    else:
        assert found["nngeometry-dense"]["ran"]


def test_a_way_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"bare LAPACK ended with 1: FileNotFoundError.*problem\.json"):
        time_way("limit", [tmp_path], 1, tmp_path, 60)


def test_a_way_that_takes_too_long_is_ended_and_its_time_is_a_lower_bound(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        time_way("limit", [tmp_path], 1, tmp_path, at_most=0.01)
    result = result_of(sed2=(2.0, 1.0), training=(9.0, 9.0))
    result.ways["training"].stopped = True
    page = as_page([result], OPTIONS, "two cores", {})
    assert "| > 4.5 cold, 9.0 warm: not known |" in page
    assert "- training to convergence: ended after 9 s, before its first answer." in page


def test_the_search_for_the_length_of_a_training_ends_in_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    problem, _ = make_problem(MLP, tmp_path, 1e9)
    fallen = SimpleNamespace(loss=[np.geomspace(1, 1e-9, FIRST)])
    monkeypatch.setattr(training, "_train", lambda problem, dataset, epochs: fallen)
    found = training.find_epochs(problem, problem.data, seconds=0)
    assert (found.epochs, found.converged) == (FIRST, False)


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        bench.main(["--help"])
    assert exit_.value.code == 0
    assert "python -m scripts.bench --quick" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--only", "MLP 1-2"],
        ["--ways", "limit"],
        ["--rounds", "0"],
        ["--cores", "999"],
        ["--at-most", "1"],
    ],
)
def test_useless_arguments_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        bench.main(arguments)
    assert exit_.value.code == 2


@pytest.mark.slow  # as the suite
def test_networks_together_are_compared_and_put_in_proportion(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("sed2", "eigvals")
    runs = together.measure([MLP, replace(MLP, model="MLP 54-3-7")], 1, 1, names)
    monkeypatch.setattr(together, "measure", lambda cases, rounds, cores: runs)
    assert together.main([]) == 0
    assert "| the paper's way, `numpy.linalg.eigvals` |" in capsys.readouterr().out
    assert [len(run.values) for (run,) in runs.values()] == [0, 2]
    (ours, *_), theirs = together.rows(runs)[0], together.rows(runs)[1]
    assert ours == "sed2"
    cold = runs["eigvals"][0].first / runs["sed2"][0].first
    assert theirs[2] == f"{cold:.1f} ({cold:.1f} to {cold:.1f})"


def test_wrong_values_end_it_before_any_time_is_told() -> None:
    values = Values(np.ones((1, 1)), np.ones((1, 1, 1)), np.ones(1))
    answer = {"2sed": Answer(np.ones((1, 1)), np.full((1, 1, 1), 2.0))}
    with pytest.raises(SystemExit, match="FAILED: the paper's way"):
        together._check("eigvals", Run(1.0, 1.0, 1, [values]), [answer])

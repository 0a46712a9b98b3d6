"""Runs that are interrupted, damaged, or done twice come to the same result."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sed2 import api, tasks
from sed2.baselines import registry
from sed2.baselines.results import BaselineValue
from sed2.errors import UsageError
from sed2.fisher import kept, sample
from sed2.fisher.items import Items
from sed2.gating.baseline import to_text
from sed2.ranking.results import Ranking
from sed2.results import ModelResult
from sed2.runs import directory, spectra
from sed2.runs.directory import RunDirectory
from sed2.runs.manifest import NAME
from sed2.training import recipe
from tests.runs.made import SPEC, TINY, Told, assert_same, interrupt_after, ranked, text

PIECE = 1.5e4
"""Operations of a few items of a small network."""


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture(scope="module")
def wanted() -> str:
    """Without a run directory."""
    return text(ranked(None))


def files(folder: Path) -> dict[str, bytes]:
    """All that is kept, by name."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_a_run_directory_changes_no_number(tmp_path: Path, told: Told, wanted: str) -> None:
    assert text(ranked(told.run(tmp_path / "run"))) == wanted
    assert (told.warnings, told.lines) == ([], [])
    assert not list((tmp_path / "run" / "pieces").iterdir())  # the spectra are whole


def test_the_same_command_computes_nothing_again(
    tmp_path: Path, told: Told, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranked(tmp_path / "run")
    before = files(tmp_path)
    monkeypatch.setattr(tasks, "estimate", lambda *_: pytest.fail("computed again"))
    assert text(ranked(told.run(tmp_path / "run"))) == wanted
    assert told.lines == [f"3 of 3 models taken over from {tmp_path / 'run'}"]
    assert files(tmp_path) == before


def test_names_and_company_change_nothing_that_is_kept(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Renamed, in another order, and one more: the one is computed."""
    ranked(tmp_path / "run")
    spec = {"models": ["MLP 54-4-7", {"name": "new", "notation": "MLP 54-3-7"}, "MLP 54-2-7"]}
    once = interrupt_after(1, tasks.estimate)
    monkeypatch.setattr(tasks, "estimate", once)
    ranking = ranked(told.run(tmp_path / "run"), spec)
    assert told.lines == [f"2 of 3 models taken over from {tmp_path / 'run'}"]
    monkeypatch.undo()
    assert text(ranking) == text(ranked(None, spec))


@pytest.mark.parametrize("done", [0, 1, 2])
def test_an_interrupted_run_goes_on_after_what_is_finished(
    tmp_path: Path, told: Told, wanted: str, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "estimate", interrupt_after(done, tasks.estimate))
        with pytest.raises(KeyboardInterrupt):
            ranked(tmp_path / "run")
    assert len(list((tmp_path / "run").glob("results/*"))) == done
    monkeypatch.setattr(tasks, "estimate", interrupt_after(3 - done, tasks.estimate))
    assert text(ranked(told.run(tmp_path / "run"))) == wanted
    taken = [f"{done} of 3 models taken over from {tmp_path / 'run'}"]
    assert told.lines == (taken if done else [])


def chunks(counted: list[int]) -> Any:
    """`_run_chain` of `sed2.fisher.sample` that counts its calls, and their items."""
    from sed2.fisher import sample

    run = sample._run_chain

    def counting(items: Items, *more: Any) -> Any:
        counted.append(len(items))
        return run(items, *more)

    return counting


@pytest.mark.parametrize("done", [1, 2])
def test_a_long_candidate_goes_on_after_its_finished_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    spec, many = "MLP 54-3-7", {"draws": 10, "input_groups": 4}  # 12 items left out, 1 check
    whole = text(ranked(None, spec, **many))
    monkeypatch.setattr(spectra.KeptSpectra, "work", PIECE)
    with monkeypatch.context() as patch:
        counted: list[int] = []
        stopping = interrupt_after(done, chunks(counted))
        patch.setattr("sed2.fisher.sample._run_chain", stopping)
        with pytest.raises(KeyboardInterrupt):
            ranked(tmp_path / "run", spec, **many)
    (folder,) = (tmp_path / "run" / "pieces").iterdir()
    assert len(list(folder.iterdir())) == done + 1  # and the plan
    size, counted = counted[0], []
    monkeypatch.setattr("sed2.fisher.sample._run_chain", chunks(counted))
    assert text(ranked(tmp_path / "run", spec, **many)) == whole
    assert len(counted) == math.ceil(23 / size) - done > 0
    assert not folder.exists()  # the spectra are whole, the pieces are not needed


def test_the_memory_that_is_free_later_changes_no_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run goes on by the plan it began with, as long as that fits."""
    from sed2.fisher import plan as resources

    spec, many = "MLP 54-200-7", {"draws": 6}
    free = {"now": 6e6}
    monkeypatch.setattr(resources, "free_memory", lambda: free["now"])
    counted: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr("sed2.fisher.sample._run_chain", interrupt_after(1, chunks(counted)))
        with pytest.raises(KeyboardInterrupt):
            ranked(tmp_path / "run", spec, **many)
    shutil.copytree(tmp_path / "run", tmp_path / "other")
    small = counted[0]
    assert small < 16
    monkeypatch.setattr("sed2.fisher.sample._run_chain", chunks(counted))
    free["now"] = 10e9
    counted.clear()
    ranked(tmp_path / "run", spec, **many)
    assert set(counted[:-1]) == {small}  # the last one may have fewer
    free["now"] = 3e6  # less than the plan needs: another plan, and all pieces anew
    counted.clear()
    ranked(tmp_path / "other", spec, **many)
    assert max(counted) < small


def forbid_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "sample_spectra", lambda *_: pytest.fail("spectra were computed"))


@pytest.mark.parametrize(
    "other",
    [
        {"eps": "1e-3:0.5:7"},
        {"zeta": 0.5},
        {"n_train": 1000, "gamma": 0.5},
        {"draws": 2, "input_groups": 0},
        {"draws": 2},
    ],
    ids=str,
)
def test_spectra_serve_whatever_is_made_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: dict[str, Any]
) -> None:
    """They know no eps, and few draws are the first of many."""
    whole = text(ranked(None, **other))
    ranked(tmp_path / "run")
    forbid_sampling(monkeypatch)
    assert text(ranked(tmp_path / "run", **other)) == whole


def test_more_draws_compute_the_further_ones_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, few, many = "MLP 54-3-7", {"input_groups": 0}, {"input_groups": 0, "draws": 10}
    whole = ranked(None, spec, **many)
    ranked(tmp_path / "run", spec, **few)
    counted: list[int] = []
    monkeypatch.setattr("sed2.fisher.sample._run_chain", chunks(counted))
    found = ranked(tmp_path / "run", spec, **many)
    assert counted == [10 - TINY["draws"]]
    # In batches of another size XLA rounds otherwise.
    one, other = (ranking.models[0].result.score.value for ranking in (found, whole))
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_the_noise_check_is_kept_as_spectra_of_a_smaller_sigma(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a tenth of sigma serve it, and the limit has none."""
    spec, given = "MLP 54-3-7", {"input_groups": 0, "draws": 11}
    counted: list[int] = []
    monkeypatch.setattr("sed2.fisher.sample._run_chain", chunks(counted))
    for sigma, computed in ((0.01, [11 + 2]), (0.1, [11]), (0.001, [9 + 2]), ("limit", [11])):
        counted.clear()
        ranked(tmp_path / "run", spec, **given, sigma=sigma)
        assert counted == computed


@pytest.mark.parametrize(
    "other",
    [
        {"sigma": 0.1},
        {"sigma": "limit"},
        {"seed": 1},
        {"samples": 6},
        {"prior": "init"},
        {"chain": "end-to-end"},
    ],
    ids=str,
)
def test_other_spectra_are_not_taken(tmp_path: Path, other: dict[str, Any]) -> None:
    ranked(tmp_path / "run", "MLP 54-3-7")
    found = text(ranked(tmp_path / "run", "MLP 54-3-7", **other))
    assert found == text(ranked(None, "MLP 54-3-7", **other))


def test_all_verbs_take_the_same_spectra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, run = "MLP 54-3-7", tmp_path / "run"
    given: dict[str, Any] = {**TINY, "draws": 8, "run_dir": run}
    small: dict[str, Any] = {"samples_grid": [5], "draws_grid": [2, 4], "sigma_grid": [0.01]}
    studied = api.stability(spec, seeds=1, **small, **given | {"input_groups": 0, "run_dir": None})
    bounded = api.bound(spec, lipschitz=1, n_train=1000, zeta=0.7, **given | {"run_dir": None})
    computed = api.compute(spec, **given)
    stored = api.make_baseline(spec, max_draws=8, **given)
    (tmp_path / "b.json").write_text(to_text(stored))
    forbid_sampling(monkeypatch)
    again = api.stability(spec, seeds=1, **small, **given | {"input_groups": 0})
    for sweep, other in zip(studied.sweeps, again.sweeps, strict=True):
        np.testing.assert_allclose(other.scores, sweep.scores, rtol=1e-12)
    found = api.bound(spec, lipschitz=1, n_train=1000, zeta=0.7, **given)
    assert_same(found.two_sed, bounded.two_sed)
    assert api.gate(spec, tmp_path / "b.json", min_score=1, **given).exit_code == 0
    assert_same(api.compute(spec, **given), computed)


def test_pieces_that_whole_spectra_left_are_removed(tmp_path: Path) -> None:
    """The process died between the two."""
    run = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spectra.KeptSpectra, "end", lambda *_: None)
        patch.setattr(spectra.KeptSpectra, "work", PIECE)
        ranked(run, "MLP 54-3-7", draws=10)
    assert list(run.glob("pieces/*/*.sed2"))
    ranked(run, "MLP 54-3-7", draws=10, eps="0.2")
    assert not list(run.glob("pieces/*/*.sed2"))


def died_between_the_series(tmp_path: Path, spec: Any) -> tuple[str, Callable[[], str]]:
    """The result of a run; and a call that goes on with the same one in `run`, which died when the
    spectra with all inputs were kept, and those with some left out were not."""
    many = {"draws": 10, "input_groups": 4}
    whole = text(ranked(tmp_path / "undisturbed", spec, **many))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spectra.KeptSpectra, "save", interrupt_after(1, spectra.KeptSpectra.save))
        with pytest.raises(KeyboardInterrupt):
            ranked(tmp_path / "run", spec, **many)
    assert len(list((tmp_path / "run" / "spectra").iterdir())) == 1
    return whole, lambda: text(ranked(tmp_path / "run", spec, **many))


def test_a_death_between_the_series_changes_no_bit_and_leaves_no_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The series that are not kept would be another work alone, in other batches."""
    monkeypatch.setattr(spectra.KeptSpectra, "work", PIECE)
    whole, go_on = died_between_the_series(tmp_path, "MLP 54-3-7")
    computes = "sed2.fisher.sample._run_chain"
    monkeypatch.setattr(computes, lambda *_, **__: pytest.fail("a piece was computed"))
    assert go_on() == whole
    assert not list((tmp_path / "run").glob("pieces/*/*.sed2"))


def test_a_work_in_one_piece_that_died_between_the_series_is_begun_anew_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = [{"dense": {"features": 4, "activation": "tanh"}}, {"dense": {"features": 7}}]
    lengths, run_chain = [], sample._run_chain

    def counted(items: Items, *more: Any) -> Any:
        lengths.append(len(items))
        return run_chain(items, *more)

    monkeypatch.setattr(sample, "_run_chain", counted)
    whole, go_on = died_between_the_series(tmp_path, {"name": "a", "blocks": blocks})
    assert go_on() == whole
    assert len(lengths) == 3
    assert len(set(lengths)) == 1
    assert not list((tmp_path / "run").glob("pieces/*/*.sed2"))


@pytest.mark.parametrize("damage", [b"", b"foreign", None])
def test_damaged_results_are_told_and_made_anew(
    tmp_path: Path, told: Told, wanted: str, damage: bytes | None
) -> None:
    ranked(tmp_path / "run")
    before = files(tmp_path)
    first, second, _ = sorted((tmp_path / "run" / "results").iterdir())
    first.write_bytes(second.read_bytes() if damage is None else damage)
    assert text(ranked(told.run(tmp_path / "run"))) == wanted
    (warning,) = told.warnings
    assert str(first) in warning
    assert told.lines == [f"2 of 3 models taken over from {tmp_path / 'run'}"]
    assert files(tmp_path).keys() == before.keys()
    assert text(ranked(told.run(tmp_path / "run"))) == wanted
    assert len(told.warnings) == 1  # it is mended


def test_a_damaged_piece_is_told_and_made_anew(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, many = "MLP 54-3-7", {"draws": 10}
    whole = text(ranked(None, spec, **many))
    monkeypatch.setattr(spectra.KeptSpectra, "work", PIECE)
    with monkeypatch.context() as patch:
        patch.setattr("sed2.fisher.sample._run_chain", interrupt_after(2, chunks([])))
        with pytest.raises(KeyboardInterrupt):
            ranked(tmp_path / "run", spec, **many)
    found = sorted((tmp_path / "run").glob("pieces/*/*.sed2"))
    for path in found:  # the plan as well
        path.write_bytes(path.read_bytes()[:-1])
    assert text(ranked(told.run(tmp_path / "run"), spec, **many)) == whole
    assert len(told.warnings) == len(found)


def test_trainings_and_baselines_are_taken_over_too(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"train": True, "epochs": 1, "train_samples": 64, "train_seeds": 1, "baselines": True}
    whole = text(ranked(None, "MLP 54-2-7", **more))
    with monkeypatch.context() as patch:
        patch.setattr(recipe, "train", interrupt_after(0, recipe.train))
        with pytest.raises(KeyboardInterrupt):
            ranked(tmp_path / "run", "MLP 54-2-7", **more)
    for module, function in ((tasks, "estimate"), (registry, "baseline_values")):
        monkeypatch.setattr(module, function, lambda *_, **__: pytest.fail("computed again"))
    train = interrupt_after(1, recipe.train)
    monkeypatch.setattr(recipe, "train", train)
    for trained in (0, 1):
        told.lines.clear()
        assert text(ranked(told.run(tmp_path / "run"), "MLP 54-2-7", **more)) == whole
        assert told.lines == [
            "1 of 1 models, 1 of 1 baselines, 1 of 1 early losses, "
            f"{trained} of 1 trainings taken over from {tmp_path / 'run'}"
        ]


@pytest.mark.parametrize("free", [1e9, 100e9])
def test_a_baseline_that_lacked_memory_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float
) -> None:
    """Where memory was plentiful, NaN is what it is and is kept."""
    from sed2.fisher import plan as resources

    calls: list[str] = []

    def values(*_: object, **__: object) -> dict[str, BaselineValue]:
        calls.append("called")
        return {"abbas": BaselineValue(math.nan, "why")}

    monkeypatch.setattr(resources, "free_memory", lambda: free)
    monkeypatch.setattr(registry, "baseline_values", values)
    for _ in range(2):
        ranking = ranked(tmp_path / "run", "MLP 54-2-7", baselines=True, epochs=1)
    assert ranking.models[0].baselines
    assert ranking.models[0].baselines["abbas"] == BaselineValue(
        pytest.approx(math.nan, nan_ok=True), "why"
    )
    assert len(calls) == (2 if free < 6e9 else 1)


def test_until_decided_takes_over_every_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {"models": ["MLP 54-3-7", {"name": "twin", "notation": "MLP 54-3-3-7"}]}
    more = {"until_decided": True, "max_draws": 6, "max_samples": 5, "decide_at": 0.999}
    whole = text(ranked(None, spec, **more))
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "estimate", interrupt_after(3, tasks.estimate))
        with pytest.raises(KeyboardInterrupt):
            ranked(tmp_path / "run", spec, **more)
    assert len(list((tmp_path / "run" / "results").iterdir())) == 3
    assert text(ranked(tmp_path / "run", spec, **more)) == whole
    monkeypatch.setattr(tasks, "estimate", lambda *_: pytest.fail("computed again"))
    assert text(ranked(tmp_path / "run", spec, **more)) == whole


def test_sequential_monte_carlo_is_kept_by_the_candidate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"estimator": "smc", "particles": 8, "islands": 2, "moves": 2, "eps": "0.1"}
    whole = text(ranked(None, "MLP 54-1-2", **small))
    assert text(ranked(tmp_path / "run", "MLP 54-1-2", **small)) == whole
    monkeypatch.setattr(tasks, "estimate", lambda *_: pytest.fail("computed again"))
    assert text(ranked(tmp_path / "run", "MLP 54-1-2", **small)) == whole


def test_another_setting_is_computed(tmp_path: Path, told: Told) -> None:
    ranked(tmp_path / "run")
    assert text(ranked(told.run(tmp_path / "run"), sigma=0.1)) == text(ranked(None, sigma=0.1))
    assert told.lines == []


def test_two_runs_at_once_come_to_the_same(tmp_path: Path, wanted: str) -> None:
    """The one begins, finishes and tidies up in the middle of the other, at every model."""
    outer, estimate = RunDirectory(tmp_path / "run"), tasks.estimate
    found: list[str] = []

    def interleaved(*arguments: Any) -> ModelResult:
        tasks.estimate = estimate  # type: ignore[attr-defined]
        found.append(text(ranked(tmp_path / "run")))
        tasks.estimate = interleaved  # type: ignore[attr-defined]
        return estimate(*arguments)

    tasks.estimate = interleaved  # type: ignore[attr-defined]
    try:
        found.append(text(ranked(outer)))
    finally:
        tasks.estimate = estimate  # type: ignore[attr-defined]
    assert found == [wanted] * len(found)
    assert len(found) > 1


def test_a_damaged_manifest_is_told_and_written_anew(tmp_path: Path, told: Told) -> None:
    ranked(tmp_path / "run")
    before = (tmp_path / "run" / NAME).read_bytes()
    (tmp_path / "run" / NAME).write_bytes(before[:-9])
    ranked(told.run(tmp_path / "run"))
    assert "written anew" in told.warnings[0]
    assert (tmp_path / "run" / NAME).read_bytes() == before


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UsageError, match=r"a file is in its way.*Name a folder"):
            RunDirectory(path)


def test_a_folder_of_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UsageError, match=r"no run directory of sed2: it holds `thesis\.tex`"):
        RunDirectory(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(directory.tempfile, "TemporaryFile", fail)
    with pytest.raises(UsageError, match=r"run_dir: cannot use .*Permission denied"):
        RunDirectory(tmp_path / "run")


def test_what_another_process_writes_is_left_alone(tmp_path: Path) -> None:
    from sed2.common.locks import lock

    ranked(tmp_path / "run")
    alive = tmp_path / "run" / "results" / ".a.sed2.1.tmp"
    with alive.open("wb") as stream:
        assert lock(stream.fileno())
        RunDirectory(tmp_path / "run")
        assert alive.exists()
    RunDirectory(tmp_path / "run")
    assert not alive.exists()


def test_the_api_takes_a_path_and_warns_of_damage(tmp_path: Path) -> None:
    ranked(tmp_path / "run")
    (path, *_) = (tmp_path / "run" / "results").iterdir()
    path.write_bytes(b"x")
    with pytest.warns(UserWarning, match="is damaged"):
        found = api.rank(SPEC, run_dir=str(tmp_path / "run"), **TINY)
    assert isinstance(found, Ranking)

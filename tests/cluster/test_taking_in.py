"""What is done with values and errors as they come, by a cluster that is made up."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sed2.cluster import workplace as sweep
from sed2.cluster.settings import Cluster
from sed2.cluster.workplace import ClusterWorkplace
from sed2.data.load import Dataset
from sed2.errors import NumericsError, ResourceError
from sed2.request import load_data
from sed2.results import ModelResult
from sed2.runs.directory import RunDirectory
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from sed2.tasks import ESTIMATE, Task
from tests.report.made import made_result

pytest.importorskip("ray", reason="Ray is not installed")

SETTINGS = Settings(dataset="covertype", samples=5, draws=3)
NODE = {"Alive": True, "Resources": {"CPU": 1.0, "memory": 4e9, "accelerator_type:H100": 1.0}}


class RayError(Exception):
    pass


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        self.cause = cause
        super().__init__("a long traceback")


class MadeUp:
    """As much of the package `ray` as is used: it has an outcome for every attempt of a model."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(self, outcomes: dict[str, list[Any]]) -> None:
        self.outcomes = outcomes
        self.begun: list[str] = []
        self.cancelled: list[str] = []
        self.alive = [NODE]
        self.wishes: list[dict[str, Any]] = []

    def put(self, value: Any) -> Any:
        return value

    def nodes(self) -> list[dict[str, Any]]:
        return self.alive

    def remote(self, function: Any) -> Any:
        return SimpleNamespace(options=self._options, remote=self._begin)

    def _options(self, **wishes: Any) -> Any:
        self.wishes.append(wishes)
        shares = SimpleNamespace(remote=lambda: "shares")
        begun = SimpleNamespace(shares=shares)
        return SimpleNamespace(remote=lambda *given: self._begin(*given) if given else begun)

    def _begin(self, sealed: bytes, name: str, dataset: Any, number: int, tally: Any) -> str:
        assert pickle.loads(sealed).model.name == name
        self.begun.append(name)
        return f"{name}#{self.begun.count(name)}"

    def wait(
        self, references: Sequence[str], num_returns: int = 1, timeout: float | None = None
    ) -> tuple[list[str], list[str]]:
        ready = [each for each in references if each == "shares" or self._outcome(each) is not None]
        return ready[:num_returns], []

    def _outcome(self, reference: str) -> Any:
        name, _, attempt = reference.partition("#")
        return self.outcomes[name][int(attempt) - 1]

    def get(self, reference: str) -> Any:
        if reference == "shares":
            return {}
        outcome = self._outcome(reference)
        if isinstance(outcome, RayError):
            raise outcome
        return pickle.dumps(outcome if isinstance(outcome, Exception) else (outcome, True))

    def cancel(self, reference: str, force: bool) -> None:
        self.cancelled.append(reference)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_data(SETTINGS)


@pytest.fixture
def fill(data: Dataset) -> Callable[..., ClusterWorkplace]:
    def fill(ray: MadeUp, run: RunDirectory | None = None, **cluster: Any) -> ClusterWorkplace:
        made = ClusterWorkplace(ray, Cluster("auto", **cluster), data, run)
        made.fill([task(name) for name in ray.outcomes], lambda what, done, total: None)
        return made

    return fill


def task(name: str) -> Task:
    return Task(ESTIMATE, load_spec(name).models[0], SETTINGS)


def result(name: str) -> ModelResult:
    return made_result(name)


A, B, C = "MLP 54-2-7", "MLP 54-3-7", "MLP 54-4-7"


def test_every_task_asks_for_what_it_needs(fill: Callable[..., ClusterWorkplace]) -> None:
    ray = MadeUp({A: [result(A)]})
    fill(ray)
    wishes = ray.wishes[-1]
    assert (wishes["num_cpus"], wishes["num_gpus"], wishes["max_retries"]) == (1, 0, 0)
    assert 5e8 < wishes["memory"] < 6e8
    assert wishes["runtime_env"]["env_vars"]["PJRT_NPROC"] == "2"


def test_what_is_lost_is_begun_again_and_told(
    fill: Callable[..., ClusterWorkplace], data: Dataset
) -> None:
    ray = MadeUp({A: [RayError("node died"), RayError("again"), result(A)], B: [result(B)]})
    told: list[str] = []
    swept = fill(ray, tell=told.append)
    assert sorted(ray.begun) == [A, A, A, B]
    assert told == [
        f"the worker of `{A}` was lost: it is begun again, as number {n} of 4" for n in (2, 3)
    ]
    assert [each.name for each in swept.values([task(B), task(A)], lambda *_: None)] == [B, A]
    assert len(ray.begun) == 4  # it was there
    assert ray.cancelled == []


def test_what_is_lost_too_often_ends_it(fill: Callable[..., ClusterWorkplace]) -> None:
    ray = MadeUp({A: [RayError(f"lost {n}") for n in range(9)], B: [None]})
    with pytest.raises(ResourceError) as caught:
        fill(ray)
    assert ray.begun.count(A) == sweep.ATTEMPTS
    assert f"the worker of `{A}` was lost 4 times, the last time so: lost 3. " in str(caught.value)
    assert ray.cancelled == [f"{B}#1"]


def test_an_error_cancels_the_rest_and_keeps_what_came(
    fill: Callable[..., ClusterWorkplace], data: Dataset, tmp_path: Path
) -> None:
    error = NumericsError("not finite", mend="Take another prior")
    ray = MadeUp({A: [error], B: [result(B)], C: [None]})
    run = RunDirectory(tmp_path / "run")
    with pytest.raises(NumericsError) as caught:
        fill(ray, run)
    assert str(caught.value) == str(error)
    assert ray.cancelled == [f"{C}#1"]
    found = run.find(task(B), data)
    assert isinstance(found, ModelResult)
    assert (found.name, found.settings.dataset) == (B, SETTINGS.dataset)
    assert run.find(task(A), data) is None


def test_a_defect_is_that_of_the_task_not_of_ray(fill: Callable[..., ClusterWorkplace]) -> None:
    with pytest.raises(KeyError, match="oops"):
        fill(MadeUp({A: [RayTaskError(KeyError("oops"))]}))


def test_where_no_node_is_left_that_can_it_is_not_waited_for_ever(
    fill: Callable[..., ClusterWorkplace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "PATIENCE", 0.0)
    ray = MadeUp({A: [RayError("node died"), None]})

    class Leaving(list[Any]):
        """The one node is there when it is asked for first."""

        def __iter__(self) -> Any:
            there, self[:] = list(self[:]), []
            return iter(there)

    ray.alive = Leaving([NODE])
    with pytest.raises(ResourceError, match="no node of the cluster has that: the largest of 0"):
        fill(ray)
    assert ray.cancelled == [f"{A}#2"]


def test_the_device_is_part_of_what_is_kept(fill: Callable[..., ClusterWorkplace]) -> None:
    ray = MadeUp({})
    assert fill(ray).device == "cpu: cpu"
    assert fill(ray, gpus=1).device == "gpu: of a cluster: H100"

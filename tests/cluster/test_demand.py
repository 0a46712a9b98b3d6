"""What a task needs of a node, without a cluster."""

from __future__ import annotations

import pytest

from sed2.cluster.demand import PROCESS_BYTES, check_fits, demand
from sed2.data.load import Dataset
from sed2.errors import ResourceError
from sed2.fisher.plan import NOMINAL_BUDGET
from sed2.options import TrainingSettings
from sed2.request import load_data
from sed2.settings import Settings
from sed2.spec.schema import load_spec
from sed2.tasks import BASELINES, ESTIMATE, TRAINING, Task
from sed2.training.plan import check_training

SETTINGS = Settings(dataset="covertype", samples=20, draws=5)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_data(SETTINGS)


def task(notation: str = "MLP 54-3-7", **more: object) -> Task:
    return Task(ESTIMATE, load_spec(notation).models[0], SETTINGS.model_copy(update=more))


def memory(task: Task, data: Dataset) -> float:
    return demand(task, data, 1, 0)["memory"] - PROCESS_BYTES


def test_cpus_and_gpus_are_those_of_the_command(data: Dataset) -> None:
    assert demand(task(), data, 2, 0).keys() == {"CPU", "memory"}
    needed = demand(task(), data, 2, 0.5)
    assert (needed["CPU"], needed["GPU"]) == (2, 0.5)


def test_memory_grows_with_the_work_up_to_the_budget(data: Dataset) -> None:
    few, many = memory(task(), data), memory(task(draws=50), data)
    assert 0 < few < many
    whole = memory(task("MLP 54-2000-2000-7", draws=1000), data)
    assert whole <= NOMINAL_BUDGET
    assert memory(task("MLP 54-2000-2000-7", draws=1000, memory_gb=2.0), data) <= 2e9 < whole


def test_a_training_needs_what_its_plan_says(data: Dataset) -> None:
    training = TrainingSettings(epochs=1, train_samples=100)
    model = load_spec("MLP 54-3-7").models[0]
    needed = memory(Task(TRAINING, model, SETTINGS, training), data)
    assert needed == check_training(model, data, SETTINGS, training).bytes


def test_baselines_that_cannot_be_had_need_the_budget(data: Dataset) -> None:
    """The effective dimensions are left out then."""
    model = load_spec("MLP 54-2000-2000-7").models[0]
    few = Task(BASELINES, model, SETTINGS.model_copy(update={"memory_gb": 0.01}))
    assert memory(few, data) == 0.01e9


def test_what_no_node_has_is_named(data: Dataset) -> None:
    its = task()
    needed = {"CPU": 1.0, "memory": 3e9, "GPU": 1.0}
    nodes = [
        {"Resources": {"CPU": 64.0, "memory": 9e9}},
        {"Resources": {"CPU": 8.0, "memory": 2e9, "GPU": 1.0}},
    ]
    with pytest.raises(ResourceError) as caught:
        check_fits([(its, needed)], nodes)
    assert str(caught.value) == (
        "ray: `MLP 54-3-7` needs 1 CPUs, 3.0 GB, 1 GPUs, and no node of the cluster has that: "
        "the largest of 2 has 8 CPUs, 2.0 GB, 1 GPUs. Take fewer `ray_cpus` or `ray_gpus`, a "
        "lower `memory_gb`, or a larger node"
    )
    check_fits([(its, needed | {"memory": 2e9}), (its, {"CPU": 64.0, "memory": 9e9})], nodes)

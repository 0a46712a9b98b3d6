"""Clusters that cannot be used are told in one message; no cluster is needed for it."""

from __future__ import annotations

import io
import pickle
import socket
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from sed2.cluster import connect
from sed2.cluster.settings import Cluster
from sed2.errors import DataError, NumericsError, ResourceError, Sed2Error, SpecError, UsageError
from sed2.runs.keys import software


def test_without_ray_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError) as caught:
        connect.import_ray()
    assert str(caught.value) == (
        "ray: Ray is not installed. Install it: pip install 'sed2-rank[ray]'"
    )


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_where_nobody_listens_there_is_no_waiting(scheme: str) -> None:
    """Ray would wait for two minutes."""
    pytest.importorskip("ray", reason="Ray is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"{scheme}127.0.0.1:{free.getsockname()[1]}"
    start = time.monotonic()
    with pytest.raises(UsageError) as caught, connect.connected(Cluster(address)):
        pytest.fail("it is connected")
    assert time.monotonic() - start < connect.WAIT
    assert str(caught.value).startswith(
        f"ray: no Ray cluster can be reached at `{address}`: Connection refused. "
    )


@pytest.mark.parametrize("address", ["nonsense", "localhost:port", "localhost:99999999999"])
def test_what_is_no_address_is_told(address: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    told = "no Ray cluster can be reached at `"
    with pytest.raises(UsageError, match=told), connect.connected(Cluster(address)):
        pytest.fail("it is connected")


class FakeErrors:
    class RayError(Exception):
        pass


def fake(error: BaseException) -> Any:
    """A package `ray` that raises an error."""

    def init(*_: object, **__: object) -> None:
        raise error

    return SimpleNamespace(init=init, exceptions=FakeErrors)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.9"),
            "the cluster at `auto` has other versions: Version mismatch: The cluster was started "
            "with: Ray: 2.9. Take the Ray and the Python of the cluster, or the other way round",
        ),
        (SystemExit(15), "no Ray cluster can be reached at `auto`: it does not answer. "),
        (ConnectionError("none"), "no Ray cluster can be reached at `auto`: none. Start one by "),
        (FakeErrors.RayError("no token"), "no Ray cluster can be reached at `auto`: no token. "),
    ],
)
def test_what_ray_says_is_one_message(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, told: str
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(UsageError) as caught:
        connect._connect(fake(error), "auto")
    assert str(caught.value).startswith(f"ray: {told}")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (
            "No module named 'sed2'",
            "the node `n` of the cluster cannot import sed2: No module named 'sed2'. Install sed2 "
            f"{software()['sed2']} on every node: pip install 'sed2-rank[ray]'",
        ),
        (
            {**software(), "jax": "0.1"},
            f"the node `n` of the cluster has jax 0.1, and here it is {software()['jax']}. ",
        ),
        (
            {**software(), "source": "other"},
            f"the node `n` of the cluster has other code of sed2 {software()['sed2']} than this",
        ),
        ({}, "the node `n` of the cluster has sed2 None, and here it is"),
    ],
)
def test_other_software_on_a_node_is_told(found: Any, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        connect._compare(found, "n")
    assert str(caught.value).startswith(f"ray: {told}")


def test_the_same_software_is_taken() -> None:
    connect._compare(dict(software()), "n")


def test_threads_of_ray_print_nothing() -> None:
    stream = io.StringIO()
    quiet = connect._WithoutRay(stream)
    for name in ("ray_listen_error_messages", "other"):
        thread = threading.Thread(target=quiet.write, args=(name,), name=name)
        thread.start()
        thread.join()
    quiet.write(" main")
    assert stream.getvalue() == "other main"


@pytest.mark.parametrize(
    "kind", [Sed2Error, UsageError, SpecError, DataError, NumericsError, ResourceError]
)
def test_errors_travel_whole(kind: type[Sed2Error]) -> None:
    error = kind("the cause", mend="The mend", where="file:1:2")
    found = pickle.loads(pickle.dumps(error))
    assert type(found) is kind
    assert (found.cause, found.mend, found.where) == ("the cause", "The mend", "file:1:2")
    assert str(found) == str(error)


def test_threads_are_as_many_as_the_cpus() -> None:
    found = Cluster("auto", cpus="3").environment
    assert (found["PJRT_NPROC"], found["OPENBLAS_NUM_THREADS"]) == ("6", "1")
    assert found["JAX_PLATFORMS"] == "cpu"


def test_with_a_gpu_the_platform_is_that_of_jax() -> None:
    assert "JAX_PLATFORMS" not in Cluster("auto", gpus=1).environment
    shared = Cluster("auto", gpus="0.5").environment
    assert shared["XLA_PYTHON_CLIENT_MEM_FRACTION"] == "0.375"

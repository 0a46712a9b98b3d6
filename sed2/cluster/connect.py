"""Reaching a Ray cluster, and whether its nodes have what we have.

Ray itself waits for two minutes where nobody answers, and then ends the process; so it is looked
for by a plain connection first.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from typing import IO, Any, cast

from sed2.cluster.settings import Cluster
from sed2.common.distribution import install
from sed2.errors import UsageError
from sed2.runs.keys import software

WAIT = 10.0
"""Seconds within which a cluster must answer."""
WAIT_FOR_NODES = 180.0
"""Seconds within which each node must say what is installed there; a cold disk is slow."""
_INSTALL = install("ray")


def import_ray() -> Any:
    """The package.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise _refused("Ray is not installed", f"Install it: {_INSTALL}") from error
    return ray


@contextmanager
def connected(cluster: Cluster) -> Iterator[Any]:
    """The package `ray`, connected to a cluster whose nodes have the same software as we.

    A connection that the caller of the Python API has made is used as it is, and left.

    Raises:
        UsageError: Ray is not installed, no cluster answers, or its nodes have other software.
    """
    ray = import_ray()
    ours = not ray.is_initialized()
    with redirect_stdout(cast(IO[str], _WithoutRay(sys.stdout))):
        try:
            if ours:
                _connect(ray, cluster.address)
            _check_nodes(ray, cluster)
            yield ray
        finally:
            if ours:
                ray.shutdown()


class _WithoutRay:
    """A stream on which a thread of Ray's prints nothing.

    It tells of lost nodes on stdout, whatever it is asked for, and that may be a JSON document."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if threading.current_thread().name.startswith("ray_"):
            return len(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def alive(ray: Any) -> list[Mapping[str, Any]]:
    """The nodes of the cluster, as Ray tells of them."""
    return [node for node in ray.nodes() if node["Alive"]]


def _connect(ray: Any, address: str) -> None:
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", address)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        # Nothing is told to anyone of a cluster that sed2 starts, unless the user wants it.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        quiet["include_dashboard"] = False
    else:
        _knock(address)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Ray, about Ray
            ray.init(address, **quiet)
    except SystemExit as error:  # Ray's own way to say so
        raise _no_answer(address, "it does not answer") from error
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        told = " ".join(str(error).split())
        if "mismatch" in told or "versions" in told:
            mend = "Take the Ray and the Python of the cluster, or the other way round"
            raise _refused(f"the cluster at `{address}` has other versions: {told}", mend) from None
        raise _no_answer(address, told) from error


def _knock(address: str) -> None:
    """
    Raises:
        UsageError: nobody listens at an address of the form HOST:PORT.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # `auto`, which Ray looks for among the processes here, or something it will refuse
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=WAIT).close()
    except (OSError, OverflowError) as error:
        raise _no_answer(address, getattr(error, "strerror", None) or str(error)) from error


def _check_nodes(ray: Any, cluster: Cluster) -> None:
    """Ask every node that has enough CPUs and GPUs for its software.

    The processes that answer are those that will do the tasks.

    Raises:
        UsageError: a node has no sed2, or other versions than we.
    """

    # Inside of a function, so that it is sent as it is: a node without sed2 can run it as well.
    def look() -> dict[str, str] | str:
        try:
            from sed2.runs.keys import software
        except ImportError as error:
            return str(error)
        return dict(software())

    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked = {
        ray.remote(look)
        .options(
            num_cpus=0,
            max_retries=0,
            runtime_env={"env_vars": cluster.environment},
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        )
        .remote(): node
        for node in alive(ray)
        if node["Resources"].get("CPU", 0) >= cluster.cpus
        and node["Resources"].get("GPU", 0) >= cluster.gpus
    }
    if not asked:
        return  # the tasks will be told so, with what they need
    answered, silent = ray.wait(list(asked), num_returns=len(asked), timeout=WAIT_FOR_NODES)
    for answer in answered:
        with suppress(ray.exceptions.RayError):  # a node that is lost by now does no harm
            _compare(ray.get(answer), asked[answer]["NodeManagerHostname"])
    if silent:
        name = asked[silent[0]]["NodeManagerHostname"]
        raise _refused(
            f"the node `{name}` of the cluster has not answered for {WAIT_FOR_NODES:.0f} seconds",
            "See what it does by `ray status`, or take it out of the cluster",
        )


def _compare(found: Mapping[str, str] | str, node: str) -> None:
    """
    Raises:
        UsageError: what was found on a node is not what we have.
    """
    ours = software()
    if isinstance(found, str):
        raise _refused(
            f"the node `{node}` of the cluster cannot import sed2: {found}",
            f"Install sed2 {ours['sed2']} on every node: {_INSTALL}",
        )
    for name, version in ours.items():
        if found.get(name) != version:
            differs = f"{name} {found.get(name)}, and here it is {version}"
            if name == "source":
                differs = f"other code of sed2 {ours['sed2']} than this machine"
            raise _refused(
                f"the node `{node}` of the cluster has {differs}",
                "Install the same on every node, or the numbers may differ",
            )


def _no_answer(address: str, why: str) -> UsageError:
    return _refused(
        f"no Ray cluster can be reached at `{address}`: {why}",
        "Start one by `ray start --head`, check the address, or give `ray` local",
    )


def _refused(cause: str, mend: str) -> UsageError:
    return UsageError(cause, mend=mend, where="ray")

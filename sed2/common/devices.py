"""The devices, over which the items of a program are shared out: one program, and each device has
its share of the items' axis.

They are those of this process, or of all processes that `jax.distributed` has joined, on as many
machines: then each process runs the same program, holds the arrays of its own items alone, and has
as many items as any other. Nothing passes between devices, since no item sees another, but for what
`fetched` gathers. So a share is worked on as the same number of items on a single device would be,
and the numbers agree to rounding.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import numpy as np
from jax.experimental.multihost_utils import process_allgather
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from sed2.common.threads import POOL, cores
from sed2.errors import HostError

_REPLICATED, _SHARED = PartitionSpec(), PartitionSpec("items")
_TEXT = 1024  # texts are exchanged in multiples of so many bytes, so that few programs are compiled


def process_count() -> int:
    """How many processes share the work."""
    return jax.process_count()


def device_count() -> int:
    """How many devices of each process share the items: with several, what the poorest has.

    Host devices are fewer than the threads of XLA's pool: each holds one while it waits for LAPACK
    calls that the pool has yet to run, and if all were held, none would ever come back."""
    devices = jax.local_devices()
    count = len(devices)
    if devices[0].platform == "cpu":
        count = max(1, min(count, _pool_threads() - 1))
    return count if jax.process_count() == 1 else _agreed(count)


@cache
def _agreed(count: int) -> int:
    return int(least(count))


def _pool_threads() -> int:
    """As XLA counts them: by these variables, or the cores that the process may run on."""
    for name in POOL:
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    return cores()


def filled(items: int) -> int:
    """The least number of items, not below this, that the devices share evenly; where a process has
    fewer items than devices, they have one device each."""
    processes, devices = jax.process_count(), device_count()
    own = -(-items // processes)
    return processes * (own if own < devices else -(-own // devices) * devices)


def sharing(items: int) -> int:
    """The most devices that share so many items evenly, as many of them in each process."""
    processes = jax.process_count()
    own = items // processes
    return processes * max(n for n in range(1, device_count() + 1) if own % n == 0)


@cache
def _mesh(devices: int) -> Mesh:
    processes = range(jax.process_count())
    own = devices // len(processes)
    chosen = [device for i in processes for device in jax.local_devices(process_index=i)[:own]]
    return Mesh(np.array(chosen), ("items",), axis_types=(AxisType.Auto,))


def placed(*items: Any) -> tuple[Any, ...]:
    """Arrays with a leading axis of items, each device with its share; as they are if a single
    device has all. With several processes they are NumPy's, and the same in each."""
    devices = sharing(len(items[0]))
    if devices == 1:
        return items
    sharding = NamedSharding(_mesh(devices), _SHARED)
    if sharding.is_fully_addressable:
        shares: tuple[Any, ...] = jax.device_put(items, sharding)
        return shares
    # What `device_put` would do as well, but for sending all arrays around to compare them.
    return tuple(
        jax.make_array_from_callback(array.shape, sharding, array.__getitem__) for array in items
    )


def on_shares(function: Callable[..., Any], *items: Any, shared: tuple[Any, ...] = ()) -> Any:
    """function(*shared, *items), each device with its share of the items; to be traced.

    XLA's own partitioner shares out as well all that it understands. Here that does not depend on
    what a block's module consists of."""
    devices = sharing(len(items[0]))
    if devices == 1:
        return function(*shared, *items)
    return jax.shard_map(
        function,
        mesh=_mesh(devices),
        in_specs=(*(_REPLICATED for _ in shared), *(_SHARED for _ in items)),
        out_specs=_SHARED,
        check_vma=False,  # nothing is claimed to be the same on all devices
    )(*shared, *items)


def fetched(results: Any) -> Any:
    """Arrays that a program has made, as NumPy's; every process has all items.

    Raises:
        HostError: another process has stopped.
    """
    if jax.process_count() == 1:
        return jax.tree.map(np.asarray, results)
    # What fails up to here is this process's own; what fails from here on, another one's.
    jax.block_until_ready(results)
    try:
        return process_allgather(results, tiled=True)
    except (RuntimeError, ValueError) as error:
        raise HostError(
            f"another process has stopped ({str(error).splitlines()[0]})",
            mend="See what it said last, or whether its machine was out of memory; then start all "
            "of them again",
        ) from error


def exchanged(text: str) -> list[str]:
    """What each of the processes says, in their order. All of them must call it.

    Raises:
        HostError: another process has stopped.
    """
    if jax.process_count() == 1:
        return [text]
    own = np.frombuffer(text.encode(), np.uint8)
    lengths = _of_each(np.array(len(own), np.int32))
    padded = np.zeros(-(-int(lengths.max()) // _TEXT) * _TEXT, np.uint8)
    padded[: len(own)] = own
    rows = zip(_of_each(padded), lengths, strict=True)
    return [row[:length].tobytes().decode() for row, length in rows]


def _of_each(own: np.ndarray) -> np.ndarray:
    """(processes, ...) from each its own."""
    sharding = NamedSharding(_mesh(jax.process_count()), _SHARED)
    gathered: np.ndarray = fetched(jax.make_array_from_process_local_data(sharding, own[None]))
    return gathered


def least(number: float) -> float:
    """The least of the processes' numbers. All of them must call it."""
    return min(map(float, exchanged(repr(number))))


@cache
def processes_here() -> int:
    """How many of the processes run on this machine. All of them must call it."""
    return exchanged(platform.node()).count(platform.node())

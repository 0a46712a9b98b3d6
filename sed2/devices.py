"""The local devices, over which the items of a program are shared out: one program, and each
device has its share of the items' axis.

Nothing passes between devices, since no item sees another. So a share is worked on as the same
number of items on a single device would be, and the numbers agree to rounding.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

_REPLICATED, _SHARED = PartitionSpec(), PartitionSpec("items")


def device_count() -> int:
    """How many devices of this machine share the items.

    Host devices are fewer than the threads of XLA's pool: each holds one while it waits for LAPACK
    calls that the pool has yet to run, and if all were held, none would ever come back."""
    devices = jax.local_devices()
    if devices[0].platform == "cpu":
        return max(1, min(len(devices), _pool_threads() - 1))
    return len(devices)


def _pool_threads() -> int:
    """As XLA counts them: by these variables, or the cores that the process may run on."""
    for name in ("PJRT_NPROC", "NPROC"):
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def filled(items: int) -> int:
    """The least number of items, not below this, that the devices share evenly; fewer items than
    devices have one device each."""
    devices = device_count()
    return items if items < devices else -(-items // devices) * devices


def sharing(items: int) -> int:
    """The most devices that share so many items evenly."""
    return max(n for n in range(1, device_count() + 1) if items % n == 0)


@cache
def _mesh(devices: int) -> Mesh:
    chosen = jax.local_devices()[:devices]
    return jax.make_mesh((devices,), ("items",), (AxisType.Auto,), devices=chosen)


def placed(*items: Any) -> tuple[Any, ...]:
    """Arrays with a leading axis of items, each device with its share; as they are if a single
    device has all."""
    devices = sharing(len(items[0]))
    if devices == 1:
        return items
    shares: tuple[Any, ...] = jax.device_put(items, NamedSharding(_mesh(devices), _SHARED))
    return shares


def on_shares(function: Callable[..., Any], scalar: Any, *items: Any) -> Any:
    """function(scalar, *items), each device with its share of the items; to be traced.

    XLA's own partitioner shares out as well all that it understands. Here that does not hang on
    what a block's module consists of."""
    devices = sharing(len(items[0]))
    if devices == 1:
        return function(scalar, *items)
    return jax.shard_map(
        function,
        mesh=_mesh(devices),
        in_specs=(_REPLICATED, *(_SHARED for _ in items)),
        out_specs=_SHARED,
        check_vma=False,  # nothing is claimed to be the same on all devices
    )(scalar, *items)

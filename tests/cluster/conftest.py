"""A cluster of two nodes on this machine, which the tests of one file share."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = {"health_check_period_ms": 500, "health_check_failure_threshold": 4}
STORE = 80_000_000  # bytes of a node's object store


class Nodes:
    """Two nodes of one CPU each; this process is connected to the first one."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster()
        self.head = self._add(_system_config=CONFIG)
        self.other = self._add()

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def _add(self, **options: Any) -> Any:
        return self._cluster.add_node(
            num_cpus=1,
            memory=2_000_000_000,
            object_store_memory=STORE,
            include_dashboard=False,
            **options,
        )

    def lose_other(self) -> None:
        """As if its machine were switched off."""
        self._cluster.remove_node(self.other, allow_graceful=False)

    def renew_other(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of JAX: Ray starts its processes by a fork
            self.other = self._add()

    def stop(self) -> None:
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    wanted = {
        "RAY_USAGE_STATS_ENABLED": "0",
        # The processes on the nodes are to import what is under test.
        "PYTHONPATH": str(ROOT),
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray, about its own processes
        made = Nodes()
        ray.init(made.address, log_to_driver=False, logging_level="ERROR")
        yield made
        ray.shutdown()
        made.stop()
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value

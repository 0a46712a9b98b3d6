"""How much memory is free, on systems that say so in one way or another."""

from __future__ import annotations

import math
from pathlib import Path

import psutil
import pytest

from sed2.common import memory
from sed2.errors import ResourceError


def test_free_memory_is_a_number_of_bytes() -> None:
    assert 1e6 < memory.free_memory() < 1e15


def test_memory_is_that_of_the_machine_or_of_its_container(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = psutil.virtual_memory()._replace(available=20 * 10**9)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    monkeypatch.setattr(memory, "free_in_cgroup", lambda: math.inf)
    assert memory.free_memory() == 20e9
    monkeypatch.setattr(memory, "free_in_cgroup", lambda: 0.9e9)
    assert memory.free_memory() == 0.9e9


def cgroups(root: Path, own: str, files: dict[str, str]) -> Path:
    """A file system on which this process is in a cgroup."""
    for name, text in {"proc/self/cgroup": own, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def group_v1(name: str, limit: int, usage: int, cached: int = 0) -> dict[str, str]:
    folder = f"sys/fs/cgroup/memory/{name}"
    return {
        f"{folder}/memory.limit_in_bytes": f"{limit}\n",
        f"{folder}/memory.usage_in_bytes": f"{usage}\n",
        f"{folder}/memory.stat": f"inactive_file 1\ntotal_inactive_file {cached}\n",
    }


def group_v2(name: str, limit: int | str, usage: int, cached: int = 0) -> dict[str, str]:
    folder = f"sys/fs/cgroup/{name}"
    return {
        f"{folder}/memory.max": f"{limit}\n",
        f"{folder}/memory.current": f"{usage}\n",
        f"{folder}/memory.stat": f"anon 5\ninactive_file {cached}\n",
    }


V1 = "9:name=systemd:/x\n4:cpu,memory:/pod/box\n0::/unlike\n"
V2 = "0::/pod/box\n"


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        (V1, group_v1("pod/box", 900, 300, 50), 650),
        (V1, group_v1("pod/box", 900, 300) | group_v1("pod", 1000, 800), 200),
        (V1, group_v1("", 900, 300), 600),  # a container that sees its own group as the top
        (V1, group_v1("pod/box", 900, 950), 0),
        (V1, group_v2("pod/box", 900, 300), math.inf),
        (V2, group_v2("pod/box", 900, 300, 50), 650),
        (V2, group_v2("pod/box", "max", 300) | group_v2("pod", 1000, 800), 200),
        ("0::/\n", group_v2("", 900, 300), 600),
        (V2, group_v2("pod/box", "max", 300), math.inf),
        (V2, group_v2("pod/box", "unlike", 300), math.inf),
        (V2, {}, math.inf),
    ],
)
def test_the_tightest_limit_of_the_cgroups_counts(
    tmp_path: Path, own: str, files: dict[str, str], expected: float
) -> None:
    assert memory.free_in_cgroup(cgroups(tmp_path, own, files)) == expected


def test_a_system_without_cgroups_has_no_limit(tmp_path: Path) -> None:
    assert memory.free_in_cgroup(tmp_path) == math.inf


def test_an_array_must_fit_with_its_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 17e9)
    memory.check_array("array `x`", (10**6, 1000), 1)
    with pytest.raises(ResourceError) as caught:
        memory.check_array("array `x`", (10**6, 1000), 2)
    assert caught.value.cause == (
        "array `x` of shape (1000000, 1000) needs 18.0 GB, but 17.0 GB are free"
    )
    assert caught.value.mend == "Take fewer rows"

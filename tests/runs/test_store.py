"""Files are whole or not there, whatever happens to them and to those who write them."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sed2.common import files as module
from sed2.common.files import sweep
from sed2.common.locks import lock
from sed2.errors import ExitCode, UsageError
from sed2.runs.store import Store, sealed, unsealed

KEY = "0" * 64
ROOT = Path(__file__).parents[2]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path: Path, told: list[str]) -> Store:
    return Store(tmp_path, told.append)


def test_what_is_saved_is_loaded(store: Store, told: list[str]) -> None:
    assert store.load("some/place", KEY, str) is None
    store.save("some/place", KEY, "text", str)
    assert store.load("some/place", KEY, str) == "text"
    assert told == []
    assert [p.name for p in store.path("some/place", KEY).parent.iterdir()] == [f"{KEY}.sed2"]


def test_remembering_computes_once(store: Store) -> None:
    assert store.remember("place", KEY, float, lambda: 0.1) == 0.1
    assert store.remember("place", KEY, float, lambda: pytest.fail("computed twice")) == 0.1


def test_what_is_remembered_is_what_is_read(store: Store) -> None:
    """A view with strides of its own may be summed in another order than what is read."""
    made = np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)
    first = store.remember("place", KEY, np.ndarray, lambda: made)
    second = store.load("place", KEY, np.ndarray)
    assert first.strides == second.strides
    assert first.tobytes() == second.tobytes() == made.tobytes()


def test_every_flipped_bit_is_seen_told_once_and_mended(tmp_path: Path) -> None:
    """Every byte once, in a bit of its own."""
    Store(tmp_path, print).save("place", KEY, 0.1, float)
    path = tmp_path / "place" / f"{KEY}.sed2"
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        told: list[str] = []
        store = Store(tmp_path, told.append)
        assert store.load("place", KEY, float) is None
        assert store.remember("place", KEY, float, lambda: 0.1) == 0.1
        assert len(told) == 1, place
        assert f"`{path}` is damaged" in told[0]
        assert "computed anew" in told[0]
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no file of a run"),
        (b"PK\3\4 something else", "no file of a run"),
        (sealed(b"x", KEY)[:-1], "not as long"),
        (sealed(b"x", KEY) + b"y", "not as long"),
        (sealed(b"x", KEY)[:40], "no file of a run"),
        (sealed(b"x", "1" * 64), "belongs elsewhere"),
        (sealed(b"x", KEY)[:-1] + b"y", "checksum"),
        (sealed(b"x", KEY).replace(b"sed2-run 1", b"sed2-run 2"), "another format"),
        (sealed(b"x", KEY), "BadZipFile|ValueError|UnpicklingError"),
    ],
)
def test_a_file_that_is_not_whole_says_why(
    store: Store, told: list[str], content: bytes, why: str
) -> None:
    path = store.path("place", KEY)
    path.parent.mkdir()
    path.write_bytes(content)
    assert store.load("place", KEY, float) is None
    (warning,) = told
    assert any(part in warning for part in why.split("|")), warning
    store.save("place", KEY, 2.0, float)
    assert store.load("place", KEY, float) == 2.0


def test_a_folder_in_the_place_of_a_file_is_told(store: Store, told: list[str]) -> None:
    store.path("place", KEY).mkdir(parents=True)
    assert store.load("place", KEY, float) is None
    assert "cannot be read (Is a directory)" in told[0]
    with pytest.raises(UsageError, match="cannot write"):
        store.save("place", KEY, 2.0, float)


def test_discarding_removes_the_files_of_one_place_only(store: Store) -> None:
    for place in ("pieces/a", "pieces/b"):
        store.save(place, KEY, 1.0, float)
    store.discard("pieces/a")
    store.discard("pieces/a")
    assert not store.path("pieces/a", KEY).parent.exists()
    assert store.load("pieces/b", KEY, float) == 1.0


FAILURES = [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS]


@pytest.mark.parametrize("number", FAILURES)
@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_a_failure_to_write_is_one_error_and_loses_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int, step: str
) -> None:
    store.save("place", KEY, 1.0, float)

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(module.os, step, fail)
        with pytest.raises(UsageError) as caught:
            store.save("place", KEY, 2.0, float)
    assert caught.value.exit_code == ExitCode.USAGE
    assert str(store.folder) in caught.value.cause
    assert caught.value.where == "run_dir"
    full = number in (errno.ENOSPC, errno.EDQUOT)
    assert ("no space is left" in caught.value.cause) is full
    assert "the same command goes on" in caught.value.mend
    assert store.load("place", KEY, float) == 1.0
    assert len(list((store.folder / "place").iterdir())) == 1


def test_an_interrupt_while_writing_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(handle: int) -> None:
        raise KeyboardInterrupt

    (store.folder / "place").mkdir()
    monkeypatch.setattr(module.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.save("place", KEY, 2.0, float)
    assert list((store.folder / "place").iterdir()) == []


def test_the_content_is_on_the_disk_before_it_has_its_name(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fsync of the file, then the name, then fsync of the folder."""
    order: list[str] = []
    fsync, replace = os.fsync, os.replace
    store.save("place", KEY, 1.0, float)

    def flushed(handle: int) -> None:
        name = os.readlink(f"/proc/self/fd/{handle}") if Path("/proc").exists() else ""
        order.append("folder" if Path(name).is_dir() else "file")
        fsync(handle)

    def renamed(old: Path, new: Path) -> None:
        order.append("name")
        replace(old, new)

    monkeypatch.setattr(module.os, "fsync", flushed)
    monkeypatch.setattr(module.os, "replace", renamed)
    store.save("place", KEY, 2.0, float)
    assert order == ["file", "name", "folder"]


def test_what_the_dead_left_is_swept_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    dead, alive = tmp_path / "place" / ".a.sed2.1.tmp", tmp_path / "place" / ".b.sed2.2.tmp"
    dead.write_bytes(b"half")
    with alive.open("wb") as stream:
        assert lock(stream.fileno())
        sweep(tmp_path)
        assert not dead.exists()
        assert alive.exists()
    sweep(tmp_path)
    assert not alive.exists()


def test_sweeping_bears_with_a_folder_that_another_process_discards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its name was read, and before what is in it is."""
    (tmp_path / "gone").mkdir()
    (tmp_path / "stays").mkdir()
    dead, scandir = tmp_path / "stays" / ".a.sed2.1.tmp", os.scandir
    dead.write_bytes(b"half")

    def discarding(path: str | Path) -> object:
        if Path(path).name == "gone":
            Path(path).rmdir()
        return scandir(path)

    monkeypatch.setattr(os, "scandir", discarding)
    sweep(tmp_path)
    assert not (tmp_path / "gone").exists()
    assert not dead.exists()


def test_a_file_that_is_swept_before_it_is_locked_is_made_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[Path] = []

    def slow_lock(handle: int) -> bool:
        if not swept:
            (path,) = (store.folder / "place").glob(".*.tmp")
            swept.append(path)
            path.unlink()
        return lock(handle)

    monkeypatch.setattr(module, "lock", slow_lock)
    store.save("place", KEY, 2.0, float)
    assert len(swept) == 1
    assert store.load("place", KEY, float) == 2.0


def test_a_place_that_is_discarded_while_it_is_written_to_is_made_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open
    gone: list[bool] = []
    (store.folder / "place").mkdir()

    def discarded(path: Path, flags: int, mode: int = 0o777) -> int:
        if not gone and str(path).endswith(".tmp"):
            gone.append(True)
            (store.folder / "place").rmdir()
        return opened(path, flags, mode)

    monkeypatch.setattr(module.os, "open", discarded)
    store.save("place", KEY, 2.0, float)
    assert gone
    assert store.load("place", KEY, float) == 2.0


DIES = """
import os, sys
from pathlib import Path
from sed2.common.files import sweep
from sed2.runs.store import Store

folder, key = Path(sys.argv[1]), "0" * 64
store = Store(folder, lambda told: sys.exit("damaged: " + told))
store.save("place", key, 1.0, float)
real = {name: getattr(os, name) for name in ("open", "fsync", "replace", "close")}

def child(step):
    left = [step]
    def dying(name):
        def call(*arguments, **named):
            left[0] -= 1
            if left[0] < 0:
                os._exit(9)
            return real[name](*arguments, **named)
        return call
    for name in real:
        setattr(os, name, dying(name))
    store.save("place", key, 2.0, float)
    os._exit(0)

found = []
for step in range(100):
    pid = os.fork()
    if not pid:
        child(step)
    died = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    torn = len(list(folder.rglob(".*.tmp")))
    value = store.load("place", key, float)
    found.append((value, torn))
    sweep(folder)
    assert not list(folder.rglob(".*.tmp"))
    store.save("place", key, 1.0, float)
    if not died:
        break
print(found)
"""


def test_dying_at_every_step_of_a_write_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """A process ends at each of its system calls in turn; the file is never half of anything."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DIES, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stderr
    found = eval(ran.stdout)
    values = [value for value, _ in found]
    assert values == sorted(values)  # from the step at which it has its name, the new one
    assert set(values) == {1.0, 2.0}
    assert any(torn for _, torn in found)  # or no death was in the middle of it
    assert len(found) > 4


def test_unsealing_is_the_inverse(tmp_path: Path) -> None:
    for content in (b"", b"\n", b"a\nb"):
        with (tmp_path / "file").open("w+b") as file:
            file.write(sealed(content, KEY))
            file.seek(0)
            assert unsealed(file, KEY) == content
